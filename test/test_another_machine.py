"""docs/howto/another-machine.md is followed on two machines, in a network with addresses that are not loopback."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest

from test.forked import start_forked
from test.namespace import ADDRESS, OTHER, SILENT, named_network
from test.pages import Page, Reader
from uvideo.cli.i18n import chinese

PAGE = Page("docs/howto/another-machine.md")
CHINESE = Page("docs/howto/another-machine.zh.md")
HOSTS = {"video.example.com": ADDRESS, "old.example.com": OTHER, "walled.example.com": SILENT}

AN_HOUR_AHEAD = """
[[fault]]
on = "*"
do = "clock_skew"
seconds = 3600
times = "always"
"""


@dataclass(frozen=True)
class Machines:
    server: Reader
    laptop: Reader

    def follow(self) -> None:
        """Do all blocks of the page, each on its machine, and copy the two files that it names."""
        for block in PAGE.blocks:
            on_server = PAGE.headings[block.section - 1][1] == "On the server"
            (self.server if on_server or block.text.startswith("uvideo serve") else self.laptop).do(
                block.kind, block.text
            )
            if "add-key" in block.text:
                for name in ("laptop.json", "cert.pem"):
                    shutil.copy(self.server.folder / name, self.laptop.folder / name)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with named_network(tmp_path, HOSTS) as network:
        with (
            contextlib.closing(start_forked(*network)) as commands,
            Reader(tmp_path / "server", commands=commands, network=network) as server,
            Reader(tmp_path / "laptop", commands=commands, network=network) as laptop,
        ):
            yield Machines(server, laptop)


def rows(page: Page) -> list[list[str]]:
    """Of the table at the end: what doctor says, in each row."""
    table = page.text.rpartition("|---|---|---|\n")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()]
    return [re.findall(r"\*([^*]+)\*", cell) + re.findall(r"(?:HTTP|RetCode) \d+", cell) for cell in cells]


def pattern(text: str) -> str:
    return re.escape(text).replace(r"\.\.\.", ".*")


#: Asks doctor, in one process for all.  Each case is named, and has variables of the environment.
ASK = """
import contextlib, io, json, os, sys
import uvideo
from uvideo.cli.context import Context
from uvideo.cli.program import invoke

cases = json.loads({cases!r})
if "denied" in cases:
    with uvideo.Client() as client:
        made = client.create_token("t", ops=["TOKEN_ALLOW_READ"], spaces=["films"], prefixes=["x/"])
    cases["denied"] = {{"UVIDEO_PUBLIC_KEY": made.public_key, "UVIDEO_PRIVATE_KEY": made.private_key}}
said = {{}}
for name, environ in cases.items():
    os.environ.update(environ)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.closing(Context()) as context:
        invoke(context, ["doctor", "--space", "films"])
    said[name] = out.getvalue()
    for each in environ:
        del os.environ[each]
print(json.dumps(said))
"""


def ask(laptop: Reader, **cases: dict[str, str]) -> dict[str, str]:
    """What doctor says in each case."""
    return dict(json.loads(laptop.python(ASK.format(cases=json.dumps(cases)))))


def at(endpoint: str) -> dict[str, str]:
    return {"UVIDEO_ENDPOINT": endpoint}


def keys(public: str, private: str = "0123456789") -> dict[str, str]:
    return {"UVIDEO_PUBLIC_KEY": public, "UVIDEO_PRIVATE_KEY": private}


def test_every_step_and_every_row(machines: Machines) -> None:
    server, laptop = machines.server, machines.laptop
    machines.follow()
    assert (laptop.folder / "link.txt").read_text().startswith("https://video.example.com:9000/")
    assert "UVIDEO_ENDPOINT" not in laptop.environ
    said = ask(
        laptop,
        good={},
        name=at("https://unknown.example.com:9000"),
        silent={**at("https://walled.example.com:9000"), "UVIDEO_CONNECT_TIMEOUT": "0.3"},
        self_signed={"UVIDEO_CA_BUNDLE": certifi.where()},
        other_name=at("https://old.example.com:9000"),
        address=at(f"https://{OTHER}:9000"),
        http=at("http://video.example.com:9000"),
        wrong_key=keys(json.loads((laptop.folder / "laptop.json").read_text())["public_key"]),
        unknown_key=keys("UVIDEO0123456789"),
        denied={},
    )
    assert "failed" not in said["good"]
    assert "it is for another host name" in said["address"]
    unsigned = "curl -s --cacert cert.pem -o got -w '%{http_code}' https://video.example.com:9000/films/hello.txt"
    assert laptop.shell(unsigned) == "401"
    server.do("sh", "uvideo serve ./uvideo-data --host 0.0.0.0")
    said |= ask(laptop, plain={})
    (server.folder / "faults.toml").write_text(AN_HOUR_AHEAD)
    server.do("sh", "uvideo serve ./uvideo-data --host 0.0.0.0 --hostname video.example.com --faults faults.toml")
    said |= ask(laptop, clock=at("http://video.example.com:9000"))
    server.do("sh", f"uvideo serve ./uvideo-data --host {OTHER}")  # in one network only
    assert laptop.shell(f"curl -s -o got http://{OTHER}:9000 && echo answered") == "answered\n"
    server.do("sh", "uvideo serve ./uvideo-data")
    said |= ask(laptop, loopback={})
    order = ("name", "loopback", "silent", "self_signed", "other_name", "plain", "http")
    order += ("wrong_key", "clock", "unknown_key", "denied")
    for texts, case in zip(rows(PAGE), order, strict=True):
        assert texts
        for text in texts:
            assert re.search(pattern(text), said[case]), (case, text, said[case])


def test_the_chinese_page_has_what_doctor_says_in_chinese() -> None:
    """For each text of the English table that the command translates."""
    words = chinese()
    for english, other in zip(rows(PAGE), rows(CHINESE), strict=True):
        translated = [words[each] for text in english for each in words if re.search(pattern(text), each)]
        for text in other:
            assert text in english or any(text in each for each in translated), (text, translated)
