"""What makes a test red by chance on a busy machine is refused here, kind by kind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.server_fixture import ROOT

LONGEST = 0.2  # seconds that a test may sleep for real
PATIENCE = 30  # seconds, and more: a limit to a wait is no measure of anything
SILENCE = 1.0  # seconds: a shorter timeout takes a busy machine's delay for silence
#: What does not sleep as long as it says, and why.
NOT_SLEPT = {
    "contract/blobs.py": "a write that is cancelled meanwhile",
    "contract/worker.py": "a process that waits to be killed",
    "demo/demo_multipart.py": "a program of the README, which waits a second before it goes on",
    "demo/demo_stream.py": "likewise",
}
#: What fails in the same way if a busy machine is taken for a silent one, and how many times a file has it.
SAME_IF_BUSY = {
    "client/test_absent.py": 1,
    "client/test_aioconnection.py": 1,
    "hostile/test_clients.py": 3,
    "regressions/reliability.py": 1,
    "sdk/test_transport.py": 2,
}
#: Servers that end before they listen.
NEVER_LISTENS = {
    "server/test_process.py": 2,
    "reference/settings.py": 1,
    "cli/test_settings_file.py": 1,
    "test_docs.py": 1,
}

FILES = sorted((ROOT / "test").rglob("*.py"))


def number(node: ast.AST | None) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def name(node: ast.AST) -> str:
    """Its names with dots between them; what has none, as a call, is left out."""
    if isinstance(node, ast.Attribute):
        return f"{name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def words(node: ast.AST) -> list[str]:
    """The texts that stand side by side in a call or a list."""
    beside = node.elts if isinstance(node, (ast.List, ast.Tuple)) else node.args if isinstance(node, ast.Call) else []
    return [each.value for each in beside if isinstance(each, ast.Constant) and isinstance(each.value, str)]


#: What waits: (name of the function, where the limit stands if it has no name).
WAITS = {"wait": 0, "communicate": 1, "join": 0, "result": 0, "exception": 0, "create_connection": 1, "until": 1}
WAITS |= {each: 9 for each in ("urlopen", "HTTPConnection", "HTTPSConnection", "acquire", "subprocess.run")}
QUESTION = 2.0  # seconds: what is asked again, or must be silent


def limits(node: ast.AST) -> list[ast.expr]:
    """The limits in seconds of a call that waits for another thread, process or machine."""
    called = name(node.func) if isinstance(node, ast.Call) else ""
    place = WAITS.get(called, WAITS.get(called.rpartition(".")[2]))
    if not isinstance(node, ast.Call) or place is None:
        return []
    given = [*node.args[place : place + 1], *(each.value for each in node.keywords if each.arg == "timeout")]
    return [each for each in given if (number(each) or 0) > QUESTION]


def named(node: ast.AST) -> Iterator[tuple[str, float]]:
    """(name, number) of each argument of a call and each entry of a dictionary; of both sides of an if."""
    pairs: list[tuple[object, ast.expr]] = []
    if isinstance(node, ast.Call):
        pairs += [(each.arg, each.value) for each in node.keywords]
        if name(node.func).rpartition(".")[2] == "Retry":
            pairs += zip(
                ("retries", "base", "cap", "budget", "attempt_seconds", "total_seconds"), node.args, strict=False
            )
    elif isinstance(node, ast.Dict):
        pairs += [(getattr(key, "value", None), value) for key, value in zip(node.keys, node.values, strict=True)]
    for given, value in pairs:
        for each in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
            found = number(each)
            if isinstance(given, str) and found is not None:
                yield given, found


def found(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(kind, line) of each thing that depends on the machine."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Call):
            called, first = name(node.func), node.args[0] if node.args else None
            if called.endswith("sleep") and (number(first) or 0) > LONGEST:
                yield "sleeps", line
            address = first.elts if isinstance(first, ast.Tuple) and len(first.elts) == 2 else ()
            if (called.endswith((".bind", "Server")) and address and number(address[1])) or (
                called.endswith(("start_server", "create_server")) and len(node.args) > 2 and number(node.args[2])
            ):
                yield "listens on a fixed port", line
            if called.endswith("simplefilter") and len(node.args) == 1 and words(node) == ["error"]:
                yield "takes what others left for its own", line
        for given, seconds in named(node):
            if given == "timeout" and 1000 <= seconds < PATIENCE * 1000:
                yield "gives up early", line  # milliseconds, of a browser
            if given in ("timeout", "connection_timeout") and 0 < seconds < SILENCE:
                yield "measures a silence", line
            if given in ("attempt_seconds", "total_seconds") and 0 < seconds < SILENCE:
                yield "measures a silence", line
            elif given in ("attempt_seconds", "total_seconds") and 0 < seconds < PATIENCE:
                yield "gives up early", line
        said = words(node)
        if "serve" in said and (said[0] == "serve" or "uvideo" in said) and "--help" not in said:
            if not {"--port", "--admin-port"} <= set(said):
                yield "serves on the usual ports", line
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and "monotonic" in ast.unparse(node.left):
            if 0 < (number(node.right) or 0) < PATIENCE:
                yield "gives up early", line
        if any(0 < (number(each) or 0) < PATIENCE for each in limits(node)):
            yield "gives up early", line
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.In):
            if ast.unparse(node.test.comparators[0]).endswith(".log.read_text()"):
                yield "does not wait for the log", line
        if isinstance(node, ast.While) and "time.time()" in ast.unparse(node.test):
            yield "waits by the wall clock", line


def allowed(path: str, kind: str, count: int) -> bool:
    if kind == "sleeps":
        return path in NOT_SLEPT
    counted = {"serves on the usual ports": NEVER_LISTENS, "measures a silence": SAME_IF_BUSY}
    return count <= counted.get(kind, {}).get(path, 0)


def wrong(path: Path) -> dict[str, list[int]]:
    """Kind: the lines of the file that are of it and may not be."""
    kinds: dict[str, list[int]] = {}
    for kind, line in found(ast.parse(path.read_bytes())):
        kinds.setdefault(kind, []).append(line)
    short = path.relative_to(ROOT / "test").as_posix()
    return {kind: lines for kind, lines in kinds.items() if not allowed(short, kind, len(lines))}


def test_no_test_depends_on_how_busy_the_machine_is() -> None:
    """One test for all files: one for each would be collected by every process."""
    assert len(FILES) > 400
    seen = {str(path): kinds for path in FILES if (kinds := wrong(path))}
    assert not seen, f"{seen}; CONTRIBUTING.md says how to wait, and patience.py, fakes.py and silence.py do"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("time.sleep(0.3)", "sleeps"),
        ("await asyncio.sleep(1)", "sleeps"),
        ("sock.bind(('127.0.0.1', 9001))", "listens on a fixed port"),
        ("HTTPServer(('', 8080), Handler)", "listens on a fixed port"),
        ("await asyncio.start_server(talk, '127.0.0.1', 9000)", "listens on a fixed port"),
        ("Client(public, private, timeout=0.15)", "measures a silence"),
        ("self.each(talk, timeout=0.15)", "measures a silence"),
        ("{'timeout': 240 if answers else 0.15}", "measures a silence"),
        ("{'retry': Retry(0, 0.1, 0.1, 1.0, None, 0.8)}", "measures a silence"),
        ("Client(public, private, retry=Retry(0, total_seconds=5))", "gives up early"),
        ("config.set_default(connection_timeout=0.15)", "measures a silence"),
        ("[sys.executable, '-m', 'uvideo', 'serve', folder, '--port', '0']", "serves on the usual ports"),
        ("run('serve', folder)", "serves on the usual ports"),
        ("until = time.monotonic() + 5", "gives up early"),
        ("assert process.wait(20) == 0", "gives up early"),
        ("thread.join(timeout=5)", "gives up early"),
        ("subprocess.run(command, timeout=10)", "gives up early"),
        ("urllib.request.urlopen(url, timeout=10)", "gives up early"),
        ("expect(row).to_be_visible(timeout=20_000)", "gives up early"),
        ("warnings.simplefilter('error')", "takes what others left for its own"),
        ("assert 'stopped' in server.log.read_text()", "does not wait for the log"),
        ("while time.time() < deadline: pass", "waits by the wall clock"),
    ],
)
def test_each_kind_is_seen(text: str, kind: str) -> None:
    assert [each for each, _ in found(ast.parse(f"async def test():\n    {text}"))] == [kind]
