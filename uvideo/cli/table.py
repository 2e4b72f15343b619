"""Every verb: where it is, and what it does in one line."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["VERBS", "Verb"]


class Verb(NamedTuple):
    """module: of uvideo.cli, loaded when the verb is called; it has the verb's function under the verb's name."""

    module: str
    summary: str


#: In the order of the help.
VERBS = {
    "serve": Verb("serve", "Serve object storage out of a folder."),
}
