"""Stands for the toolkit in the wheel for Python below 3.10, and says so when it is imported.  Runs on 2.7."""

import sys

raise ImportError(
    "the package `uvideo` needs Python 3.10 or newer, and this is %d.%d; the SDK is installed and works here: "
    "`from ucloud.uvideo import ...` (README.md, the SDK in ten lines)" % sys.version_info[:2]
)
