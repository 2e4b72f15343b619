"""One call of a client in a process of its own, which a test may kill: python -m test.s3clients.one_call.

The standard input is JSON: the client's name, the fields of its Place, the name of the call and its arguments.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from test.s3clients.client import Place
from test.s3clients.clients import CLIENTS

name, (url, public, private, folder), call, arguments = json.load(sys.stdin)
client = CLIENTS[name](Place(url, public, private, Path(folder)))
getattr(client, call)(*[Path(each["path"]) if isinstance(each, dict) else each for each in arguments])
