# -*- coding: utf-8 -*-
"""支持删除文件.

Delete the files that the other programs uploaded.  demo_delete.py public: only the one in the public space.
"""

from __future__ import absolute_import, division, print_function

import sys

import settings
from ucloud.uvideo import deleteuvideo

deleteuvideo_handler = deleteuvideo.DeleteUVideo(settings.public_key, settings.private_key)


def delete(space, key):
    ret, resp = deleteuvideo_handler.deletefile(space, key)
    settings.show("deletefile %s/%s" % (space, key), resp)
    assert resp.status_code == 204


if __name__ == "__main__":
    # 删除公共空间的文件 / in the public space
    delete(settings.public_space, settings.put_key)
    if sys.argv[1:] != ["public"]:
        delete(settings.public_space, settings.stream_key)
        # 删除私有空间的文件 / in the private space
        delete(settings.private_space, settings.put_key)
