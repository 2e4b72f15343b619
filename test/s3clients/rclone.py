"""rclone, set up by variables alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from test.s3clients.client import PROGRAMS, Each, Listing, Place, ran

__all__ = ["Rclone", "rclone_settings"]


def rclone_settings(place: Place) -> dict[str, str]:
    """Variables that define the remote ``s``."""
    return {
        "RCLONE_CONFIG_S_TYPE": "s3",
        "RCLONE_CONFIG_S_PROVIDER": "Other",
        "RCLONE_CONFIG_S_ENV_AUTH": "true",
        "RCLONE_CONFIG_S_REGION": "cn-bj",
        "RCLONE_CONFIG_S_ENDPOINT": place.url,
    }


class Rclone(Each):
    def __init__(self, place: Place) -> None:
        self._place = place

    def _ran(self, *words: str | Path, tries: int = 1) -> bytes:
        retries = ("--retries", "1", "--low-level-retries", str(tries))
        return ran(self._place, [PROGRAMS / "rclone", *retries, *words], **rclone_settings(self._place))

    def make(self, bucket: str) -> None:
        self._ran("mkdir", f"s:{bucket}")

    def put(self, bucket: str, key: str, path: Path) -> None:
        self._ran("copyto", path, f"s:{bucket}/{key}")

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("copyto", f"s:{bucket}/{key}", path)

    def get_resumed(self, bucket: str, key: str, path: Path) -> None:
        self._ran("copyto", f"s:{bucket}/{key}", path, tries=10)

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return self._ran("cat", f"--offset={first}", f"--count={last - first + 1}", f"s:{bucket}/{key}")

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._ran("copyto", f"s:{bucket}/{key}", f"s:{bucket}/{target}")

    def listing(self, bucket: str, prefix: str) -> Listing:
        listing = Listing(set(), set())
        for each in json.loads(self._ran("lsjson", "--no-modtime", f"s:{bucket}/{prefix}")):
            if each["IsDir"]:
                listing.folders.add(f"{prefix}{each['Path']}/")
            else:
                listing.keys.add(prefix + each["Path"])
        return listing

    def times(self, bucket: str) -> dict[str, int]:
        """The modification time of each object as rclone shows it, in nanoseconds since 1970."""
        form = ("--format", "tp", "--separator", " ", "--time-format", "unixnano")
        lines = self._ran("lsf", "-R", "--files-only", *form, f"s:{bucket}").decode().splitlines()
        return {name: int(ns) for ns, _, name in (line.partition(" ") for line in lines)}

    def set_time(self, bucket: str, key: str, when: str) -> None:
        """Give an object another modification time, for example 2020-01-02T03:04:05.678."""
        self._ran("touch", "--no-create", "--timestamp", when, f"s:{bucket}/{key}")

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        names = self._place.folder / "deleted"
        names.write_text("".join(f"{key}\n" for key in keys))
        self._ran("delete", "--files-from-raw", names, f"s:{bucket}")

    def presign(self, bucket: str, key: str) -> str:
        return self._ran("link", "--expire", "10m", f"s:{bucket}/{key}").decode().strip()

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        size = f"{part >> 20}Mi"
        options = (f"--s3-chunk-size={size}", f"--s3-upload-cutoff={size}")
        self._ran("copyto", *options, path, f"s:{bucket}/{key}")

    def finish_get(self, bucket: str, key: str, path: Path) -> None:
        rest = self._ran("cat", f"--offset={path.stat().st_size}", f"s:{bucket}/{key}")
        with path.open("ab") as file:
            file.write(rest)

    def abort(self, bucket: str, key: str) -> None:
        self._ran("backend", "cleanup", f"s:{bucket}", "-o", "max-age=0s")
