"""One timed job with the SDK `ucloud`: python -m bench.client_sdk JOB ENDPOINT PUBLIC_KEY SPACE ...

The private key comes on standard input.

upload FILE THREADS | download FILE | small FOLDER COUNT THREADS [JOBS]
"""

from __future__ import annotations

import sys

from bench.small import report
from ucloud.uvideo import config, deleteuvideo, downloaduvideo, filemanager, multipartuploaduvideo


def main() -> None:
    job, endpoint, public_key, space, *rest = sys.argv[1:]
    private_key = sys.stdin.readline().strip()
    config.set_default(uploadsuffix=endpoint, downloadsuffix=endpoint)
    uploader = multipartuploaduvideo.MultipartUploadUVideo(public_key, private_key)
    downloader = downloaduvideo.DownloadUVideo(public_key, private_key)
    deleter = deleteuvideo.DeleteUVideo(public_key, private_key)
    manager = filemanager.FileManager(public_key, private_key)

    def good(answer: tuple) -> None:
        if not answer[1].ok():
            raise SystemExit(repr(answer[1]))

    if job == "upload":
        good(uploader.uploadfile(space, "big", rest[0], maxthread=int(rest[1])))
    elif job == "download":
        good(downloader.download_file(space, "big", rest[0]))
    else:
        folder, count, threads = rest[0], int(rest[1]), int(rest[2])
        report(
            {
                "put (multipart)": lambda n: good(uploader.uploadfile(space, f"s/{n}", folder + "/source")),
                "put": lambda n: good(manager.putfile(space, f"s/{n}", folder + "/source")),
                "get": lambda n: good(downloader.download_file(space, f"s/{n}", f"{folder}/{n}")),
                "delete": lambda n: good(deleter.deletefile(space, f"s/{n}")),
            },
            count,
            threads,
            *rest[3:],
        )


if __name__ == "__main__":
    main()
