"""The sampler itself: what it changes, what it leaves alone, and that nothing it starts outlives it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from test.mutants import children
from test.mutants.__main__ import changed, judged, shuffled, tried
from test.mutants.mutation import mutants
from test.mutants.reach import MARKS, Reached, measure, moved, quick
from test.patience import until
from test.server_fixture import ROOT

CHANGES = [
    ("x = a < b", "comparison", "x = a <= b"),
    ("x = a is not b", "comparison", "x = a is b"),
    ("x = a and b", "boolean", "x = a or b"),
    ("x = not a", "boolean", "x = bool(a)"),
    ("x = 4", "constant", "x = 5"),
    ("x = True", "constant", "x = False"),
    ("x = a[n - 1]", "off by one", "x = a[(n)]"),
    ("x = a + b", "arithmetic", "x = (a) - (b)"),
    ("file.close()", "removed call", "pass"),
    ("x += 2", "removed statement", "pass"),
    ("raise ValueError", "removed raise", "pass"),
    ("with self._lock:\n    pass", "removed lock", "with __import__('contextlib').nullcontext():\n    pass"),
    ("f(a, b)", "swapped arguments", "f(b, a)"),
    ("try:\n    f()\nexcept (A, B):\n    g()", "exception class", "try:\n    f()\nexcept (B,):\n    g()"),
    ("def f():\n    return x", "return value", "def f():\n    return None"),
    ("if a:\n    f()", "negated condition", "if not (a):\n    f()"),
    ("é = 'é' if a < b else 'ü'", "comparison", "é = 'é' if a <= b else 'ü'"),
]


@pytest.mark.parametrize(("before", "kind", "after"), CHANGES)
def test_each_kind_of_change(before: str, kind: str, after: str) -> None:
    source = before.encode()
    found = {(each.kind, each.apply(source).decode()) for each in mutants("a.py", source) if each.is_fault(source)}
    assert (kind, after) in found


def test_what_is_left_alone() -> None:
    source = (
        b'"""Text."""\nx: int\nassert a < b\n_log.debug(1)\nif TYPE_CHECKING:\n    import y\ndef f(a: "b < c"): pass\n'
    )
    assert [each for each in mutants("a.py", source) if each.is_fault(source)] == []


def test_an_id_is_that_of_the_change_wherever_it_stands() -> None:
    def ids(source: str) -> list[str]:
        return [each.id for each in mutants("a.py", source.encode())]

    twice = "def f():\n    a = 1\n    a = 1\n"
    assert len(set(ids(twice))) == 2
    assert ids("import os\n\n\n" + twice) == ids(twice)
    assert set(ids(twice.replace("def f", "def g"))).isdisjoint(ids(twice))


def test_lines_are_followed() -> None:
    assert moved("a\nb\nc\n", "a\nx\nb\nc\n") == {1: 1, 2: 3, 3: 4}


def test_a_sample_keeps_its_mutants_where_others_come_or_go() -> None:
    every = list(mutants("a.py", b"a = 1\nb = a < 2\nc = 3\nd = a or b\n"))
    order = shuffled(every, 14)
    assert order == shuffled(reversed(every), 14) != shuffled(every, 15)
    assert shuffled(every[2:], 14) == [each for each in order if each in every[2:]]


def test_quick_is_what_make_test_runs() -> None:
    assert {"not slow", "not long"} <= set(quick(ROOT).split(" and "))


SLOW = """import pytest
from code_of_mutants import x

def test_quick():
    assert x > 0

@pytest.mark.slow
def test_slow():
    assert x == 1
"""


def test_the_quick_tests_alone_may_miss_what_the_slow_ones_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name, text in (("code_of_mutants.py", "x = 1\n"), ("test_it.py", SLOW), ("test_late.py", SLOW)):
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\nmarkers = slow\n")
    (mutant,) = mutants("code_of_mutants.py", b"x = 1\n")
    all_at = {"code_of_mutants.py": {1: 0}}
    known = {
        "test_it.py": Reached(60, [None], all_at),
        "test_late.py": Reached(60, [["test_late.py::test_slow"]], all_at),
    }
    assert tried(tmp_path, mutant, known, quick(ROOT)) is None
    assert tried(tmp_path, mutant, known, MARKS) == "test_it.py"


CODE = """def one():
    return 1
def two():
    return 2
def three():
    return 3
if __name__ == "__main__":
    two()
"""
TESTS = """import pathlib, subprocess, sys, pytest
from uvideo import code

@pytest.fixture(scope="module")
def made():
    return code.three()

def test_here():
    code.one()

def test_elsewhere(made):
    subprocess.run([sys.executable, "-m", "uvideo.code"], check=True)
"""


def test_which_test_reaches_a_line_here_and_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("uvideo/__init__.py", ""), ("uvideo/code.py", CODE), ("test_it.py", TESTS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # `make demo` leaves metadata that names ours
    found = measure(tmp_path, "test_it.py")
    assert found is not None
    assert found.tests(("uvideo/code.py", 2)) == ["test_it.py::test_here"]
    assert found.tests(("uvideo/code.py", 4)) == ["test_it.py::test_elsewhere"]
    assert found.tests(("uvideo/code.py", 6)) is None  # by a fixture of the module


SLEEPER = """
import subprocess, sys
command = [sys.executable, "-c", "import time; time.sleep(99)"]
open("pid", "w").write(str(subprocess.Popen(command, start_new_session=len(sys.argv) > 1).pid))
print("begun", flush=True)
"""


@pytest.mark.parametrize("session", [(), ("of its own",)])
def test_what_was_started_ends_with_the_command(tmp_path: Path, session: tuple[str, ...]) -> None:
    code, said = children.run([sys.executable, "-c", SLEEPER, *session], tmp_path, {}, 60)
    assert (code, said) == (0, "begun\n")
    status = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    until(lambda: not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_what_hangs_is_ended(tmp_path: Path) -> None:
    assert children.run([sys.executable, "-c", "import time; time.sleep(99)"], tmp_path, {}, 0.1) == (None, "")


def test_what_grows_without_end_fails() -> None:
    code, said = children.run([sys.executable, "-c", f"bytearray({children.MEMORY})"], Path("/"), {}, 60)
    assert (code, "MemoryError" in said) == (1, True)


def test_no_run_sees_the_change_of_another(tmp_path: Path) -> None:
    path = tmp_path / "code_of_mutants.py"
    path.write_text("x = 0")

    def seen() -> str:
        command = [sys.executable, "-c", "import code_of_mutants as it; print(it.x)"]
        return children.run(command, tmp_path, {"PYTHONDONTWRITEBYTECODE": ""}, 60)[1]

    found = [seen()]
    for value in "12":  # in one second, and of one size
        with changed(path, f"x = {value}".encode()):
            found.append(seen())
        found.append(seen())
    assert "".join(found).split() == ["0", "1", "0", "2", "0"]


def test_every_judgement_has_a_reason() -> None:
    assert all(len(identity) == 10 and len(reason) > 20 for identity, reason in judged().items())
