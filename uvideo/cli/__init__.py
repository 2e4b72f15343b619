"""The command ``uvideo``.

A verb's module is loaded when the verb is called, and its imports when it runs, so the help is fast.  Verbs use only
the public names of ``uvideo``.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line.  If a package is missing, one line says which."""
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
