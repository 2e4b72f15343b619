"""Runs programs on Python 2.7 and 3: run_programs.py FOLDER RESULT PROGRAM..., each in a process and folder of its own.

The processes are forked once the SDK is loaded, as most of the time of a small program is its imports.
"""

from __future__ import absolute_import, division, print_function

import importlib
import io
import json
import os
import pkgutil
import runpy
import sys
import traceback


def load():
    """Import what programs import; nothing of it keeps a state by that."""
    import requests  # noqa: F401

    import ucloud

    names = ["ucloud." + name for name in ("auth", "compact", "logger", "util", "ufile", "uvideo")]
    for package in names[4:]:
        found = importlib.import_module(package)
        names += [each for _, each, _ in pkgutil.walk_packages(found.__path__, package + ".")]
    for name in names:
        importlib.import_module(name)
    return os.path.dirname(os.path.abspath(ucloud.__path__[0]))


def run(path, folder):
    """(status, what it printed) of one program."""
    name = os.path.splitext(os.path.basename(path))[0]
    place, said = os.path.join(folder, name), os.path.join(folder, name + ".out")
    os.mkdir(place)
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.chdir(place)
            output = os.open(said, os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = [path]
            runpy.run_path(path, run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
            if code:
                traceback.print_exc()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    with io.open(said, encoding="utf-8", errors="replace") as file:
        return status, file.read()


def main(folder, result, *programs):
    told = {"from": load()}
    told["programs"] = dict((os.path.basename(path), run(path, folder)) for path in programs)
    with io.open(result, "wb") as file:
        file.write(json.dumps(told).encode("ascii"))


if __name__ == "__main__":
    main(*sys.argv[1:])
