"""What goes wrong at an S3 store, in the language of uvideo.testing.faults: a FaultProxy stands before a real one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from test.cluster.object_store import ObjectStore
from test.fakes import FaultProxy
from test.faults import Seen

__all__ = ["before_store", "having", "most_at_once", "refusal"]

ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>scripted</Message><RequestId>1</RequestId></Error>'


def refusal(method: str, where: str, status: int, code: str, **headers: str) -> dict[str, Any]:
    """The fault of requests of a method that have ``where`` in their target: they are answered so, until it is taken
    away."""
    about = {"method": method, "where": where, "times": None}
    headers["Content-Type"] = "application/xml"
    return {**about, "do": "answer", "status": status, "body": ERROR.format(code) if code else "", "headers": headers}


@contextlib.contextmanager
def having(proxy: FaultProxy, *faults: dict[str, Any]) -> Iterator[None]:
    """These happen within the block; AssertionError if one of them never did."""
    proxy.script([*faults])
    try:
        yield
        proxy.check()
    finally:
        proxy.script([])


def most_at_once(seen: list[Seen]) -> int:
    """How many of the requests were there at one time, from their arrival until the store had answered."""
    ends = [(each.time, 1) for each in seen] + [(each.answered, -1) for each in seen if each.answered is not None]
    now = most = 0
    for _, step in sorted(ends):
        now += step
        most = max(most, now)
    return most


def before_store(store: ObjectStore) -> FaultProxy:
    return FaultProxy(store.host, store.port)
