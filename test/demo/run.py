"""Run the demo programs in order against a server started for them, and compare every file that comes back.

run.py [FILE] [--python COMMAND-OR-VERSION [--if-found] | --console] [--verbose].  FILE is any file, by default
test/data/demo.mp4.  A line tells each step; --verbose also prints what the programs print.  The programs run under this
Python with the uvideo installed in it, or under another one with the folder ucloud/ copied beside them and `requests`.
--console starts a server with the file in it, prints a link that signs in to its console once, and on a terminal lets
the server run until Enter.  Exit code 0 if every step and every byte was right.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent)]

import interpreters  # noqa: E402
from link import Link  # noqa: E402

START_SECONDS = STOP_SECONDS = 240
STEP_SECONDS = 180
SLOWEST = 1024 * 1024  # bytes a second: what a step may take grows with the file
RANGE = 51  # bytes that demo_download.py asks for
GREETING = "你好".encode()


class Failed(Exception):
    """A step went wrong; the message says which and how."""


class Server:
    """`uvideo serve` as a process of its own on 127.0.0.1, on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "server"
        self.log = folder / "server.log"
        ready = folder / "ready.json"
        command = [shutil.which("uvideo", path=os.path.dirname(sys.executable)) or shutil.which("uvideo") or ""]
        if not command[0]:
            raise Failed("the command uvideo is not installed: run `make demo`, or `pip install '.[server]'`")
        command += ["serve", str(self.folder), "--host", "127.0.0.1", "--port", "0", "--admin-port", "0"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*command, "--ready-file", str(ready)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            answer = self._wait(ready)
            self.host, self.admin = urlsplit(answer["endpoint"]).netloc, answer["admin"]
            keys = json.loads((self.folder / "credentials.json").read_text(encoding="utf-8"))
            self.public_key, self.private_key = keys["public_key"], keys["private_key"]
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _wait(self, ready: Path) -> dict[str, str]:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                return dict(json.loads(ready.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                pass
            if self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}:\n{self.last_words()}")
            time.sleep(0.05)
        raise Failed(f"the server was not ready after {START_SECONDS} s:\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of what the server printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def stop(self) -> int:
        """Ask the server to end; return its exit code.  Failed if it has to be killed."""
        if self.process.poll() is not None:
            raise Failed(f"the server ended by itself with {self.process.returncode}:\n{self.last_words()}")
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"the server was still there {STOP_SECONDS} s after SIGTERM:\n{self.last_words()}") from None


class Programs:
    """The demo programs, run one at a time under one interpreter.  verbose: whether their lines are printed."""

    def __init__(self, python: str, environment: dict[str, str], seconds: float, verbose: bool) -> None:
        self.python = python
        self.environment = environment
        self.seconds = seconds
        self.verbose = verbose

    def run(self, name: str, *arguments: str, told: str, link: Link | None = None, **environment: str) -> None:
        """Run a program and tell what it did.  With a link, over that link, mended when the program sees it broken."""
        if self.verbose:
            print(f"--- {' '.join([name, *arguments])}", flush=True)
        process = subprocess.Popen(
            [self.python, str(HERE / name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self.environment, **({"UVIDEO_ENDPOINT": link.address} if link else {}), **environment},
            cwd=self.environment["DEMO_SAVE_FOLDER"],
        )
        timer = threading.Timer(self.seconds, process.kill)
        timer.start()
        interrupted, lines = 0, []
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                lines.append(line)
                if self.verbose:
                    print(f"    {line}", flush=True)
                if link and "-> -1" in line:
                    interrupted += 1
                    link.mend()
            code = process.wait()
        finally:
            late = not timer.is_alive()
            timer.cancel()
            process.kill()
            process.wait()
        if code:
            printed = "" if self.verbose else "\n".join(["", *lines])
            ended = f"took longer than {self.seconds:.0f} s" if late else f"ended with {code}"
            raise Failed(f"{name} {ended}{printed}")
        if link and not (link.cuts and interrupted):
            raise Failed(f"{name} was to be interrupted and was not (cut {link.cuts}, noticed {interrupted})")
        tell(told)


def tell(step: str) -> None:
    """Print a step of the story, at once."""
    print(f"    {step}", flush=True)


def amount(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1048576:.1f} MiB" if size >= 1048576 else f"{size} bytes"


def digest(path: Path, length: int | None = None) -> tuple[int, str]:
    """Return (size, SHA-1) of a file, or of its first bytes; reads it piece by piece."""
    sha1, size = hashlib.sha1(), 0
    with open(path, "rb") as source:
        while data := source.read(1024 * 1024 if length is None else min(1024 * 1024, length - size)):
            sha1.update(data)
            size += len(data)
    return size, sha1.hexdigest()


def verify(name: str, saved: Path, expected: tuple[int, str]) -> None:
    """Compare what was saved with what is expected, and remove it; Failed if they differ."""
    found = digest(saved)
    if found != expected:
        raise Failed(f"{name}: expected {expected[0]} bytes {expected[1]}, found {found[0]} bytes {found[1]}")
    saved.unlink()
    tell(f"the same, byte for byte: {name} ({amount(found[0])})")


def interrupted_link(server: Server, size: int) -> Link:
    """Return a link that breaks off half-way through a file of that size."""
    host, port = server.host.rsplit(":", 1)
    link = Link(host, int(port))
    link.cut_after(max(1, size // 2))
    return link


def story(programs: Programs, server: Server, source: Path, saved: Path) -> int:
    """Run everything in order; return how many files were verified."""
    whole, beginning = digest(source), digest(source, RANGE)
    programs.run("demo_space.py", "create", told="created a public and a private space")
    programs.run("demo_multipart.py", told=f"uploaded {source.name} in parts to the public space")

    for name, sent, environment in (
        ("demo_multipart.py", "a second copy to the public space", {"DEMO_PUT_KEY": "resumed"}),
        ("demo_stream.py", f"{source.name} as a stream to the private space", {}),
    ):
        link = interrupted_link(server, whole[0])
        told = f"uploaded {sent}: the network broke off half-way, the upload was resumed and finished"
        try:
            programs.run(name, told=told, link=link, **environment)
        finally:
            link.close()

    programs.run("demo_space.py", "show", told="listed both spaces; made the private one public, and private again")

    programs.run("demo_download.py", told="downloaded the files from both spaces")
    verify("the file from the public space", saved / "public", whole)
    verify("the file from the private space", saved / "private", whole)
    if whole[0]:
        verify("its beginning, downloaded alone", saved / "range", beginning)
    elif (saved / "range").exists():
        raise Failed("a range of an empty file was refused, and yet there is a file")
    verify(
        "a short text that was uploaded from memory",
        saved / "stream",
        (len(GREETING), hashlib.sha1(GREETING).hexdigest()),
    )
    programs.run("demo_download.py", "public", told="downloaded the second copy", DEMO_PUT_KEY="resumed")
    verify("the second copy", saved / "public", whole)

    programs.run("demo_delete.py", told="deleted the files")
    programs.run("demo_delete.py", "public", told="deleted the second copy", DEMO_PUT_KEY="resumed")
    programs.run("demo_space.py", "delete", told="deleted both spaces")
    programs.run("demo_space.py", told="created a third space, described, changed, listed and deleted it")
    return 5 if whole[0] else 4


def choose(python: str | None, folder: Path) -> tuple[str, str, list[str]] | None:
    """Return (name, command, PYTHONPATH) of the interpreter to use, or None if it is not on this machine."""
    if python is None:
        return "Python {}.{}".format(*sys.version_info[:2]), sys.executable, []
    known = {each.name: each for each in interpreters.find()}
    interpreter = known.get(python) or interpreters.identify(python)
    if interpreter is None:
        return None
    copied = folder / "copied"
    shutil.copytree(ROOT / "ucloud", copied / "ucloud", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    return f"Python {interpreter.name}", interpreter.path, [str(copied), interpreters.prepare(interpreter)]


def play(source: Path, python: str | None, if_found: bool, verbose: bool, folder: Path) -> str:
    """Start the server, run the story, stop the server; return the closing line."""
    chosen = choose(python, folder)
    if chosen is None:
        if if_found:
            return f"=== Python {python}: not found on this machine, so the programs were not run on it"
        raise Failed(f"{python} is no Python that runs here")
    name, command, path = chosen
    saved = folder / "saved"
    saved.mkdir()
    server = Server(folder)
    print(f"=== {name}: {source.name} ({amount(source.stat().st_size)}) and a server on {server.host}", flush=True)
    if verbose:
        print(f"--- {command}, {source}", flush=True)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("UVIDEO_", "DEMO_", "PYTHON"))},
        "UVIDEO_PUBLIC_KEY": server.public_key,
        "UVIDEO_PRIVATE_KEY": server.private_key,
        "UVIDEO_ENDPOINT": server.host,
        "DEMO_FILE": str(source),
        "DEMO_SAVE_FOLDER": str(saved),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
    }
    if path:
        environment["PYTHONPATH"] = os.pathsep.join(path)
    programs = Programs(command, environment, STEP_SECONDS + source.stat().st_size / SLOWEST, verbose)
    try:
        count = story(programs, server, source, saved)
    except BaseException:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        print(server.last_words(), file=sys.stderr)
        raise
    code = server.stop()
    if code:
        raise Failed(f"the server ended with {code} after SIGTERM:\n{server.last_words()}")
    return f"    {name}: every step worked, and {count} files came back byte for byte"


def ask(server: Server, call: str, **given: str) -> dict[str, str]:
    """Return what the console's server answers to a call; Failed if it refuses."""
    request = urllib.request.Request(
        f"{server.admin}/api/{call}", json.dumps(given).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return dict(json.load(answer))
    except OSError as failure:
        raise Failed(f"the console refuses {call}: {failure}") from None


def show(source: Path, folder: Path) -> str:
    """Start a server with the file in it and say how to look at it; return the closing line."""
    from uvideo import Client

    server = Server(folder)
    try:
        keys = {"public_key": server.public_key, "private_key": server.private_key}
        os.environ["XDG_STATE_HOME"] = str(folder)
        with Client(server.public_key, server.private_key, provider="local", endpoint=server.host) as client:
            client.create_space("movies")
            client.upload("movies", source.name, source)
        link = ask(server, "link", **keys)["link"]
        print(f"=== The console in your browser, with {source.name} in the space movies; the link signs in once:")
        tell(f"{server.admin}/#link={link}")
        if sys.stdin.isatty() and sys.stdout.isatty():
            tell("press Enter to stop the server")
            with contextlib.suppress(KeyboardInterrupt):
                sys.stdin.readline()
            server.process.terminate()
            server.process.wait(STOP_SECONDS)
            return "    the server has stopped"
        elif ask(server, "session", link=link)["public_key"] != server.public_key:
            raise Failed("the one-time sign-in is for another key")
    except BaseException:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        raise
    code = server.stop()
    if code:
        raise Failed(f"the server ended with {code} after SIGTERM:\n{server.last_words()}")
    return "    the server has stopped, because this is no terminal; `uvideo serve` keeps one running"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the demo programs against a server and compare every file.")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "test" / "data" / "demo.mp4")
    parser.add_argument("--python", help="run the programs under this one: a command, or a version such as 2.7")
    parser.add_argument("--if-found", action="store_true", help="that Python being absent is no failure")
    parser.add_argument("--verbose", action="store_true", help="print what the programs print, the raw answers too")
    parser.add_argument("--console", action="store_true", help="let a server run and say how to look at it")
    options = parser.parse_args()
    source = options.file.resolve()
    if not source.is_file():
        print(f"FAILED: {source} is not a file", file=sys.stderr)
        return 2
    # SIGTERM ends the demo as Ctrl-C does, and so the server with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="uvideo-demo-") as folder:
        try:
            if options.console:
                print(show(source, Path(folder)))
            else:
                print(play(source, options.python, options.if_found, options.verbose, Path(folder)))
        except Failed as failure:
            print(f"FAILED: {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
