"""Run one scenario with one SDK: `python -m test.regressions.scenarios NAME ufile|ucloud`, a World as JSON on stdin.

Prints a line {"found": text} for each broken promise, and at the end {"findings": [...]}, the verdict.
"""

from __future__ import annotations

import json
import os
import sys
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
from test.regressions.defect import DEFECTS
from test.regressions.world import World

for _name in sorted(DEFECTS):
    DEFECTS[_name] = DEFECTS.pop(_name)


def main(name: str, sdk: str) -> None:
    given = json.load(sys.stdin)
    world = World(
        name, sdk, given["server"], given["proxy"], given["control"], tuple(given["keys"]), Path(given["folder"])
    )
    DEFECTS[name].scenario(world)
    world.fired()
    print(json.dumps({"findings": world.findings}), flush=True)
    os._exit(0)  # a thread may stand still for ever


if __name__ == "__main__":
    main(*sys.argv[1:])
