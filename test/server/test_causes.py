"""Each refusal of the server's own has a cause, so that alerts can tell them apart."""

from __future__ import annotations

import ast
import errno

import pytest

from test.server_fixture import ROOT
from ucloud.uvideo.protocol import errors
from uvideo.server.ops.refusal_causes import CAUSES, OWN, cause_of
from uvideo.storage import base

#: Said before a request is counted at all (uvideo_connections_refused_total), or of a failure that has its cause.
BESIDE = {"connection.py", "error_responses.py"}


def test_who_refuses_for_a_reason_of_the_server_says_the_cause() -> None:
    found = 0
    for folder in ("server", "storage"):
        for path in sorted((ROOT / "uvideo" / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or ast.unparse(node.func) not in (
                    *("errors.Unavailable", "errors.Throttled"),
                ):
                    continue
                given = {each.arg: each.value for each in node.keywords}
                if path.name in BESIDE:
                    continue
                where = f"{path.name}:{node.lineno}"
                assert isinstance(given.get("cause"), ast.Constant), f"{where} gives no cause"
                assert ast.literal_eval(given["cause"]) in CAUSES, where
                found += 1
    assert found > 5


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (OSError(errno.ENOSPC, "x"), "full"),
        (OSError(errno.EDQUOT, "x"), "full"),
        (OSError(errno.EROFS, "x"), "readonly"),
        (OSError(errno.EMFILE, "x"), "descriptors"),
        (OSError(errno.ENOMEM, "x"), "memory"),
        (OSError(errno.EIO, "x"), "disk"),
        (OSError("x"), "unexpected"),
        (MemoryError(), "memory"),
        (ValueError("x"), "unexpected"),
        (base.Unreachable("x"), "database"),
        (base.Unreachable("x", "timeout"), "timeout"),
        (base.Damaged("x"), "damaged"),
        (errors.NotFound(), None),
        (errors.SignatureMismatch(), None),
        (errors.Unavailable("x", cause="full"), "full"),
    ],
)
def test_every_failure_has_one(failure: Exception, cause: str | None) -> None:
    assert cause_of(failure) == cause


def test_the_documents_name_each() -> None:
    section = (ROOT / "docs" / "server.md").read_text().partition("\n### Causes of failures\n")[2]
    section = section.partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(CAUSES) <= {name.strip(" `") for row in rows for name in row.split(",")}, set(OWN)
