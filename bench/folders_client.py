"""One timed job with a folder: python -m bench.folders_client KIND DIRECTION HOST PUBLIC_KEY SPACE PREFIX FOLDER JOBS

KIND: client or ufile.  DIRECTION: up or down.  The private key comes on standard input.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def main() -> None:
    kind, direction, host, public_key, space, prefix, folder, jobs = sys.argv[1:]
    secret = sys.stdin.readline().strip()
    {"client": client, "ufile": ufile}[kind](
        direction, host, public_key, secret, space, prefix, Path(folder), int(jobs)
    )


def client(
    direction: str, host: str, public_key: str, secret: str, space: str, prefix: str, folder: Path, jobs: int
) -> None:
    from uvideo import Client

    with Client(public_key, secret, endpoint=host) as found:
        if direction == "up":
            found.upload_dir(folder, space, prefix, jobs=jobs)
        else:
            found.download_dir(space, prefix, folder, jobs=jobs)


def ufile(
    direction: str, host: str, public_key: str, secret: str, space: str, prefix: str, folder: Path, jobs: int
) -> None:
    from ufile import config, filemanager

    suffix = ":" + host.rpartition(":")[2]
    config.set_default(uploadsuffix=suffix, downloadsuffix=suffix)
    manager = filemanager.FileManager(public_key, secret)

    def good(answer: Any) -> None:
        if not answer[1].ok():
            raise SystemExit(str(answer[1].error))

    def up(path: Path) -> None:
        good(manager.putfile(space, f"{prefix}/{path.relative_to(folder)}", str(path)))

    def down(key: str) -> None:
        path = folder / key.partition("/")[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        good(manager.download_file(space, key, str(path)))

    with ThreadPoolExecutor(jobs) as pool:
        if direction == "up":
            list(pool.map(up, (path for path in folder.rglob("*") if path.is_file())))
            return
        keys, marker = [], ""
        while True:
            ret, resp = manager.getfilelist(space, f"{prefix}/", marker, 1000)
            good((ret, resp))
            keys += [each["FileName"] for each in ret["DataSet"]]
            marker = ret["NextMarker"]
            if not marker:
                break
        list(pool.map(down, keys))


if __name__ == "__main__":
    main()
