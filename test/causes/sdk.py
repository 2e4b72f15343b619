"""The SDK on every way that it is given: python sdk.py < {name: options}.  Python 2.7 and 3."""

from __future__ import print_function

import json
import sys

from ucloud.uvideo import config, filemanager
from ucloud.uvideo.engine.carrier import carrier_of


def tried(options):
    """[status_code, error, class of the exception, ret_code, tries] of a listing."""
    for name in ("ca_bundle", "client_cert", "connection_timeout"):
        config.unset_default(name)
    config.set_default(retries=1, **options)
    handler = filemanager.FileManager("public", "private")
    waits = []
    carrier_of(handler).sleep = waits.append
    _, resp = handler.listobjects("space")
    name = type(resp.exception).__name__
    return [resp.status_code, resp.error, name, resp.ret_code, 1 + len(waits)]


if __name__ == "__main__":
    given = json.loads(sys.stdin.read())
    print(json.dumps(dict((name, tried(options)) for name, options in given.items())))
