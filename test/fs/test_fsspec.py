"""The private names of fsspec that the filesystem uses, and what each must mean.

A filesystem is meant to define coroutines `_x`, of which fsspec makes the public `x`, and the names of DOCUMENTED.  The
others are not promised to anybody: a release of fsspec that lacks one, or means something else by it, fails here.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
from pathlib import Path

import fsspec.asyn
import pytest
from fsspec.asyn import AbstractAsyncStreamedFile, AsyncFileSystem
from fsspec.spec import AbstractBufferedFile

import uvideo
from uvideo.fs import UVideoFileSystem

DOCUMENTED = {"_fetch_range", "_open", "_strip_protocol"}
PRIVATE = {"_intrans", "_loop", "_ls_from_cache", "_pid", "_run_coros_in_chunks"}
#: What ours are made of.
BASES = (AsyncFileSystem, AbstractBufferedFile, AbstractAsyncStreamedFile, type(AsyncFileSystem))


def is_private(name: str) -> bool:
    return name[:1] == "_" and name[:2] != "__"


def named(source: str) -> set[str]:
    """The private names that a source reads, sets, defines or imports."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("fsspec"):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            found.update(each.value for each in node.args if isinstance(each, ast.Constant))
    return {each for each in found if isinstance(each, str) and is_private(each)}


def theirs() -> set[str]:
    """The private names of fsspec's classes and of their instances, and of its module of coroutines."""
    classes = {each for base in BASES for each in inspect.getmro(base) if each.__module__.startswith("fsspec.")}
    found = {name for each in classes for name in vars(each)} | set(vars(fsspec.asyn))
    for each in classes:
        found.update(re.findall(r"\bself\.(_\w+) = ", inspect.getsource(each)))
    return set(filter(is_private, found))


def is_offered(name: str) -> bool:
    """Whether it is a coroutine of a filesystem: fsspec makes the public method of the same name out of it."""
    return inspect.iscoroutinefunction(getattr(AsyncFileSystem, name, None))


def test_no_other_private_name_is_used() -> None:
    assert named("a._b = 1\nfrom fsspec.asyn import _c\ndef _d(): getattr(e, '_f')") == {"_b", "_c", "_d", "_f"}
    sources = [path.read_text("utf-8") for path in (Path(uvideo.__file__).parent / "fs").glob("*.py")]
    used = set[str]().union(*map(named, sources)) & theirs()
    assert {"_info", "_ls", "_find"} <= {name for name in used if is_offered(name)}
    # _lock is a module's there, and an attribute of a class of ours.
    assert {name for name in used if not is_offered(name)} - {"_lock"} == DOCUMENTED | PRIVATE
    assert not any("_lock" in vars(each) or "self._lock" in inspect.getsource(each) for each in BASES[:3])


def test_the_loop_is_that_of_the_process_that_made_the_filesystem() -> None:
    fs = UVideoFileSystem(endpoint="127.0.0.1:9", skip_instance_cache=True)
    assert fs._pid == os.getpid() and fs._loop is fsspec.asyn.get_loop() is fs.loop

    async def look() -> None:
        made = UVideoFileSystem(endpoint="127.0.0.1:9", asynchronous=True, skip_instance_cache=True)
        assert made._loop in (None, asyncio.get_running_loop())

    asyncio.run(look())


def test_a_transaction_is_told_from_none() -> None:
    fs = UVideoFileSystem(endpoint="127.0.0.1:9", skip_instance_cache=True)
    assert fs._intrans is False
    with fs.transaction:
        assert fs._intrans is True
    assert fs._intrans is False


def test_what_is_remembered_is_found_by_the_folder_and_by_the_name() -> None:
    fs = UVideoFileSystem(endpoint="127.0.0.1:9", use_listings_cache=True, skip_instance_cache=True)
    entry = {"name": "space/folder/a", "size": 1, "type": "file"}
    assert fs._ls_from_cache("space/folder") is None and fs._ls_from_cache("space/folder/a") is None
    fs.dircache["space/folder"] = [entry]
    assert fs._ls_from_cache("space/folder") == [entry] and fs._ls_from_cache("space/folder/a") == [entry]


def test_coroutines_run_some_at_a_time_and_keep_their_order() -> None:
    running, most = set[int](), 0

    async def job(number: int) -> int:
        nonlocal most
        running.add(number)
        most = max(most, len(running))
        for _ in range(10 - number):
            await asyncio.sleep(0)
        running.remove(number)
        return number

    async def failing() -> int:
        raise OSError("no")

    async def look() -> None:
        many = fsspec.asyn._run_coros_in_chunks([job(each) for each in range(10)], batch_size=3, nofiles=True)
        assert await many == list(range(10)) and most == 3
        with pytest.raises(OSError, match="no"):
            await fsspec.asyn._run_coros_in_chunks([failing(), job(9)], batch_size=3, nofiles=True)

    asyncio.run(look())
