"""setup.cfg names the lowest version of each package, and the files that `make lock` writes keep to it, with hashes."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from test import patience
from test.interpreters import LOWEST, ROOT

LOCK, LOW, MITMPROXY, S3CLIENTS = (
    ROOT / "packaging" / f"{name}.txt" for name in ("lock", "lowest", "mitmproxy", "s3clients")
)
#: What only development installs, as the lock file has it: no lower version is tried.
LOCKED_ONLY = {"lint", "docs", "data", "browser", "stores", "proxies", "s3clients", "release", "upkeep"}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
HASH = re.compile(r" +--hash=sha256:[0-9a-f]{64}( \\)?")


def asked() -> dict[str, list[Requirement]]:
    """What setup.cfg asks for, by extra; "" is what is always needed."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = {"": setup["options"]["install_requires"], **setup["options.extras_require"]}
    return {extra: [Requirement(line) for line in text.splitlines() if line] for extra, text in texts.items()}


def blocks(path: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """Each package of a lock file, and the lines below it."""
    for block in re.split(r"\n(?=\S)", path.read_text("utf-8")):
        first, *lines = block.rstrip("\n").split("\n")
        if not first.startswith("#"):
            yield Requirement(first.rstrip(" \\")), lines


def holds(requirement: Requirement, python: str) -> bool:
    """Whether it counts on that Python, on Linux."""
    here = {"python_version": python, "python_full_version": f"{python}.12", "sys_platform": "linux"}
    return requirement.marker is None or requirement.marker.evaluate(here)


def bound(requirement: Requirement) -> Version:
    (low,) = [each.version for each in requirement.specifier if each.operator in (">=", "==")]
    return Version(low)


def printed(*words: str) -> set[str]:
    """The names of the packages that packaging/locked.py prints."""
    command = [sys.executable, ROOT / "packaging" / "locked.py", *words]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=patience.SECONDS).stdout
    return set(re.findall(r"^[\w.-]+", text, re.MULTILINE))


def test_each_package_has_one_lower_bound_wherever_it_is_asked_for() -> None:
    bounds = defaultdict[tuple[str, str], set[Version]](set)
    for each in [one for many in asked().values() for one in many]:
        bounds[canonicalize_name(each.name), str(each.marker)].add(bound(each))
    assert len(bounds) > 40
    assert {name: found for name, found in bounds.items() if len(found) != 1} == {}


def test_the_extra_all_has_what_users_need() -> None:
    extras = asked()
    of_users = {
        str(one) for name in ("cli", "server", "fsspec", "cluster", "s3", "socks", "telemetry") for one in extras[name]
    }
    assert {str(each) for each in extras["all"]} == of_users


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lowest_versions_are_those_of_setup(python: str) -> None:
    lowest = {canonicalize_name(each.name): each for each, _ in blocks(LOW) if holds(each, python)}
    wanted = [one for extra, many in asked().items() if extra not in LOCKED_ONLY for one in many if holds(one, python)]
    assert len(wanted) > 20
    for each in wanted:
        assert bound(lowest[canonicalize_name(each.name)]) == bound(each), each


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_file_has_one_version_of_each_within_the_bounds(python: str) -> None:
    locked = [each for each, _ in blocks(LOCK) if holds(each, python)]
    count = Counter(canonicalize_name(each.name) for each in locked)
    assert max(count.values()) == 1
    versions = {canonicalize_name(each.name): bound(each) for each in locked}
    for each in [one for many in asked().values() for one in many if holds(one, python)]:
        found = versions[canonicalize_name(each.name)]
        assert each.specifier.contains(found, prereleases=True), f"{each}: the lock file has {found}; run make lock"


@pytest.mark.parametrize("path", [LOCK, LOW, MITMPROXY, S3CLIENTS], ids=lambda path: path.stem)
def test_each_version_is_one_with_hashes_and_no_index_is_named(path: Path) -> None:
    found = list(blocks(path))
    assert len(found) > 30 and "://" not in path.read_text("utf-8")
    for each, lines in found:
        assert re.fullmatch(r"==[^*,]+", str(each.specifier)), each
        assert HASH.fullmatch(lines[0]), each
        assert all(HASH.fullmatch(line) or line.startswith("    # ") for line in lines), each


def test_the_packages_of_npm_have_a_version_and_a_hash_and_no_index_is_named() -> None:
    folder = ROOT / "packaging" / "s3clients"
    packages = json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]
    assert packages.pop("")["dependencies"] == json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    assert len(packages) > 30
    for name, each in packages.items():
        assert each["version"] and each["integrity"].startswith("sha512-") and "resolved" not in each, name


#: The first part of a name in a line that imports it, also one within a text that another Python runs.
IMPORTED = re.compile(r"^[ \t]*(?:import|from)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)


def test_tests_import_only_packages_whose_lowest_version_is_named() -> None:
    """What another package brings has any version there.  The clients of S3 are tried with the lock file only."""
    named = {"packaging"} | {canonicalize_name(each.name) for many in asked().values() for each in many}
    files = [path for path in (ROOT / "test").rglob("*.py") if "s3clients" not in path.parts]
    found = {name for path in files for name in IMPORTED.findall(path.read_text("utf-8"))}
    installed = {
        name: {canonicalize_name(each) for each in of} for name, of in metadata.packages_distributions().items()
    }
    assert {"pytest", "requests", "botocore"} <= found
    assert {name for name in found & installed.keys() if not installed[name] & named} == set()


def test_what_is_printed_for_an_extra_is_all_that_it_needs() -> None:
    assert {"aiohttp", "multidict", "cffi", "requests", "urllib3"} <= printed("server")
    assert not {"pytest", "fsspec", "numpy"} & printed("server")
    assert printed("build") == {"setuptools", "wheel", "packaging"} | printed()
    extras = [each for each in asked() if each not in ("", "all")]
    assert printed(*extras) == {canonicalize_name(each.name) for each, _ in blocks(LOCK)}
    lowest = [each for each in extras if each not in LOCKED_ONLY]
    assert printed("--file", str(LOW), *lowest) == {canonicalize_name(each.name) for each, _ in blocks(LOW)}


def test_only_what_is_for_older_pythons_alone_is_left_out(tmp_path: Path) -> None:
    """Of a copy, which takes the setup.cfg beside it."""
    script = tmp_path / "packaging" / "locked.py"
    script.parent.mkdir()
    script.write_bytes((ROOT / "packaging" / "locked.py").read_bytes())
    left_out = ['a>=1; python_version < "2.7"', 'b>=1; python_version < "3.7"', "c>=1; python_version < '3.10'"]
    kept = ['d>=1; python_version < "3.11"', 'e>=1; python_version >= "3.7"', 'f>=1; python_version == "3.10"', "g>=1"]
    lines = "".join(f"    {line}\n" for line in (*left_out, *kept))
    (tmp_path / "setup.cfg").write_text(f"[options]\ninstall_requires =\n{lines}[options.extras_require]\n")
    done = subprocess.run(
        [sys.executable, script, "--direct"], capture_output=True, text=True, timeout=patience.SECONDS
    )
    assert done.stdout.splitlines() == kept, done.stderr


def test_an_extra_that_is_not_there_is_named() -> None:
    command = [sys.executable, ROOT / "packaging" / "locked.py", "servers"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience.SECONDS)
    assert done.returncode == 1 and "setup.cfg has no extra servers" in done.stderr and done.stdout == ""


def test_these_tests_run_with_the_versions_of_the_file() -> None:
    python = "{}.{}".format(*sys.version_info)
    path = LOW if LOWEST else LOCK
    wanted = {canonicalize_name(each.name): bound(each) for each, _ in blocks(path) if holds(each, python)}
    here = {canonicalize_name(each.name): Version(each.version) for each in metadata.distributions()}
    common = wanted.keys() & here.keys() - {"pip"}
    assert len(common) > 30
    assert {name: (here[name], wanted[name]) for name in common if here[name] != wanted[name]} == {}, "run make venv"
