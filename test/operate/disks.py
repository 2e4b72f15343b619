"""Disks of a test's own: tmpfs in a mount namespace, which servers are started in."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from test.namespace import alone

__all__ = ["Disks", "mounted"]


class Disks:
    """``enter``: what a program is started with to see them.  ``seen``: where a test finds the files of a disk."""

    def __init__(self, holder: int, folder: Path) -> None:
        self._holder, self._folder = holder, folder
        self.enter = ("nsenter", "--target", str(holder), "--user", "--mount", "--preserve-credentials")

    def folder(self, name: str) -> Path:
        return self._folder / name

    def seen(self, name: str) -> Path:
        return Path(f"/proc/{self._holder}/root") / (self._folder / name).relative_to("/")


@contextlib.contextmanager
def mounted(folder: Path, **sizes: int) -> Iterator[Disks]:
    """name -> bytes."""
    alone()  # skips where no namespace can be made
    script = "".join(
        f"mkdir {name} && mount -t tmpfs -o size={size},mode=700 uvideo {name} && " for name, size in sizes.items()
    )
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'cd "$0" && {script}echo ready && exec cat']
    with subprocess.Popen([*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"ready\n"
            yield Disks(holder.pid, folder)
        finally:
            holder.kill()
