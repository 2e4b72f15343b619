"""A machine with systemd as its first process: this one's files below an overlay, booted by systemd-nspawn.

What a test does in it is gone afterwards.  It has its own loopback and no other network.  Debian's packages that this
machine has are there, but their services are not started; pip finds the wheels of this project.  Needs root,
systemd-nspawn and overlayfs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from test import patience
from test.interpreters import ROOT

__all__ = ["Failed", "Machine", "booted", "missing"]

WHEELS = ROOT / ".cache" / "operate" / "wheels"  # made by make test-operate
#: $1: an empty folder; $2: what both sides see, /shared in the machine; $3: the wheels, /wheels there.
LAUNCH = r"""
set -eu
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/tree"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/tree"
units="$1/tree/etc/systemd/system"
mkdir -p "$units"
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=runner.service\n' > "$units/testing.target"
printf '[Unit]\nAfter=basic.target\n[Service]\nExecStart=/bin/bash /shared/runner.sh\n' > "$units/runner.service"
ln -s /dev/null "$units/systemd-networkd-wait-online.service"
rm -f "$1/tree/etc/machine-id"
exec systemd-nspawn --quiet --directory="$1/tree" --boot --register=no --keep-unit --private-network \
    --machine=uvideo-test --bind="$2:/shared" --bind-ro="$3:/wheels" --console=read-only \
    systemd.unit=testing.target </dev/null
"""
#: Runs what it is told the number of, one after the other.  Whoever asks finds the output and then the exit code.
RUNNER = r"""
exec 3<>/shared/ask
echo up > /shared/up.part && mv /shared/up.part /shared/up
export PIP_CONFIG_FILE=/shared/pip.conf HOME=~root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd
while read -r number <&3; do
    bash -eu -o pipefail "/shared/$number.sh" > "/shared/$number.out" 2>&1 </dev/null
    echo $? > "/shared/$number.part"
    mv "/shared/$number.part" "/shared/$number.code"
done
"""


class Failed(AssertionError):
    """A script ended with another exit code than 0; its output."""


def missing() -> str:
    """What this machine has not that the other needs, "" if it has all."""
    if os.geteuid():
        return "root"
    for name in ("systemd-nspawn", "unshare", "setpriv"):
        if shutil.which(name) is None:
            return name
    return "" if "overlay" in Path("/proc/filesystems").read_text() else "overlayfs"


class Machine:
    """``shared``: a folder that it sees as /shared.  Not for several threads at once."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self._count = 0

    def run(self, script: str, seconds: float = patience.SUITE_SECONDS) -> str:
        """What a bash script prints, errors among it.  Root runs it there, until its first error.  Failed."""
        self._count += 1
        number = self._count
        (self.shared / f"{number}.sh").write_text(script, encoding="utf-8")
        ask = os.open(self.shared / "ask", os.O_WRONLY | os.O_NONBLOCK)  # fails if nobody reads there any more
        try:
            os.write(ask, b"%d\n" % number)
        finally:
            os.close(ask)
        code = self.shared / f"{number}.code"
        patience.until(code.exists, seconds)
        output = (self.shared / f"{number}.out").read_text(encoding="utf-8", errors="replace")
        if code.read_text().strip() != "0":
            raise Failed(f"{script}\nexit code {code.read_text().strip()}:\n{output}")
        return output


@contextlib.contextmanager
def booted() -> Iterator[Machine]:
    """One that runs while the block does."""
    with tempfile.TemporaryDirectory(prefix="machine-") as name:
        folder = Path(name)
        shared, inside = folder / "shared", folder / "machine"
        folder.chmod(0o755)
        for each in (shared, inside):
            each.mkdir(mode=0o755)
        (shared / "runner.sh").write_text(RUNNER, encoding="utf-8")
        (shared / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n", encoding="utf-8")
        os.mkfifo(shared / "ask")
        with open(folder / "console", "wb") as console:
            process = subprocess.Popen(
                [
                    # Whatever ends this process, or the one that waits for the machine, ends all that runs in there.
                    *("setpriv", "--pdeathsig", "KILL"),
                    *("unshare", "--mount", "--propagation", "private"),
                    *("--pid", "--fork", "--kill-child", "--mount-proc"),
                    "bash",
                    "-c",
                    LAUNCH,
                    "machine",
                    inside,
                    shared,
                    WHEELS,
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                up = shared / "up"
                patience.until(lambda: up.exists() or process.poll() is not None, patience.SUITE_SECONDS)
                said = (folder / "console").read_text(errors="replace")[-4000:]
                assert up.exists(), f"it does not boot:\n{said}"
                yield Machine(shared)
            finally:
                process.send_signal(signal.SIGKILL)  # with it goes all that runs in there, and the mounts
                process.wait()
