"""What a scenario has at hand: an SDK, or another client, pointed at a fault proxy before a server, and a folder."""

from __future__ import annotations

import hashlib
import http.client
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from test import patience
from test.regressions.clients import CLIENTS
from ucloud.uvideo.engine.carrier import carrier_of

__all__ = ["BLOCK", "Ours", "Official", "World", "content"]

BLOCK = 4194304
SPACE = "localhost"  # the official SDK makes <space><suffix> of it, and the suffix is :PORT
STUCK = 1.0  # seconds that a call stands at one place until it counts as standing still
PATIENCE = 20.0  # seconds that a call may take


def content(size: int, seed: int = 1) -> bytes:
    """Bytes that differ from place to place."""
    block = hashlib.sha256(str(seed).encode()).digest() * 32768
    return b"".join(b"%16d" % number + block[16:] for number in range(-(-size // len(block))))[:size]


class Official:
    """ufile 3.2.11, unmodified; clients.md section 1 says how it is pointed at another server."""

    name = "ufile"

    def __init__(self, world: World) -> None:
        from ufile import bucketmanager, config, filemanager, multipartuploadufile

        self.world, self.config = world, config
        self.modules = bucketmanager, filemanager, multipartuploadufile
        self.slept: list[float] = []
        config.set_default(uploadsuffix=f":{world.proxy}", downloadsuffix=f":{world.proxy}", expires=60)
        bucketmanager.UCLOUD_API_URL = f"http://127.0.0.1:{world.proxy}"

    def suffix(self, port: int) -> str:
        return f":{port}"

    def files(self) -> Any:
        return self.modules[1].FileManager(*self.world.keys)

    def downloader(self) -> Any:
        return self.files()

    def deleter(self) -> Any:
        return self.files()

    def parts(self, suffix: str | None = None) -> Any:
        return self.modules[2].MultipartUploadUFile(*self.world.keys, upload_suffix=suffix)

    def spaces(self) -> Any:
        return self.modules[0].BucketManager(*self.world.keys)

    def describe(self, manager: Any, *args: Any) -> Any:
        return manager.describebucket(*args)

    def update(self, manager: Any, name: str, kind: str) -> Any:
        return manager.updatebucket(name, kind)

    def resume(self, parts: Any, path: Path) -> Any:
        return parts.resumeuploadfile(retrycount=1, retryinterval=0, localfile=str(path))

    def listed(self, answer: Any) -> list[Any]:
        return list((answer[0] or {}).get("DataSet") or [])

    def clock(self) -> None:
        """Note waits instead of waiting."""
        self.modules[2].time.sleep = self.slept.append


class Ours:
    """ucloud.uvideo; waits are noted instead of waited, everything else is as a user has it."""

    name = "ucloud"

    def __init__(self, world: World) -> None:
        from ucloud.uvideo import config

        self.world, self.config = world, config
        self.slept: list[float] = []
        config.set_default(uploadsuffix=f"127.0.0.1:{world.proxy}", expires=60, connection_timeout=20)

    def suffix(self, port: int) -> str:
        return f"127.0.0.1:{port}"

    def quick(self, handler: Any) -> Any:
        carrier_of(handler).sleep = self.slept.append
        return handler

    def files(self) -> Any:
        from ucloud.uvideo import filemanager

        return self.quick(filemanager.FileManager(*self.world.keys))

    def downloader(self) -> Any:
        from ucloud.uvideo import downloaduvideo

        return self.quick(downloaduvideo.DownloadUVideo(*self.world.keys))

    def deleter(self) -> Any:
        from ucloud.uvideo import deleteuvideo

        return self.quick(deleteuvideo.DeleteUVideo(*self.world.keys))

    def parts(self, suffix: str | None = None) -> Any:
        from ucloud.uvideo import multipartuploaduvideo

        return self.quick(multipartuploaduvideo.MultipartUploadUVideo(*self.world.keys, upload_suffix=suffix))

    def spaces(self) -> Any:
        from ucloud.uvideo import spacemanager

        return self.quick(spacemanager.BucketManager(*self.world.keys))

    def describe(self, manager: Any, *args: Any) -> Any:
        return manager.describespace(*args)

    def update(self, manager: Any, name: str, kind: str) -> Any:
        return manager.updatespace(name, kind)

    def resume(self, parts: Any, path: Path) -> Any:
        return parts.resumeuploadfile()

    def listed(self, answer: Any) -> list[Any]:
        return list((answer[0] or {}).get("DataSet") or [])

    def clock(self) -> None:
        """Every handler of ours notes its waits already."""


class World:
    """One run of one scenario.  ``space`` is private; keys made by ``key`` are this run's own."""

    space = SPACE

    def __init__(
        self, name: str, sdk: str, server: int, proxy: int, control: int, keys: tuple[str, str], folder: Path
    ) -> None:
        self.name, self.server, self.proxy, self.control = name, server, proxy, control
        self.keys, self.folder = keys, folder
        self.findings: list[str] = []
        self.sdk: Any = {"ufile": Official, "ucloud": Ours, **CLIENTS}[sdk](self)

    @property
    def official(self) -> bool:
        return isinstance(self.sdk, Official)

    def found(self, text: str) -> None:
        """A promise is broken.  Printed at once, so that it is known even if the process must be killed."""
        if text not in self.findings:
            self.findings.append(text)
            print(json.dumps({"found": text}), flush=True)

    def check(self, kept: Any, text: str) -> bool:
        """Find ``text`` unless ``kept``; whether it is."""
        if not kept:
            self.found(text)
        return bool(kept)

    def key(self, name: str) -> str:
        return f"{self.name}/{self.sdk.name}/{name}"

    # Files

    def path(self, name: str) -> Path:
        return self.folder / name

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    # The proxy

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=patience.SECONDS)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {text}")
            return json.loads(text or "null")
        finally:
            connection.close()

    def faults(self, *scripts: tuple[Any, ...]) -> None:
        """Replace all faults by these: (operation or match, step, step...)."""
        self.fired()
        made = []
        for match, *steps in scripts:
            made += [{**(match if isinstance(match, dict) else {"on": match}), **step} for step in steps]
        self.ask("POST", "/faults", made)

    def fired(self) -> None:
        """RuntimeError if a fault never fired: then the scenario shows nothing."""
        if left := self.ask("GET", "/unfired"):
            raise RuntimeError(f"faults that never fired: {left}")

    def seen(self, operation: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """The requests the proxy has seen."""
        log = self.ask("GET", "/log")
        return [
            entry
            for entry in log
            if (operation is None or entry["operation"] == operation)
            and all(entry[name] == value for name, value in fields.items())
        ]

    # The service, asked past both SDKs' doubtful parts: with our own signature, without the proxy

    def direct(self, method: str, key: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        """(status, headers, bytes) of one request signed by the protocol core."""
        from ucloud.uvideo.protocol import signature
        from ucloud.uvideo.protocol.compat import quote_path
        from ucloud.uvideo.protocol.message import Headers

        fields = Headers(list((headers or {}).items()))
        credentials = signature.Credentials(*self.keys)
        fields.add("Authorization", signature.authorization(credentials, method, self.space, key, fields))
        connection = http.client.HTTPConnection("localhost", self.server, timeout=patience.SECONDS)
        try:
            connection.request(method, "/" + quote_path(key), body, dict(fields))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def put(self, key: str, data: bytes) -> None:
        status, _, body = self.direct("PUT", key, data)
        if status != 200:
            raise RuntimeError(f"PUT {key}: {status} {body!r}")

    def stored(self, key: str) -> bytes | None:
        """The object's bytes; None if there is none."""
        status, _, body = self.direct("GET", key)
        if status not in (200, 404):
            raise RuntimeError(f"GET {key}: {status} {body!r}")
        return body if status == 200 else None

    # Calls that may not come back, or raise

    def ends(self, call: Callable[[], Any], stuck: str = "", alone: bool = False) -> tuple[bool, Any, str]:
        """(whether it came back, what it returned or None, where it stands still or what it raised).

        ``stuck``: where the official SDK is known to stand; if it has been there for STUCK seconds, or with ``alone``
        while no thread is left that could wake it, it is not waited for any longer.
        """
        result: list[Any] = []
        raised: list[str] = []

        def work() -> None:
            try:
                result.append(call())
            except Exception as error:
                raised.append(type(error).__name__)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        began = arrived = time.monotonic()
        while thread.is_alive() and time.monotonic() < began + PATIENCE:
            thread.join(0.02)
            others = {each for each in threading.enumerate() if each not in (thread, threading.main_thread())}
            there = self.official and stuck and stuck in self._stack(thread) and not (alone and others)
            if not there:
                arrived = time.monotonic()
            elif time.monotonic() > arrived + (STUCK / 5 if alone else STUCK):
                break
        if thread.is_alive():
            return False, None, self._stack(thread)
        return True, result[0] if result else None, raised[0] if raised else ""

    @staticmethod
    def _stack(thread: threading.Thread) -> str:
        """Where a thread stands: file:function, the innermost last."""
        frame = sys._current_frames().get(thread.ident or 0)
        return " ".join(f"{Path(entry.filename).name}:{entry.name}" for entry in traceback.extract_stack(frame))
