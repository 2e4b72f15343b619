"""Sessions of the console in memory that the workers share, and the throttle for failed sign-ins.

    token = random id "." base64url(public key)

The table contains only its SHA-256, so nobody can sign in with the contents of the table.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import mmap
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from uvideo._core import expiry
from uvideo.server.auth.client_address import ClientAddress

__all__ = ["Sessions", "Throttle", "csrf_of"]

IDLE, LONGEST = 3600, 12 * 3600  # seconds until a session ends: without a request; in any case
LINK = 600  # seconds until a one-time link expires
SLOTS = 512
SESSION, ONCE = 1, 2
MOST = {SESSION: 64, ONCE: 8}  # of one account at the same time

#: digest of the token, digest of the account, kind, creation and last use in unix seconds; all zero: free
_SLOT = struct.Struct("<32s16sQQQ")
_PUBLIC_LIMIT = 512


class Sessions:
    """Made before the workers are forked.  All workers know every session, and a session survives its worker.

    ``clock``: unix seconds.  MOST limits the sessions and links of an account; a further one replaces the account's
    least recently used one.  If all slots are taken, the account with the most slots loses one.
    """

    def __init__(self, clock: Callable[[], float] = time.time, slots: int = SLOTS) -> None:
        self._clock, self._slots = clock, slots
        self.table = mmap.mmap(-1, slots * _SLOT.size)

    def open(self, public: str, owner: str) -> str:
        """Open a session for this public key of the account ``owner``; returns its token."""
        return self._add(public, owner, SESSION)

    def link(self, public: str, owner: str) -> str:
        """The token of a link that can open one session within LINK seconds."""
        return self._add(public, owner, ONCE)

    def find(self, token: str) -> str | None:
        """The public key of an open session, which counts as a use; None for any other token."""
        offset = self._look(token, SESSION)
        if offset is None:
            return None
        *slot, _ = _SLOT.unpack_from(self.table, offset)
        _SLOT.pack_into(self.table, offset, *slot, int(self._clock()))
        return _public_of(token)

    def redeem(self, token: str) -> str | None:
        """The public key of an unused link, which is then used; None for any other token."""
        offset = self._look(token, ONCE)
        if offset is None:
            return None
        self._free(offset)
        return _public_of(token)

    def close(self, token: str) -> None:
        """End a session.  An unknown one is not an error."""
        offset = self._look(token, SESSION)
        if offset is not None:
            self._free(offset)

    def _add(self, public: str, owner: str, kind: int) -> str:
        if len(public) > _PUBLIC_LIMIT:
            raise ValueError("the public key is too long")
        token = secrets.token_urlsafe(32) + "." + base64.urlsafe_b64encode(public.encode()).decode()
        now = int(self._clock())
        group = _digest(owner)[:16], kind
        offset = self._room(*group, now)
        _SLOT.pack_into(self.table, offset, _digest(token), *group, now, now)
        return token

    def _room(self, account: bytes, kind: int, now: int) -> int:
        """The offset of a free slot; if there is none, of one whose token is removed for it."""
        groups: dict[tuple[bytes, int], list[tuple[int, int]]] = {}  # (account, kind) -> [(last use, offset)]
        free = None
        for offset in self._offsets():
            _, of_account, of_kind, made, seen = _SLOT.unpack_from(self.table, offset)
            if _ended(of_kind, made, seen, now):
                free = offset
            else:
                groups.setdefault((of_account, of_kind), []).append((seen, offset))
        own = groups.get((account, kind), [])
        if len(own) >= MOST[kind]:
            return min(own)[1]
        if free is not None:
            return free
        held = dict[bytes, int]()
        for (of_account, _), slots in groups.items():
            held[of_account] = held.get(of_account, 0) + len(slots)
        held[account] = held.get(account, 0) + 1  # including the new one
        most = max(held.values())
        return min(
            (of_kind != ONCE, seen, offset)  # links before sessions
            for (of_account, of_kind), slots in groups.items()
            for seen, offset in slots
            if held[of_account] == most
        )[2]

    def _look(self, token: str, kind: int) -> int | None:
        """The offset of this token's slot, unless it has expired."""
        digest, now = _digest(token), int(self._clock())
        for offset in self._offsets():
            found, _, of_kind, made, seen = _SLOT.unpack_from(self.table, offset)
            if of_kind == kind and hmac.compare_digest(found, digest):
                return None if _ended(kind, made, seen, now) else offset
        return None

    def _offsets(self) -> Iterator[int]:
        return iter(range(0, self._slots * _SLOT.size, _SLOT.size))

    def _free(self, offset: int) -> None:
        self.table[offset : offset + _SLOT.size] = bytes(_SLOT.size)


def _ended(kind: int, made: int, seen: int, now: int) -> bool:
    if kind == SESSION:
        return expiry.is_past(seen + IDLE, now) or expiry.is_past(made + LONGEST, now)
    return kind != ONCE or expiry.is_past(made + LINK, now)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _public_of(token: str) -> str | None:
    try:
        return base64.urlsafe_b64decode(token.partition(".")[2]).decode()
    except (ValueError, binascii.Error):
        return None


def csrf_of(token: str) -> str:
    """The CSRF token of a session, sent with each change.  Pages of other origins cannot read it."""
    return hmac.new(token.encode("utf-8", "replace"), b"uvideo console csrf", hashlib.sha256).hexdigest()


FREE_TRIES = 5  # failures without a wait
WAIT_LIMIT = 300.0  # seconds
FORGET = 900.0  # seconds without a failure after which a client's count is reset
ADDRESSES = 4096


class Throttle:
    """Counts failed sign-ins by client.  ``clock``: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, sender: ClientAddress) -> float:
        """Seconds until this client may try again; 0: now."""
        count, last = self.failures.get(sender.name, (0, 0.0))
        now = self._clock()
        if count < FREE_TRIES or now - last >= FORGET:
            return 0.0
        return max(0.0, last + min(2.0 ** (count - FREE_TRIES), WAIT_LIMIT) - now)

    def failed(self, sender: ClientAddress) -> None:
        name, now = sender.name, self._clock()
        count, last = self.failures.pop(name, (0, now))
        self.failures[name] = (1 if now - last >= FORGET else count + 1), now
        if len(self.failures) > ADDRESSES:
            self.failures.popitem(last=False)

    def succeeded(self, sender: ClientAddress) -> None:
        self.failures.pop(sender.name, None)
