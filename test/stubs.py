"""`python -m test.stubs`: the modules of `ucloud` that have a stub beside them, checked twice.

stubtest compares each stub, which has the published names only, with what the module has at run time.  mypy does not
look at a module that has a stub, so it checks the bodies in a copy without the stubs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / ".cache" / "bodies"
STUBTEST = [sys.executable, "-m", "mypy.stubtest", "--ignore-missing-stub", "--allowlist", "test/stubs.allow"]
#: A namedtuple has no defaults that a checker could read: only the stub says which fields may be left out.
KEPT = "ucloud/uvideo/protocol/operation.pyi"


def stubs() -> list[Path]:
    """The stubs, relative to the root."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "ucloud").rglob("*.pyi"))


def copy() -> None:
    """Copy `ucloud` without its stubs.  Files keep their times, so that mypy reads what changed."""
    given = [path.relative_to(ROOT) for path in (ROOT / "ucloud").rglob("*.py")] + [Path(KEPT), Path("pyproject.toml")]
    for old in COPY.rglob("*.py*"):
        if old.relative_to(COPY) not in given:
            old.unlink()
    for each in given:
        (COPY / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / each, COPY / each)


def main() -> int:
    """Return 0 if bodies and stubs hold, else 1."""
    copy()
    modules = [".".join(path.with_suffix("").parts) for path in stubs()]
    mypy = [sys.executable, "-m", "mypy"]
    bodies = subprocess.run([*mypy, "--config-file", "pyproject.toml", "ucloud"], cwd=COPY)
    return bodies.returncode or subprocess.run([*STUBTEST, *modules], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
