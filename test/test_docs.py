"""The pages are run: every block of READMEs and tutorials against a real server; their two languages say the same."""

from __future__ import annotations

import functools
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test import site
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.interop.test_table import rows
from test.interpreters import ROOT
from test.pages import Block, Page, Reader
from test.patience import SUITE_SECONDS
from test.regressions.defect import NOT_APPLICABLE, TOTAL
from test.test_namespace import copied_tree
from uvideo import Client

READMES = ("README.md", "README.zh.md")
TUTORIALS = ("docs/tutorial.md", "docs/tutorial.zh.md")
RUNBOOKS = ("docs/operate.md", "docs/operate.zh.md")
LANDINGS = ("docs/index.md", "docs/index.zh.md")
#: What stands in code for something of the reader's, in Chinese: the words that the command itself uses.
WORDS = {"uvideo://空间/键": "uvideo://space/key", "uvideo 命令": "uvideo VERB"}
#: Pages for contributors, in English only, and lists that are made of the code.
ENGLISH = {"docs/architecture.md", "docs/decisions.md", "docs/protocol.md", "docs/release.md"}
ENGLISH |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "reference").glob("*.md")}
#: Pages whose Chinese is still to be written: none, and a new page comes with it.
WAITING: set[str] = set()
#: A page whose Chinese is the older of the two, with links of its own; test/migrate runs and compares them.
FREE = {"docs/migrate/from-readme.md"}
CHINESE = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.zh.md"))
#: Pages that exist in two languages, part by part.
PAIRS = [READMES, *((name.replace(".zh.md", ".md"), name) for name in CHINESE)]
PAIRS = [pair for pair in PAIRS if pair[0] not in FREE]
#: Lines of the first block of a README that have a test of their own, as they take long.
INSTALLING = """\
git clone REPOSITORY uvideo && cd uvideo
python3 -m venv .venv && . .venv/bin/activate
pip install '.[server,cli,test]'
"""


def elsewhere(block: Block) -> bool:
    """What the test of a whole page leaves: pictures, make, pip and the cluster have tests of their own."""
    beginnings = ("make ", "python3 -m venv", "pip install", "uv tool install", "export UVIDEO_SERVE_DATABASE")
    return block.kind == "text" or block.text.startswith(beginnings)


def the_block(name: str, beginning: str) -> str:
    (found,) = (each.text for each in Page(name).blocks if each.text.startswith(beginning))
    return found


@pytest.mark.parametrize("name", [READMES[0], pytest.param(READMES[1], marks=pytest.mark.long)])
def test_every_block_of_a_readme_runs(name: str, tmp_path: Path) -> None:
    page = Page(name)
    with Reader(tmp_path, page.language) as reader:
        folder, done = reader.folder, 0
        for block in reader.follow(page, {INSTALLING: ""}, leave=elsewhere):
            done += 1
            if block.text.startswith("cp "):  # what somebody's own folder may hold besides
                for photo in ("cache/two.jpg", "day 1/three.jpg"):
                    (folder / "album" / photo).parent.mkdir()
                    (folder / "album" / photo).write_bytes(photo.encode())
        assert done >= 10
        movie = (folder / "movie.mp4").read_bytes()
        with Client(*reader.keys, endpoint=reader.endpoint) as client:
            assert client.get("films", "demo.mp4").data == movie
        assert (folder / "copy.mp4").read_bytes() == movie
        assert f"# [('demo.mp4', {len(movie)})]\n" in page.text
        assert (folder / "start.bin").read_bytes() == movie[:51]
        assert not (folder / "movie.checkpoint").exists()
        assert (folder / "typed.mp4").read_bytes() == movie
        album = {path.relative_to(folder / "album").as_posix() for path in (folder / "album").rglob("*.*")}
        copied = {path.relative_to(folder / "album-copy").as_posix() for path in (folder / "album-copy").rglob("*.*")}
        assert copied == album - {"cache/two.jpg"} and len(copied) > 3
        keys = [line.split("  ")[-1] for line in reader.shell("uvideo ls -r uvideo://movies").splitlines()]
        assert keys == ["uvideo://movies/videos/a.mp4"]


@pytest.mark.long
@pytest.mark.parametrize("name", TUTORIALS)
def test_the_tutorial_works(name: str, tmp_path: Path) -> None:
    page = Page(name)
    with Reader(tmp_path, page.language) as reader:
        assert len(list(reader.follow(page, leave=elsewhere))) == 16
        assert "test_an_interrupted_upload_resumes" in (reader.folder / "test_films.py").read_text()
    assert set(INSTALLING.splitlines()) >= set(the_block(name, "python3 -m venv").splitlines())


def commands(block: str) -> list[str]:
    return [line.partition("  #")[0].rstrip() for line in block.splitlines()]


@pytest.mark.parametrize("name", READMES)
def test_the_first_forty_lines_of_a_readme_are_a_first_start(name: str) -> None:
    page = Page(name)
    first, second = page.blocks[:2]
    assert first.text == INSTALLING + "uvideo serve ./uvideo-data\n"
    assert second.kind == "python" and len(second.text.splitlines()) <= 12 and "uvideo.Client(" in second.text
    end = page.text.index(second.text) + len(second.text)
    assert page.text[:end].count("\n") < 40


def test_blocks_are_copied_without_prompt_and_output() -> None:
    for page in [ROOT / name for name in READMES] + sorted((ROOT / "docs").rglob("*.md")):
        for block in Page(page.relative_to(ROOT).as_posix()).blocks:
            assert block.kind not in ("console", "bash") and not re.search(r"^\$ ", block.text, re.MULTILINE), page


def test_pages_install_from_the_clone() -> None:
    """The package is not on PyPI yet.  The runbook says what to write instead; the other pages are of releases."""
    later = {"docs/operate.md", "docs/release.md"}
    later |= {each.replace(".md", ".zh.md") for each in later}
    for name in [*READMES, *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]:
        text = re.sub(r"^\| `[\w-]+` \|.*$", "", Page(name).text, flags=re.MULTILINE)  # what programs say, by its name
        found = re.findall(r"pip install[^`\n]*[ ']uvideo\[", text)
        assert not found or name in later or "errors" in name and "'.[" in text, (name, found)


@pytest.mark.parametrize("name", READMES)
def test_the_other_ports_of_a_first_start_are_options(name: str) -> None:
    (command,) = re.findall(r"`uvideo (serve [^`]*--port[^`]*)`", Page(name).text.partition("\n## ")[0])
    from uvideo.cli.serve import serve

    chosen = serve.make_context("serve", command.split()[1:]).params
    assert f"`127.0.0.1:{chosen['port']}`" in Page(name).text and chosen["admin_port"] == chosen["port"] + 1


@pytest.mark.parametrize(("landing", "readme"), list(zip(LANDINGS, READMES, strict=True)))
def test_a_landing_page_begins_as_the_readme(landing: str, readme: str) -> None:
    def begins(name: str) -> str:
        text = Page(name).text.partition("\n## ")[0].replace("](docs/", "](").replace(f"](../{readme}#", "](#")
        return "\n".join(line for line in text.splitlines() if not line.startswith("*[")).strip()

    assert begins(landing) == begins(readme)
    assert Page(landing).blocks == Page(readme).blocks[:2]


@pytest.mark.parametrize("name", READMES)
def test_the_figures_of_the_first_screen_are_those_of_the_pages(name: str) -> None:
    """Kills, defects, CPU, memory, clients: each promise has its figure from the page that it links to."""
    nothing, official, cheap, server = re.findall(r"^- \*\*(.+?)(?=^- |^$)", Page(name).text, re.MULTILINE | re.DOTALL)
    (kills,) = re.findall(r"\| (\d+) uploads of three parts", Page("docs/reliability.md").text)
    assert set(re.findall(r"\b\d+\b", re.sub(r"`[^`]*`", "", nothing))) == {kills}
    tried = TOTAL - len(NOT_APPLICABLE)
    assert (
        f"**{tried} defects of the official SDK, each with a test. Ours passes all {tried} tests."
        in Page("docs/why.md").text
    )
    assert official.count(str(tried)) == 2
    ((_, memory, ratio), *_) = re.findall(
        r"^(uvideo Client \(verified\).*?(\d+))\nboto3 .* (0\.\d+)  <=", Page("docs/performance.md").text, re.MULTILINE
    )
    (down,) = re.findall(r"^\| the same, download \| (0\.\d+)x boto3", Page("docs/performance.md").text, re.MULTILINE)
    assert f"{ratio}x" in cheap and f"{down}x" in cheap and int(memory) < 30 and "30 MiB" in cheap
    ufile = {row.client for row in rows() if row.date != "replayed"}
    setup = Page("docs/s3.md").text.partition("\n## Set up a client\n")[2].partition("\n## ")[0]
    s3 = set(re.findall(r"^### (.+)$", setup, re.MULTILINE)) - {"Start the server", "Get the keys"}
    assert re.findall(r"\b(\d+) ", server) == [str(len(ufile)), str(len(s3))]


def test_both_readmes_install_alike() -> None:
    first, second = (commands(the_block(name, "pip install")) for name in READMES)
    assert first == second


@pytest.mark.long
def test_what_a_readme_says_of_installing(tmp_path: Path) -> None:
    """In an environment of its own, which finds what we depend on where this Python has it."""
    origin = copied_tree(tmp_path / "origin")
    shutil.copy(ROOT / ".gitignore", origin)
    for words in ("init", "add .", "-c user.name=a -c user.email=a commit -m All"):
        subprocess.run(["git", *words.split()], cwd=origin, check=True, capture_output=True)
    tree = tmp_path / "uvideo"
    block = INSTALLING.replace("REPOSITORY", str(origin)) + the_block(READMES[0], "pip install")
    packages = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    look = (
        "uvideo serve --help; python -c 'import uvideo.testing as t, ucloud.uvideo as u; print(t.__file__, u.__file__)'"
    )
    done = subprocess.run(
        ["bash", "-e", "-c", block + "git status --porcelain --untracked-files=all\ncd /\n" + look],
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": packages,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        },
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--workers" in done.stdout
    assert "?? " not in done.stdout, "an installation leaves files that git does not ignore"
    for path in done.stdout.splitlines()[-1].split():
        assert Path(path).is_relative_to(tree / ".venv"), path


@pytest.mark.cluster
@pytest.mark.parametrize("name", READMES)
def test_the_sketch_of_a_cluster(name: str, tmp_path: Path, postgres: Postgres, object_store: ObjectStore) -> None:
    """Two machines do what the page says; what goes up through one comes down through the other."""
    secret = "private-key-of-the-sketch"
    with postgres.database() as database, Reader(tmp_path / "a") as one, Reader(tmp_path / "b") as two:
        given = {
            "postgresql://uvideo@db.internal/uvideo": database,
            "s3://video?endpoint=https://s3.internal&region=cn-bj": object_store.fresh(),
            "0.0.0.0": "127.0.0.1",
            **{f"{key}=...": f"{key}='{value}'" for key, value in object_store.credentials.items()},
            "UVIDEO_SERVE_PUBLIC_KEY=...": "UVIDEO_SERVE_PUBLIC_KEY=UVIDEOsketch",
            "UVIDEO_SERVE_PRIVATE_KEY=...": f"UVIDEO_SERVE_PRIVATE_KEY={secret}",
        }
        text = the_block(name, "export UVIDEO_SERVE_DATABASE")
        for old, new in given.items():
            assert old in text
            text = text.replace(old, new)
        assert "..." not in text
        for reader in (one, two):
            reader.do("sh", text)
        with (
            Client("UVIDEOsketch", secret, endpoint=one.endpoint) as up,
            Client("UVIDEOsketch", secret, endpoint=two.endpoint) as down,
        ):
            up.create_space("films")
            assert up.upload("films", "a", ROOT / "test" / "data" / "demo.mp4").verified
            down.download("films", "a", tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == (ROOT / "test" / "data" / "demo.mp4").read_bytes()


def test_the_make_targets_exist_and_ci_runs_those_of_the_block() -> None:
    makefile, ci = (ROOT / "Makefile").read_text(), (ROOT / ".ci" / "run").read_text()
    for name in READMES:
        targets = set(re.findall(r"\bmake ([a-z-]+)", Page(name).text))
        assert targets >= {"demo", "test", "venv", "lint", "docs", "bench"}
        for target in targets:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for command in re.findall(r"^make [a-z-]+(?: FILE=)?", the_block(name, "make "), re.MULTILINE):
            beside = command.removeprefix("make ") in re.findall(r"^waiting=\((.*)\)$", ci, re.MULTILINE)[0].split()
            assert beside or re.search(rf"^(\w+=1 )?{command}(?![\w-]).*\|\| fail", ci, re.MULTILINE), command


def make(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make as a person does, also where these tests were started by make."""
    command = ["make", "-f", str(ROOT / "Makefile"), "PYTHON=python3", *words]
    return subprocess.run(command, cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)


def test_make_leaves_the_environment_of_the_reader_alone(tmp_path: Path) -> None:
    kept, removed = (".venv/__pycache__/a.pyc", ".venv/.made"), (".dev/b", ".cache/c", "__pycache__/d.pyc")
    files = [tmp_path / name for name in kept + removed]
    needed = [tmp_path / name for name in ("setup.cfg", "packaging/lock.txt", "packaging/locked.py", "Makefile")]
    for file in files + needed:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    told = make("-n", "venv", folder=tmp_path).stdout
    assert "-m venv --clear .dev\n" in told and ".venv" not in told
    assert make("clean", folder=tmp_path).returncode == 0
    assert [file.exists() for file in files] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("python", "code", "said"), [("true", 0, "All tests passed."), ("false", 2, "Some tests FAILED")]
)
def test_make_test_ends_with_a_line_for_people(python: str, code: int, said: str) -> None:
    """A program that does nothing, or fails, takes the place of pytest."""
    done = make("test", f"PY={python}", "-o", ".dev/.made")
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == code and lines[0].startswith(said) and len(lines) == 1 + (code > 0), lines


def test_every_page_has_its_twin() -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")} - set(CHINESE)
    assert {name.replace(".md", ".zh.md") for name in pages - ENGLISH - WAITING} == set(CHINESE)
    assert pages >= ENGLISH | WAITING | FREE


def test_chinese_pages_link_to_chinese_pages() -> None:
    twins = {(ROOT / english).resolve(): chinese for english, chinese in PAIRS}
    for name in (READMES[1], *CHINESE):
        for text, link, after in re.findall(r"\[([^\]]*)\]\(([^)\s#]+)[^)]*\)((?:（|，)英文）)?", Page(name).prose):
            if text != "English":
                assert ((ROOT / name).parent / link).resolve() not in twins, (
                    f"{name} links to {link}: there is a Chinese page"
                )
                assert not (link.endswith(".zh.md") and after), f"{name}: {link} is no English page"


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_two_languages_have_the_same_blocks_and_headings(english: str, chinese: str) -> None:
    one, other = Page(english), Page(chinese)
    assert [level for level, _ in one.headings] == [level for level, _ in other.headings]
    assert [(each.kind, each.section, each.bare) for each in one.blocks] == [
        (each.kind, each.section, each.bare) for each in other.blocks
    ]


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_two_languages_have_the_same_figures_links_and_names(english: str, chinese: str) -> None:
    """Section by section: every number, every link (to the page in its language where there is one), all in code."""

    def links(page: str, text: str) -> list[tuple[str, int]]:
        """(page, which of its headings) of each, the same in every language."""
        found = []
        for link in re.findall(r"\]\(([^)]*)\)", text):
            name, _, anchor = link.partition("#")
            target = (ROOT / page).parent / name if name else ROOT / page
            place = anchors(target).index(anchor) if anchor else -1
            found.append((name.replace(".zh.md", ".md"), place))
        return sorted(found)

    def figures(text: str) -> set[str]:
        return set(re.findall(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?", re.sub(r"\]\([^)]*\)|`[^`]*`", "", text)))

    def code(text: str) -> set[str]:
        for word, meant in WORDS.items():
            text = text.replace(word, meant)
        return set(re.findall(r"`([^`]+)`", re.sub(r"\s+", " ", text)))

    sections = zip(Page(english).sections, Page(chinese).sections, strict=True)
    for (_, title), (one, other) in zip([(0, "before"), *Page(english).headings], sections, strict=True):
        assert links(english, one) == links(chinese, other), title
        assert figures(one) == figures(other), title
        assert code(one) == code(other), title


@pytest.mark.parametrize("name", [chinese for _, chinese in PAIRS])
def test_chinese_is_set_as_chinese(name: str) -> None:
    """Full-width marks beside Chinese, blanks between it and Latin letters or digits."""
    prose = re.sub(r"`[^`\n]*`", "`", re.sub(r"\]\([^)]*\)", "]", Page(name).prose))
    prose = re.sub(r" *\| *", "|", prose)
    han = r"[\u4e00-\u9fff]"
    assert re.findall(rf"{han}[,;:!?()]|[,;:!?()]{han}", prose) == []
    assert re.findall(rf"{han}[A-Za-z0-9`]|[A-Za-z0-9`%]{han}", prose) == []
    assert re.findall(r"(?<=\S) [，。；：、（）]|[，。；：、（）] (?!\|)", prose) == []


def test_the_reference_has_every_public_name() -> None:
    shown = site.referred()
    assert [name for name in site.public() if not any(site.resolved(name) is each for each in shown)] == []


def test_every_public_name_says_what_it_gives() -> None:
    """All that the reference shows has a docstring: modules, their public classes and functions, their methods."""

    def silent(thing: object, name: str) -> list[str]:
        found = [] if inspect.getdoc(thing) else [name]
        if inspect.ismodule(thing):
            names = getattr(thing, "__all__", [each for each in vars(thing) if not each.startswith("_")])
            below = {each: getattr(thing, each) for each in names}
            below = {each: got for each, got in below.items() if getattr(got, "__module__", "") == thing.__name__}
        elif inspect.isclass(thing):
            below = {each: got for each, got in vars(thing).items() if not each.startswith("_")}
        else:
            return found
        for each, got in below.items():
            got = got.func if isinstance(got, functools.cached_property) else got
            if inspect.isroutine(got) or inspect.isclass(got) or isinstance(got, (property, classmethod, staticmethod)):
                found += silent(got, f"{name}.{each}")
        return found

    shown = site.referred()
    assert len(shown) > 20
    assert [each for thing in shown for each in silent(thing, getattr(thing, "__name__", str(thing)))] == []


def test_what_the_check_of_the_site_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="here">a</h1><a href="a.html#here">1</a><a href="a.html#there">2</a><a href="b.html">3</a>'
        '<script src="https://cdn.example.com/x.js"></script><script>fetch("//other.example.com/y")</script>'
        '<a href="https://example.com/">a link of people is none of them</a>'
    )
    (tmp_path / "a.css").write_text("@import 'https://fonts.example.com/css'; a { background: url(b.png) }")
    assert site.main(str(tmp_path)) == 1
    said = capsys.readouterr().out
    for part in ("a.html#there", "b.html leads nowhere", "cdn.example.com", "other.example.com", "fonts.example.com"):
        assert said.count(part) == 1, part
    assert "lacks uvideo.Client.put" in said and "https://example.com" not in said


def test_links_lead_somewhere() -> None:
    """Files and headings, as a reader of the repository meets them; make docs does the same for the site."""
    for page in [ROOT / name for name in READMES] + sorted((ROOT / "docs").rglob("*.md")):
        text = Page(page.relative_to(ROOT).as_posix()).prose
        for link in re.findall(r"\]\(([^)\s]+)", text):
            if "://" in link:
                continue
            name, _, anchor = link.replace("\\_", "_").partition("#")
            target = page.parent / name if name else page
            assert target.exists(), (page.name, link)
            if anchor:
                assert anchor in anchors(target), (page.name, link)


@functools.cache
def anchors(page: Path) -> list[str]:
    """The names of a page's headings, as GitHub makes them."""
    names = (text.lower() for _, text in Page(page.resolve().relative_to(ROOT).as_posix()).headings)
    return [re.sub(r"[^\w\- ]", "", name).replace(" ", "-") for name in names]
