"""Key pairs, and the file with the server's own pair.  Added pairs are in the catalog."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uvideo._core import localfile

__all__ = [
    "OWNER",
    "PUBLIC_LIMIT",
    "RESERVED",
    "TOKENS",
    "CredentialsError",
    "CredentialsFile",
    "Key",
    "Keyring",
    "aside",
    "check_pair",
    "load",
    "load_or_create",
    "load_some",
    "made",
    "read",
    "save",
    "write",
]

OWNER = "default"
TOKENS = "TOKEN_"  # prefix of the public keys of tokens
RESERVED = (TOKENS, "STS_")  # the latter: prefix of temporary keys
ROTATIONS = ("ReplaceKey", "ResealSecrets")  # their names in the audit log
LEAST = 8  # characters in a private key
PUBLIC_LIMIT = 512  # characters in a public key


class CredentialsError(Exception):
    """The key pair cannot be used.  The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair and its account.  Its repr shows the public key only."""

    public: str
    private: str = field(repr=False)
    owner: str = OWNER
    until: int | None = None  # expiry in unix seconds; None: never
    issuer: str = ""  # of a temporary pair: the public key of the pair that requested it


@dataclass(frozen=True, slots=True)
class CredentialsFile:
    """The contents of a credentials file.

    ``previous``: during a rotation, the pair with which secrets may still be encrypted.  ``replaces``: public keys of
    earlier own pairs, the latest last.  ``unrecorded``: the operation of this rotation, until the audit log has its
    line.
    """

    own: Key
    previous: Key | None = None
    replaces: tuple[str, ...] = ()
    unrecorded: str = ""


class Keyring:
    """The key pairs that are not in the catalog.

    ``own``: the first one; the secrets in the catalog are encrypted with it.  ``openers``: earlier pairs, used only to
    decrypt.
    """

    def __init__(self, keys: Iterable[Key], openers: Iterable[Key] = ()) -> None:
        self._openers: tuple[Key, ...] = ()
        self.take(keys, openers)

    def take(self, keys: Iterable[Key], openers: Iterable[Key] = ()) -> None:
        """Replace the key pairs; earlier openers are kept."""
        known = {key.public: key for key in keys}
        found = dict.fromkeys((*known.values(), *openers, *self._openers))
        self._keys, self._openers, self.own = known, tuple(found), next(iter(known.values()))

    def still(self) -> Keyring:
        """A copy with the present pairs, for another thread."""
        return Keyring(self._keys.values(), self._openers)

    def look(self) -> None:
        """Load the pairs again if they changed.  Does nothing here."""

    def find(self, public: str) -> Key | None:
        return self._keys.get(public)

    def of(self, owner: str) -> Key:
        """The pair that encrypts an account's tokens: the account's, or the server's if the account has none here."""
        return next((key for key in self._keys.values() if key.owner == owner), self.own)

    def opening(self, owner: str) -> list[Key]:
        """The pairs that may decrypt an account's tokens; the first is ``of``."""
        first = self.of(owner)
        return [first, *(key for key in self._openers if key.owner == first.owner and key != first)]


def check_pair(public: str, private: str) -> Key:
    """The Key of a given pair.  CredentialsError if it is empty, too short, or has characters that cannot be sent."""
    if not public or not private:
        raise CredentialsError("the public and the private key must be given together, and neither may be empty")
    if not public.isascii() or any(char in ": " or not char.isprintable() for char in public):
        raise CredentialsError("the public key must be of printable ASCII characters without a blank or a colon")
    if len(public) > PUBLIC_LIMIT:
        raise CredentialsError(f"the public key is longer than {PUBLIC_LIMIT} characters")
    if len(private) < LEAST:
        raise CredentialsError(f"the private key is shorter than {LEAST} characters")
    try:
        private.encode()
    except UnicodeEncodeError:
        raise CredentialsError("the private key is not UTF-8") from None
    return Key(public, private)


def load_or_create(path: Path) -> tuple[Key, bool]:
    """(Key of the file, True if this call created the file).

    The file is JSON {"public_key", "private_key"} and readable by its owner only.  CredentialsError if others may read
    it or its contents are invalid; OSError if it cannot be read or written.
    """
    with contextlib.suppress(FileNotFoundError):
        return load(path), False
    key = made()
    save(key, path, replace=True)
    return key, True


def made(owner: str = OWNER) -> Key:
    """A new random pair."""
    return Key("UVIDEO" + secrets.token_hex(16), secrets.token_hex(20), owner)


def save(key: Key, path: Path, *, replace: bool = False) -> None:
    """Write a file for ``load``, whole or not at all.  FileExistsError if it exists, unless ``replace`` is set."""
    _write(_said(key), path, replace)


def write(held: CredentialsFile, path: Path) -> None:
    """Write a file for ``read``, whole or not at all.  Replaces an existing file."""
    more: dict[str, object] = {"replaces": held.replaces} if held.replaces else {}
    if held.previous is not None:
        more["previous"] = _said(held.previous)
        if held.unrecorded:
            more["unrecorded"] = held.unrecorded
    _write({**_said(held.own), **more}, path, True)


def _said(key: Key) -> dict[str, object]:
    return {"public_key": key.public, "private_key": key.private}


def _write(said: dict[str, object], path: Path, replace: bool) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL  # follows no link that somebody else made
        with localfile.opening(unfinished, flags) as fd:
            if replace:  # the server's own file
                localfile.belong(fd, path.parent)
            with localfile.named(path):
                localfile.write_at(fd, json.dumps(said).encode() + b"\n", 0)
                localfile.sync(fd)
        if replace:
            localfile.replace(unfinished, path)
        else:
            localfile.place(unfinished, path)
        localfile.sync_folder(path.parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def aside(path: Path, key: Key) -> Path:
    """The path for a replaced pair.  It is kept because backups may contain secrets encrypted with it."""
    return path.with_name(f"{path.name}.{key.public.replace('/', '%2F')[:200]}")


def load(path: Path) -> Key:
    """The Key in a credentials file.  CredentialsError, OSError."""
    return read(path).own


def read(path: Path) -> CredentialsFile:
    """The whole contents of a credentials file.  CredentialsError, OSError."""
    found = _read(path)
    try:
        previous, replaces = found.get("previous"), found.get("replaces", ())
        names = tuple(str(each) for each in replaces)
        unrecorded = found.get("unrecorded") if previous is not None else None
        return CredentialsFile(
            _pair(found),
            _pair(previous) if previous is not None else None,
            names,
            unrecorded if unrecorded in ROTATIONS else "",
        )
    except (AttributeError, KeyError, TypeError):
        raise CredentialsError(f'{path} is not JSON with "public_key" and "private_key"') from None


def load_some(path: Path) -> list[Key]:
    """The Keys in a file with one pair or a list of pairs.  CredentialsError, OSError."""
    found = _read(path)
    try:
        return [_pair(each) for each in (found if isinstance(found, list) else [found])]
    except (KeyError, TypeError):
        raise CredentialsError(f'{path} is not JSON with "public_key" and "private_key", or a list of such') from None


def _read(path: Path) -> Any:
    """The JSON of a file.  CredentialsError if others may read it."""
    with open(path, encoding="utf-8") as file:
        status = os.fstat(file.fileno())
        if localfile.is_open_to_others(status):
            raise CredentialsError(
                f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):03o}): run `chmod 600 {path}`"
            )
        try:
            return json.load(file)
        except (ValueError, RecursionError):
            return None


def _pair(found: Mapping[str, object]) -> Key:
    """KeyError, TypeError, CredentialsError."""
    public, private = found["public_key"], found["private_key"]
    if not isinstance(public, str) or not isinstance(private, str):
        raise TypeError
    return check_pair(public, private)
