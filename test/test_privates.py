"""Tests use what a part offers, not what it has inside: its names that begin with one underscore."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
#: Python publishes these, underscore and all.
PUBLISHED = {"_asdict", "_current_frames", "_exit", "_field_defaults", "_fields", "_getframe", "_make", "_replace"}
#: fsspec calls these of every file system or file, and documents them: the coroutines for programs on a loop.
OF_FSSPEC = "fsspec documents it for callers, and for classes like ours"
#: {file: {name: why a test uses it all the same}}
ALLOWED: dict[str, dict[str, str]] = {
    "fs/test_file.py": dict.fromkeys(
        ("_cat", "_cp_file", "_exists", "_fetch_range", "_find", "_info", "_modified", "_mv", "_pipe")
        + ("_pipe_file", "_rm", "_walk"),
        OF_FSSPEC,
    )
    | {"_close": "ends a file system on a loop; fsspec has no name for it"},
    "fs/test_fsspec.py": dict.fromkeys(
        ("_intrans", "_loop", "_ls_from_cache", "_pid", "_run_coros_in_chunks"),
        "fsspec's, used by our file system: this test says what they do",
    ),
    "fs/test_instance.py": dict.fromkeys(("_fs_token", "_parent", "_strip_protocol"), OF_FSSPEC),
    "fs/test_tree.py": {"_strip_protocol": OF_FSSPEC, "_cache": "fsspec's own cache, which must stay empty"},
    "interop/official.py": dict.fromkeys(
        ("_download_file", "_put_stream", "_shardingupload"), "the official SDK's, which programs call"
    ),
    "regressions/programs/older_signed.py": {"_check_dict": "a program as its author wrote it"},
    "sdk/test_machine.py": {"_interrupted": "nobody else can take hashes away from an upload"},
    "server/test_aiohttp.py": dict.fromkeys(
        ("_app_transport", "_get_app_transport", "_is_closing", "_max_msg_queue_size", "_messages", "_request_count"),
        "aiohttp's and asyncio's, used by our connection: this test says what they do",
    ),
    "telemetry/test_spans.py": {"_TRACER_PROVIDER": "OpenTelemetry sets its provider once in a process"},
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_" and name not in PUBLISHED


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


#: What stands in every source that reaches into a private name, and in few others: only these are parsed.
HINT = re.compile(
    r"""(?<!\bself)(?<!\bcls)\._[a-zA-Z]"""  # an attribute
    r"""|\b(from|import)\b[^#\n]*\b_[a-zA-Z]|^\s+_\w+( as \w+)?,"""  # an import, on a line or in a list
    r"""|["'][^"'\n]*\b_[a-zA-Z]""",  # a text, as of getattr
    re.MULTILINE,
)


def reached(source: str) -> Iterator[tuple[str, int]]:
    """(name, line) of each private name of somebody else that a source reads, sets, patches or imports."""
    if not HINT.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Attribute):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                names = [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(each.name for each in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for each in node.names for part in each.name.split(".")]
        elif isinstance(node, ast.Call) and called(node).endswith(("attr", "patch", "attrgetter")):
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            names = [part for text in texts for part in text.split(".") if part.isidentifier()]
        yield from ((name, node.lineno) for name in names if is_private(name))


def test_tests_reach_into_no_privates() -> None:
    found: dict[str, set[str]] = {}
    wrong = []
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for private, line in reached(path.read_text("utf-8")):
            found.setdefault(name, set()).add(private)
            if private not in ALLOWED.get(name, {}):
                wrong.append(f"test/{name}:{line}: {private}")
    assert wrong == [], (
        "A test should see its effect from outside.  Where it must set a clock, a pace or a table, give that a name "
        "without underscore in the internal module that has it (for a handler or a client: carrier_of of "
        "ucloud/uvideo/engine/carrier.py)."
    )
    assert {name: set(names) for name, names in ALLOWED.items()} == found, "what is no longer needed goes"


@pytest.mark.parametrize(
    "source",
    [
        "client._carrier",
        "client._carrier.sleep = at_once",
        "self.client._carrier",
        "made()._carrier",
        "from m import _carrier",
        "from m import (\n    a,  # (why)\n    _carrier as b,\n)",
        "from m._carrier import a",
        "import m._carrier",
        "patch.setattr('m._carrier', 1)",
        "patch.setattr(m, '_carrier', 1)",
        "getattr(m, '_carrier', None)",
        "attrgetter('a b._carrier')",
        "f'{client._carrier}'",
    ],
)
def test_each_way_in_is_found(source: str) -> None:
    assert list(reached(source)) == [("_carrier", 1)]


def test_what_is_a_tests_own_or_published_is_not_taken_for_it() -> None:
    source = "self._a = cls._b, row._replace(a=1), os._exit, a.__dict__, _(1)\nfrom __future__ import b"
    assert list(reached(source)) == []
