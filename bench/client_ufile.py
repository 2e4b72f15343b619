"""One timed job with the official SDK `ufile`, as bench.client_sdk.  The space is `localhost`, the suffix `:PORT`."""

from __future__ import annotations

import logging
import sys

from ufile import config, filemanager, multipartuploadufile

from bench.small import report


def main() -> None:
    job, endpoint, public_key, space, *rest = sys.argv[1:]
    private_key = sys.stdin.readline().strip()
    suffix = ":" + endpoint.rpartition(":")[2]
    config.set_default(uploadsuffix=suffix, downloadsuffix=suffix)
    logging.disable(logging.CRITICAL)  # it logs every request to standard error
    manager = filemanager.FileManager(public_key, private_key)

    def uploader() -> multipartuploadufile.MultipartUploadUFile:
        """One for each call: this SDK keeps an upload's state on the object, so threads cannot share it."""
        return multipartuploadufile.MultipartUploadUFile(public_key, private_key)

    def good(answer: tuple) -> None:
        if not answer[1].ok():
            raise SystemExit(str(answer[1].error))

    if job == "upload":
        good(uploader().uploadfile(space, "big", rest[0], maxthread=int(rest[1])))
    elif job == "download":
        good(manager.download_file(space, "big", rest[0]))
    else:
        folder, count, threads = rest[0], int(rest[1]), int(rest[2])
        source = folder + "/source"
        report(
            {
                "put (multipart)": lambda n: good(uploader().uploadfile(space, f"s/{n}", source)),
                "put": lambda n: good(manager.putfile(space, f"s/{n}", source)),
                "get": lambda n: good(manager.download_file(space, f"s/{n}", f"{folder}/{n}")),
                "delete": lambda n: good(manager.deletefile(space, f"s/{n}")),
            },
            count,
            threads,
            *rest[3:],
        )


if __name__ == "__main__":
    main()
