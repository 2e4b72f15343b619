"""The unit as docs/operate.md installs it, under a real systemd: settings, certificate, secrets, ends, priorities."""

from __future__ import annotations

import re

import pytest

from test import patience
from test.interpreters import ROOT
from test.operate.machine import Machine
from test.server.test_reload import pair
from uvideo.server.process import exit_codes

#: Of the main process; how often systemd started it again; the exit code of the last that ended.
STATE = ("ActiveState", "MainPID", "NRestarts", "ExecMainStatus")


def block(mark: str, page: str = "operate") -> str:
    """The commands of a page of the documents that hold this text."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    (found,) = (each for each in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if mark in each)
    return found


@pytest.fixture(scope="module")
def installed(machine: Machine) -> Machine:
    machine.run(block("systemd-sysusers uvideo.conf") + block("systemctl enable --now uvideo\n"))
    return machine


@pytest.fixture
def service(installed: Machine) -> Machine:
    """It runs as it was installed, whatever an earlier test left."""
    installed.run(
        "rm -rf /etc/systemd/system/uvideo.service.d; : > /etc/uvideo/settings\n"
        "chmod 600 /var/lib/uvideo/credentials.json; systemctl daemon-reload; systemctl restart uvideo"
    )
    return installed


def state(machine: Machine) -> list[str]:
    """The values of STATE."""
    lines = machine.run(f"systemctl show --property={','.join(STATE)} uvideo").splitlines()
    found = dict(line.split("=", 1) for line in lines)
    return [found[name] for name in STATE]


def said(machine: Machine, priority: str) -> str:
    """What the journal has of the service.  It may come later than what the service did next."""
    return machine.run(f"journalctl -u uvideo -p {priority} --no-pager -o cat")


def metric(machine: Machine, name: str, scheme: str = "http") -> float:
    text = machine.run(f"curl --silent --insecure {scheme}://127.0.0.1:9001/metrics")
    return float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0])


def test_it_is_installed_and_answers(service: Machine) -> None:
    assert state(service)[0] == "active"
    assert service.run(
        "stat -c '%U:%G %a' /etc/uvideo /etc/uvideo/settings /var/lib/uvideo /var/log/uvideo"
    ).split() == [*("root:uvideo", "750", "root:uvideo", "640", "uvideo:uvideo", "700", "uvideo:uvideo", "700")]
    assert service.run("curl --silent http://127.0.0.1:9001/readyz").startswith("ok")
    assert "MemoryMax=2147483648" in service.run("systemctl show uvideo")


def test_settings_and_certificate_are_reloaded_by_systemctl(service: Machine) -> None:
    old, new = pair(), pair(days=30)
    for name, data in (("old.pem", old.chain), ("old.key", old.key), ("new.pem", new.chain), ("new.key", new.key)):
        (service.shared / name).write_bytes(data)
    copy = "install -o root -g uvideo -m 0640 /shared/{0}.pem /etc/uvideo/tls.pem && install -o root -g uvideo -m 0640"
    copy += " /shared/{0}.key /etc/uvideo/tls.key"
    service.run(
        copy.format("old")
        + "\nprintf 'UVIDEO_SERVE_TLS_CERT=/etc/uvideo/tls.pem\nUVIDEO_SERVE_TLS_KEY=/etc/uvideo/tls.key\n"
        "UVIDEO_SERVE_RELOAD_SECONDS=0\n' > /etc/uvideo/settings; systemctl restart uvideo"
    )
    pid = state(service)[1]
    seen = "openssl s_client -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -outform DER | sha256sum"
    service.run(copy.format("new"))
    service.run("echo UVIDEO_SERVE_LOG_LEVEL=debug >> /etc/uvideo/settings; systemctl reload uvideo")
    expected = service.run("openssl x509 -in /shared/new.pem -outform DER | sha256sum")
    for port in ("9000", "9001"):
        patience.until(lambda port=port: service.run(seen.format(port)) == expected)
    patience.until(lambda: state(service)[:2] == ["active", pid])
    assert metric(service, "uvideo_reload_successful", "https") == 1
    patience.until(lambda: "log_level = 'debug', a new certificate" in said(service, "info"))
    service.run("echo UVIDEO_SERVE_NONSENSE=1 >> /etc/uvideo/settings; systemctl reload uvideo")
    patience.until(lambda: "line 5: there is no setting" in said(service, "err"))
    patience.until(lambda: state(service)[:2] == ["active", pid])  # it tells systemd after it has told the journal
    assert metric(service, "uvideo_reload_successful", "https") == 0


def test_a_permanent_error_ends_it_for_good_and_others_do_not(service: Machine) -> None:
    service.run("chmod 644 /var/lib/uvideo/credentials.json; systemctl restart uvideo || true")
    patience.until(lambda: state(service)[0] == "failed")
    found = state(service)
    assert found[2:] == ["0", str(exit_codes.KEYS.code)], found
    patience.until(lambda: "credentials.json can be read by others" in said(service, "err"))
    service.run("chmod 600 /var/lib/uvideo/credentials.json; systemctl start uvideo")
    service.run("kill -9 $(systemctl show -P MainPID uvideo)")
    patience.until(lambda: state(service)[0] == "active" and state(service)[2] == "1")


def test_secrets_come_as_credentials(service: Machine) -> None:
    service.run(block("LoadCredential=secrets", "server"))
    assert state(service)[0] == "active"
    environ = service.run("cat /proc/$(systemctl show -P MainPID uvideo)/environ | tr '\\0' '\\n'")
    assert "UVIDEO_SERVE_SETTINGS=/etc/uvideo/settings:/run/credentials/uvideo.service/secrets" in environ
    assert "40 random characters" not in environ
    program = (
        "from uvideo import Client; c = Client('UVIDEO0123456789', 'put 40 random characters here', "
        "endpoint='127.0.0.1:9000'); c.create_space('by-credentials'); print(c.stat_space('by-credentials').name)"
    )
    assert service.run(f'/opt/uvideo/bin/python -c "{program}"').strip() == "by-credentials"
    assert "UVIDEO0123456789, from the settings" in service.run(block("--settings /run/credentials", "server"))
