"""watch: what stops changing is uploaded, whatever happens to files, folder, service and network meanwhile.

The clock is the test's: a story goes on each time the watch rests, so nothing waits for real time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from test import patience
from test.cli.records import check
from test.cli.shell import Done, Shell
from test.fakes import FaultProxy
from test.forked import Forked
from uvideo.cli.context import Context
from uvideo.cli.outage import Outage
from uvideo.cli.program import invoke
from uvideo.cli.walk import Entry
from uvideo.cli.watched_file import State, WatchedFile, WatchedFiles, pause

MIB = 1 << 20
WAITS, ANSWERS = "uploads wait until the service answers", "the service answers again"
LATE = 5.0  # seconds of its clock: a rest may last longer than it should
Story = Iterator[Callable[[], object]]


@dataclass
class Watching:
    """A watch in this process.  now: its clock.  said: what it printed on standard error so far."""

    shell: Shell
    capsys: pytest.CaptureFixture[str]
    now: float = 1000.0
    out: str = ""
    said: str = ""
    waited: list[float] = field(default_factory=list)

    def __call__(self, story: Story, *words: str) -> Done:
        """Run ``uvideo watch`` and a story, which yields conditions to wait for; Ctrl-C at its end, unless --once."""
        context = Context()
        conditions: list[Callable[[], object]] = []
        deadline = time.monotonic() + patience.SECONDS

        def sleep(seconds: float) -> None:
            self.now += max(seconds, LATE)
            self.waited.append(seconds)
            time.sleep(0.002)  # the uploads run in other threads
            self.read()
            assert time.monotonic() < deadline, self.said
            if all(condition() for condition in conditions):
                conditions[:] = [each for each in [next(story, None)] if each is not None]
                if not conditions and "--once" not in words:
                    raise KeyboardInterrupt

        context.clock, context.sleep = lambda: self.now, sleep
        try:
            code = invoke(context, ["watch", *words])
        except KeyboardInterrupt:
            code = 130
        finally:
            context.close()
        self.read()
        assert next(story, None) is None, self.said
        self.shell.check(self.out + self.said)
        return Done(code, self.out.encode(), self.said)

    def read(self) -> None:
        found = self.capsys.readouterr()
        self.out, self.said = self.out + found.out, self.said + found.err

    def passed(self, seconds: float) -> Callable[[], bool]:
        """The condition that so many seconds of its clock have passed."""
        until = self.now + seconds
        return lambda: self.now >= until

    def tells(self, text: str, times: int = 1) -> Callable[[], bool]:
        return lambda: self.said.count(text) >= times


@pytest.fixture
def watching(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Watching:
    for name, value in shell.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UVIDEO_RETRIES", "0")
    monkeypatch.chdir(shell.folder)
    return Watching(shell, capsys)


@pytest.fixture
def folder(shell: Shell) -> Path:
    path = shell.folder / "w"
    path.mkdir()
    return path


@pytest.fixture
def proxy(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Between the watch and the service."""
    with FaultProxy("127.0.0.1", shell.server.port) as found:
        monkeypatch.setenv("UVIDEO_ENDPOINT", f"127.0.0.1:{found.port}")
        yield found


def content(shell: Shell, space: str, prefix: str = "") -> dict[str, str]:
    return {each.key: shell.client.get(space, each.key).data.decode() for each in shell.client.list(space, prefix)}


def nothing() -> Story:
    yield from ()


def forever() -> Story:
    yield lambda: False


class TestFiles:
    def test_what_stops_changing_is_uploaded(self, shell: Shell, watching: Watching, folder: Path) -> None:
        space = shell.space(other="x", gone="x")
        (folder / "stable").write_text("1")
        (folder / "future").write_text("2")
        os.utime(folder / "future", (2**32, 2**32))  # a camera without a clock
        (folder / "growing").write_text("")

        def story() -> Story:
            longer = watching.passed(100)

            def grown() -> bool:  # with a change in each rest
                with (folder / "growing").open("a") as file:
                    file.write("g")
                return longer() and watching.out.count("uploaded") == 2

            yield grown
            assert content(shell, space) == {"other": "x", "gone": "x", "p/stable": "1", "p/future": "2"}
            yield lambda: "w/growing" in watching.out
            (folder / "d" / "deep").mkdir(parents=True)
            (folder / "d" / "deep" / "film.tmp").write_text("3")
            yield watching.passed(15)
            (folder / "d" / "deep" / "film.tmp").rename(folder / "d" / "deep" / "film")
            (folder / "stable").write_text("1, changed")
            (folder / "future").unlink()
            yield lambda: "deep/film " in watching.out and watching.out.count("w/stable") == 2
            yield watching.passed(60)

        done = watching(story(), "w", f"uvideo://{space}/p")
        assert done.code == 130 and len(done.err.splitlines()[:-1]) == 1, done.err  # the last is of Ctrl-C
        assert content(shell, space) == {
            "other": "x",
            "gone": "x",
            "p/stable": "1, changed",
            "p/future": "2",
            "p/growing": (folder / "growing").read_text(),
            "p/d/deep/film": "3",
        }
        assert sorted(line.split()[1] for line in done.lines) == [
            "w/d/deep/film",
            "w/future",
            "w/growing",
            "w/stable",
            "w/stable",
        ]

    def test_a_file_that_changes_during_its_upload_is_never_mixed(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space, new = shell.space(), b"b" * (9 * MIB)
        film = folder / "film"
        film.write_bytes(b"a" * (9 * MIB))
        proxy.on("UploadPart", part=1).pause("held")

        def story() -> Story:
            yield lambda: proxy.wait("held", 0)
            film.write_bytes(new)
            proxy.release("held")
            for _ in range(10):
                yield watching.passed(5)
                assert not shell.client.exists(space, "film")
                os.utime(film)  # still being written
            yield lambda: shell.client.exists(space, "film")

        assert watching(story(), "w", f"uvideo://{space}", "--part-jobs", "1").code == 130
        assert shell.client.get(space, "film").data == new
        assert list(shell.client.list_uploads(space)) == []

    def test_once_uploads_all_and_later_only_what_is_new(self, shell: Shell, folder: Path) -> None:
        space = shell.space()
        for name in ("a", "b", "c"):
            (folder / name).write_text(name)
        words = ("watch", "w", f"uvideo://{space}/p/", "--once", "--settle", "0", "--json", "--meta", "by=camera")
        done = shell(*words)
        assert done.code == 0 and (done.records[-1]["done"], done.records[-1]["skipped"]) == (3, 0), done.err
        assert shell.client.stat(space, "p/a").metadata["by"] == "camera"
        (folder / "b").write_text("other")
        os.utime(folder / "c", (1, 1))  # the same content
        done = shell(*words)
        assert done.code == 0 and (done.records[-1]["done"], done.records[-1]["skipped"]) == (1, 2), done.err
        assert content(shell, space) == {"p/a": "a", "p/b": "other", "p/c": "c"}
        assert shell(*words[:-3], "--dry-run").out == ""

    def test_once_waits_until_all_has_settled(self, shell: Shell, watching: Watching, folder: Path) -> None:
        space = shell.space()
        (folder / "a").write_text("a")

        def story() -> Story:
            for number in range(10):
                (folder / "b").write_text(str(number))
                yield watching.passed(20)

        done = watching(story(), "w", f"uvideo://{space}", "--once", "--class", "ia")
        assert done.code == 0 and content(shell, space) == {"a": "a", "b": "9"}
        assert shell.client.stat(space, "a").storage_class == "IA"

    def test_what_is_selected(self, shell: Shell, watching: Watching, folder: Path) -> None:
        space = shell.space()
        for name in ("a.mp4", "b.tmp", "c.mp4", "d/e.mp4"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)
        os.utime(folder / "a.mp4", (1, 1))
        (folder / "c.mp4").write_text("c" * 100)
        words = ("w", f"uvideo://{space}", "--once")
        assert watching(nothing(), *words, "--exclude", "*.tmp", "--max-size", "50", "--max-age", "1d").code == 0
        assert content(shell, space) == {"d/e.mp4": "d/e.mp4"}
        (shell.folder / "list").write_text("c.mp4\nlater.mp4\n")
        done = watching(nothing(), *words, "--files-from", "list")
        assert done.code == 1 and "later.mp4" in done.err and content(shell, space).keys() == {"d/e.mp4", "c.mp4"}

    def test_links_and_special_files_are_reported_once(self, shell: Shell, watching: Watching, folder: Path) -> None:
        space = shell.space()
        (folder / "a").write_text("a")
        (folder / "out").symlink_to(shell.home)
        (folder / "broken").symlink_to("nowhere")
        os.mkfifo(folder / "pipe")
        (shell.folder / "o").mkdir()

        def story() -> Story:
            yield lambda: "uploaded w/a" in watching.out and watching.tells("broken: No such file")()
            yield watching.passed(300)
            (folder / "broken").unlink()
            yield watching.passed(100)

        done = watching(story(), "w", f"uvideo://{space}")
        for text in ("leads out of w", "broken: No such file", "pipe is a pipe"):
            assert done.err.count(text) == 1, done.err
        assert content(shell, space) == {"a": "a"}
        done = watching(nothing(), "w", f"uvideo://{space}", "--once", "--json")
        assert done.code == 1 and check(done.lines[-1])["failed"] == 1
        watching.out = ""
        done = watching(nothing(), "w", f"uvideo://{space}", "--once", "--json", "--skip-special")
        summary = check(done.lines[-1])
        assert done.code == 0 and (summary["failed"], summary["links"], summary["special"]) == (0, 1, 1)

    def test_unchanged_files_cost_no_request(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space = shell.space()
        for number in range(8):
            (folder / f"{number:02}").write_text("x")

        def story() -> Story:
            yield lambda: watching.out.count("uploaded") == 8
            seen = len(proxy.log())
            yield watching.passed(100)
            assert len(proxy.log()) == seen

        assert watching(story(), "w", f"uvideo://{space}").code == 130


class TestOutage:
    def test_a_network_that_is_down_ends_nothing(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space = shell.space()
        for name in ("a", "b", "c"):
            (folder / name).write_text(name)
        proxy.on("PutObject", key="b").refuse()

        def story() -> Story:
            yield watching.tells(WAITS)
            (folder / "later").write_text("later")
            yield watching.passed(200)
            proxy.listen_again()

        done = watching(story(), "w", f"uvideo://{space}", "--once", "-j1")
        assert done.code == 0, done.err
        assert done.err.count(WAITS) == done.err.count(ANSWERS) == 1 and "error" not in done.err
        assert content(shell, space) == {"a": "a", "b": "b", "c": "c", "later": "later"}

    def test_it_may_be_down_at_the_start(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space = shell.space()
        (folder / "a").write_text("a")
        proxy.on("ListObjects").refuse()

        def story() -> Story:
            yield watching.passed(300)
            proxy.listen_again()

        done = watching(story(), "w", f"uvideo://{space}", "--once")
        assert done.code == 0 and content(shell, space) == {"a": "a"}
        assert done.err.count(WAITS) == done.err.count(ANSWERS) == 1

    def test_a_large_file_goes_on_where_it_stopped(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space, data = shell.space(), os.urandom(17 * MIB)
        (folder / "film").write_bytes(data)
        proxy.on("UploadPart", part=3).refuse()

        def story() -> Story:
            yield watching.tells(WAITS)
            assert len(list(shell.client.list_uploads(space))) == 1
            proxy.listen_again()

        done = watching(story(), "w", f"uvideo://{space}", "--once", "--part-jobs", "1")
        assert done.code == 0 and shell.client.get(space, "film").data == data
        assert done.err.count(WAITS) == done.err.count(ANSWERS) == 1 and "repeat the call" not in done.err
        assert len(proxy.log("InitiateUpload")) == 1
        assert [each.part for each in proxy.log("UploadPart")].count(0) == 1

    def test_a_login_page_of_the_network_is_an_outage(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space = shell.space()
        (folder / "a").write_text("a")
        proxy.on("PutObject").answer(302, headers={"Location": "http://login.hotel/"}).answer(
            200, body="<html><title>Welcome</title></html>", headers={"Content-Type": "text/html"}
        )
        done = watching(nothing(), "w", f"uvideo://{space}", "--once")
        assert done.code == 0 and content(shell, space) == {"a": "a"}
        assert done.err.count(WAITS) == done.err.count(ANSWERS) == 1

    def test_a_file_that_fails_again_and_again_holds_up_no_other(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space = shell.space()
        for name in ("a", "b", "c"):
            (folder / name).write_text(name)
        proxy.on("PutObject", key="a").answer(500, times=None)
        done = watching(nothing(), "w", f"uvideo://{space}", "--once")
        assert done.code == 1 and content(shell, space) == {"b": "b", "c": "c"}
        assert done.err.count("error: w/a: ") == 1 and 1 <= done.err.count(WAITS) <= 2

    def test_one_file_at_a_time_is_tried_and_not_always_the_same(self) -> None:
        outage, one, other = Outage(), WatchedFile((1, 1, 1, 1), 0.0), WatchedFile((2, 2, 2, 2), 0.0)
        one.postpone(0.0)
        assert outage.failed(one, 0.0) and outage.is_on and not outage.failed(other, 0.0)
        assert not outage.admits(other, 4.9)
        assert outage.admits(other, 5.0) and not one.is_ready(5.0, 0.0) and not outage.admits(one, 5.0)
        outage.release(other)
        assert outage.admits(one, 5.0) and not outage.failed(one, 5.0)
        assert not outage.admits(one, 14.9) and outage.admits(one, 15.0)
        assert outage.answered() and not outage.answered() and outage.admits(other, 15.0)
        assert [pause(tries) for tries in (1, 2, 3, 4, 5, 10**6)] == [5, 10, 20, 40, 60, 60]
        assert outage.failed(None, 0.0, 300.0) and not outage.admits(one, 299.0)
        assert pause(1, 300.0) == 300 and pause(1, 1e9) == 600  # a login page may ask for anything


class TestFailures:
    def test_what_the_service_refuses_is_reported_once_for_each_version(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space = shell.space()
        for name in ("bad", "good"):
            (folder / name).write_text(name)
        proxy.on("PutObject", key="bad").answer(403, ret_code=-148658, message="permission denied", times=2)

        def story() -> Story:
            yield lambda: "uploaded w/good" in watching.out and watching.tells("permission denied")()
            yield watching.passed(100)
            assert watching.said.count("permission denied") == 1
            (folder / "bad").write_text("still bad")
            yield watching.tells("permission denied", 2)
            yield watching.passed(100)

        done = watching(story(), "w", f"uvideo://{space}")
        assert done.err.count("error: w/bad: ") == 2 and content(shell, space) == {"good": "good"}
        assert watching(nothing(), "w", f"uvideo://{space}", "--once").code == 0
        assert content(shell, space) == {"good": "good", "bad": "still bad"}

    def test_what_ends_it_at_once(
        self, shell: Shell, watching: Watching, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        space = shell.space()
        (folder / "file").write_text("x")
        good, words = f"uvideo://{space}", ("w", "uvideo://no-such-space/")
        for given, code, text in (
            (words, 4, "there is no space no-such-space"),
            (("none", good), 4, "none"),
            (("w/file", good), 2, "use uvideo cp for single files"),
            (("w", f"{good}/*"), 2, "only whole folders"),
            (("w", "w"), 2, "not the address of an object"),
            ((good, "w"), 2, "not a local path"),
            (("w", good, "--interval", "0"), 2, "--interval"),
            (("w", good, "--settle", "x"), 2, "x is not a time"),
            (("w", good, "--min-size", "2", "--max-size", "1"), 2, "nothing can be selected"),
        ):
            done = watching(nothing(), *given)
            assert done.code == code and text in done.err, done
        monkeypatch.setenv("UVIDEO_PRIVATE_KEY", "wrong")
        done = watching(nothing(), "w", good)
        assert done.code == 3 and watching.waited == []

    def test_a_space_that_is_removed_ends_it(self, shell: Shell, watching: Watching, folder: Path) -> None:
        space = shell.space()

        def story() -> Story:
            yield watching.passed(60)
            shell.client.delete_space(space)
            (folder / "a").write_text("a")
            yield lambda: False

        done = watching(story(), "w", f"uvideo://{space}")
        assert done.code == 4 and f"there is no space {space}" in done.err

    def test_a_key_that_is_refused_later_ends_it(
        self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy
    ) -> None:
        space = shell.space()
        for name in ("a", "b", "c"):
            (folder / name).write_text(name)
        proxy.on("PutObject", key="b").answer(403, ret_code=-148658, message="invalid public key")
        done = watching(forever(), "w", f"uvideo://{space}", "-j1")
        assert done.code == 3 and done.err.count("error: ") == 1 and "invalid public key" in done.err

    def test_a_key_that_may_only_write(self, shell: Shell, watching: Watching, folder: Path, proxy: FaultProxy) -> None:
        space = shell.space()
        (folder / "a").write_text("a")
        for name in ("ListObjects", "HeadObject"):
            proxy.on(name).answer(403, ret_code=-148658, message="permission denied", times=None)
        assert watching(nothing(), "w", f"uvideo://{space}", "--once").code == 0
        assert content(shell, space) == {"a": "a"}


class TestFolder:
    def test_it_goes_on_when_the_folder_is_back(self, shell: Shell, watching: Watching, folder: Path) -> None:
        space = shell.space()
        (folder / "a").write_text("a")

        def story() -> Story:
            yield lambda: shell.client.exists(space, "a")
            folder.rename(shell.folder / "away")
            yield watching.passed(300)
            (shell.folder / "away").rename(folder)
            (folder / "b").write_text("b")
            yield lambda: shell.client.exists(space, "b")
            yield watching.passed(300)

        done = watching(story(), "w", f"uvideo://{space}")
        assert done.err.count("w cannot be read (No such file or directory)") == done.err.count("w is back") == 1
        assert content(shell, space) == {"a": "a", "b": "b"} and len(done.lines) == 2

    def test_another_file_system_is_named(self, shell: Shell, watching: Watching, tmp_path: Path) -> None:
        if os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("/dev/shm is on the same file system")
        space, link, real = shell.space(), shell.folder / "mounted", shell.folder / "real"
        real.mkdir()
        (real / "a").write_text("a")
        link.symlink_to(real)

        def story() -> Story:
            yield lambda: shell.client.exists(space, "a")
            link.unlink()
            link.symlink_to(f"/dev/shm/{space}")
            yield watching.passed(300)
            link.unlink()
            link.symlink_to(real)
            yield watching.passed(300)

        os.mkdir(f"/dev/shm/{space}")
        try:
            done = watching(story(), "mounted", f"uvideo://{space}")
        finally:
            os.rmdir(f"/dev/shm/{space}")
        assert done.err.count("on another file system now") == 2
        assert content(shell, space) == {"a": "a"} and len(done.lines) == 1  # it came back, and is the same


def test_a_file_being_uploaded_is_not_forgotten() -> None:
    files = WatchedFiles()

    def listed(*sizes: int) -> WatchedFile | None:
        files.begin()
        found = [files.see(Entry("a", size, "/a"), 0.0) for size in sizes]
        files.end()
        return found[0] if found else None

    first = listed(1)
    assert first is not None and listed(1) is first and listed(2) is not first
    running = listed(2)
    assert running is not None
    running.state = State.RUNNING
    assert listed() is None and files.is_pending() and listed(3) is running  # its end decides first
    running.done()
    assert listed(2) is running and listed(3) is not running and listed() is None and not files.is_pending()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_it(shell: Shell, commands: Forked, tmp_path: Path, folder: Path, number: int) -> None:
    space = shell.space()
    err = tmp_path / "err"
    with err.open("wb") as file:
        child = commands.serve(["watch", str(folder), f"uvideo://{space}"], shell.environ, file)
    with contextlib.closing(child.stdout) if child.stdout else contextlib.nullcontext():
        try:
            patience.until(lambda: "watching" in err.read_text())
            child.send_signal(number)
            assert child.wait(patience.SECONDS) == 130
        finally:
            child.kill()
    assert f"to continue: uvideo watch {folder} uvideo://{space}" in err.read_text()
    assert "Traceback" not in err.read_text()


def test_it_ends_when_nobody_reads_its_output(shell: Shell, commands: Forked, tmp_path: Path, folder: Path) -> None:
    err = tmp_path / "err"
    with err.open("wb") as file:
        words = ["watch", str(folder), f"uvideo://{shell.space()}", "--settle", "0", "--interval", "1s"]
        child = commands.serve(words, shell.environ, file)
    try:
        patience.until(lambda: "watching" in err.read_text())
        assert child.stdout is not None
        child.stdout.close()
        (folder / "a").write_text("a")
        assert child.wait(patience.SECONDS) == 141
    finally:
        child.kill()


def test_it_cannot_be_run_from_a_file(shell: Shell) -> None:
    done = shell("run", "-", stdin=b"watch w uvideo://x\n")
    assert done.code == 1 and "watch cannot be run from a file" in done.err
