"""The command ``uvideo``.

Verbs are loaded when they are called, and what a verb needs when it runs, so that help is fast.  A verb sees the public
names of ``uvideo`` only.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; what is missing for it is said in one line."""
    try:
        import click  # noqa: F401
    except ImportError:
        print(
            "uvideo: this command needs click, which is not installed: pip install 'uvideo[cli]', "
            "or for the server pip install 'uvideo[server]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    if "_UVIDEO_COMPLETE" in os.environ:
        import uvideo.cli.completion  # noqa: F401
    from uvideo.cli.program import run

    raise SystemExit(run(sys.argv[1:]))
