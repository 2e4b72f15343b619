"""The raw requests of the JuiceFS driver, with what it needs of an answer.  Source: clients.md section 5."""

from __future__ import annotations

import re
import socket
from email.utils import parsedate_to_datetime

from test import patience
from test.interop.replay import (
    BIG,
    EMPTY_ETAG,
    HELLO,
    HELLO_ETAG,
    INITIATED,
    OBJECTS,
    PART_ETAGS,
    PARTS,
    UPLOADS,
    Client,
    JuiceFS,
    conforms,
    data_etag,
    empty,
    stored,
)
from test.server_fixture import Server


def test_juicefs_puts_with_a_length_and_chunked(juicefs: Client) -> None:
    sign = f"PUT\n\n\n{JuiceFS.date}\n/$space/d/"
    stored(juicefs.ask("PUT /d/a.txt", sign + "a.txt", body=HELLO), HELLO_ETAG)
    stored(juicefs.ask("PUT /d/b.txt", sign + "b.txt", chunks=[HELLO[:4], HELLO[4:]]), HELLO_ETAG)
    stored(juicefs.ask("PUT /d/c.txt", sign + "c.txt", chunks=[]), EMPTY_ETAG)
    assert [juicefs.get(key).body for key in ("d/a.txt", "d/b.txt", "d/c.txt")] == [HELLO, HELLO, b""]
    assert juicefs.get("d/a.txt").header("Content-Type") == "application/octet-stream"


def test_juicefs_wants_206_with_and_200_without_a_range(juicefs: Client) -> None:
    juicefs.put("d/a.txt", HELLO)
    sign = f"GET\n\n\n{JuiceFS.date}\n/$space/d/a.txt"
    got = juicefs.ask("GET /d/a.txt", sign)
    assert (got.status, got.body) == (200, HELLO)
    got = juicefs.ask("GET /d/a.txt", sign, ["Range: bytes=2-4"])
    assert (got.status, got.body, got.header("Content-Range")) == (206, b"llo", "bytes 2-4/11")
    juicefs.ask("GET /d/n", f"GET\n\n\n{JuiceFS.date}\n/$space/d/n").refusal(404, -148654, "file not exist")


def test_juicefs_heads_and_deletes(juicefs: Client) -> None:
    juicefs.put("d/a.txt", HELLO)
    got = juicefs.ask("HEAD /d/a.txt", f"HEAD\n\n\n{JuiceFS.date}\n/$space/d/a.txt")
    assert got.status == 200 and got.header("Content-Length") == "11"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", got.header("Last-Modified"))
    assert parsedate_to_datetime(got.header("Last-Modified")).year >= 2024
    got = juicefs.ask("HEAD /d/n", f"HEAD\n\n\n{JuiceFS.date}\n/$space/d/n")
    assert (got.status, got.body) == (404, b"")
    for _ in range(2):
        empty(juicefs.ask("DELETE /d/a.txt", f"DELETE\n\n\n{JuiceFS.date}\n/$space/d/a.txt"), 204)


def test_juicefs_copies_by_uploadhit_with_values_as_they_are(juicefs: Client) -> None:
    juicefs.put("d/a.txt", HELLO)
    got = juicefs.ask("HEAD /d/a.txt", f"HEAD\n\n\n{JuiceFS.date}\n/$space/d/a.txt")
    hit, size = got.header("ETag")[1:-1], got.header("Content-Length")
    for key in ("d/b.txt", "d/(c)=@:,;~!'d.txt", "目录/é.txt"):
        line = f"POST /uploadhit?Hash={hit}&FileName={key}&FileSize={size}"
        got = juicefs.ask(line, f"POST\n\n\n{JuiceFS.date}\n/$space/{key}")
        assert got.status == 200 and got.header("ETag") == f'"{HELLO_ETAG}"'
        assert juicefs.get(key).body == HELLO
    line = f"POST /uploadhit?Hash={data_etag(juicefs.space.encode())}&FileName=d/b.txt&FileSize={len(juicefs.space)}"
    got = juicefs.ask(line, f"POST\n\n\n{JuiceFS.date}\n/$space/d/b.txt")
    got.refusal(404, -148654, "file not exist")
    assert sorted(juicefs.keys()) == ["d/(c)=@:,;~!'d.txt", "d/a.txt", "d/b.txt", "目录/é.txt"]


def test_juicefs_falls_back_where_a_name_as_it_is_makes_no_request_line(juicefs: Client, server: Server) -> None:
    """A blank in a target is no HTTP.  The driver takes any refusal as a sign to get and put instead."""
    line = f"POST /uploadhit?Hash={HELLO_ETAG}&FileName=d/b b.txt&FileSize=11 HTTP/1.1"
    head = f"{line}\r\nHost: {juicefs.host}\r\nContent-Length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), patience.SECONDS) as sock, sock.makefile("rb") as answer:
        sock.sendall(head.encode())
        assert answer.readline().split()[1] == b"400"
    stored(juicefs.ask("PUT /d/b%20b.txt", f"PUT\n\n\n{JuiceFS.date}\n/$space/d/b b.txt", body=HELLO), HELLO_ETAG)
    assert juicefs.keys() == ["d/b b.txt"]


def test_juicefs_lists_from_the_last_key(juicefs: Client) -> None:
    for key in ("d/a b", "d/c", "d/d", "e"):
        juicefs.put(key, HELLO)
    found, marker = list[str](), ""
    while True:
        line = f"GET /?listobjects&delimiter=&marker={marker}&max-keys=2&prefix=d%2F"
        got = juicefs.ask(line, f"GET\n\n\n{JuiceFS.date}\n/$space/").json()
        conforms(got, OBJECTS)
        found += [entry["Key"] for entry in got["Contents"]]
        assert all(entry["Size"] == "11" for entry in got["Contents"])
        marker = found[-1].replace("/", "%2F").replace(" ", "+")  # it ignores NextMarker
        if not got["IsTruncated"]:
            break
    assert found == ["d/a b", "d/c", "d/d"]


def test_juicefs_uploads_in_parts_without_a_content_type(juicefs: Client) -> None:
    sign = f"$verb\n\n\n{JuiceFS.date}\n/$space/mp"
    begun = juicefs.ask("POST /mp?uploads", sign, verb="POST").json()
    conforms(begun, INITIATED)
    upload = begun["UploadId"]
    for number, part in enumerate(PARTS):
        got = juicefs.ask(f"PUT /mp?uploadId={upload}&partNumber={number}", sign, body=part, verb="PUT")
        assert got.status == 200 and got.header("ETag") == f'"{PART_ETAGS[number]}"'
    got = juicefs.ask(f"POST /mp?uploadId={upload}", sign, body=",".join(PART_ETAGS).encode(), verb="POST")
    assert got.status == 200 and juicefs.get("mp").body == BIG


def test_juicefs_lists_uploads_and_aborts_with_the_wrong_name(juicefs: Client) -> None:
    juicefs.put("mp", HELLO)
    upload = juicefs.ask("POST /mp?uploads", f"POST\n\n\n{JuiceFS.date}\n/$space/mp").json()["UploadId"]
    line, sign = "GET /?limit=1000&marker=&muploadid=&prefix=", f"GET\n\n\n{JuiceFS.date}\n/$space/"
    got = juicefs.ask(line, sign).json()
    conforms(got, UPLOADS)
    assert [(each["FileName"], each["UploadId"]) for each in got["DataSet"]] == [("mp", upload)]
    assert (got["RetCode"], got["NextMarker"]) == (0, "")
    abort = f"DELETE\n\n\n{JuiceFS.date}\n/$space/mp"
    assert juicefs.ask(f"DELETE /mp?uploads={upload}", abort).status == 200
    juicefs.ask(f"DELETE /mp?uploads={upload}", abort).refusal(404, -148654, "upload id not exist")
    assert juicefs.ask(line, sign).json()["DataSet"] == []
    assert juicefs.get("mp").body == HELLO


def test_juicefs_creates_its_space_again_and_again(juicefs: Client) -> None:
    again = juicefs.action(Action="CreateBucket", BucketName=juicefs.space, Region="cn-bj")
    assert b"duplicate bucket name" in again.body and again.status == 200 and again.json()["RetCode"] == 15000
    name = juicefs.space + "-more"
    made = juicefs.action(Action="CreateBucket", BucketName=name, Region="cn-bj")
    assert b"CreateBucketResponse" in made.body and made.status == 200 and made.json()["RetCode"] == 0
    (found,) = juicefs.manage(Action="DescribeBucket", BucketName=name)["DataSet"]
    assert found["Type"] == "private"
