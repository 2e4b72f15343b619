"""The READMEs are run: every Python block of each, in order, against a real server; and the two say the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test.interpreters import ROOT
from test.server_fixture import start_server

READMES = ("README.md", "README.zh.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str, language: str) -> list[str]:
    found = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    return [text for kind, text in found if kind == language]


@pytest.mark.parametrize("name", READMES)
def test_every_python_block_runs(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "test" / "data" / "demo.mp4", tmp_path / "movie.mp4")
    for photo in ("one.jpg", "cache/two.jpg", "day 1/three.jpg"):
        (tmp_path / "album" / photo).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "album" / photo).write_bytes(photo.encode())
    with start_server(tmp_path / "uvideo-data") as server:
        programs = blocks(name, "python")
        assert len(programs) == 5
        for program in programs:
            done = subprocess.run(
                [sys.executable, "-c", program.replace("127.0.0.1:9000", server.host)],
                cwd=tmp_path,
                env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "XDG_STATE_HOME": str(tmp_path / "state")},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
        assert (tmp_path / "copy.mp4").read_bytes() == (tmp_path / "movie.mp4").read_bytes()
        assert (tmp_path / "start.bin").read_bytes() == (tmp_path / "movie.mp4").read_bytes()[:51]
        assert not (tmp_path / "movie.checkpoint").exists()
        assert (tmp_path / "typed.mp4").read_bytes() == (tmp_path / "movie.mp4").read_bytes()
        copied = {
            path.relative_to(tmp_path / "album-copy").as_posix() for path in (tmp_path / "album-copy").rglob("*.jpg")
        }
        assert copied == {"one.jpg", "day 1/three.jpg"}


def test_the_make_targets_and_options_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in READMES:
        text = (ROOT / name).read_text(encoding="utf-8")
        targets = set(re.findall(r"\bmake ([a-z-]+)", text))
        assert targets >= {"demo", "test", "venv", "lint", "bench"}
        for target in targets:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    help_text = subprocess.run(
        [sys.executable, "-m", "uvideo", "serve", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=20
    ).stdout
    assert "--workers" in help_text


def test_the_two_readmes_have_the_same_code_and_the_same_sections() -> None:
    def bare(program: str) -> str:
        return re.sub(r"\s*#.*", "", program).strip()

    english, chinese = (
        [(kind, bare(text)) for kind, text in BLOCK.findall((ROOT / name).read_text("utf-8"))] for name in READMES
    )
    assert english == chinese
    sections = [re.findall(r"^(#+) ", (ROOT / name).read_text("utf-8"), re.MULTILINE) for name in READMES]
    assert sections[0] == sections[1]


def test_links_lead_somewhere() -> None:
    for page in [ROOT / name for name in READMES] + sorted((ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link.replace("\\_", "_")).exists(), (page.name, link)
