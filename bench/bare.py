"""The server to compare with: a bare aiohttp handler, no rule, no catalog, no check.

python -m bench.bare FOLDER prints its port.  PUT hashes the body and streams it to a file, GET sends that by sendfile;
a body of at most 64 KiB only goes to a dict and comes from there.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from aiohttp import web

SMALL = 64 * 1024


class Bare:
    def __init__(self, folder: Path) -> None:
        self._folder, self._small = str(folder), dict[str, bytes]()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "PUT":
            return web.Response(headers={"ETag": await self._put(request)})
        if request.method == "DELETE":
            self._small.pop(request.path, None)
            return web.Response(status=204)
        body = self._small.get(request.path)
        if body is not None:
            return web.Response(body=body, content_type="application/octet-stream")
        return await self._send(request)

    async def _put(self, request: web.BaseRequest) -> str:
        sha1 = hashlib.sha1(usedforsecurity=False)
        if request.content_length is not None and request.content_length <= SMALL:
            body = await request.read()
            sha1.update(body)
            self._small[request.path] = body
            return sha1.hexdigest()
        with open(self._path(request), "wb", buffering=0) as file:
            async for piece in request.content.iter_any():
                sha1.update(piece)
                file.write(piece)
        return sha1.hexdigest()

    async def _send(self, request: web.BaseRequest) -> web.StreamResponse:
        with open(self._path(request), "rb") as file:
            size = file.seek(0, 2)
            response = web.StreamResponse(headers={"Content-Length": str(size)})
            await response.prepare(request)
            assert request.transport is not None
            await asyncio.get_running_loop().sendfile(request.transport, file, 0, size)
        await response.write_eof()
        return response

    def _path(self, request: web.BaseRequest) -> str:
        return f"{self._folder}/{request.path.replace('/', '_')}"


async def main() -> None:
    server = web.Server(Bare(Path(sys.argv[1])).handle, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, backlog=1024)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
