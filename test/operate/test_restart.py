"""The unit and its sockets under a real systemd: restarts while clients are at work."""

from __future__ import annotations

import json
import shutil

import pytest

from test.interpreters import ROOT
from test.operate.machine import Failed, Machine

BIG = 64 * 1024 * 1024
CLIENT = f"""
import json, os, time, urllib.request
from uvideo import Client

keys = json.load(open("/var/lib/uvideo/credentials.json"))
with Client(keys["public_key"], keys["private_key"], endpoint="127.0.0.1:9000", retries=0) as client:
    client.create_space("operate")
    client.put("operate", "big", bytes({BIG}))
    client.put("operate", "small", b"x" * 30_000)
    stalled = urllib.request.urlopen(client.presign("operate", "big", expires=86400))
    size = len(stalled.read(1000))
    print("at work", flush=True)
    done, worst, failures = 0, 0.0, []
    while not os.path.exists("/run/stop") and not failures:
        began = time.monotonic()
        try:
            client.put("operate", f"w{{done % 10}}", b"y" * 30_000)
            assert client.get("operate", "small").data == b"x" * 30_000
        except Exception as failure:
            failures.append(repr(failure))
        done, worst = done + 1, max(worst, time.monotonic() - began)
    print(json.dumps([done, worst, failures]), flush=True)
while not os.path.exists("/run/go"):
    time.sleep(0.05)
while piece := stalled.read(1 << 20):
    size += len(piece)
print(size, flush=True)
"""
INSTALL = """
useradd --system --home-dir /var/lib/uvideo --shell /usr/sbin/nologin uvideo
/usr/bin/python3 -m venv /opt/uvideo && /opt/uvideo/bin/pip install --quiet 'uvideo[server]'
mkdir /etc/uvideo && touch /etc/uvideo/settings && echo UVIDEO_SERVE_IDLE=3600 > /etc/uvideo/uvideo.env
install -m 0644 /shared/uvideo.service /shared/uvideo.socket /etc/systemd/system/
systemctl daemon-reload && systemctl enable --now uvideo.socket && systemctl start uvideo
/opt/uvideo/bin/python /shared/client.py > /run/said 2>&1 &
"""
RESTART = "runuser -u uvideo -- /opt/uvideo/bin/uvideo admin restart /var/lib/uvideo"
WORKERS = "/opt/uvideo/lib/python3*/site-packages/uvideo/server/process/supervisor.py"  # that nothing but serve needs


@pytest.fixture(scope="module")
def service(machine: Machine) -> Machine:
    """A machine with the service, and a client at work that has stalled in the middle of a download as well."""
    for kind in ("service", "socket"):
        shutil.copy(ROOT / "packaging" / f"uvideo.{kind}", machine.shared)
    (machine.shared / "client.py").write_text(CLIENT, encoding="utf-8")
    machine.run(INSTALL)
    said = ""
    while not said:
        said = machine.run("cat /run/said; sleep 0.1")
    assert said == "at work\n"
    return machine


def main_pid(machine: Machine) -> int:
    assert machine.run("systemctl is-active uvideo").strip() == "active"
    return int(machine.run("systemctl show -P MainPID uvideo"))


def processes(machine: Machine) -> set[int]:
    return {int(each) for each in machine.run("pgrep -u uvideo").split()}


def test_restarts_fail_no_request_and_wait_for_no_reader(service: Machine) -> None:
    first, before = main_pid(service), processes(service)
    assert service.run("systemctl show -P StatusText uvideo").startswith("answering on http://127.0.0.1:9000")
    service.run("systemctl restart uvideo")
    second = main_pid(service)
    assert second != first and first not in processes(service)
    left = before & processes(service)
    assert len(left) == 1  # the worker that the stalled reader is connected to
    assert service.run(RESTART).split()[:2] == ["process", str(main_pid(service))]
    third = main_pid(service)
    assert third != second
    service.run(f"cp {WORKERS} /run/workers.py; echo ')' >> {WORKERS}")
    with pytest.raises(Failed, match="exit code 2:\nuvideo: .* process .* continues: unmatched"):
        service.run(RESTART)
    service.run(f"cp /run/workers.py {WORKERS}")
    assert main_pid(service) == third and left <= processes(service)
    done, worst, failures = json.loads(
        service.run("touch /run/stop; until [ $(wc -l < /run/said) = 2 ]; do sleep 0.1; done; tail -n 1 /run/said")
    )
    print(f"{done} rounds, the slowest took {worst:.2f} s")
    assert failures == [] and done > 3


def test_systemd_starts_what_was_killed_and_stops_it(service: Machine) -> None:
    killed = main_pid(service)
    service.run("systemctl kill --kill-whom=main -s KILL uvideo")
    service.run(
        f"until systemctl is-active -q uvideo && [ $(systemctl show -P MainPID uvideo) != {killed} ]; "
        "do sleep 0.1; done"
    )
    service.run("touch /run/go; until [ $(wc -l < /run/said) = 3 ]; do sleep 0.1; done")
    assert service.run("tail -n 1 /run/said").strip() == str(BIG)
    service.run("systemctl stop uvideo.socket uvideo")
    assert service.run("systemctl show -P Result uvideo").strip() == "success"
