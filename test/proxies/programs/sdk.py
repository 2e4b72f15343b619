"""A program with the published SDK.  2.7 and 3."""

from __future__ import absolute_import, division, print_function

import io
import os

import job as jobs

JOB = jobs.read()

from ucloud.uvideo import config  # noqa: E402
from ucloud.uvideo.deleteuvideo import DeleteUVideo  # noqa: E402
from ucloud.uvideo.downloaduvideo import DownloadUVideo  # noqa: E402
from ucloud.uvideo.filemanager import FileManager  # noqa: E402
from ucloud.uvideo.multipartuploaduvideo import MultipartUploadUVideo  # noqa: E402


class Answer(Exception):
    """A (ret, resp) that is no success."""

    def __init__(self, resp):
        super(Answer, self).__init__(resp.error)
        self.status = resp.status_code


def checked(answer):
    ret, resp = answer
    if not resp.ok():
        raise Answer(resp)
    return ret, resp


class Steps(object):
    def __init__(self):
        config.set_default(uploadsuffix=JOB["endpoint"], downloadsuffix=JOB["endpoint"], **JOB["options"])
        keys = JOB["public_key"], JOB["private_key"]
        self.files, self.uploader = FileManager(*keys), MultipartUploadUVideo(*keys)
        self.downloader, self.deleter = DownloadUVideo(*keys), DeleteUVideo(*keys)
        self.space, self.small, self.large = JOB["space"], JOB["prefix"] + "small", JOB["prefix"] + "large"
        self.target = os.path.join(JOB["folder"], "got")

    def put(self):
        return checked(self.files.putfile(self.space, self.small, JOB["small"]))[1].etag

    def multipart(self):
        return checked(self.uploader.uploadfile(self.space, self.large, JOB["large"]))[1].etag

    def get(self):
        checked(self.downloader.download_file(self.space, self.large, self.target))
        return jobs.sha256(self.target)

    def range(self):
        checked(self.downloader.download_file(self.space, self.large, self.target, content_range=JOB["range"]))
        with io.open(self.target, "rb") as file:
            return file.read().decode("latin-1")

    def list(self):
        found = checked(self.files.getfilelist(self.space, JOB["prefix"]))[0]
        return sorted(each["FileName"] for each in found["DataSet"])

    def head(self):
        return checked(self.files.head_file(self.space, self.large))[1].content_length

    def delete(self):
        for key in (self.small, self.large):
            checked(self.deleter.deletefile(self.space, key))
        return self.files.head_file(self.space, self.large)[1].status_code


jobs.run(JOB, Steps(), Answer)
