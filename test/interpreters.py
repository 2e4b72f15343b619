"""The Python interpreters of this machine that the SDK is tested on, one of each minor version, 2.7 and 3.6 and up.

`python -m test.interpreters` prints them.  `python -m test.interpreters --prepare 2.7` prints one and its folder.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "interpreters"
LOOK_SECONDS = 60
INSTALL_SECONDS = 600
NAME = re.compile(r"^python(2\.7|3\.\d+)$")
IDENTIFY = (
    "import sys; print('%d %d %s' % (sys.version_info[0], sys.version_info[1],"
    " getattr(sys, '_base_executable', None) or sys.executable))"
)
TOOLKIT = (3, 10)  # where uvideo begins
#: Set by make test-lowest: each package has the lowest version that setup.cfg allows.
LOWEST = bool(os.environ.get("UVIDEO_TEST_LOWEST"))

#: What a process found, for those that it starts: a shim of pyenv is a script, and there is one for each version.
HANDED_ON = "UVIDEO_TEST_INTERPRETERS"

prepared: set[tuple[int, int]] = set()
"""The versions that something asked prepare() for, so those that the SDK's tests ran on."""


class Interpreter(NamedTuple):
    """One interpreter.  version: (major, minor).  path: the real executable, not a shim or a virtual environment's."""

    version: tuple[int, int]
    path: str

    @property
    def name(self) -> str:
        return "{}.{}".format(*self.version)


def supported(version: tuple[int, int]) -> bool:
    """Return whether the SDK is meant to run on that version."""
    return version == (2, 7) or version >= (3, 6)


def identify(command: str) -> Interpreter | None:
    """Run command and return the interpreter it is, or None if it does not run."""
    try:
        answer = subprocess.run(
            [command, "-c", IDENTIFY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LOOK_SECONDS,
            env=_environment(),
            check=True,
        )
        major, minor, path = answer.stdout.decode().strip().split(" ", 2)
        return Interpreter((int(major), int(minor)), path)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


@lru_cache(maxsize=1)
def _found() -> tuple[Interpreter, ...]:
    if HANDED_ON in os.environ:
        return tuple(Interpreter((major, minor), path) for (major, minor), path in json.loads(os.environ[HANDED_ON]))
    by_version: dict[tuple[int, int], Interpreter] = {}
    tried: set[str] = set()
    for candidate in candidates():
        wanted = _version_in(candidate)
        if candidate in tried or (wanted in by_version and wanted is not None):
            continue
        tried.add(candidate)
        interpreter = identify(candidate)
        if interpreter is not None and supported(interpreter.version):
            by_version.setdefault(interpreter.version, interpreter)
    return tuple(sorted(by_version.values()))


def find() -> list[Interpreter]:
    """Return the interpreters found, oldest first; looked for once in a process."""
    return list(_found())


def hand_on() -> None:
    """Let the processes that are started from now on know what was found, so that they need not look."""
    os.environ[HANDED_ON] = json.dumps(find())


def newest() -> Interpreter:
    """Return the newest interpreter found; there is always the running one."""
    return find()[-1]


def important() -> dict[str, Interpreter | None]:
    """Return 2.7 and the newest Python 3, those that the tests must not leave out; None for one that is absent."""
    return {"2.7": next((each for each in find() if each.version == (2, 7)), None), newest().name: newest()}


def cases() -> list[Any]:
    """Each as the parameter of a test; all but 2.7 and the newest make a long test of it."""
    import pytest

    quick = [(2, 7), newest().version]
    return [pytest.param(each, marks=[] if each.version in quick else pytest.mark.long) for each in find()]


def ends() -> list[Interpreter]:
    """2.7, the oldest Python 3, and the oldest and the newest of those with `uvideo`."""
    found = find()
    twos, threes = ([each for each in found if (each.version < (3,)) == is_two] for is_two in (True, False))
    full = [each for each in threes if each.version >= TOOLKIT]
    return sorted({*twos, *threes[:1], *full[:1], *full[-1:]}, key=lambda each: each.version)


def oldest() -> list[Any]:
    """2.7 and the oldest Python 3 as parameters of a test that takes long; the latter makes a long test of it."""
    import pytest

    twos, threes = [each for each in find() if each.version < (3,)], [each for each in find() if each.version >= (3,)]
    return [*map(pytest.param, twos), pytest.param(threes[0], marks=pytest.mark.long)]


def others() -> list[Any]:
    """``ends`` but for 2.7, as parameters; all but the newest make a long test of it."""
    import pytest

    threes = [each for each in ends() if each.version >= (3,)]
    return [*(pytest.param(each, marks=pytest.mark.long) for each in threes[:-1]), threes[-1]]


def prepare(interpreter: Interpreter) -> str:
    """Return a folder with `requests` and PySocks for that interpreter, for PYTHONPATH; counts as use of it."""
    folder = install(interpreter)
    prepared.add(interpreter.version)
    return folder


def bytecode(interpreter: Interpreter) -> dict[str, str]:
    """Variables for a process of it that imports what is in this folder.

    Python 2 would leave what it compiled beside the sources, and would import it when the source is gone.
    """
    return {"PYTHONDONTWRITEBYTECODE": "1"} if interpreter.version < (3,) else {}


def install(interpreter: Interpreter, own_pip: bool | None = None) -> str:
    """Return a folder with `requests` and PySocks for that interpreter, made on the first call.

    own_pip: True to use the pip of that interpreter, False to use the running one's, None for what works.
    Safe in several processes at once: each builds aside and renames, and the folder exists only when complete.
    """
    if own_pip is None:
        own_pip = _has_pip(interpreter)
    arguments = _own(interpreter) if own_pip else _foreign(interpreter)
    identity = "\n".join([interpreter.path, *arguments])
    folder = CACHE / interpreter.name / hashlib.sha1(identity.encode()).hexdigest()[:12]
    if folder.is_dir():
        return str(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = tempfile.mkdtemp(prefix=".building-", dir=folder.parent)
    try:
        _run([*arguments, "--target", aside])
        os.chmod(aside, 0o755)
        try:
            os.rename(aside, folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, with the same content
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return str(folder)


def candidates() -> Iterator[str]:
    """Yield commands that may be interpreters: PATH first, then where they are commonly put, then the running one."""
    if os.name == "nt":  # below Wine the PATH leads to programs of another system
        yield sys.executable
        return
    folders = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted(pyenv.glob("versions/*/bin"), key=_natural, reverse=True)
    folders += [Path("/usr/local/bin"), Path("/usr/bin"), *sorted(Path("/opt").glob("python*/bin"))]
    for folder in folders:
        try:
            names = sorted(each for each in os.listdir(folder) if NAME.match(each))
        except OSError:
            continue
        yield from (str(folder / name) for name in names)
    yield sys.executable


def _natural(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.parent.name)]


def _version_in(command: str) -> tuple[int, int] | None:
    match = NAME.match(os.path.basename(command))
    if not match:
        return None
    major, minor = match.group(1).split(".")
    return int(major), int(minor)


def _has_pip(interpreter: Interpreter) -> bool:
    try:
        _run([interpreter.path, "-m", "pip", "--version"], seconds=LOOK_SECONDS)
        return True
    except RuntimeError:
        return False


def _own(interpreter: Interpreter) -> list[str]:
    pip = [interpreter.path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return pip + requirements(interpreter)


def _foreign(interpreter: Interpreter) -> list[str]:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    pip += ["--python-version", interpreter.name]
    if interpreter.version == (2, 7):
        pip.append("--no-deps")  # pip reads what a package needs as if for the Python it runs on itself
    return pip + requirements(interpreter)


def requirements(interpreter: Interpreter) -> list[str]:
    """pip's arguments for what the SDK needs there, and PySocks: by the lock file; below 3.10, as setup.cfg says."""
    if interpreter.version < TOOLKIT:
        return [*of_setup(interpreter.version), "PySocks==1.7.1"]
    source = ROOT / "packaging" / ("lowest.txt" if LOWEST else "lock.txt")
    lines = subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "locked.py"), "--file", str(source), "socks"],
        stdout=subprocess.PIPE,
        timeout=LOOK_SECONDS,
        check=True,
    ).stdout
    listed = CACHE / f"requirements-{hashlib.sha1(lines).hexdigest()[:12]}.txt"
    listed.parent.mkdir(parents=True, exist_ok=True)
    if not listed.is_file():
        aside = listed.with_name(f".{listed.name}.{os.getpid()}")
        aside.write_bytes(lines)
        aside.replace(listed)
    return ["--require-hashes", "-r", str(listed)]


def of_setup(version: tuple[int, int]) -> list[str]:
    """What setup.cfg asks for there; with LOWEST, of each the lowest version.  All of it by name below 3.7.

    The pips there, and another interpreter's, may take what is too new for them.
    """
    from packaging.requirements import Requirement  # pytest brings it, and what prints the table runs without

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    named = "{}.{}".format(*version)
    wanted = []
    for line in setup["options"]["install_requires"].split("\n"):
        asked = Requirement(line) if line else None
        if asked and (asked.marker is None or asked.marker.evaluate({"python_version": named})):
            low = next(each.version for each in asked.specifier if each.operator == ">=")
            wanted.append(f"{asked.name}=={low}" if LOWEST else f"{asked.name}{asked.specifier}")
    if version == (2, 7):
        wanted.append("chardet<3.1" if LOWEST else "chardet<5")
    elif version == (3, 6):
        wanted.append("charset_normalizer<2.1")
    return wanted


def _run(command: list[str], seconds: float = INSTALL_SECONDS) -> None:
    """Run command; RuntimeError with what it printed if it fails or takes longer."""
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            env=_environment(),
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        printed = getattr(error, "output", None) or b""
        raise RuntimeError(f"{' '.join(command)}: {error}\n{printed.decode(errors='replace')}") from error


def _environment() -> dict[str, str]:
    """Return our environment less what would give another interpreter our packages."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def describe() -> str:
    """Return one line: the versions found, and which important ones are absent."""
    line = "interpreters found: " + " ".join(each.name for each in find())
    absent = [name for name, interpreter in important().items() if interpreter is None]
    return line + (f"; absent: {' '.join(absent)}" if absent else "")


def main(arguments: list[str]) -> int:
    """Print the table, or with `--prepare X.Y` one interpreter and its folder."""
    if arguments[:1] == ["--prepare"] and len(arguments) == 2:
        for interpreter in find():
            if interpreter.name == arguments[1]:
                print(interpreter.path, prepare(interpreter))
                return 0
        print(f"Python {arguments[1]} was not found on this machine", file=sys.stderr)
        return 1
    if arguments:
        print("usage: python -m test.interpreters [--prepare X.Y]", file=sys.stderr)
        return 2
    for interpreter in find():
        print(f"{interpreter.name:<6}{interpreter.path}")
    print(describe())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
