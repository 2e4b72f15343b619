"""Defects 15 to 23: what a bad network, a busy service or an unusual answer does."""

from __future__ import annotations

from typing import Any

from test.regressions.defect import defect
from test.regressions.uploads import SEMAPHORE
from test.regressions.world import BLOCK, World, content

FOREVER: dict[str, Any] = {"times": None}


@defect(
    15,
    "Temporary failures are retried, refusals are not",
    official=(
        "one 503 fails a download, a deletion and a description of a space: nothing is sent again",
        "a part that was refused with 403 is sent 3 times",
        "the wait before each new try is 5 s, the same for every thread and try",
    ),
    ours="5xx, 429 and lost connections are retried, with growing random waits; other 4xx never",
)
def retries(world: World) -> None:
    key = world.key("a")
    world.put(key, content(100))
    world.sdk.clock()
    busy = {"do": "answer", "status": 503}
    world.faults(("GetObject", busy), ("DeleteObject", busy), ("DescribeSpace", busy))
    world.sdk.downloader().download_file(world.space, key, str(world.path("target")))
    world.sdk.deleter().deletefile(world.space, key)
    world.sdk.describe(world.sdk.spaces(), world.space)
    world.check(
        len(world.seen()) == 6 and world.stored(key) is None,
        "one 503 fails a download, a deletion and a description of a space: nothing is sent again",
    )
    source = world.file("source", content(100))
    world.faults(("UploadPart", {"do": "answer", "status": 403, **FOREVER}))
    world.sdk.parts().uploadfile(world.space, world.key("b"), str(source))
    count = len(world.seen("UploadPart"))
    world.check(count == 1, f"a part that was refused with 403 is sent {count} times")
    world.sdk.slept.clear()
    world.faults(("UploadPart", {"do": "answer", "status": 500, **FOREVER}))
    world.sdk.parts().uploadfile(world.space, world.key("c"), str(source))
    waits = world.sdk.slept
    world.check(
        len(waits) >= 2 and len(set(waits)) == len(waits),
        f"the wait before each new try is {waits[0]} s, the same for every thread and try",
    )


@defect(
    16,
    "A refused upload leaves no parts on the account",
    official=("parts stored before the refusal remain: it never sends an abort",),
    ours="a refused upload is aborted; a resumable one is kept",
)
def orphan_parts(world: World) -> None:
    source = world.file("source", content(BLOCK + 5))
    world.sdk.clock()
    world.faults(({"on": "UploadPart", "part": 1}, {"do": "answer", "status": 403, **FOREVER}))
    _, resp = world.sdk.parts().uploadfile(world.space, world.key("a"), str(source), maxthread=1)
    if resp.status_code != 403:
        raise RuntimeError(f"not refused: {resp.status_code}")
    world.check(
        [entry["status"] for entry in world.seen("AbortUpload")] in ([200], [204]),
        "parts stored before the refusal remain: it never sends an abort",
    )


@defect(
    17,
    "A call ends even if the service stays silent",
    official=(
        "by default it waits without limit",
        "a download waits without limit though connection_timeout is set",
        "a management call waits without limit though connection_timeout is set",
    ),
    ours="a limit of 60 s of silence by default; connection_timeout works in every call",
    limit="without limit means: still waiting after ten times the timeout",
)
def timeouts(world: World) -> None:
    key = world.key("a")
    world.put(key, b"x")
    world.check(world.sdk.config.get_default("connection_timeout"), "by default it waits without limit")
    world.sdk.config.set_default(connection_timeout=0.1)
    if not world.official:
        world.sdk.config.set_default(retries=1)
    world.faults(
        ("GetObject", {"do": "silence", **FOREVER}),
        ("DescribeSpace", {"do": "silence", **FOREVER}),
    )
    files, spaces = world.sdk.downloader(), world.sdk.spaces()
    ended, answer, where = world.ends(
        lambda: files.download_file(world.space, key, str(world.path("target"))), stuck="httprequest.py:_download_file"
    )
    world.check(
        ended and answer[1].status_code == -1,
        "a download waits without limit though connection_timeout is set",
    )
    if not ended and "socket.py:readinto" not in where:
        raise RuntimeError(f"it stands at {where}")
    ended, answer, _ = world.ends(
        lambda: world.sdk.describe(spaces, world.space), stuck="httprequest.py:_bucket_request"
    )
    world.check(
        ended and answer[1].status_code == -1,
        "a management call waits without limit though connection_timeout is set",
    )


@defect(
    18,
    "No retries means one try, and failures are returned as (ret, resp)",
    official=(
        "retrycount=0 sends no part at all and hangs",
        "a download that breaks raises ChunkedEncodingError instead of returning (ret, resp)",
    ),
    ours="retrycount=0 makes one try; a broken download returns status_code -1",
)
def no_retries(world: World) -> None:
    data = content(BLOCK + 5)
    source = world.file("source", data)
    ended, _, where = world.ends(
        lambda: world.sdk.parts().uploadfile(world.space, world.key("a"), str(source), maxthread=1, retrycount=0),
        stuck=SEMAPHORE,
        alone=True,
    )
    world.check(
        ended and world.stored(world.key("a")) == data,
        "retrycount=0 sends no part at all and hangs",
    )
    if not ended and (SEMAPHORE not in where or world.seen("UploadPart")):
        raise RuntimeError(f"it stands at {where}")
    world.put(world.key("b"), content(1000))
    world.faults(("GetObject", {"do": "truncate", "bytes": 10, **FOREVER}))
    ended, answer, raised = world.ends(
        lambda: world.sdk.downloader().download_file(world.space, world.key("b"), str(world.path("target")))
    )
    world.check(
        ended and answer and answer[1].status_code == -1,
        f"a download that breaks raises {raised} instead of returning (ret, resp)",
    )


@defect(
    19,
    "A refusal is reported with its own status",
    official=(
        "403 to init_multipart_upload raises AttributeError",
        "compare_file_etag of an absent object raises AttributeError",
    ),
    ours="init_multipart_upload returns (None, resp) with status_code 403; compare_file_etag returns False",
)
def refusals_raise(world: World) -> None:
    world.faults(("InitiateUpload", {"do": "answer", "status": 403}))
    _, answer, raised = world.ends(lambda: world.sdk.parts().init_multipart_upload(world.space, world.key("a")))
    world.check(
        answer and answer[1].status_code == 403 and not answer[1].ok(),
        f"403 to init_multipart_upload raises {raised}",
    )
    source = world.file("source", b"hello")
    _, same, raised = world.ends(
        lambda: world.sdk.files().compare_file_etag(world.space, world.key("absent"), str(source))
    )
    world.check(same is False, f"compare_file_etag of an absent object raises {raised}")


@defect(
    20,
    "Keys can be changed",
    official=("after set_keys every management call raises TypeError",),
    ours="set_keys accepts text, and every later call works",
)
def set_keys(world: World) -> None:
    manager = world.sdk.spaces()
    manager.set_keys(*world.keys)
    _, answer, raised = world.ends(lambda: world.sdk.describe(manager, world.space))
    world.check(answer and answer[1].ok(), f"after set_keys every management call raises {raised}")


@defect(
    21,
    "X-UCloud headers can be sent, and are signed",
    official=("any X-UCloud-* header raises AttributeError",),
    ours="they are signed as documented, which our server verifies",
    limit="it is unknown whether the real service checks them: neither the Go nor the Java SDK signs them",
)
def ucloud_headers(world: World) -> None:
    source, header = world.file("source", b"hello"), {"X-UCloud-Note": "mine"}
    _, answer, raised = world.ends(
        lambda: world.sdk.parts().uploadfile(world.space, world.key("a"), str(source), header=header)
    )
    world.check(answer and answer[1].ok(), f"any X-UCloud-* header raises {raised}")
    if answer and not any("x-ucloud-note" in entry["headers"] for entry in world.seen()):
        world.found("the header is not sent")


@defect(
    22,
    "A response can be printed, and every 2xx is a success",
    official=("repr(resp) raises TypeError", "201 is taken for a failure", "202 is taken for a failure"),
    ours="repr(resp) is one line; 200 to 299 are success",
    limit="the documented statuses are 200, 204 and 206; in ours 304 is no success either, because it brings no object",
)
def unusual_success(world: World) -> None:
    key = world.key("a")
    world.put(key, b"x")
    world.faults(("DeleteObject", {"do": "forward_then_answer", "status": 201}, {"do": "answer", "status": 202}))
    deleter = world.sdk.deleter()
    _, resp = deleter.deletefile(world.space, key)
    _, answer, raised = world.ends(lambda: (repr(resp),))
    world.check(answer, f"repr(resp) raises {raised}")
    for status in (201, 202):
        if resp.status_code != status:
            raise RuntimeError(f"{resp.status_code} is not {status}")
        world.check(resp.ok(), f"{status} is taken for a failure")
        if status == 201:
            _, resp = deleter.deletefile(world.space, key)


@defect(
    23,
    "The service's error message is shown",
    official=('with "application/json; charset=utf-8" the message is lost: resp.error is "unknown error"',),
    ours="resp.error is ErrMsg and resp.ret_code is RetCode, whatever parameters the content type has",
)
def reason_is_lost(world: World) -> None:
    said = {"RetCode": -148654, "ErrMsg": "no authorization found"}
    kind = {"Content-Type": "application/json; charset=utf-8"}
    world.faults(("DeleteObject", {"do": "answer", "status": 403, "json": said, "headers": kind}))
    _, resp = world.sdk.deleter().deletefile(world.space, world.key("a"))
    world.check(
        resp.error == said["ErrMsg"] and resp.ret_code == said["RetCode"],
        f'with "application/json; charset=utf-8" the message is lost: resp.error is "{resp.error}"',
    )
