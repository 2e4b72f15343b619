"""The clients, each as a program of its own: how it is told where the service is, and what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from test import interpreters
from test.proxies.world import Way, World

__all__ = ["FACES", "MAIN", "Face", "Said"]

ROOT = interpreters.ROOT
PROGRAMS = Path(__file__).parent / "programs"
SECONDS = 180
#: Longer than a program may take: whoever waits for silence to end fails the test.
SILENCE = 2 * SECONDS
SILENT = {"sdk": "connection_timeout"}  # what a program calls it, where not timeout


@dataclass(frozen=True)
class Said:
    """``outcome``: {step: value, or {"failed": class, "status": ..., "text": ...}}.  ``met``: addresses and names."""

    outcome: dict[str, Any]
    met: frozenset[str]
    err: str


@dataclass(frozen=True)
class Face:
    """A client.  ``around``: gevent, eventlet or uvloop.  ``old``: on Python 2.7.

    ``told``: by "options", "settings" (variables UVIDEO_...) or the "environment" that requests reads.
    """

    name: str
    program: str
    told: str
    around: str = ""
    old: bool = False

    def run(self, way: Way, world: World, tmp: Path, job: dict[str, Any], retries: int = 3) -> Said:
        """Do a job on this way.  ``retries``: as users set it; what an idle connection was closed under needs one."""
        home, watch = tmp / "home", tmp / "watch"
        home.mkdir(exist_ok=True)
        watch.touch()
        options, environ = self._telling(way, world)
        python, packages = sys.executable, ""
        if self.old:
            found = next(each for each in interpreters.find() if each.version == (2, 7))
            python, packages = found.path, interpreters.prepare(found)
        job = {
            "face": self.name,
            "around": self.around,
            "endpoint": way.endpoint,
            "public_key": way.origin.public_key,
            "private_key": way.origin.private_key,
            "space": world.space,
            "folder": str(tmp),
            **job,
            "options": {**options, "retries": retries, SILENT.get(self.program, "timeout"): SILENCE},
        }
        (tmp / "job.json").write_text(json.dumps(job))
        path = [str(Path(__file__).parent / "watch"), packages, str(ROOT)]
        done = subprocess.run(
            [python, str(PROGRAMS / f"{self.program}.py"), str(tmp / "job.json")],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "LANG": "C.UTF-8",
                "PYTHONPATH": os.pathsep.join(filter(None, path)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "UVIDEO_TEST_WATCH": str(watch),
                **environ,
                "UVIDEO_RETRIES": str(retries),
                "UVIDEO_TIMEOUT": str(SILENCE),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0 and done.stdout, done.stderr[-4000:]
        return Said(json.loads(done.stdout.splitlines()[-1]), frozenset(watch.read_text().splitlines()), done.stderr)

    def says(self, failure: dict[str, Any], cause: str, code: int) -> bool:
        """Whether its error is that of a cause, which has this status_code in the SDK."""
        if self.program == "sdk":
            return bool(failure["status"] == code)
        if self.program == "command":
            return bool(failure["status"] == (2 if code == -3 else 1))
        return (
            self.program == "filesystem" or failure["cause"] == cause
        )  # fsspec's errors are the system's: only a text

    def _telling(self, way: Way, world: World) -> tuple[dict[str, Any], dict[str, str]]:
        """(options, environment).  What the environment has of proxies leads astray where another carrier decides."""
        astray = f"http://127.0.0.1:{world.decoy.port}"
        options: dict[str, Any] = {}
        environ = {"http_proxy": astray, "https_proxy": astray}
        if self.told == "options":
            if way.proxy is not None:
                options["proxy"] = way.proxy
            if way.bundle is not None:
                options["ca_bundle"] = str(way.bundle)
            return options, environ
        if self.told == "settings":
            keys = {
                "ENDPOINT": way.endpoint,
                "PUBLIC_KEY": way.origin.public_key,
                "PRIVATE_KEY": way.origin.private_key,
            }
            given = {**keys, "PROXY": way.proxy, "CA_BUNDLE": way.bundle}
            environ |= {f"UVIDEO_{name}": str(value) for name, value in given.items() if value is not None}
            return options, environ
        if way.proxy is not None:
            environ = {"http_proxy": way.proxy, "https_proxy": way.proxy}
        if way.bundle is not None:
            environ["REQUESTS_CA_BUNDLE"] = str(way.bundle)
        return options, environ


FACES = {
    each.name: each
    for each in (
        Face("sdk 2.7", "sdk", "environment", old=True),
        Face("sdk 3", "sdk", "environment"),
        Face("Client", "typed", "options"),
        Face("async", "typed", "options"),
        Face("command", "command", "settings"),
        Face("fsspec", "filesystem", "settings"),
        Face("async, uvloop", "typed", "options", "uvloop"),
        Face("sdk, gevent", "sdk", "environment", "gevent"),
        Face("Client, gevent", "typed", "options", "gevent"),
        Face("sdk, eventlet", "sdk", "environment", "eventlet"),
        Face("Client, eventlet", "typed", "options", "eventlet"),
    )
}
#: Those that stand on nothing unusual.
MAIN = [name for name, face in FACES.items() if not face.around]
