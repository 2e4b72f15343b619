"""Run one scenario: `python -m test.regressions.scenarios NAME ufile|ucloud`, a World as JSON on standard input.

With Client, AsyncClient or uvideo it is the situation of that entry's number.  Prints a line {"found": text} for each
broken promise, and at the end the verdict: {"findings": [...], "seconds": of the scenario alone}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from test.regressions import (  # noqa: F401  (each registers its scenarios)
    design,
    downloads,
    keys,
    reliability,
    security,
    streams,
    uploads,
)
from test.regressions.clients import CLIENTS
from test.regressions.defect import DEFECTS
from test.regressions.situations import SITUATIONS
from test.regressions.world import World

for _name in sorted(DEFECTS):
    DEFECTS[_name] = DEFECTS.pop(_name)


def main(name: str, sdk: str) -> None:
    given = json.load(sys.stdin)
    world = World(
        name, sdk, given["server"], given["proxy"], given["control"], tuple(given["keys"]), Path(given["folder"])
    )
    began = time.monotonic()
    if sdk in CLIENTS:
        SITUATIONS[DEFECTS[name].number].scenario(world, world.sdk)
    else:
        DEFECTS[name].scenario(world)
    world.fired()
    print(json.dumps({"findings": world.findings, "seconds": time.monotonic() - began}), flush=True)
    os._exit(0)  # a thread may stand still forever


if __name__ == "__main__":
    main(*sys.argv[1:])
