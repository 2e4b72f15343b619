"""The progress of transfers: on terminals of any width, in logs, of files of commands."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.cli.shell import Shell
from test.fakes import FaultProxy
from test.terminal import on_terminal, resize
from uvideo.cli.ahead import ahead
from uvideo.cli.context import Context
from uvideo.cli.display import Display
from uvideo.cli.progress import LogLines, Screen
from uvideo.cli.report import Report
from uvideo.cli.status import Rate, Status, Waiting, cells, clipped, fitted
from uvideo.models import Progress

GIB = 1 << 30
UNIT = re.compile(r"\d ?((?:[KMGTPE]i?)?B)\b")


def status(**fields: object) -> Status:
    return Status(
        **{  # type: ignore[arg-type]
            **{"done": GIB, "total": 3 * GIB, "items": 300, "items_done": 120, "is_complete": True, "rate": 12e6},
            **fields,
        }
    )


class TestLine:
    @pytest.mark.parametrize("language", ["en", "zh"])
    @pytest.mark.parametrize("columns", [10, 20, 30, 60, 80, 200])
    def test_it_fits(self, columns: int, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UVIDEO_LANG", language)
        for each in (
            status(),
            status(is_complete=False),
            status(rate=0.0),
            status(commands=7, commands_done=3, seconds=9),
        ):
            assert cells(each.line(columns - 1)) < columns
            assert {unit for unit in UNIT.findall(each.line(columns - 1))} <= {"B", "KiB", "MiB", "GiB"}
        for name in ("a" * 300, "视频" * 100, "e\u0301" * 100):
            assert cells(fitted(name, 0.5, [(5, "1.0 / 2.0 GiB"), (2, "part 1/2")], columns - 1)) < columns

    def test_in_every_width_a_part_is_whole_or_left_out(self) -> None:
        parts = [(5, "1.0 / 2.0 GiB"), (2, "part 1/2"), (1, "2:58 left")]
        lines = [fitted("film.mp4", 0.5, parts, width) for width in range(13, 120)]
        assert [line for line in lines if "..." in line or "1.0 / 2.0 GiB" not in line] == []

    def test_what_matters_stays_where_there_is_little_room(self) -> None:
        assert status().line(29).split() == ["33%", "11.4", "MiB/s", "2:58", "left"]
        line = status().line(59)
        assert "[##    ]" in line and "33%" in line and "1.0 / 3.0 GiB" in line and "11.4 MiB/s" in line
        line = status().line(199)
        assert line.startswith("total  [#############") and line.endswith("120 of 300") and "1.0 / 3.0 GiB" in line

    def test_a_file_keeps_its_name_rather_than_its_bar(self) -> None:
        parts = [(5, "125.0 / 500.0 MiB"), (2, "part 12/40")]
        assert fitted("films/summer-2026.mp4", 0.25, parts, 29, 4) == "...026.mp4  125.0 / 500.0 MiB"
        assert "[##" in fitted("films/summer-2026.mp4", 0.25, parts, 59, 4)

    def test_without_a_total_there_is_no_bar(self) -> None:
        line = status(is_complete=False).line(199)
        assert line == "total  1.0 GiB  11.4 MiB/s  120 of 300+"

    def test_commands_are_counted(self) -> None:
        line = status(commands=4, commands_done=1, seconds=10.0).line(199)
        assert " 25%" in line and "30.0 s left" in line and line.endswith("1 of 4 lines")

    def test_a_wait_for_a_retry_is_named(self) -> None:
        waits = [Waiting(15.0, "no answer"), Waiting(12.5, "refused\n"), Waiting(1.0, "over")]
        assert status(waits=waits).waiting(10.0) == ("2 retries wait; retry in 2.5 s: refused\\n",)
        assert status(waits=waits).waiting(20.0) == ()

    def test_names_are_cut_by_columns(self) -> None:
        assert clipped("视频视频", 8) == "视频视频" and clipped("视频视频", 7) == "...视频"
        assert clipped("abcdef", 2) == ".." and cells("a\u0301视\u200d") == 3

    def test_a_rate_is_that_of_the_last_seconds(self) -> None:
        rate = Rate()
        assert [rate.at(float(second), min(second, 5) * 100) for second in range(20)][5:] == [
            *(100.0,),
            *(pytest.approx(500 / second) for second in range(6, 10)),
            *(50.0, 40.0, 30.0, 20.0, 10.0),
            *(0.0,) * 5,
        ]


class TestAhead:
    def test_all_are_announced_early_and_in_order(self) -> None:
        announced: list[int] = []
        over = threading.Event()
        items = ahead(range(100), announced.append, over.set)
        assert next(items) == 0
        assert over.wait(patience.SECONDS) and announced == list(range(100))
        assert list(items) == list(range(1, 100))

    def test_memory_is_bounded(self) -> None:
        announced: list[int] = []
        items = ahead(range(1000), announced.append, lambda: None, most=10)
        for number, item in enumerate(items):
            assert item == number and len(announced) <= number + 13

    def test_an_error_comes_in_its_place(self) -> None:
        def failing() -> Iterator[int]:
            yield 1
            yield 2
            raise OSError("x")

        found = []
        with pytest.raises(OSError, match="x"):
            for item in ahead(failing(), lambda item: None, lambda: pytest.fail("it is not complete")):
                found.append(item)
        assert found == [1, 2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def err() -> Terminal:
    return Terminal()


class TestScreen:
    def test_lines_that_a_narrower_terminal_wraps_are_erased(
        self, err: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setenv("LINES", "24")
        screen = Screen(Report(out=err, err=err))
        screen.expect(GIB)
        line = screen.begin("film")
        assert line is not None
        line(Progress("upload", "s", "film", "film", 9 << 20, GIB, 1, 256))
        screen.waits(1000.0, "x" * 200)
        screen.tick()
        first = err.getvalue().split("\n")
        assert len(first) == 3 and all(cells(each) < 100 for each in first) and len(first[1]) == 99
        monkeypatch.setenv("COLUMNS", "30")
        err.truncate(err.seek(0))
        screen.tick()
        rows = sum(-(-len(each) // 30) for each in first)
        assert err.getvalue().startswith(f"\r\x1b[{rows - 1}A\x1b[J") and rows > 3
        assert all(cells(each) < 30 for each in err.getvalue().partition("\x1b[J")[2].split("\n"))

    def test_messages_are_printed_above_it(self, err: Terminal) -> None:
        report = Report(out=err, err=err)
        screen = Screen(report)
        with screen:
            screen.expect(1)
            screen.tick()
            report.tell("hello")
            assert err.getvalue().endswith("total  0 B  0 B/s  0 of 1+") and "\x1b[Jhello\n" in err.getvalue()
        assert err.getvalue().endswith("\r\x1b[J")
        report.tell("bye")
        assert err.getvalue().endswith("\r\x1b[Jbye\n")


def test_the_totals_of_a_folder_are_known_early() -> None:
    """peak/s5cmd #753: nobody knows the number of files in advance."""
    err = io.StringIO()
    lines = LogLines(Report(err=err), 3600)
    sizes = lines.early([1 << 20] * 300, lines.expect)
    next(sizes)
    patience.until(lambda: _logged(lines, err).endswith("0 of 300"))
    assert _logged(lines, err) == "0%, 0.0 / 300.0 MiB, 0 B/s, 0 of 300"
    line = lines.begin("a")
    lines.end(line, 1 << 20)
    lines.item()
    lines.item(1 << 20)  # one that failed
    assert "1.0 / 299.0 MiB" in _logged(lines, err) and _logged(lines, err).endswith("2 of 300")


def _logged(lines: LogLines, err: io.StringIO) -> str:
    lines.tick()
    return err.getvalue().splitlines()[-1]


class Waits(Display):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def waits(self, seconds: float, reason: str) -> None:
        self.seen.append(reason)


def test_a_retry_reaches_the_display(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    space = shell.space(a="1")
    for name, value in shell.environ.items():
        monkeypatch.setenv(name, value)
    with FaultProxy("127.0.0.1", shell.server.port) as proxy:
        proxy.on("GetObject", key="a").then(503)
        context, waits = Context(), Waits()
        context.endpoint, context.display = f"127.0.0.1:{proxy.port}", waits
        assert context.client.get(space, "a").data == b"1"
        assert len(waits.seen) == 1
        context.close()


@pytest.fixture
def large(shell: Shell) -> Path:
    path = shell.folder / "large"
    path.write_bytes(os.urandom(24 << 20))
    return path


@pytest.mark.usefixtures("large")
class TestCommand:
    def test_off_a_terminal_a_line_from_time_to_time(self, shell: Shell) -> None:
        """peak/s5cmd #753, #768: a log shows no progress."""
        space = shell.space()
        words = ("cp", "large", f"uvideo://{space}/x", "--bwlimit", "8M", "--stats", "1s")
        done = shell(*words)
        assert done.code == 0 and done.out.startswith("uploaded large")
        assert all(re.fullmatch(r" *\d+%, [\d.]+ / 24\.0 MiB, .*/s, .*0 of 1", line) for line in done.err.splitlines())
        assert done.err.count("\n") >= 1
        record = shell(*words, "--json").err.splitlines()[0]
        assert record.startswith('{"kind":"note","message":"') and "24.0 MiB" in record

    @pytest.mark.parametrize("options", [["-q", "--stats", "1s"], ["--stats", "0"], ["--no-progress"], ["--json"]])
    def test_none_if_they_are_not_wanted(self, shell: Shell, options: list[str]) -> None:
        space = shell.space()
        assert shell("cp", "large", f"uvideo://{space}/x", "--bwlimit", "12M", *options).err == ""

    def test_a_wrong_time_is_refused(self, shell: Shell) -> None:
        done = shell("cp", "large", "uvideo://s/x", "--stats", "soon")
        assert done.code == 2 and "soon is not a time" in done.err

    def test_a_file_of_commands_has_it_too(self, shell: Shell) -> None:
        """peak/s5cmd #688: `run` shows no progress of all its lines together."""
        space = shell.space()
        (shell.folder / "todo").write_text(f"cp large uvideo://{space}/x --bwlimit 12M\ncp large uvideo://{space}/y\n")
        log = shell("run", "todo", "--stats", "1s").err
        assert re.search(r"MiB/s, .*[01] of 2 lines", log), log
        done = shell.terminal("run", "todo", answers={}, TERM="xterm", COLUMNS="100")
        assert done.code == 0 and "of 2 lines" in done.out and "large" in done.out
        assert "\x1b[J" in done.out and done.out.rstrip().endswith("\x1b[J")

    def test_a_terminal_that_becomes_narrow(self, shell: Shell) -> None:
        space = shell.space()
        words = ["cp", "large", f"uvideo://{space}/x", "--bwlimit", "12M"]
        at = 0

        def step(screen: int, seen: bytes) -> None:
            nonlocal at
            if not at and b"total" in seen:
                at = len(seen)
                resize(screen, 30)

        command = [sys.executable, "-m", "uvideo", *words]
        code, shown = on_terminal(command, {**shell.environ, "TERM": "xterm"}, shell.folder, step, columns=200)
        seen = shown[at:].decode("utf-8", "replace")
        assert code == 0, seen
        pictures = re.split(r"\r(?:\x1b\[\d+A)?\x1b\[J", seen)[2:]  # one may be under way while it changes
        lines = [line for picture in pictures for line in picture.split("\r\n") if "iB/s" in line]
        assert lines and all(cells(line) < 30 for line in lines), lines
