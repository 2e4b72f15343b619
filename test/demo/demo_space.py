# -*- coding: utf-8 -*-
"""空间管理: 创建, 查询, 更改, 列表, 删除.

Manage spaces.  demo_space.py create | show | delete: one step for the two spaces of settings.py, as the whole demo
needs them; without an argument the full story on a space of its own.
"""

from __future__ import absolute_import, division, print_function

import sys
import time

import settings
from ucloud.uvideo import spacemanager

spacemanager_handler = spacemanager.BucketManager(settings.public_key, settings.private_key)


def create(spacename, kind):
    # 创建新的space / create a space
    ret, resp = spacemanager_handler.createspace(spacename, kind)
    settings.show("createspace %s (%s)" % (spacename, kind), resp)
    assert resp.status_code == 200
    assert ret["RetCode"] == 0, ret


def describe(spacename):
    # 获取space信息 / what is known about a space
    ret, resp = spacemanager_handler.describespace(spacename)
    settings.show("describespace %s" % spacename, resp)
    settings.raw(ret)
    assert resp.status_code == 200
    assert ret["RetCode"] == 0, ret


def update(spacename, kind):
    # 更改space属性 / make it public or private
    ret, resp = spacemanager_handler.updatespace(spacename, kind)
    settings.show("updatespace %s (%s)" % (spacename, kind), resp)
    assert resp.status_code == 200
    assert ret["RetCode"] == 0, ret


def list_files(spacename):
    # 获得空间文件列表 / the files in a space
    offset = 0  # 文件列表起始位置 / where the list begins
    limit = 20  # 获取文件数量 / how many files
    ret, resp = spacemanager_handler.getfilelist(spacename, offset, limit)
    settings.show("getfilelist %s" % spacename, resp)
    settings.raw(ret)
    assert resp.status_code == 200
    assert ret["RetCode"] == 0, ret


def delete(spacename):
    # 删除space / delete a space
    ret, resp = spacemanager_handler.deletespace(spacename)
    settings.show("deletespace %s" % spacename, resp)
    assert resp.status_code == 200
    assert ret["RetCode"] == 0, ret


def main(step):
    if step == "create":
        create(settings.public_space, "public")
        create(settings.private_space, "private")
    elif step == "show":
        for spacename in (settings.public_space, settings.private_space):
            describe(spacename)
            list_files(spacename)
        # 更改属性后再改回 / change the attribute and change it back
        update(settings.private_space, "public")
        update(settings.private_space, "private")
    elif step == "delete":
        delete(settings.public_space)
        delete(settings.private_space)
    elif step == "all":
        spacename = "uvideo-demo-%d" % (time.time() * 1000)
        create(spacename, "private")
        describe(spacename)
        update(spacename, "public")
        list_files(spacename)
        delete(spacename)
    else:
        sys.exit("usage: demo_space.py [create | show | delete]")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "all")
