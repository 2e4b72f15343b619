# -*- coding: utf-8 -*-
"""A subclass of FileManager that sets options after its creation, with None for arguments its caller left out."""

import os

from ucloud.uvideo.filemanager import *


class UFileHelper(FileManager):
    def __init__(self, public_key, private_key, bucket=None, connection_timeout=300, upload_suffix=None,
                 download_suffix=None, expires=None, user_agent=None, md5=None):
        super(UFileHelper, self).__init__(public_key, private_key)
        self.public_key, self.private_key, self.bucket = public_key, private_key, bucket
        config.set_default(
            uploadsuffix=upload_suffix,
            downloadsuffix=download_suffix,
            connection_timeout=connection_timeout,
            expires=expires,
            user_agent=user_agent,
            md5=md5,
        )

    def put_file(self, put_key, localfile, header=None, bucket=None):
        ret, resp = self.putfile(bucket or self.bucket, put_key, localfile, header=header)
        logger.info("put %s", put_key)
        return resp.status_code == 200


with open("helper.local", "wb") as made:
    made.write(b"helped")
suffix = os.environ["SUFFIX"]
keys = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"]
helper = UFileHelper(*keys, bucket=os.environ["BUCKET"], upload_suffix=suffix, download_suffix=suffix)
assert helper.put_file("helped", "helper.local")
config.set_default(uploadsuffix=None, expires=None)
assert FileManager(*keys).head_file(os.environ["BUCKET"], "helped")[1].status_code == 200
assert (BLOCKSIZE, get_default("expires")) == (4 * 1024 * 1024, 60)
