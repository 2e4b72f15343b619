"""The machine of the operators' tests: its first process is systemd, and it leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.operate import machine

pytestmark = [
    pytest.mark.operate,
    pytest.mark.skipif(bool(machine.missing()), reason=f"no {machine.missing()}"),
]


def test_it_boots_and_is_gone_afterwards(tmp_path: Path) -> None:
    mark = Path("/etc/uvideo-machine-test")
    with machine.booted() as found:
        assert found.run("cat /proc/1/comm; systemctl is-system-running || true").split() == ["systemd", "running"]
        found.run(f"touch {mark}; test -e {mark}")
        with pytest.raises(machine.Failed, match="exit code 3:\nseen"):
            found.run("echo seen; exit 3")
        assert found.run("test -e /etc/uvideo-machine-test && echo still").strip() == "still"
    assert not mark.exists()
    assert "machine-" not in Path("/proc/mounts").read_text()
