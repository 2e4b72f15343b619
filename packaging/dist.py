"""Build a release, the same bytes wherever it is built: python packaging/dist.py [--out dist] [--dirty].

Makes the sdist, and of it the wheel for Python 3.10 and up (both packages) and the one for 2.7 and 3.6 to 3.9
(`ucloud`, and an `uvideo` that says what it needs), and SHA256SUMS.  Takes the files that git knows, their modes from
git and every time from SOURCE_DATE_EPOCH or else the last commit; needs git, and Python 3.10 or newer with
the extra `release` of setup.cfg.  --dirty also builds what was not committed.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600
SDIST = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
WHEEL = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


class Failed(Exception):
    """A release cannot be built; the message says why and what to do."""


def git(*words: str) -> str:
    try:
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
        ).stdout
    except FileNotFoundError:
        raise Failed("a release is built of a git clone, and there is no git: install it") from None
    except subprocess.CalledProcessError as error:
        raise Failed(f"a release is built of a git clone: git {words[0]}: {error.stderr.strip()}") from None


def epoch() -> int:
    """Seconds since 1970 that every file of the release bears."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is not None and not given.isdecimal():
        raise Failed(f"SOURCE_DATE_EPOCH is {given!r}: it has to be whole seconds since 1970")
    return int(given or git("log", "-1", "--format=%ct"))


def check_committed() -> None:
    changed = git("status", "--porcelain").splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed[:5])
        raise Failed(f"not committed: {names}{' ...' if len(changed) > 5 else ''}; commit or stash, or use --dirty")


def copy_sources(target: Path) -> None:
    """Copy what git knows, with git's two modes."""
    for line in git("ls-files", "--stage", "-z").split("\0")[:-1]:
        mode, name = line.split(" ", 1)[0], line.split("\t", 1)[1]
        if not (ROOT / name).is_file():  # removed, and not committed yet
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target / name)
        (target / name).chmod(0o755 if mode == "100755" else 0o644)


def run(tree: Path, program: str, out: Path, when: int, **environ: str) -> Path:
    """Have setuptools build in `tree`; the one file that it made in `out`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UVIDEO_"))}
    environment = {**kept, "SOURCE_DATE_EPOCH": str(when), "LC_ALL": "C.UTF-8", "TZ": "UTC", **environ}
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, str(out)],
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode:
        raise Failed(f"setuptools failed:\n{done.stdout}")
    (made,) = out.iterdir()
    return made


def repack(archive: Path, when: int) -> None:
    """Write an sdist anew: sorted, one time, no owner, git's modes."""
    aside = archive.with_suffix(".new")
    with (
        tarfile.open(archive) as old,
        open(aside, "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=when) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old, key=lambda each: each.name):
            made = tarfile.TarInfo(member.name)
            made.mtime, made.size, made.type = when, member.size, member.type
            made.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(made, old.extractfile(member) if member.isfile() else None)
    aside.replace(archive)


@contextlib.contextmanager
def unpacked(archive: Path, folder: Path) -> Iterator[Path]:
    """The tree of an sdist, for one build: building leaves files behind."""
    with tarfile.open(archive) as source:
        for member in source:
            content, target = source.extractfile(member), folder / member.name
            if content is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
                target.chmod(member.mode)
    (tree,) = folder.iterdir()
    yield tree
    shutil.rmtree(folder)


def build(out: Path) -> list[Path]:
    """Build everything into `out`, where older files of a release are removed; what was made."""
    when = epoch()
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="uvideo-dist-") as name:
        work = Path(name)
        copy_sources(work / "sources")
        sdist = run(work / "sources", SDIST, work / "sdist", when)
        repack(sdist, when)
        made = [sdist]
        for kind in ("sdk", "toolkit"):  # of the sdist, so that it is complete
            with unpacked(sdist, work / "tree") as tree:
                made.append(run(tree, WHEEL, work / kind, when, UVIDEO_WHEEL=kind))
        out.mkdir(parents=True, exist_ok=True)
        for old in [*out.glob("uvideo-*"), *out.glob("SHA256SUMS")]:
            old.unlink()
        found = [Path(shutil.copyfile(each, out / each.name)) for each in sorted(made, key=lambda each: each.name)]
    sums = "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in found)
    (out / "SHA256SUMS").write_text(sums, encoding="ascii")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="packaging/dist.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--dirty", action="store_true", help="also what was not committed; not for publishing")
    options = parser.parse_args()
    try:
        if not options.dirty:
            check_committed()
        build(options.out)
    except Failed as failure:
        print(f"packaging/dist.py: {failure}", file=sys.stderr)
        return 1
    print((options.out / "SHA256SUMS").read_text(encoding="ascii"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
