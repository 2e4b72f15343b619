"""A public class name means one thing: no further one stands in two modules."""

from __future__ import annotations

import ast
from collections import defaultdict

from test.test_rooms import modules

#: What an operation gives and the model that a client makes of it, and names that are published more than once.
PUBLISHED = {
    *("Acl", "ObjectInfo", "SpaceInfo", "SpaceUsage", "Stored", "TemporaryKeys", "UploadInfo"),
    *("BucketManager", "GetFileList", "ResponseInfo", "Settings", "Spaces"),
}
#: The client's and the server's side of one thing, or a published name that a driver has too.
TWO_SIDES = {
    *("Block", "Call", "Carrier", "Certificate", "Connection", "Content", "Endpoint", "Exchange", "InternalError"),
    *("Malformed", "ManagementCall", "Missing", "Page", "Reader", "Refusal", "Sender", "Unfit", "Watch", "Writer"),
    *("Entry", "Held"),
}


def twice(sources: dict[str, str]) -> set[str]:
    """The public classes at the top of two modules or more."""
    found = defaultdict[str, set[str]](set)
    for module, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(module)
    return {name for name, where in found.items() if len(where) > 1}


def test_no_further_name_of_a_class_stands_in_two_modules() -> None:
    assert twice({name: source for name, source, _ in modules()}) <= PUBLISHED | TWO_SIDES
    assert twice({"a": "class Way: ...", "b": "class Way: ...\nclass Other: ...", "c": "class Other2: ..."}) == {"Way"}
