"""s3fs in an environment of its own: python s3fs_program.py URL VERB ARGUMENT..., which prints JSON or bytes."""

from __future__ import annotations

import json
import sys

import s3fs

url, verb, *words = sys.argv[1:]
fs = s3fs.S3FileSystem(
    client_kwargs={"endpoint_url": url, "region_name": "cn-bj"}, config_kwargs={"retries": {"total_max_attempts": 1}}
)
if verb == "span":
    sys.stdout.buffer.write(fs.cat_file(words[0], start=int(words[1]), end=int(words[2])))
elif verb == "ls":
    json.dump([[each["name"], each["type"]] for each in fs.ls(words[0], detail=True)], sys.stdout)
elif verb == "sign":
    print(fs.sign(words[0], expiration=600))
elif verb == "put":
    for key in words[2:]:
        fs.put_file(words[1], key, chunksize=int(words[0]))
elif verb == "get":
    for key, path in zip(words[::2], words[1::2], strict=True):
        fs.get_file(key, path)
elif verb == "rm":
    fs.rm(words)
else:
    getattr(fs, verb)(*words)
