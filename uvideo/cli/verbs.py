"""The table of verbs: the module and the line of help of each."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["VERBS", "Verb"]


class Verb(NamedTuple):
    """module: of uvideo.cli, loaded when the verb is called; its function for the verb has the verb's name."""

    module: str
    summary: str


#: In the order of the help.
VERBS = {
    "ls": Verb("ls", "List spaces, folders and objects."),
    "cp": Verb("cp", "Copy files and objects: upload, download, between spaces, from and to pipes."),
    "mv": Verb("cp", "Move files and objects: copied, verified, then removed."),
    "sync": Verb("sync", "Synchronize a folder or prefix with another one."),
    "watch": Verb("watch", "Upload the files of a folder as soon as they stop changing."),
    "apply": Verb("sync", "Carry out a plan that sync wrote."),
    "rm": Verb("rm", "Remove objects."),
    "cat": Verb("cat", "Write objects, or ranges of them, to standard output."),
    "stat": Verb("stat", "Show all properties of an object or a space."),
    "du": Verb("du", "Add up what is stored, by folder and storage class."),
    "find": Verb("find", "Find objects by name, size, age and storage class."),
    "tree": Verb("tree", "Show folders and objects as a tree."),
    "mount": Verb("mount", "Show the objects of a space as a read-only local folder."),
    "verify": Verb("verify", "Compare files and objects by size and content."),
    "etag": Verb("verify", "Compute the etag of files, without the service."),
    "presign": Verb("presign", "Create links with which others can read or store an object."),
    "restore": Verb("change", "Make archived objects readable."),
    "set": Verb("change", "Change the storage class, media type or tags of objects."),
    "mb": Verb("space", "Create spaces."),
    "rb": Verb("space", "Remove spaces."),
    "spaces": Verb("space", "List spaces, or change who may read them."),
    "transfers": Verb("transfers", "List, resume, abort and clean up unfinished transfers."),
    "run": Verb("run", "Run many commands, from a file, in one process."),
    "config": Verb("config", "Manage profiles: hosts and keys under a name."),
    "doctor": Verb("doctor", "Check a set-up step by step, and explain refusals and links."),
    "completion": Verb("completion", "Print the script that completes commands in a shell."),
    "serve": Verb("serve", "Serve object storage from a folder."),
    "admin": Verb("admin", "Maintain a server's folder, or a cluster."),
}
