"""No public class name stands in two modules, but for names with one meaning."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable

from test.test_rooms import inside, modules

OPERATION, MODELS = "ucloud.uvideo.protocol.operation", "uvideo.models"
S3 = "uvideo.s3.operation"
UFILE = "ucloud.ufile"
#: Name: its modules, where it means one thing.  For a new name, rename the class that is not public instead.
MAY_STAND_TWICE = {
    # The result of an operation in the terms of the protocol, and the same as a typed client returns it.
    **dict.fromkeys(
        ("Acl", "ObjectInfo", "SpaceInfo", "SpaceUsage", "Stored", "TemporaryKeys", "UploadInfo"), {OPERATION, MODELS}
    ),
    # A call of UFile and the call of S3 that does the same, each with the name that its API gives it.
    **dict.fromkeys(
        (
            *("CopyObject", "DeleteObject", "GetObject", "HeadObject", "ListObjects", "ListParts", "NotModified"),
            *("PutObject", "RestoreObject", "UploadPart"),
        ),
        {OPERATION, S3},
    ),
    # Published by the SDK and by the older SDK; the second extends the first.
    "BucketManager": {"ucloud.uvideo.spacemanager", f"{UFILE}.bucketmanager"},
    "ResponseInfo": {"ucloud.uvideo.handler", f"{UFILE}.httprequest"},
    # The older SDK published it in two modules.  The second extends the first.
    "GetFileList": {f"{UFILE}.getufilelist", f"{UFILE}.getfilelist"},
}


def twice(sources: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """The public classes at the top of two modules or more, and these modules."""
    found = defaultdict[str, set[str]](set)
    for module, source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(module)
    return {name: where for name, where in found.items() if len(where) > 1}


def test_a_class_name_stands_in_one_module() -> None:
    assert twice((name, source) for name, source, _ in modules()) == MAY_STAND_TWICE


def test_a_second_class_of_a_name_is_found() -> None:
    sources = [("a", "class Way: ..."), ("b", "class Way: ...\nclass Other: ..."), ("c", "class Other2: ...")]
    assert twice(sources) == {"Way": {"a", "b"}}


#: Where secrets are encrypted, and what keeps its name there: the audit log's, and what the keys are derived with.
SECRETS = ("uvideo.server.auth", "uvideo.server.admin_commands", "uvideo.server.process", "uvideo.server.rules.tokens")
STORED = re.compile(r'"ResealSecrets"|\bresealed=|"uvideo seal ')


def test_only_blobs_are_sealed() -> None:
    """Secrets are encrypted."""
    found = {name: STORED.sub("", source).lower() for name, source, _ in modules() if inside(name, *SECRETS)}
    assert len(found) > 20 and [name for name, source in found.items() if "seal" in source] == []
