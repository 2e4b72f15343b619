# -*- coding: utf-8 -*-
"""Buckets made, described, changed and deleted by a handler that replaces its module's name."""

from __future__ import print_function

import os

from ucloud.ufile import bucketmanager

public_key, private_key = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"]
bucketmanager.UCLOUD_API_URL = os.environ["API"]
public_bucket, private_bucket = os.environ["BUCKET"] + "-made", os.environ["BUCKET"] + "-made2"

bucketmanager = bucketmanager.BucketManager(public_key, private_key)
ret, resp = bucketmanager.createbucket(public_bucket, "public")
assert resp.status_code == 200
print(ret)
ret, resp = bucketmanager.createbucket(private_bucket)
assert ret["RetCode"] == 0
ret, resp = bucketmanager.describebucket(public_bucket)
assert ret["DataSet"][0]["Type"] == "public"
ret, resp = bucketmanager.describebucket(offset=0, limit=10)
assert len(ret["DataSet"]) >= 2
ret, resp = bucketmanager.updatebucket(public_bucket, "private")
ret, resp = bucketmanager.getfilelist(public_bucket, projectid="org-5150")
assert ret["DataSet"] == []
for name in (public_bucket, private_bucket):
    ret, resp = bucketmanager.deletebucket(name)
    assert ret["RetCode"] == 0, ret
