"""The pages of the documentation as a reader follows them: every block, from top to bottom, in one folder.

    with Reader(tmp_path) as reader:
        reader.follow(Page("README.md"))

``sh`` is run by bash, and can be copied as it stands; a block that ends with ``uvideo serve`` is a server that goes on
running.  ``output`` is what the block before prints, ``...`` standing for anything.  A block whose first line is a
comment with the name of a file is saved as that; ``python`` without a name is run.  What else there is, a test names.
The servers of the pages listen on 127.0.0.1:9000 and 9001, and with ``--s3-port`` on 9002: here they get free ports,
and the text those.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from test.forked import Forked
from test.interpreters import ROOT
from test.server_fixture import SECRETS, end

__all__ = ["Block", "Page", "Reader", "is_shown"]

SECONDS = 120.0
_BLOCK = re.compile(r"^```(\w*)(?: title=[^\n]*)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_NAMED = re.compile(r"(?:#|//|<!--) ([\w./-]+\.\w+)(?: -->)?\n")
_COMMENT = re.compile(r"\s*(?:#|//).*")


@dataclass(frozen=True)
class Block:
    """``kind``: its language.  ``section``: how many headings stand before it."""

    kind: str
    text: str
    section: int

    @property
    def bare(self) -> str:
        """What is the same in every language: the text without comments, and nothing of what is printed."""
        if self.kind == "output":
            return ""
        return _COMMENT.sub("", self.text).strip()


class Page:
    """A page by its name below the root of the repository.  ``text``: as it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = (ROOT / name).read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its blocks."""
        return _BLOCK.sub("", self.text)

    @property
    def language(self) -> str:
        return "zh" if self.name.endswith(".zh.md") else "en"

    @property
    def headings(self) -> list[tuple[int, str]]:
        """(level, text) of each."""
        return [(len(level), text) for level, text in _HEADING.findall(self.prose)]

    @property
    def sections(self) -> list[str]:
        """The prose between the headings; the first is what stands before them."""
        return _HEADING.sub("\0", self.prose).split("\0")

    @property
    def blocks(self) -> list[Block]:
        found, section, last = [], 0, 0
        for match in _BLOCK.finditer(self.text):
            section += len(_HEADING.findall(self.text[last : match.start()]))
            last = match.end()
            found.append(Block(match.group(1), match.group(2), section))
        return found


def is_shown(printed: str, shown: str) -> bool:
    """Whether a page shows what was printed; ``...`` stands for anything."""
    pattern = re.escape(shown.strip()).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


class Reader:
    """Somebody with a shell, a home and a folder with a clone in it, where the package is installed.

    language: what the command speaks, "en" or "zh".  commands: what forks the commands; otherwise each loads the
    program itself, as for a user.  network: of ``named_network``, if the machine is to be in one; then the servers have
    the ports of the pages.
    """

    def __init__(
        self, folder: Path, language: str = "en", commands: Forked | None = None, network: Sequence[str] = ()
    ) -> None:
        self._passed = [] if commands is None else [commands.calls.fileno()]
        self.folder, self.home = folder / "work", folder / "home"
        self._log = folder / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self._printed = ""
        self._ports = ("127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002")
        programs, package = folder / "bin", folder / "package"
        self._within = [*network, f"--wd={self.folder}"] if network else []
        for each in (self.folder, self.home, programs, package / "uvideo-0.dist-info"):
            each.mkdir(parents=True)
        for part in ("docs", "test"):
            (self.folder / part).symlink_to(ROOT / part)
        for name, module in (("uvideo", "uvideo"), ("pytest", "pytest"), ("python", ""), ("python3", "")):
            words = f"{sys.executable} -m {module}" if module else sys.executable
            (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            (programs / name).chmod(0o755)
        self._python = [sys.executable, "-c"]
        if commands is not None:
            self._python = [str(programs / "script")]
            for name in ("uvideo", "script"):
                (programs / name).write_text(commands.program(script=name == "script"))
                (programs / name).chmod(0o755)
        # What pip would write: by this pytest finds the fixture.
        (package / "uvideo-0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: uvideo\nVersion: 0\n")
        (package / "uvideo-0.dist-info" / "entry_points.txt").write_text("[pytest11]\nuvideo = uvideo.testing\n")
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": f"{ROOT}:{package}",
            "LANG": "zh_CN.UTF-8" if language == "zh" else "C.UTF-8",
            "TZ": "UTC",
            "PYTEST_ADDOPTS": "-p no:cacheprovider --color=no",
            **({} if network else {"UVIDEO_SERVE_PORT": "0", "UVIDEO_SERVE_ADMIN_PORT": "0"}),
        }

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """host:port of the server's data port."""
        return self._ports[0]

    @property
    def keys(self) -> tuple[str, str]:
        """(public, private) of the server whose folder is uvideo-data."""
        found = json.loads((self.folder / "uvideo-data" / "credentials.json").read_text())
        return found["public_key"], found["private_key"]

    @property
    def admin(self) -> str:
        """host:port of the server's admin port."""
        return self._ports[1]

    def follow(
        self,
        page: Page,
        instead: Mapping[str, str] | None = None,
        leave: Callable[[Block], bool] = lambda block: False,
    ) -> Iterator[Block]:
        """Do what a page says; each block once it is done, so that a test can look, and add what the page asks for.

        instead: text -> what takes its place.  leave: blocks that are not for this reader.
        """
        for block in page.blocks:
            if leave(block):
                continue
            text = block.text
            for old, new in (instead or {}).items():
                text = text.replace(old, new)
            self.do(block.kind, text)
            yield block

    def text_of(self, text: str) -> str:
        """The text of a page with the ports of the servers here."""
        for port, address in zip(("9000", "9001", "9002"), self._ports, strict=True):
            text = re.sub(rf"(127\.0\.0\.1|localhost):{port}\b", rf"\1:{address.rpartition(':')[2]}", text)
        return text

    def do(self, kind: str, text: str) -> None:
        """Do one block.  AssertionError if it fails, or if nobody has said what is to be done with such a block."""
        text = self.text_of(text)
        named = _NAMED.match(text)
        if named:
            path = self.folder / named.group(1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif kind == "python":
            self.python(text)
        elif kind == "sh" and text.splitlines()[-1].startswith("uvideo serve"):
            self.serve(text)
        elif kind == "sh":
            self._printed = self.shell(text)
        elif kind == "output":
            assert is_shown(self._printed, text), f"printed was\n{self._printed}"
        else:
            raise AssertionError(f"what is to be done with this block of kind {kind!r}?\n{text}")

    def shell(self, text: str) -> str:
        """What commands print on stdout; the first that fails ends them, and is an AssertionError.

        What they export or unset is so for the next, as in one terminal.
        """
        kept = self.home / "environment"
        printed = self.run(["bash", "-e", "-o", "pipefail", "-c", f"{text}\nenv -0 >{kept}"])
        found = dict(entry.split("=", 1) for entry in kept.read_text().split("\0") if entry)
        self.environ = {name: found[name] for name in found.keys() - {"_", "OLDPWD", "PWD", "SHLVL"}}
        return printed

    def python(self, text: str) -> str:
        """What a script prints."""
        return self.run([*self._python, text])

    def run(self, command: list[str]) -> str:
        """What a command prints on stdout.  AssertionError if it fails."""
        done = subprocess.run(
            [*self._within, *command],
            cwd=self.folder,
            env=self.environ,
            pass_fds=self._passed,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command[-1]}\nended with {done.returncode}:\n{said}"
        assert "Traceback" not in said and not any(secret in said for secret in SECRETS), said
        return done.stdout

    def serve(self, text: str) -> None:
        """Start a server, in place of the one that runs; the ports are those of the first."""
        self.stop()
        at = self._ports[2].rpartition(":")[2]
        text = text.replace("--s3-port 9002", f"--s3-port {0 if at == '9002' else at}")
        bash = ["bash", "-e", "-c", re.sub(r"^uvideo serve", "exec uvideo serve", text, flags=re.MULTILINE)]
        with open(self._log, "ab") as log:
            self._server = subprocess.Popen(
                [*self._within, *bash],
                cwd=self.folder,
                env=self.environ,
                pass_fds=self._passed,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        said = json.loads(self._first_line(self._server))
        s3 = urlsplit(said["s3"]).netloc if "s3" in said else self._ports[2]
        self._ports = (urlsplit(said["endpoint"]).netloc, urlsplit(said["admin"]).netloc, s3)
        port, tls = self._ports[0].rpartition(":")[2], said["endpoint"].startswith("https:")
        self.environ["UVIDEO_ENDPOINT"] = f"https://localhost:{port}" if tls else self._ports[0]
        for name, address in zip(("UVIDEO_SERVE_PORT", "UVIDEO_SERVE_ADMIN_PORT"), self._ports[:2], strict=True):
            self.environ[name] = address.rpartition(":")[2]
        for path in self.folder.glob("*/credentials.json"):
            SECRETS.add(json.loads(path.read_text())["private_key"])

    def stop(self) -> None:
        """End the server, if one runs, as Ctrl-C does."""
        server, self._server = self._server, None
        if server is not None:
            end(server)

    def _first_line(self, server: subprocess.Popen[bytes]) -> bytes:
        assert server.stdout is not None
        until, line = time.monotonic() + SECONDS, b""
        while not line.endswith(b"\n") and select.select([server.stdout], [], [], max(0, until - time.monotonic()))[0]:
            piece = os.read(server.stdout.fileno(), 65536)
            if not piece:
                break
            line += piece
        assert line.endswith(b"\n"), f"the server did not start:\n{self._log.read_text()[-2000:]}"
        return line
