"""Requests made before, sent again and again on so many connections: by wrk where it is installed, else by asyncio.

python -m bench.load PORT CONNECTIONS SECONDS FILE is the second; both take each request of FILE in turn and print or
return answers a second.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

SCRIPT = """
local requests, number = {}, 0
local file = io.open("%s", "rb")
while true do
  local size = file:read("*n")
  if not size then break end
  file:read(1)
  requests[#requests + 1] = file:read(size)
end
request = function()
  number = number %% #requests + 1
  return requests[number]
end
"""


def save(path: Path, requests: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(b"%d\n%s\n" % (len(each), each) for each in requests))


def load(port: int, connections: int, seconds: float, path: Path) -> float:
    """Answers a second.  RuntimeError unless all of them say that it was done."""
    if not shutil.which("wrk"):
        words = [str(each) for each in (port, connections, seconds, path)]
        done = subprocess.run([sys.executable, "-m", "bench.load", *words], capture_output=True, text=True, check=True)
        return float(done.stdout)
    script = path.with_suffix(".lua")
    script.write_text(SCRIPT % path)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None or "Non-2xx" in said:
        raise RuntimeError(said)
    return float(rate.group(1))


class Connection(asyncio.Protocol):
    """Sends a request as soon as the last one is answered."""

    answers = 0

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests, self._data = requests, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, mark, body = self._data.partition(b"\r\n\r\n")
        if not mark:
            return
        length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
        if len(body) < (int(length.group(1)) if length else 0):
            return
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(self._data)
        Connection.answers += 1
        self._data = b""
        self._transport.write(next(self._requests))


async def main(port: str, connections: str, seconds: str, path: str) -> None:
    data, requests = Path(path).read_bytes(), []
    while data:
        size, _, data = data.partition(b"\n")
        requests.append(data[: int(size)])
        data = data[int(size) + 1 :]
    order = itertools.cycle(requests)
    loop = asyncio.get_running_loop()
    for _ in range(int(connections)):
        await loop.create_connection(lambda: Connection(order), "127.0.0.1", int(port))
    started = time.perf_counter()
    await asyncio.sleep(float(seconds))
    print(Connection.answers / (time.perf_counter() - started))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
