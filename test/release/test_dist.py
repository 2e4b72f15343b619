"""make dist: the same bytes wherever they are built, and in them what a user needs and nothing else."""

from __future__ import annotations

import email
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from test import patience
from test.interpreters import ROOT
from test.release.conftest import Release, called, copied

VERSION = re.compile(r"^\d+\.\d+\.\d+(\.dev\d+|(a|b|rc)\d+)?$")


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def text(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (found,) = (each for each in archive.namelist() if each.endswith(name))
        return archive.read(found).decode()


def sources(folder: str, *kinds: str) -> set[str]:
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.suffix in kinds}
    assert found
    return found


def test_the_version_stands_in_one_place() -> None:
    import uvideo

    assert VERSION.match(uvideo.__version__)
    code = "import ucloud.uvideo; print(ucloud.uvideo.__version__)"
    assert called(sys.executable, "-c", code).strip() == uvideo.__version__
    assert called(sys.executable, "-m", "uvideo", "--version") == f"uvideo {uvideo.__version__}\n"
    assert called(sys.executable, "setup.py", "--version").splitlines()[-1] == uvideo.__version__
    for name in called("git", "ls-files", "*.py", "*.cfg", "*.toml", "packaging").splitlines():
        if name != "ucloud/uvideo/__init__.py" and (ROOT / name).is_file():
            assert uvideo.__version__ not in (ROOT / name).read_text(encoding="utf-8"), name


def test_the_changelog_leads_with_this_version() -> None:
    import uvideo

    number = uvideo.__version__.partition(".dev")[0]
    headings = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0][0] in ("Unreleased", number) and number in [name for name, _ in headings]
    for name, rest in headings:
        assert name == "Unreleased" or re.fullmatch(r" - (\d{4}-\d{2}-\d{2}|Unreleased)", rest), name
    if ".dev" in uvideo.__version__:
        assert dict(headings)[number] == " - Unreleased"


@pytest.mark.long
def test_two_builds_in_two_folders_are_the_same_bytes(builder: Path, release: Release, tmp_path: Path) -> None:
    sums = []
    for number, (folder, mask, zone) in enumerate([("one", 0o022, "UTC"), ("two/deeper", 0o077, "Asia/Shanghai")]):
        tree = copied(tmp_path / folder)
        for path in tree.rglob("*.py"):
            os.utime(path, (number * 86400, number * 86400))
        out = tmp_path / f"out{number}"
        command = f'umask {mask:o}; exec "$0" packaging/dist.py --dirty --out "$1"'
        called("sh", "-c", command, builder, out, folder=tree, TZ=zone)
        sums.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()})
        called("sha256sum", "--check", "--quiet", "SHA256SUMS", folder=out)
    assert sums[0] == sums[1] and len(sums[0]) == 4
    assert sums[0] == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in release.folder.iterdir()}


@pytest.mark.long
def test_what_is_not_committed_is_not_published(builder: Path, tmp_path: Path) -> None:
    tree = copied(tmp_path / "tree")
    (tree / "ucloud" / "secret.py").write_text("KEY = 1\n")
    done = subprocess.run(
        [builder, "packaging/dist.py"], cwd=tree, capture_output=True, text=True, timeout=patience.SECONDS
    )
    assert done.returncode == 1 and "not committed: " in done.stderr and "--dirty" in done.stderr
    assert not (tree / "dist").exists() and "Traceback" not in done.stderr
    (tree / ".git").rename(tmp_path / "git")
    done = subprocess.run(
        [builder, "packaging/dist.py", "--dirty"], cwd=tree, capture_output=True, text=True, timeout=patience.SECONDS
    )
    assert done.returncode == 1 and "git clone" in done.stderr


@pytest.mark.long
def test_twine_takes_it(release: Release) -> None:
    said = called(release.python, "-m", "twine", "check", "--strict", release.sdist, release.toolkit, release.sdk)
    assert said.count("PASSED") == 3


@pytest.mark.long
def test_the_wheel_for_3_10_and_up(release: Release) -> None:
    found = names(release.toolkit)
    assert sources("ucloud", ".py", ".pyi", ".typed") | sources("uvideo", ".py", ".typed") <= found
    assert sources("uvideo/server/console/web", ".js", ".json", ".css", ".html", ".svg") <= found
    assert any(each.endswith(".dist-info/licenses/LICENSE") for each in found)
    shared = {each.partition(".data/data/")[2] for each in found if ".data/data/" in each}
    wanted = {path.relative_to(ROOT / "packaging").as_posix() for path in sources_of_share()}
    assert len(wanted) == 5
    wanted |= {f"share/uvideo/systemd/uvideo.{kind}" for kind in ("service", "socket", "sysusers", "tmpfiles")}
    wanted |= {f"share/uvideo/monitoring/{path.name}" for path in (ROOT / "docs" / "monitoring").iterdir()}
    assert shared == wanted
    for name in wanted:  # what docs/operate.md names is there
        if name.startswith("share/uvideo/"):
            folder = "packaging" if "systemd" in name else "docs/monitoring"
            assert text(release.toolkit, name) == (ROOT / folder / Path(name).name).read_text(encoding="utf-8")
    entries = text(release.toolkit, "entry_points.txt")
    assert "uvideo = uvideo.cli:main" in entries and "uvideo = uvideo.testing" in entries
    assert not [each for each in found if each.startswith(("test", "bench", "packaging", "docs"))]
    assert not [each for each in found if not each.startswith(("ucloud/", "uvideo/", "uvideo-"))]


def sources_of_share() -> list[Path]:
    return [path for path in (ROOT / "packaging" / "share").rglob("*") if path.is_file()]


@pytest.mark.long
def test_the_wheel_for_older_pythons(release: Release) -> None:
    found = names(release.sdk)
    assert {each for each in found if each.startswith("uvideo/")} == {"uvideo/__init__.py"}
    assert {each for each in found if each.startswith("ucloud/")} == sources("ucloud", ".py", ".pyi", ".typed")
    assert any(each.endswith(".dist-info/licenses/LICENSE") for each in found)
    assert not [each for each in found if each.endswith("entry_points.txt") or ".data/" in each]
    assert "needs Python 3.10" in zipfile.ZipFile(release.sdk).read("uvideo/__init__.py").decode()


@pytest.mark.long
def test_both_wheels_and_the_sdist_say_the_same_of_themselves(release: Release) -> None:
    with tarfile.open(release.sdist) as archive:
        (name,) = (each for each in archive.getnames() if re.fullmatch(r"[^/]+/PKG-INFO", each))
        inside = archive.extractfile(name)
        assert inside is not None
        told = [inside.read().decode(), text(release.toolkit, "/METADATA"), text(release.sdk, "/METADATA")]
    read = [email.message_from_string(each) for each in told]
    for key in ("Name", "Version", "Requires-Python", "Summary", "License"):
        assert len({each[key] for each in read}) == 1, key
    for key in ("Requires-Dist", "Provides-Extra"):
        assert read[0].get_all(key) == read[1].get_all(key) == read[2].get_all(key)


@pytest.mark.long
def test_the_sdist_holds_what_git_knows(release: Release) -> None:
    with tarfile.open(release.sdist) as archive:
        members = archive.getmembers()
    assert {(each.uid, each.gid, each.uname, each.mtime) for each in members} == {(0, 0, "", members[0].mtime)}
    assert {each.mode for each in members} <= {0o644, 0o755}
    inside = {each.name.partition("/")[2] for each in members if each.isfile()}
    tracked = set(called("git", "ls-files", "ucloud", "uvideo", "test", "docs", "packaging", "bench").splitlines())
    assert {name for name in tracked if (ROOT / name).is_file()} <= inside
    assert {"setup.py", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "README.zh.md", "Makefile"} <= inside
    assert not [
        name for name in inside if "__pycache__" in name or name.startswith((".git/", ".venv", ".dev", ".cache"))
    ]


@pytest.mark.long
def test_the_sbom_lists_what_comes_along_and_is_the_same_twice(release: Release, tmp_path: Path) -> None:
    made, dist = list[bytes](), shutil.copytree(release.folder, tmp_path / "dist")
    for _ in range(2):
        path = Path(called(release.python, ROOT / "packaging" / "sbom.py", "--dist", dist).strip())
        made.append(path.read_bytes())
        path.unlink()
    assert made[0] == made[1]
    told = json.loads(made[0])
    assert told["bomFormat"] == "CycloneDX" and told["metadata"]["component"]["name"] == "uvideo"
    assert "serialNumber" not in told and "timestamp" not in told["metadata"]
    components = {each["name"]: each["purl"] for each in told["components"]}
    assert {"requests", "aiohttp", "click", "tomlkit", "asyncpg", "obstore"} <= set(components)
    assert all(purl.startswith("pkg:pypi/") for purl in components.values()) and "uvideo" not in components
    (root,) = (each for each in told["dependencies"] if each["ref"] == told["metadata"]["component"]["bom-ref"])
    assert any(each.startswith("requests==") for each in root["dependsOn"])
    # Each component has the sum of its file, the root those of the release; SHA256SUMS has the list's own.
    for component in told["components"]:
        (found,) = component["hashes"]
        assert found["alg"] == "SHA-256" and re.fullmatch(r"[0-9a-f]{64}", found["content"]), component["name"]
    ours = {
        each["url"]: each["hashes"][0]["content"]
        for each in told["metadata"]["component"]["externalReferences"]
        if each["type"] == "distribution"
    }
    files = (release.sdist, release.toolkit, release.sdk)
    assert ours == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    lines = (dist / "SHA256SUMS").read_text().splitlines()
    assert [line for line in lines if line.endswith(".cdx.json")] == [
        f"{hashlib.sha256(made[1]).hexdigest()}  {path.name}"
    ]
