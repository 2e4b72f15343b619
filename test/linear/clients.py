"""Clients of both dialects at work on the same few keys, who note what they asked for and what they were told."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from test.crash.state import entry, md5, s3_entry
from test.linear.checker import NEVER, Op
from test.s3.peer import S3Peer, etag_of, source, upload_id_of
from test.server.wire import Answer, Peer, ufile_etag
from test.server_fixture import Server
from ucloud.uvideo.protocol import operation
from uvideo.s3 import etag as s3_etag

__all__ = ["KEYS", "LARGE", "Client", "Values"]

KEYS = ("a", "b", "c")
SIZES = (100, 20_000, 90_000)
LEAST = 5 << 20  # bytes of a part that is not the last
#: Of the object "large", of which parts are copied: so many bytes need not be sent again.
LARGE = random.Random(19).randbytes(LEAST)


class Values:
    """The values of all clients: a value is the tag of its bytes.  Each dialect shows other ETags of them."""

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}

    def add(self, data: bytes, shown: str = "") -> str:
        """Its tag.  ``shown``: another ETag of S3."""
        found = ufile_etag(data)
        for each in (found, entry(data).shown, s3_entry(data).shown, shown):
            self._tags[each] = found
        return found

    def of(self, etag: str) -> str:
        return self._tags[etag.strip('"')]


class Timed(NamedTuple):
    """``answer``: None if there was none, or if it does not say whether it was done."""

    answer: Answer | None
    begin: float
    end: float


class Client(threading.Thread):
    """Does ``count`` operations on random keys and notes them.  ``copies``: whether it copies too.

    ``servers``: several see the same things; it speaks to the first, and to the next where that one is gone.
    """

    def __init__(
        self, servers: Sequence[Server], space: str, seed: int, count: int, copies: bool, values: Values
    ) -> None:
        super().__init__(daemon=True)
        self.peers = deque((Peer(server), S3Peer(server)) for server in servers)
        self.space, self.count, self.values = space, count, values
        self.dice = random.Random(seed)
        self.history: list[tuple[str, Op]] = []
        self.failure: BaseException | None = None
        self._ways: list[tuple[int, Callable[[str], None]]] = [
            *((15, self._ufile_put), (25, self._ufile_get), (5, self._ufile_delete)),
            *((10, self._s3_put), (10, self._s3_get), (10, self._s3_head), (5, self._s3_delete)),
            *((3, self._s3_delete_many), (12, self._s3_swap), (8, self._s3_upload)),
            *((5 if copies else 0, way) for way in (self._ufile_copy, self._s3_copy)),
        ]

    def run(self) -> None:
        try:
            ways, weights = [way for _, way in self._ways], [weight for weight, _ in self._ways]
            for _ in range(self.count):
                self.dice.choices(ways, weights)[0](self.dice.choice(KEYS))
        except BaseException as failure:
            self.failure = failure

    def _call(self, ask: Callable[[Peer, S3Peer], Answer]) -> Answer:
        """The answer; ConnectionRefusedError, of something that was surely not done, only if all are gone."""
        for _ in self.peers:
            try:
                return ask(*self.peers[0])
            except ConnectionRefusedError as failure:
                self.peers.rotate(-1)
                gone = failure
        raise gone

    def _timed(self, ask: Callable[[Peer, S3Peer], Answer]) -> Timed:
        begin = time.monotonic()
        try:
            got = self._call(ask)
        except Exception:  # no answer, or half of one: a worker was killed
            return Timed(None, begin, NEVER)
        end = time.monotonic()
        if got.status == 503 and len(self.peers) > 1:  # of a gateway: it may have been done
            return Timed(None, begin, NEVER)
        return Timed(got, begin, end)

    def _ufile(self, op: Any, body: bytes = b"") -> Timed:
        return self._timed(lambda peer, _: peer.call(op, body))

    def _s3(self, method: str, key: str, query: Any = None, headers: Any = None, body: bytes = b"") -> Timed:
        return self._timed(lambda _, s3: s3.ask(method, self.space, key, query, headers, body))

    def _note(self, key: str, kind: str, value: str | None, timed: Timed, expected: str | None = None) -> None:
        self.history.append((key, Op(kind, value, timed.begin, timed.end, expected)))

    def _bytes(self) -> bytes:
        return self.dice.randbytes(self.dice.choice(SIZES))

    def _written(self, key: str, timed: Timed, value: str) -> None:
        assert timed.answer is None or timed.answer.status == 200, timed
        self._note(key, "put", value, timed)

    def _deleted(self, key: str, timed: Timed) -> None:
        assert timed.answer is None or timed.answer.status in (200, 204, 404), timed
        self._note(key, "delete", None, timed)

    def _read(self, key: str, timed: Timed, *, whole: bool = True) -> str | None:
        """The value that was found.  ``whole``: with its bytes."""
        value = None
        if timed.answer is not None and timed.answer.status == 200:
            value = self.values.of(timed.answer.header("ETag") or "")
            assert not whole or ufile_etag(timed.answer.body) == value, "bytes of one version under the etag of another"
        assert timed.answer is None or timed.answer.status in (200, 404), timed
        self._note(key, "get", value, timed)
        return value

    def _copied(self, start: str, key: str, timed: Timed) -> None:
        """The answer says which value it was: read from one register, put into the other."""
        got = timed.answer
        assert got is not None and got.status in (200, 404, 503), timed  # 503: the source changes too often
        if got.status == 503:
            return
        value = self.values.of(etag_of(got)) if got.status == 200 else None
        self._note(start, "get", value, timed)
        if value is not None:
            self._note(key, "put", value, timed)

    def _other(self, key: str) -> str:
        return self.dice.choice([each for each in KEYS if each != key])

    # UFile

    def _ufile_put(self, key: str) -> None:
        body = self._bytes()
        value = self.values.add(body)
        self._written(key, self._ufile(operation.PutObject(self.space, key), body), value)

    def _ufile_get(self, key: str) -> None:
        self._read(key, self._ufile(operation.GetObject(self.space, key)))

    def _ufile_delete(self, key: str) -> None:
        self._deleted(key, self._ufile(operation.DeleteObject(self.space, key)))

    def _ufile_copy(self, key: str) -> None:
        start = self._other(key)
        self._copied(start, key, self._ufile(operation.CopyObject(self.space, key, self.space, start)))

    # S3

    def _s3_put(self, key: str) -> None:
        body = self._bytes()
        value = self.values.add(body)
        self._written(key, self._s3("PUT", key, body=body), value)

    def _s3_get(self, key: str) -> None:
        self._read(key, self._s3("GET", key))

    def _s3_head(self, key: str) -> None:
        self._read(key, self._s3("HEAD", key), whole=False)

    def _s3_delete(self, key: str) -> None:
        self._deleted(key, self._s3("DELETE", key))

    def _s3_delete_many(self, key: str) -> None:
        """Two keys: each is deleted by itself at some instant."""
        keys = key, self._other(key)
        timed = self._timed(lambda _, s3: s3.delete_many(self.space, keys))
        for each in keys:
            self._deleted(each, timed)

    def _s3_copy(self, key: str) -> None:
        start = self._other(key)
        self._copied(start, key, self._s3("PUT", key, headers=source(self.space, start)))

    def _condition(self, key: str) -> tuple[dict[str, str], str | None] | None:
        """(headers, the value that is expected) by what is there now; None without an answer."""
        timed = self._s3("HEAD", key)
        value = self._read(key, timed, whole=False)
        if timed.answer is None:
            return None
        if value is None:
            return {"If-None-Match": "*"}, None
        return {"If-Match": timed.answer.header("ETag") or ""}, value

    def _swapped(self, key: str, timed: Timed, value: str, expected: str | None) -> None:
        if timed.answer is not None and timed.answer.status == 412:
            self._note(key, "other", expected, timed)
        elif timed.answer is not None and timed.answer.status == 404:
            self._note(key, "get", None, timed)
        else:
            assert timed.answer is None or timed.answer.status == 200, timed
            self._note(key, "swap", value, timed, expected)

    def _s3_swap(self, key: str) -> None:
        """Compare and set: one who saw the value replaces it."""
        body = self._bytes()
        value, condition = self.values.add(body), self._condition(key)
        if condition is not None:
            headers, expected = condition
            self._swapped(key, self._s3("PUT", key, None, headers, body), value, expected)

    def _s3_upload(self, key: str) -> None:
        """An upload of one part, or of two, the first a copy; finished on a condition or without.

        A finish without an answer is repeated: it is done once.
        """
        begun = self._s3("POST", key, {"uploads": ""}).answer
        if begun is None:
            return
        upload_id, body, parts = upload_id_of(begun), self._bytes(), list[tuple[int, str]]()
        whole = body
        if self.dice.random() < 0.3:
            query = {"partNumber": "3", "uploadId": upload_id}
            copied = self._s3("PUT", key, query, source(self.space, "large", (0, LEAST - 1))).answer
            if copied is None:
                return
            parts.append((3, etag_of(copied)))
            whole = LARGE + body
        sent = self._s3("PUT", key, {"partNumber": "7", "uploadId": upload_id}, body=body).answer
        if sent is None:
            return
        parts.append((7, etag_of(sent)))
        assert parts[-1][1] == md5(body)
        value = self.values.add(whole, s3_etag.of_parts([bytes.fromhex(each) for _, each in parts]))
        condition = self._condition(key) if self.dice.random() < 0.5 else ({}, None)
        if condition is None:
            return
        headers, expected = condition

        def finish(_: Peer, s3: S3Peer) -> Answer:
            return s3.complete(self.space, key, upload_id, parts, headers)

        first = self._timed(finish)
        timed, again = first, 0
        while timed.answer is None and again < 3:
            timed, again = self._timed(finish), again + 1
        timed = timed._replace(begin=first.begin)
        if again and timed.answer is not None and b"NoSuchUpload" in timed.answer.body:  # done, and replaced since
            timed = timed._replace(answer=timed.answer.__class__(200, [], b""))
        if headers:
            self._swapped(key, timed, value, expected)
        else:
            self._written(key, timed, value)
