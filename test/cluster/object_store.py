"""The S3-compatible store that tests run against: SeaweedFS, or the one that UVIDEO_TEST_S3 names."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import obstore
import pytest
from obstore.store import S3Store

from test.cluster.program import Program

__all__ = ["VARIABLE", "ObjectStore", "given", "start_object_store"]

VARIABLE = "UVIDEO_TEST_S3"
_numbers = itertools.count(1)
_run = f"test-{time.time_ns():x}"


@dataclass
class ObjectStore:
    """``port``, ``host``: where it listens, plain HTTP.  ``volumes``: its servers of which one may be killed."""

    port: int
    access: str
    secret: str = field(repr=False)
    host: str = "127.0.0.1"
    bucket: str = "uvideo"
    region: str = "us-east-1"
    volumes: list[Program] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """The environment that a gateway finds them in."""
        return {"AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret}

    def url(self, prefix: str = "", endpoint: str = "", bucket: str = "") -> str:
        """As ``--blobs`` takes it.  ``endpoint``: of something that stands before this."""
        where = quote(endpoint or self.endpoint, safe="")
        return f"s3://{bucket or self.bucket}/{prefix}?endpoint={where}&region={self.region}"

    def fresh(self) -> str:
        """A URL with a prefix that nobody used."""
        return self.url(f"{_run}-{next(_numbers)}")

    def through(self, url: str, port: int) -> str:
        """The same place by way of a port of 127.0.0.1."""
        changed = url.replace(quote(self.endpoint, safe=""), quote(f"http://127.0.0.1:{port}", safe=""))
        assert changed != url
        return changed

    def store(self, prefix: str = "") -> S3Store:
        return S3Store(
            self.bucket,
            prefix=prefix or None,
            endpoint=self.endpoint,
            access_key_id=self.access,
            secret_access_key=self.secret,
            region=self.region,
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

    def the_first_volume(self) -> Program:
        """A server that can be killed; the test is left out for a store that has none of ours."""
        if not self.volumes:
            pytest.skip(f"the servers of the store that {VARIABLE} names are not ours to kill")
        return self.volumes[0]


def given(text: str) -> ObjectStore:
    """The store of ``http://ACCESS:SECRET@HOST:PORT/BUCKET[?region=NAME]``; quoted as in any URL."""
    parts = urlsplit(text)
    bucket = parts.path.strip("/")
    if parts.scheme != "http" or not (parts.hostname and parts.port and parts.username and parts.password and bucket):
        raise ValueError(f"{VARIABLE} must be http://ACCESS:SECRET@HOST:PORT/BUCKET[?region=NAME]")
    region = dict(parse_qsl(parts.query)).get("region", "us-east-1")
    keys = unquote(parts.username), unquote(parts.password)
    return ObjectStore(parts.port, *keys, host=parts.hostname, bucket=bucket, region=region)


@contextlib.contextmanager
def start_object_store() -> Iterator[ObjectStore]:
    """What the environment names, which stays as it is but for the prefixes of this run; else a new SeaweedFS."""
    text = os.environ.get(VARIABLE)
    if not text:
        from test.cluster.seaweed import start_seaweed

        with start_seaweed() as started:
            yield started
        return
    store = given(text)
    try:
        yield store
    finally:
        for chunk in obstore.list(store.store(), prefix=None, offset=_run, chunk_size=1000):
            ours = [entry["path"] for entry in chunk if entry["path"].startswith(_run)]
            if not ours:
                break
            obstore.delete(store.store(), ours)
