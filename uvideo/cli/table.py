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
    "cp": Verb("cp", "Copy files and objects: up, down, between spaces, from and to pipes."),
    "mv": Verb("cp", "Move files and objects: copied, verified, then removed."),
    "sync": Verb("sync", "Make a folder or prefix like another one."),
    "apply": Verb("sync", "Carry out a plan that sync wrote."),
    "rm": Verb("rm", "Remove objects."),
    "run": Verb("run", "Run many commands, from a file, in one process."),
    "transfers": Verb("transfers", "List, resume, abort and clean up unfinished transfers."),
    "serve": Verb("serve", "Serve object storage out of a folder."),
}
