"""A program of the SDK's users, on Python 2.7 and 3: it begins uploads, or goes on with what such a program kept.

    python -m test.samples.program begin|begin-stream|resume-stream ENDPOINT SPACE KEY FILE STATE
    python -m test.samples.program resume ENDPOINT STATE...

STATE: the checkpoint; of a stream what the program itself wrote down of the handler.  The keys are in the environment.
It prints a list of [status_code, error] as JSON.
"""

from __future__ import absolute_import, division, print_function

import io
import json
import os
import sys

from ucloud.ufile import config as ufile_config
from ucloud.ufile.multipartuploadufile import MultipartUploadUFile
from ucloud.uvideo import config
from ucloud.uvideo.multipartuploaduvideo import MultipartUploadUVideo

KEPT = ("uploadid", "blocksize", "etaglist", "pausepartnumber")


def run(step, endpoint, *words):
    """The (ret, resp) of each upload."""
    keys = os.environ["UVIDEO_TEST_PUBLIC_KEY"], os.environ["UVIDEO_TEST_PRIVATE_KEY"]
    for each in (config, ufile_config):
        each.set_default(uploadsuffix=endpoint, downloadsuffix=endpoint, maxthread=1)
    if step == "resume":
        return [MultipartUploadUVideo(*keys).resumeuploadfile(checkpoint=state) for state in words]
    space, key, path, state = words
    if step == "begin":
        handler = MultipartUploadUVideo(*keys)
        return [handler.uploadfile(space, key, path, retrycount=0, mime_type="video/mp4", checkpoint=state)]
    handler = MultipartUploadUFile(*keys)
    with io.open(path, "rb") as stream:
        if step == "begin-stream":
            answer = handler.uploadstream(space, key, stream, 0, mime_type="video/mp4")
            with io.open(state, "wb") as file:
                file.write(json.dumps(dict((name, getattr(handler, name)) for name in KEPT)).encode("ascii"))
            return [answer]
        with io.open(state, "rb") as file:
            kept = json.loads(file.read().decode("ascii"))
        stream.seek(kept["blocksize"] * kept["pausepartnumber"])
        return [handler.resumeuploadstream(bucket=space, key=key, stream=stream, mime_type="video/mp4", **kept)]


if __name__ == "__main__":
    print(json.dumps([[resp.status_code, resp.error] for _, resp in run(*sys.argv[1:])]))
