# -*- coding: utf-8 -*-
"""Requests that the program sends itself, signed by the older SDK's Auth, BaseUFile and util."""

import os

import requests
from ucloud.auth import Auth
from ucloud.ufile.baseufile import BaseUFile
from ucloud.ufile.httprequest import ResponseInfo
from ucloud.util import _check_dict, file_etag, ufile_put_url

public_key, private_key, bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]


class Signer(BaseUFile):
    def __init__(self, public_key, private_key):
        super(Signer, self).__init__(public_key, private_key)

    def put(self, bucket, key, data, header):
        _check_dict(header)
        header["Authorization"] = self.authorization("put", bucket, key, header)
        return ResponseInfo(requests.put(ufile_put_url(bucket, key), headers=header, data=data, timeout=240))


resp = Signer(public_key, private_key).put(bucket, "signed", b"by hand", {"Content-Type": "text/plain"})
assert resp.ok(), resp
with open("signed.local", "wb") as made:
    made.write(b"by hand")
assert resp.etag == '"%s"' % file_etag("signed.local", 4 * 1024 * 1024)

signer = Auth(public_key, private_key)
params = {"Action": "DescribeBucket", "BucketName": bucket}
params["Signature"] = signer.bucket_signature(params)
assert requests.get(os.environ["API"], params=params, timeout=240).json()["RetCode"] == 0
