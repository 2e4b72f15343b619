"""Multipart uploads: every rule of data-plane.md sections 4 and 6."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from string import Template

import pytest

from test.server.wire import BLOCK, MIB, Answer, Peer, chunked, pattern, ufile_etag
from ucloud.uvideo.protocol import errors, etag, operation
from uvideo.server.rules.objects import LIST_ENTRY, LIST_SPARE


def begin(peer: Peer, space: str, key: str = "k", **more: object) -> str:
    begun = peer.do(operation.InitiateUpload(space, key, **more))
    assert begun.block_size == BLOCK and begun.space == space and begun.key == key
    return str(begun.upload_id)


def part(peer: Peer, space: str, upload: str, number: int, data: bytes, key: str = "k", **more: object) -> Answer:
    return peer.call(operation.UploadPart(space, key, upload, number, **more), data)


def finish(peer: Peer, space: str, upload: str, *etags: str, key: str = "k", **more: object) -> Answer:
    return peer.call(operation.FinishUpload(space, key, upload, etags, **more))


def part_etag(data: bytes) -> str:
    return str(etag.part_etag(hashlib.sha1(data).digest()))


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
def test_parts_in_any_order_make_the_object(peer: Peer, space: str, suffix: str | None) -> None:
    data = pattern(2 * BLOCK + 12345)
    upload = peer.do(operation.InitiateUpload(space, "k"), suffix=suffix).upload_id
    names = {}
    for number in (1, 2, 0):
        op = operation.UploadPart(space, "k", upload, number, "video/mp4")
        got = peer.call(op, data[number * BLOCK : (number + 1) * BLOCK], suffix=suffix)
        assert got.status == 200 and got.json() == {"PartNumber": number}
        names[number] = (got.header("ETag") or "").strip('"')
        assert names[number] == part_etag(data[number * BLOCK : (number + 1) * BLOCK])
    op = operation.FinishUpload(space, "k", upload, (names[0], names[1], names[2]))
    got = peer.call(op, suffix=suffix)
    assert got.status == 200 and got.json() == {"Bucket": space, "Key": "k", "FileSize": len(data)}
    assert got.header("ETag") == f'"{ufile_etag(data)}"'
    found = peer.call(operation.GetObject(space, "k"))
    assert found.body == data and found.header("ETag") == got.header("ETag")
    assert found.header("Content-Type") == "video/mp4"
    again = peer.call(op, suffix=suffix)
    assert again.refusal() == (404, -148654, "upload id not exist")


@pytest.mark.parametrize("size", (1, BLOCK - 1, BLOCK, BLOCK + 1))
def test_sizes_around_a_block(peer: Peer, space: str, size: int) -> None:
    data = pattern(size)
    done = peer.upload(space, "k", data)
    put = peer.do(operation.PutObject(space, "same"), data)
    assert done.etag == put.etag and done.size == size
    assert peer.call(operation.GetObject(space, "k")).body == data


def test_no_parts_make_an_empty_object(peer: Peer, space: str) -> None:
    upload = begin(peer, space, mime="video/mp4")
    got = finish(peer, space, upload)
    assert got.status == 200 and got.json()["FileSize"] == 0
    found = peer.call(operation.GetObject(space, "k"))
    assert (found.status, found.body, found.header("Content-Type")) == (200, b"", "video/mp4")
    assert found.header("ETag") == got.header("ETag") == f'"{etag.Etag().value()}"'


def test_the_same_part_again_is_the_same_answer_and_other_bytes_are_refused(peer: Peer, space: str) -> None:
    upload = begin(peer, space)
    first = part(peer, space, upload, 0, b"abc")
    again = part(peer, space, upload, 0, b"abc")
    assert (again.status, again.body, again.header("ETag")) == (200, first.body, first.header("ETag"))
    assert part(peer, space, upload, 0, b"abd").refusal() == (500, -1014, "put duplicate key error")
    assert finish(peer, space, upload, part_etag(b"abc")).status == 200
    assert peer.call(operation.GetObject(space, "k")).body == b"abc"


def test_a_part_must_be_neither_empty_nor_longer_than_a_block(peer: Peer, space: str) -> None:
    upload = begin(peer, space)
    expected = (400, -148660, f"content length:{BLOCK + 100} larger than block size:{BLOCK}")
    assert part(peer, space, upload, 0, pattern(BLOCK + 100)).refusal() == expected
    target = f"/k?uploadId={upload}&partNumber=0"
    body = chunked(*[pattern(MIB)] * 4, b"x")
    got = peer.ask("PUT", space, target, "k", [("Transfer-Encoding", "chunked")], body, framing=False)
    assert got.refusal()[:2] == (400, -148660) and "larger than block size" in got.json()["ErrMsg"]
    assert part(peer, space, upload, 0, b"").refusal()[:2] == (400, -148660)
    assert peer.do(operation.ListParts(space, upload)).parts == ()
    assert part(peer, space, upload, 0, pattern(BLOCK)).status == 200


def test_the_md5_of_a_part_is_signed_and_not_compared(peer: Peer, space: str) -> None:
    upload = begin(peer, space)
    for number, md5 in enumerate((hashlib.md5(b"abc").hexdigest(), "0" * 32, "XrY7u+Ae7tCTyyK7j1rNww==", "abc")):
        got = part(peer, space, upload, number, b"abc", md5=md5)
        assert got.status == 200 and got.header("ETag") == f'"{part_etag(b"abc")}"'
    signed = ("Authorization", peer.signed("PUT", space, "k", [("Content-MD5", "0" * 32)]))
    target, host = f"/k?uploadId={upload}&partNumber=9", f"{space}.localhost"
    got = peer.send("PUT", target, [("Content-MD5", "1" * 32), signed], b"abc", host=host)
    assert got.refusal() == (401, -148658, "invalid signature")
    assert len(peer.do(operation.ListParts(space, upload)).parts) == 4


def test_an_upload_id_belongs_to_one_space_and_key(peer: Peer, space: str) -> None:
    other, upload = peer.space(), begin(peer, space)
    unknown = (404, -148654, "upload id not exist")
    assert part(peer, other, upload, 0, b"x").refusal() == unknown
    assert part(peer, space, upload, 0, b"x", key="other").refusal() == unknown
    assert part(peer, space, "no-such-id", 0, b"x").refusal() == unknown
    assert finish(peer, space, upload, key="other").refusal() == unknown
    assert peer.call(operation.AbortUpload(space, "other", upload)).refusal() == unknown
    assert peer.call(operation.ListParts(other, upload)).refusal() == unknown
    assert part(peer, space, upload, 0, b"x").status == 200


def test_finish_wants_exactly_the_parts_that_are_stored(peer: Peer, space: str) -> None:
    upload = begin(peer, space)
    whole, rest = pattern(BLOCK), b"rest"
    part(peer, space, upload, 0, whole)
    part(peer, space, upload, 1, rest)
    a, b = part_etag(whole), part_etag(rest)
    assert finish(peer, space, upload, a).refusal() == (400, -148669, "invalid etag count")
    assert finish(peer, space, upload, a, b, b).refusal() == (400, -148669, "invalid etag count")
    assert finish(peer, space, upload).refusal() == (400, -148669, "invalid etag count")
    assert finish(peer, space, upload, a, a).refusal() == (400, -148669, "invalid etag")
    assert finish(peer, space, upload, b, part_etag(b"other")).refusal() == (400, -148669, "invalid etag")
    assert finish(peer, space, upload, b, a).status == 200
    assert peer.call(operation.GetObject(space, "k")).body == whole + rest


#: Lists of etags that are not those of two equal parts $a and of a third, $b.
NO_PERMUTATIONS = (
    *("", ",", "$a", "$a,$b", "$a,$a", "$b,$a,$b", "$b,$b,$a", "$b,$b,$b", "$a,$a,$a", "$a,$a,$b,$b", "$a,$a,$a,$b"),
    *("$a,$a,$c", "$a,$a,", "$a,$a,,$b", ",$a,$a,$b", "$a,$a,$b,,", "$a,$a,$b,null", "$a $a $b", "$a;$a;$b"),
    *("$a\n$a\n$b", "$a,$a,W/$b", "[$a,$a,$b]", "null,null,null", "$a,$a,${b}x", "*", '"$a,$a,$b"x'),
)


def twins(peer: Peer, space: str) -> tuple[str, dict[str, str]]:
    """(an upload of two equal parts and a third, the etags that lists are made of)."""
    upload = begin(peer, space)
    for number, data in enumerate((pattern(BLOCK), pattern(BLOCK), b"x")):
        assert part(peer, space, upload, number, data).status == 200
    return upload, {"a": part_etag(pattern(BLOCK)), "b": part_etag(b"x"), "c": part_etag(b"y")}


def listed(peer: Peer, space: str, upload: str, text: str) -> Answer:
    """The answer to a finish whose body is that text."""
    return peer.ask("POST", space, f"/k?uploadId={upload}", "k", [("Content-Type", "text/plain")], text.encode())


def test_a_list_that_is_no_permutation_of_the_parts_is_refused(peer: Peer, space: str) -> None:
    upload, names = twins(peer, space)
    for text in NO_PERMUTATIONS:
        got = listed(peer, space, upload, Template(text).substitute(names))
        assert got.refusal()[:2] == (400, -148669), text
    room = LIST_SPARE + 3 * LIST_ENTRY
    whole = Template('"$b" , "$a" , "$a" ,').substitute(names)
    assert listed(peer, space, upload, whole.ljust(room + 1)).refusal()[:2] == (400, -148669)
    assert peer.call(operation.HeadObject(space, "k")).status == 404
    assert len(peer.do(operation.ListParts(space, upload)).parts) == 3
    assert listed(peer, space, upload, whole.ljust(room)).status == 200


@pytest.mark.parametrize("order", ("$a,$a,$b", "$a,$b,$a", "$b,$a,$a"))
def test_parts_listed_in_any_order_make_the_object_by_their_numbers(peer: Peer, space: str, order: str) -> None:
    upload, names = twins(peer, space)
    got = listed(peer, space, upload, Template(order).substitute(names))
    data = 2 * pattern(BLOCK) + b"x"
    assert got.json() == {"Bucket": space, "Key": "k", "FileSize": len(data)}
    assert got.header("ETag") == f'"{ufile_etag(data)}"'
    assert peer.call(operation.GetObject(space, "k")).body == data


def test_finish_refuses_a_gap_and_a_short_middle_part(peer: Peer, space: str) -> None:
    upload = begin(peer, space)
    part(peer, space, upload, 0, pattern(BLOCK))
    part(peer, space, upload, 2, b"x")
    assert finish(peer, space, upload, part_etag(pattern(BLOCK)), part_etag(b"x")).refusal() == (
        400,
        -148669,
        "invalid etag",
    )
    upload = begin(peer, space)
    part(peer, space, upload, 0, b"short")
    part(peer, space, upload, 1, b"x")
    text = f"validate initidx and partlist [{space}:{upload}] failed, err: invalid middle block size"
    assert finish(peer, space, upload, part_etag(b"short"), part_etag(b"x")).refusal() == (400, -148669, text)
    assert peer.call(operation.HeadObject(space, "k")).status == 404


def test_etags_come_quoted_or_bare_with_blanks_or_without(peer: Peer, space: str) -> None:
    for body in ('"{0}","{1}"', "{0},{1}", ' "{0}" , {1} \r\n', "{1},{0}", "{0},{1},", '\t"{1}" ,"{0}", \n'):
        upload = begin(peer, space)
        part(peer, space, upload, 0, pattern(BLOCK))
        part(peer, space, upload, 1, b"x")
        text = body.format(part_etag(pattern(BLOCK)), part_etag(b"x"))
        assert listed(peer, space, upload, text).status == 200, body
        assert peer.do(operation.HeadObject(space, "k")).etag == ufile_etag(pattern(BLOCK) + b"x")


def test_the_type_is_the_first_parts_then_the_begins_then_the_general(peer: Peer, space: str) -> None:
    for begun, sent, expected in (
        ("video/mp4", "text/plain", "text/plain"),
        ("video/mp4", None, "video/mp4"),
        (None, "video/webm", "video/webm"),
        (None, None, "application/octet-stream"),
    ):
        upload = begin(peer, space, mime=begun, metadata=(("a", "1"),), storage_class="IA")
        part(peer, space, upload, 0, b"x", mime=sent)
        assert finish(peer, space, upload, part_etag(b"x")).status == 200
        info = peer.do(operation.HeadObject(space, "k"))
        assert (info.mime, info.metadata, info.storage_class) == (expected, (("a", "1"),), "IA")


def test_finish_may_replace_the_metadata(peer: Peer, space: str) -> None:
    for directive, expected in ((None, "1"), ("UNCHANGED", "1"), ("REPLACE", "2")):
        upload = begin(peer, space, metadata=(("a", "1"),))
        part(peer, space, upload, 0, b"x")
        got = finish(peer, space, upload, part_etag(b"x"), metadata=(("a", "2"),), directive=directive)
        assert got.status == 200
        assert peer.do(operation.HeadObject(space, "k")).metadata == (("a", expected),)


def test_new_key_counts_only_if_the_key_is_taken(peer: Peer, space: str) -> None:
    for expected in ("k", "other"):
        upload = begin(peer, space)
        part(peer, space, upload, 0, b"x")
        got = finish(peer, space, upload, part_etag(b"x"), new_key="other")
        assert got.status == 200 and got.json()["Key"] == expected
    upload = begin(peer, space)
    part(peer, space, upload, 0, b"over")
    assert finish(peer, space, upload, part_etag(b"over")).json()["Key"] == "k"
    assert peer.call(operation.GetObject(space, "k")).body == b"over"
    assert peer.call(operation.GetObject(space, "other")).body == b"x"


def test_an_aborted_upload_is_dead_and_leaves_the_object_alone(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), b"old")
    upload = begin(peer, space)
    part(peer, space, upload, 0, b"x")
    assert peer.call(operation.AbortUpload(space, "k", upload)).status == 200
    unknown = (404, -148654, "upload id not exist")
    assert part(peer, space, upload, 1, b"x").refusal() == unknown
    assert finish(peer, space, upload, part_etag(b"x")).refusal() == unknown
    assert peer.call(operation.AbortUpload(space, "k", upload)).refusal() == unknown
    upload = begin(peer, space)
    got = peer.ask("DELETE", space, f"/k?uploads={upload}", "k")  # the wrong name that JuiceFS uses
    assert got.status == 200
    assert part(peer, space, upload, 0, b"x").refusal() == unknown
    assert peer.call(operation.GetObject(space, "k")).body == b"old"


def test_the_names_of_the_query_come_in_any_case_and_order(peer: Peer, space: str) -> None:
    upload = begin(peer, space)
    assert peer.ask("PUT", space, f"/k?PARTNUMBER=0&UploadId={upload}", "k", body=b"x").status == 200
    assert peer.ask("POST", space, f"/k?UploadId={upload}&newKey=", "k", body=part_etag(b"x").encode()).status == 200


BAD_QUERIES = (
    "uploadId={}",
    "partNumber=0",
    "uploadId={}&partNumber=x",
    "uploadId={}&partNumber=-1",
    "uploadId={}&partNumber=1310720",
    "uploadId={}&partNumber=0&partNumber=1",
    "uploadId=&partNumber=0",
)


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_part_with_a_bad_query_is_refused(peer: Peer, space: str, query: str) -> None:
    upload = begin(peer, space)
    assert peer.ask("PUT", space, "/k?" + query.format(upload), "k", body=b"x").refusal()[:2] == (400, -148660)
    assert peer.call(operation.HeadObject(space, "k")).status == 404


def test_of_two_finishes_at_once_one_wins(peer: Peer, space: str) -> None:
    data = pattern(BLOCK + 1)
    for _ in range(5):
        upload = begin(peer, space)
        part(peer, space, upload, 0, data[:BLOCK])
        part(peer, space, upload, 1, data[BLOCK:])
        op = operation.FinishUpload(space, "k", upload, (part_etag(data[:BLOCK]), part_etag(data[BLOCK:])))
        with ThreadPoolExecutor(4) as threads:
            got = sorted(answer.status for answer in threads.map(peer.call, [op] * 4))
        assert got == [200, 404, 404, 404]
        assert peer.call(operation.GetObject(space, "k")).body == data


def test_one_part_sent_by_many_at_once_is_stored_once(peer: Peer, space: str) -> None:
    upload, got = begin(peer, space), list[tuple[int, int]]()

    def send(number: int) -> None:
        got.append((part(peer, space, upload, 0, pattern(BLOCK, seed=number % 2)).status, number % 2))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = {which for status, which in got if status == 200}
    assert len(winners) == 1 and sorted(status for status, _ in got) == [200, 200, 200, 500, 500, 500]
    data = pattern(BLOCK, seed=winners.pop())
    assert finish(peer, space, upload, part_etag(data)).status == 200
    assert peer.call(operation.GetObject(space, "k")).body == data


def test_more_part_bodies_at_once_than_are_held_in_memory(peer: Peer, space: str) -> None:
    upload = begin(peer, space)
    got = dict[int, int]()

    def send(number: int) -> None:
        got[number] = part(peer, space, upload, number, pattern(BLOCK, seed=number)).status

    threads = [threading.Thread(target=send, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(got.values()) == {200}
    names = [part_etag(pattern(BLOCK, seed=number)) for number in range(40)]
    assert finish(peer, space, upload, *names).json()["FileSize"] == 40 * BLOCK
    with pytest.raises(errors.UploadNotFound):
        peer.do(operation.ListParts(space, upload))
    peer.do(operation.DeleteObject(space, "k"))
