"""Debian's logrotate with the configuration that docs/operate.md shows."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

from test import patience
from test.server.test_maintenance import inside
from test.server.wire import Peer
from test.server_fixture import ROOT, start_server
from ucloud.uvideo.protocol import operation


def test_the_audit_log_is_rotated_as_documented(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operate.md").read_text()
    block = page[page.index("/var/log/uvideo/audit.log {") :].partition("```")[0]
    log, config = tmp_path / "data" / "audit.log", tmp_path / "logrotate.conf"
    config.write_text(block.replace("/var/log/uvideo/audit.log", str(log)).replace("su uvideo uvideo\n", ""))
    with start_server(tmp_path / "data", "--no-fsync", "--workers", "2", "--audit-log", str(log)) as server:
        owner = Peer(server)
        space = owner.space()
        before = log.read_bytes()
        command = ["/usr/sbin/logrotate", "--force", "--state", str(tmp_path / "state"), str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience.SECONDS)
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert log.with_name("audit.log.1").read_bytes() == before and before
        assert not log.exists() and "CreateSpace" in inside("audit", server.dir).stdout
        owner.do(operation.PutObject(space, "k"), b"x")
        (line,) = map(json.loads, log.read_text().splitlines())
        assert line["object"] == "k" and stat.S_IMODE(log.stat().st_mode) == 0o600
