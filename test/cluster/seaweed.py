"""A SeaweedFS cluster for tests: a master, three volume servers that keep everything twice, a filer that speaks S3."""

from __future__ import annotations

import contextlib
import json
import shutil
import urllib.request
from collections.abc import Iterator

from test import patience
from test.cluster.object_store import ObjectStore
from test.cluster.program import Program, find, scratch
from test.ports import free_ports

__all__ = ["start_seaweed"]

HOST = "127.0.0.1"
ACCESS, SECRET = "access-of-the-tests", "secret of the tests"
BUCKET = "uvideo"
VOLUMES = 3
GRPC = 10_000  # what it adds to each port, whatever it is told, for talking among themselves
IDENTITIES = {
    "identities": [
        {
            "name": "uvideo",
            "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}


def make_bucket(filer: int) -> bool:
    """Over the filer: obstore makes no buckets."""
    request = urllib.request.Request(f"http://{HOST}:{filer}/buckets/{BUCKET}/", method="POST")
    with urllib.request.urlopen(request, timeout=patience.SECONDS) as answer:
        return 200 <= answer.status < 300


@contextlib.contextmanager
def start_seaweed() -> Iterator[ObjectStore]:
    """A new cluster on free ports; it has the bucket and has stored something."""
    weed = find("weed")
    with scratch("seaweed") as folder, contextlib.ExitStack() as stack:
        identities = folder / "identities.json"
        identities.write_text(json.dumps(IDENTITIES))
        ports = iter(free_ports(VOLUMES + 3, GRPC))
        bound = [f"-ip={HOST}", f"-ip.bind={HOST}"]

        def where(name: str) -> str:
            path = folder / name
            path.mkdir()
            shutil.chown(path, folder.owner(), folder.group())
            return str(path)

        def start(kind: str, name: str, *options: str) -> Program:
            program = Program(
                [weed, "-logtostderr=true", "-v=0", kind, *bound, *options], folder / f"{name}.log", as_ourselves=True
            )
            stack.callback(program.kill)  # told to stop, each takes 15 s
            return program

        port = next(ports)
        master = f"{HOST}:{port}"
        options = [f"-port={port}", f"-mdir={where('master')}", "-defaultReplication=001"]
        first = start("master", "master", *options, "-volumeSizeLimitMB=1024", "-telemetry=false")
        first.wait_until(lambda: _answers(f"http://{HOST}:{port}/cluster/status"))
        volumes = []
        for number in range(VOLUMES):
            options = [f"-port={next(ports)}", f"-dir={where(f'volume{number}')}"]
            options += ["-max=20", f"-mserver={master}", "-rack=r1", "-minFreeSpace=1"]
            volumes.append(start("volume", f"volume{number}", *options))
        filer, s3 = next(ports), next(ports)
        options = [f"-port={filer}", f"-master={master}"]
        options += [f"-defaultStoreDir={where('filer')}", "-s3", f"-s3.port={s3}"]
        options += [f"-s3.config={identities}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        last = start("filer", "filer", *options)
        store = ObjectStore(s3, ACCESS, SECRET, host=HOST, bucket=BUCKET, volumes=volumes)
        last.wait_until(lambda: make_bucket(filer))
        last.wait_until(store.works)
        yield store


def _answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=patience.SECONDS) as answer:
        return answer.status == 200
