"""The name `ucloud` is shared with the distribution ucloud-sdk-python3: which ways to have both work, and which do not.

Every case runs as a process of its own, with real wheels in virtual environments.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from test import interpreters
from test.patience import SUITE_SECONDS

pytestmark = pytest.mark.long

ROOT = interpreters.ROOT
SHARED = ("packaging", "docs/monitoring")
SOURCES = ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")

OURS = (
    "from ucloud.uvideo import config, downloaduvideo, deleteuvideo, multipartuploaduvideo, spacemanager;"
    "from ucloud import logger; print('ours')"
)
THEIRS = "import ucloud.core.exc; print('theirs')"
SEAM = "import uvideo._core; print('seam')"


def run(command: list[str], *path: Path | str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command with these folders as PYTHONPATH, in a folder that holds none of our sources."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment.update(PYTHONPATH=os.pathsep.join(map(str, path)), PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SUITE_SECONDS)


def done(command: list[str | Path]) -> None:
    result = run([str(part) for part in command], folder=Path(os.sep))
    assert result.returncode == 0, result.stdout + result.stderr


def copied_tree(target: Path) -> Path:
    """Copy what a distribution is built from, so that building leaves nothing in the sources."""
    target.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("ucloud", "uvideo"):
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for name in SHARED:
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for name in SOURCES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target / name)
    return target


def stand_in(folder: Path) -> Path:
    """Make a wheel laid out as theirs, for a machine whose pip does not reach the real one."""
    name = "ucloud_sdk_python3-0.11.150"
    files = {
        "ucloud/__init__.py": "",
        "ucloud/core/__init__.py": "",
        "ucloud/core/exc.py": "",
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: ucloud-sdk-python3\nVersion: 0.11.150\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{name}.dist-info/RECORD"] = "".join(f"{each},,\n" for each in [*files, f"{name}.dist-info/RECORD"])
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


@pytest.fixture(scope="module")
def packages() -> str:
    """The folder with `requests`, which both distributions need."""
    return interpreters.install(interpreters.Interpreter(sys.version_info[:2], sys.executable))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    tree = copied_tree(folder / "tree")
    done([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "ours", tree])
    (folder / "theirs").mkdir()
    wanted = "ucloud-sdk-python3==0.11.150"
    fetched = run([*pip, "download", "--quiet", "--no-deps", "--dest", str(folder / "theirs"), wanted], folder=folder)
    theirs = next((folder / "theirs").glob("*.whl"), None) if fetched.returncode == 0 else None
    return {"ours": next((folder / "ours").glob("*.whl")), "theirs": theirs or stand_in(folder / "theirs")}


class Environment:
    """A virtual environment without pip; the running one's works on it."""

    def __init__(self, folder: Path, packages: str) -> None:
        done([sys.executable, "-m", "venv", "--without-pip", folder])
        self.folder, self.packages = folder, packages
        self.python = folder / "bin" / "python"

    def pip(self, *arguments: str | Path) -> None:
        done([sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python, *arguments])

    def install(self, wheel: Path) -> None:
        self.pip("install", "--quiet", "--no-deps", "--no-index", wheel)

    def remove(self, name: str) -> None:
        self.pip("uninstall", "--quiet", "--yes", name)

    def says(self, code: str) -> str:
        """What the code prints, or the last line of its error."""
        result = run([str(self.python), "-c", code], self.packages, folder=self.folder)
        return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


NAMES = {"ours": "uvideo", "theirs": "ucloud-sdk-python3"}
CODE = {"ours": OURS, "theirs": THEIRS}


@pytest.mark.parametrize("order", [("ours", "theirs"), ("theirs", "ours")], ids="-then-".join)
def test_both_in_one_site_packages_in_either_order_and_after_removing_either(
    order: tuple[str, str], wheels: dict[str, Path], packages: str, tmp_path: Path
) -> None:
    first, second = order
    environment = Environment(tmp_path / "venv", packages)
    for each in order:
        environment.install(wheels[each])
    assert [environment.says(code) for code in (OURS, THEIRS, SEAM)] == ["ours", "theirs", "seam"]
    environment.remove(NAMES[first])
    assert environment.says(CODE[second]) == second
    environment.install(wheels[first])
    assert [environment.says(code) for code in (OURS, THEIRS)] == ["ours", "theirs"]
    environment.remove(NAMES[second])
    assert environment.says(CODE[first]) == first


def unpacked(wheel: Path, target: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_our_folder_earlier_on_the_path(wheels: dict[str, Path], packages: str, tmp_path: Path) -> None:
    ours, theirs = unpacked(wheels["ours"], tmp_path / "ours"), unpacked(wheels["theirs"], tmp_path / "theirs")
    for code, said in ((OURS, "ours"), (THEIRS, "theirs"), (SEAM, "seam")):
        result = run([sys.executable, "-S", "-c", code], ours, theirs, packages, folder=tmp_path)
        assert result.stdout.strip() == said, result.stderr


def test_our_folder_copied_into_a_project_beside_theirs_installed(
    wheels: dict[str, Path], packages: str, tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv", packages)
    environment.install(wheels["theirs"])
    project = tmp_path / "project"
    shutil.copytree(ROOT / "ucloud", project / "ucloud", ignore=shutil.ignore_patterns("__pycache__"))
    for code, said in ((OURS, "ours"), (THEIRS, "theirs")):
        result = run([str(environment.python), "-c", code], packages, folder=project)
        assert result.stdout.strip() == said, result.stderr


def assert_explained(result: subprocess.CompletedProcess[str]) -> None:
    """The seam says why it cannot load `ucloud`, which distribution it may be, and what to do."""
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: uvideo cannot load its own part of the package `ucloud`: ")
    for hint in ("No module named 'ucloud.uvideo'", "ucloud-sdk-python3", "ucloud.__path__", "PYTHONPATH"):
        assert hint in last


def test_their_folder_earlier_on_the_path_fails_and_the_seam_says_why(
    wheels: dict[str, Path], packages: str, tmp_path: Path
) -> None:
    ours, theirs = unpacked(wheels["ours"], tmp_path / "ours"), unpacked(wheels["theirs"], tmp_path / "theirs")
    result = run([sys.executable, "-S", "-c", OURS], theirs, ours, packages, folder=tmp_path)
    assert result.stderr.strip().splitlines()[-1] == "ModuleNotFoundError: No module named 'ucloud.uvideo'"
    assert_explained(run([sys.executable, "-S", "-c", SEAM], theirs, ours, packages, folder=tmp_path))


def test_our_editable_install_by_a_path_beside_theirs_fails_and_the_seam_says_why(
    wheels: dict[str, Path], packages: str, tmp_path: Path
) -> None:
    """An editable install by a line in a .pth file; the import hook that new setuptools makes by default gets along."""
    environment = Environment(tmp_path / "venv", packages)
    mode = ("--config-settings", "editable_mode=compat")
    environment.pip("install", "--quiet", "--no-deps", *mode, "--editable", copied_tree(tmp_path / "tree"))
    assert environment.says(SEAM) == "seam"
    environment.install(wheels["theirs"])
    assert environment.says(OURS) == "ModuleNotFoundError: No module named 'ucloud.uvideo'"
    assert_explained(run([str(environment.python), "-c", SEAM], packages, folder=tmp_path))
    # What a developer does instead: the root of the repository on the path.
    result = run([str(environment.python), "-c", SEAM], tmp_path / "tree", packages, folder=tmp_path)
    assert result.stdout.strip() == "seam", result.stderr


@pytest.mark.parametrize("interpreter", interpreters.find(), ids=lambda each: each.name)
def test_the_copied_folder_works_with_requests_alone(interpreter: interpreters.Interpreter, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ucloud", tmp_path / "ucloud", ignore=shutil.ignore_patterns("__pycache__"))
    result = run([interpreter.path, "-c", OURS], interpreters.prepare(interpreter), folder=tmp_path)
    assert result.stdout.strip() == "ours", result.stderr


#: Not logging: its NullHandler keeps the SDK silent on 2.7, and urllib3 and others set one in the same place.
HEAVY = "requests urllib3 ssl socket json hashlib http.client httplib email random tempfile".split()


@pytest.mark.parametrize("interpreter", interpreters.ends(), ids=lambda each: each.name)
def test_importing_the_package_imports_nothing_heavy(interpreter: interpreters.Interpreter, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ucloud", tmp_path / "ucloud", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import sys; import pkgutil; before = set(sys.modules); import ucloud.uvideo;"
        "print(' '.join(sorted(name for name in set(sys.modules) - before if sys.modules[name] is not None)))"
    )
    result = run([interpreter.path, "-S", "-c", code], folder=tmp_path)
    ours = [name for name in result.stdout.split() if name.startswith("ucloud")]
    assert ours == ["ucloud", "ucloud.uvideo"], result.stderr
    loaded = run(
        [interpreter.path, "-S", "-c", "import sys, ucloud.uvideo; print(' '.join(sys.modules))"], folder=tmp_path
    )
    assert not set(HEAVY) & set(loaded.stdout.split())
