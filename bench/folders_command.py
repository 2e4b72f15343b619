"""The command `uvideo` with the private key from standard input: a command line and its environment can be read."""

from __future__ import annotations

import os
import sys

from uvideo.cli import main

if __name__ == "__main__":
    os.environ["UVIDEO_PRIVATE_KEY"] = sys.stdin.readline().strip()
    main()
