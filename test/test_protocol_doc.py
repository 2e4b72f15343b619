"""docs/protocol.md says what the code does: operations, request forms, names of actions, the tests that hold them."""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from test.protocol import samples
from test.server.wire import Peer
from test.server_fixture import Server
from ucloud.uvideo.protocol import dialect, location, management, operation
from ucloud.uvideo.protocol.message import Headers

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
LABELS = ("Status", "Request", "Answer", "Errors", "Tests")
LINK = re.compile(r"\[(test/[\w/.]+)((?:::\w+)+)\]\(\.\./([\w/.]+)\)")
FORM = re.compile(r"`(GET|HEAD|PUT|POST|DELETE) (/[^`]*)`")
SOURCES = ("X-Ufile-Copy-Source", "/space/key")

#: Every operation of the vendor's pages, and those that clients still use.
OFFICIAL = """
    PutFile PostFile UploadCallback GetFile HeadFile DeleteFile UploadHit Copy Rename OpMeta ClassSwitch Restore
    PutObjectTagging GetObjectTagging DeleteObjectTagging PutObjectAcl GetObjectAcl Append
    InitiateMultipartUpload UploadPart UploadPartCopy FinishMultipartUpload AbortMultipartUpload ListParts
    ListMultipartUploads PrefixFileList ListObjects
    CreateBucket DescribeBucket UpdateBucket DeleteBucket GetFileList
    CreateVideoSpace DescribeVideoSpace UpdateVideoSpace DeleteVideoSpace GetVideoFileBySpace GetVideoSpaceStatus
    CreateUFileToken DescribeUFileToken UpdateUFileToken DeleteUFileToken AssumeRole
""".split()


@dataclass
class Entry:
    """One operation of the page: its official names, our class or None, and its labelled lines."""

    names: list[str]
    cls: Any
    lines: dict[str, str]

    @property
    def forms(self) -> list[tuple[str, str]]:
        return FORM.findall(self.lines["Request"])


def entries() -> list[Entry]:
    found = []
    for section in re.split(r"^### ", PAGE, flags=re.M)[1:]:
        head, _, text = section.partition("\n")
        text = re.split(r"^## ", text, flags=re.M)[0]
        names, _, cls = head.partition(" (`")
        lines = {}
        for label, line in re.findall(r"^- \*\*(\w+)\*\*: (.*?)(?=^- \*\*|\Z)", text, flags=re.M | re.S):
            assert label not in lines, f"{names} has two lines {label}"
            lines[label] = " ".join(line.split())
        found.append(Entry(names.split(", "), getattr(operation, cls[:-2]) if cls else None, lines))
    return found


ENTRIES = entries()
CLASSES = [entry.cls for entry in ENTRIES if entry.cls is not None]
ROWS = re.findall(r"^\| `(\w+)` \| (`.*?`) \| (\w+) \| (.*) \|$", PAGE, flags=re.M)


def names_in(path: str) -> set[str]:
    """::name of every test function of a file, ::Class::name of a method."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"::{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(f"::{node.name}")
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


@pytest.fixture(scope="module")
def peer(server: Server) -> Peer:
    return Peer(server)


def test_no_operation_of_the_core_is_missing() -> None:
    known = [*dialect.OPERATIONS, *management.BY_CLASS]
    assert set(CLASSES) == set(known)
    twice = {cls for cls in CLASSES if CLASSES.count(cls) > 1}
    assert twice == {operation.PutObject}  # PutFile and PostFile


def test_no_operation_of_the_vendor_is_missing() -> None:
    assert sorted(itertools.chain(*(entry.names for entry in ENTRIES))) == sorted(OFFICIAL)


def test_every_entry_says_all_there_is_to_say() -> None:
    for entry in ENTRIES:
        assert tuple(entry.lines) == LABELS, entry.names
        assert re.search(r"documented|observed|CHOICE", entry.lines["Status"]), entry.names
        assert LINK.search(entry.lines["Tests"]), entry.names
    assert all(status in ("documented", "observed", "CHOICE") and LINK.search(test) for _, _, status, test in ROWS)


def test_every_linked_test_exists() -> None:
    links = LINK.findall(PAGE)
    others = re.findall(r"\]\((?!\w+\.md(?:#[\w-]+)?\))", PAGE)  # but for those to another page
    assert len(links) > 60 and len(links) == len(others), "a link of another form"
    assert all(path == target for path, _, target in links)
    known = {path: names_in(path) for path, _, _ in links}
    assert {path + name for path, name, _ in links if name not in known[path]} == set()


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if entry.cls in dialect.OPERATIONS], ids=lambda e: e.names[0]
)
def test_the_form_of_a_request_means_that_operation(entry: Entry) -> None:
    assert entry.forms
    if entry.names == ["PostFile"]:
        assert entry.forms == [("POST", "/"), ("POST", "/<key>")] and "`multipart/form-data`" in entry.lines["Request"]
        for _, form in entry.forms:
            assert dialect.takes_form(location.addresses("space.localhost", None, form)[0], [])
        return
    headers = [SOURCES] if "`X-Ufile-Copy-Source:" in entry.lines["Request"] else []
    for method, form in entry.forms:
        assert routed(method, form, Headers(headers)) is entry.cls, (method, form)


def routed(method: str, form: str, headers: Any, bucket: str | None = None) -> Any:
    """The class of operation that the server takes a form of the page for."""
    target = location.parse_target(form.replace("<id>", "0f188eb2").replace("<n>", "1").replace("<size>", "9"))
    for address in location.addresses("space.localhost", bucket, target.path)[:1]:
        key, query = location.key_of(address), dialect.parameters(target.query)
        return dialect.route(method, key, query, headers)


def test_the_forms_of_the_video_dialect_mean_their_operations() -> None:
    assert len(ROWS) >= 9
    for name, forms, _, _ in ROWS:
        for method, form in FORM.findall(forms):
            assert routed(method, form, Headers(), "space") is getattr(operation, name), form


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if entry.cls in management.BY_CLASS], ids=lambda e: e.names[0]
)
def test_the_names_of_an_action_are_those_of_the_core(entry: Entry) -> None:
    known = management.BY_CLASS[entry.cls]
    assert tuple(entry.names) == known.names
    request = entry.lines["Request"]
    for _, parameter in known.fields:
        assert f"`{parameter}`" in request or f"`{parameter}.N`" in request or parameter in UNTOLD, parameter


#: Parameters taken everywhere and used nowhere, and those that an entry names by reference.
UNTOLD = (
    "Region ProjectId TokenName AllowedOps AllowedPrefixes AllowedBuckets ExpireTime BlackIPList WhiteIPList".split()
)


@pytest.mark.parametrize(
    "cls", list(dict.fromkeys(cls for cls in CLASSES if cls in dialect.OPERATIONS)), ids=lambda c: c.__name__
)
def test_the_server_answers_it(peer: Peer, cls: Any) -> None:
    """Every example of the operation, in both dialects, is done or refused for a reason of its own."""
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), b"bytes")
    known = [op for op in samples.OPERATIONS if type(op) is cls]
    assert known
    for op, suffix in itertools.product(known, (None, f".localhost:{peer.port}")):
        changed = {"space": space, "source_space": space, "source_key": "k"}
        got = peer.call(
            op._replace(**{name: changed[name] for name in changed if name in op._fields}), b"bytes", suffix=suffix
        )
        assert got.status < 500 and b"not supported" not in got.body, (op, got)


@pytest.mark.parametrize("name", list(management.BY_NAME))
def test_the_server_knows_the_action(peer: Peer, name: str) -> None:
    known = management.BY_NAME[name]
    op = next(op for op, _ in samples.ACTIONS if type(op) is known.cls)
    request = management.encode(op, "", peer.credentials, video=name != known.names[0])
    got = peer.send(request.method, request.target).json()
    assert got["Action"] == name + "Response"
    assert got["RetCode"] not in (150, 160, 161, 170, 171, 172), got
