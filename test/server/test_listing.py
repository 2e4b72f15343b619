"""Listings: objects, files, uploads, parts."""

from __future__ import annotations

import pytest

from test.server.wire import Peer
from ucloud.uvideo.protocol import operation

KEYS = ("a", "a/", "a/1", "a/2/x", "a/2/y", "a0", "b/1", "b/2", "c", "z/é", "z/視", "😀")


@pytest.fixture(scope="module")
def filled(peer: Peer) -> str:
    space = peer.space()
    for key in KEYS:
        peer.do(operation.PutObject(space, key, mime="video/mp4", metadata=(("n", key),)), key.encode())
    return space


def walk(peer: Peer, space: str, limit: int, prefix: str = "", delimiter: str = "") -> tuple[list[str], list[str]]:
    keys, prefixes, marker = list[str](), list[str](), ""
    while True:
        page = peer.do(operation.ListObjects(space, prefix, marker, limit, delimiter))
        assert 0 < len(page.objects) + len(page.prefixes) <= limit
        assert page.truncated == bool(page.next_marker)
        keys += [info.key for info in page.objects]
        prefixes += page.prefixes
        if not page.truncated:
            return keys, prefixes
        assert page.next_marker > marker
        marker = page.next_marker


@pytest.mark.parametrize("limit", (1, 2, 3, 100))
def test_pages_of_any_length_give_the_same_listing(peer: Peer, filled: str, limit: int) -> None:
    assert walk(peer, filled, limit) == (sorted(KEYS, key=str.encode), [])
    assert walk(peer, filled, limit, "a/") == (["a/", "a/1", "a/2/x", "a/2/y"], [])
    assert walk(peer, filled, limit, "", "/") == (["a", "a0", "c", "😀"], ["a/", "b/", "z/"])
    assert walk(peer, filled, limit, "a/", "/") == (["a/1"], ["a/2/"])  # the object "a/" itself is left out


def test_the_form_of_a_listing(peer: Peer, filled: str) -> None:
    got = peer.ask("GET", filled, "/?listobjects&prefix=a&marker=&max-keys=2&delimiter=%2F").json()
    assert (got["Name"], got["Prefix"], got["MaxKeys"], got["Delimiter"]) == (filled, "a", "2", "/")
    assert got["IsTruncated"] is True and got["NextMarker"]
    (entry,) = got["Contents"]
    assert entry["Key"] == "a" and entry["Size"] == "1" and entry["MimeType"] == "video/mp4"
    assert entry["UserMeta"] == {"n": "a"} and isinstance(entry["LastModified"], int)
    assert not entry["ETag"].startswith('"') and got["CommonPrefixes"] == [{"Prefix": "a/"}]
    got = peer.ask("GET", filled, "/?list&prefix=z%2F&limit=1").json()
    assert got["BucketName"] == filled and got["BucketId"].startswith("ufile-")
    (entry,) = got["DataSet"]
    assert entry["FileName"] == entry["ObjectName"] == got["NextMarker"] == "z/é"
    assert entry["Size"] == 4 and len(entry["Hash"]) == 32
    assert peer.ask("GET", filled, f"/?list&prefix=z%2F&marker={'z/%C3%A9'}").json()["NextMarker"] == ""


def test_the_length_of_a_page(peer: Peer) -> None:
    space = peer.space()
    for number in range(110):
        peer.do(operation.PutObject(space, f"{number:04}"), b"")
    assert len(peer.do(operation.ListFiles(space)).files) == 20
    page = peer.do(operation.ListObjects(space))
    assert len(page.objects) == page.limit == 100 and page.truncated
    assert peer.do(operation.ListObjects(space, limit=5000)).limit == 1000
    page = peer.do(operation.ListObjects(space, limit=0))
    assert (page.objects, page.truncated, page.next_marker) == ((), False, "")
    assert peer.do(operation.ListFiles(space, limit=0)).files == ()
    for query in ("?list&limit=x", "?list&limit=-1", "?listobjects&max-keys=1.5", "?listobjects&delimiter=ab"):
        assert peer.ask("GET", space, "/" + query).refusal()[:2] == (400, -148660)


def test_flags_bare_or_as_values_in_any_order(peer: Peer, filled: str) -> None:
    for query in ("?limit=1000&marker=&list=&prefix=c", "?list&prefix=c", "?prefix=c&LIST"):
        assert [entry["FileName"] for entry in peer.ask("GET", filled, "/" + query).json()["DataSet"]] == ["c"]
    got = peer.ask("GET", filled, "/?listobjects&prefix=c", "", [("Content-Length", "0")])
    assert got.status == 200  # what the Python SDK sends


def test_listing_uploads(peer: Peer, space: str) -> None:
    begun = []
    for key in ("b", "a/2", "a/1", "a/1", "c"):
        begun.append((key, peer.do(operation.InitiateUpload(space, key)).upload_id))
    expected = sorted(begun)
    page = peer.do(operation.ListUploads(space))
    assert [(upload.key, upload.upload_id) for upload in page.uploads] == expected and not page.truncated
    assert page.next_marker == page.next_upload_id == ""
    found, marker, identity = [], "", ""
    while True:
        page = peer.do(operation.ListUploads(space, "", marker, identity, 2))
        found += [(upload.key, upload.upload_id) for upload in page.uploads]
        if not page.truncated:
            break
        marker, identity = page.next_marker, page.next_upload_id
    assert found == expected
    page = peer.do(operation.ListUploads(space, "a/"))
    assert [upload.key for upload in page.uploads] == ["a/1", "a/1", "a/2"]
    got = peer.ask("GET", space, "/?limit=1000&marker=&muploadid=&prefix=").json()  # as JuiceFS sends it
    assert got["RetCode"] == 0 and len(got["DataSet"]) == 5 and isinstance(got["DataSet"][0]["StartTime"], int)
    for _ in range(20):
        peer.do(operation.InitiateUpload(space, "many"))
    page = peer.do(operation.ListUploads(space))
    assert len(page.uploads) == 20 and page.truncated


def test_listing_parts(peer: Peer, space: str) -> None:
    upload = peer.do(operation.InitiateUpload(space, "k")).upload_id
    for number in (5, 0, 1, 2):
        peer.do(operation.UploadPart(space, "k", upload, number), b"part %d" % number)

    def numbers(**more: object) -> tuple[list[int], bool, int]:
        page = peer.do(operation.ListParts(space, upload, **more))
        return [part.part for part in page.parts], page.truncated, page.next_marker

    assert numbers() == ([0, 1, 2, 5], False, 5)
    assert numbers(marker=0, limit=100) == ([0, 1, 2, 5], False, 5)  # as Go begins
    assert numbers(limit=2) == ([0, 1], True, 1)
    assert numbers(limit=2, marker=1) == ([2, 5], False, 5)
    assert numbers(limit=1) == ([0, 1], True, 1)  # never part 0 alone: its marker would begin again
    assert numbers(limit=1, marker=1) == ([2], True, 2)
    assert numbers(marker=5) == ([], False, 0)
    got = peer.ask("GET", space, f"/?muploadpart&uploadId={upload}").json()
    assert (got["UploadId"], got["Bucket"], got["Key"], got["MaxParts"]) == (upload, space, "k", 1000)
    assert got["Parts"][0]["PartNum"] == 0 and got["Parts"][0]["Size"] == 6
    assert len(got["Parts"][0]["Etag"]) == 28 and isinstance(got["Parts"][0]["LastModified"], int)
    assert peer.ask("GET", space, "/?muploadpart").refusal()[:2] == (400, -148660)
    assert peer.ask("GET", space, "/?muploadpart&uploadId=x").refusal()[0] == 404
