"""`python -m test.syntax`: compile everything that must also run on Python 2.7 with a real 2.7, where there is one."""

from __future__ import annotations

import subprocess
import sys

from test import interpreters, patience

CLEAN_ON_2_7 = ["setup.py", "packaging/older", "ucloud", "test/demo", "test/sdk", "test/protocol"]
CLEAN_ON_2_7 += [
    "test/causes/sdk.py",
    "test/release/use_sdk.py",
    "test/regressions/programs",
    "test/regressions/run_programs.py",
    "test/samples/program.py",
]
ONLY_ON_3 = ["test/demo/run.py", "test/demo/link.py"]

# Reads names of files and folders, compiles every module in them, and writes nothing.
COMPILE = r"""
import io, os, sys
except_for = sys.argv[1].split(os.pathsep)
files, bad = [], 0
for name in sys.argv[2:]:
    if os.path.isfile(name):
        files.append(name)
    for folder, _, names in os.walk(name):
        files += [os.path.join(folder, each) for each in sorted(names) if each.endswith(".py")]
files = [each for each in files if each not in except_for]
for name in files:
    try:
        with io.open(name, "rb") as source:
            compile(source.read(), name, "exec")
    except SyntaxError as error:
        bad += 1
        print("%s:%s: %s" % (name, error.lineno, error.msg))
print("%d files compile on %d.%d, %d do not" % (len(files) - bad, sys.version_info[0], sys.version_info[1], bad))
sys.exit(1 if bad else 0)
"""


def main() -> int:
    """Return 0 if all compile on 2.7 and 3.6, as far as they are here; else 1."""
    found = [each for each in interpreters.find() if each.version <= (3, 6)]
    for interpreter in found:
        command = [interpreter.path, "-c", COMPILE, ":".join(ONLY_ON_3), *CLEAN_ON_2_7]
        if subprocess.run(command, cwd=interpreters.ROOT, timeout=patience.SECONDS).returncode:
            return 1
    if not any(each.version == (2, 7) for each in found):
        print("Python 2.7 was not found: its syntax was not checked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
