"""A SeaweedFS cluster for tests: a master, three volume servers that keep everything twice, a filer that speaks S3."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import obstore
from obstore.store import S3Store

from test.cluster.program import Program, find, free_ports, scratch

__all__ = ["ACCESS", "REGION", "SECRET", "Seaweed", "start_seaweed"]

HOST = "127.0.0.1"
ACCESS, SECRET, REGION = "access-of-the-tests", "secret of the tests", "us-east-1"
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
_numbers = itertools.count(1)


@dataclass
class Seaweed:
    """``volumes``: the volume servers, one of which may be killed."""

    port: int
    folder: Path
    master: str = ""
    volumes: list[Program] = field(default_factory=list)
    others: list[Program] = field(default_factory=list)
    filer: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """The environment that a gateway finds them in."""
        return {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}

    def url(self, prefix: str = "", port: int | None = None) -> str:
        """As ``--blobs`` takes it.  ``port``: of something that stands before this."""
        endpoint = f"http://{HOST}:{port or self.port}"
        return f"s3://{BUCKET}/{prefix}?endpoint={quote(endpoint, safe='')}&region={REGION}"

    def fresh(self) -> str:
        """A URL with a prefix that nobody used."""
        return self.url(f"test{next(_numbers)}")

    def store(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=self.endpoint,
            access_key_id=ACCESS,
            secret_access_key=SECRET,
            region=REGION,
            client_options={"allow_http": True, "timeout": "20s"},
            retry_config={"max_retries": 0},
        )

    def works(self) -> bool:
        """Whether something can be stored and read."""
        try:
            store = self.store()
            obstore.put(store, "probe", b"probe")
            return bytes(obstore.get(store, "probe").bytes()) == b"probe"
        except obstore.exceptions.BaseError:
            return False

    def make_bucket(self) -> bool:
        """Over the filer: obstore makes no buckets."""
        request = urllib.request.Request(f"http://{HOST}:{self.filer}/buckets/{BUCKET}/", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return 200 <= answer.status < 300


@contextlib.contextmanager
def start_seaweed() -> Iterator[Seaweed]:
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
            program = Program([weed, "-logtostderr=true", "-v=0", kind, *bound, *options], folder / f"{name}.log")
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
        seaweed = Seaweed(s3, folder, master, volumes, [first, last], filer)
        last.wait_until(seaweed.make_bucket)
        last.wait_until(seaweed.works)
        yield seaweed


def _answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status == 200
