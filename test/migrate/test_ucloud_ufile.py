"""docs/migrate/from-ucloud-ufile: its program runs, each row is so, and it names each program that runs unmodified."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
import responses

from test import interpreters
from test.fakes import FaultProxy
from test.migrate.pages import page, run
from test.migrate.rows import Rows
from test.migrate.world import World, good, refused
from test.regressions.test_programs import PROGRAMS, shape
from test.server_fixture import start_server
from ucloud import logger
from ucloud.ufile import (
    bucketmanager,
    config,
    downloadufile,
    getfilelist,
    multipartuploadufile,
    postufile,
    putufile,
)
from ucloud.uvideo.protocol.provider import Missing

PAGE = "from-ucloud-ufile.md"
ROW = Rows(PAGE, "What differs")


@ROW("hosts are")
def _(at: World) -> None:
    config.DEFAULTS.unset(())
    down = downloadufile.DownloadUFile(*at.keys)
    assert down.public_download_url("films", "k") == "http://films.ufile.ucloud.cn/k"
    config.set_default(uploadsuffix=".ufile.cn-north-03.ucloud.cn")
    down = downloadufile.DownloadUFile(*at.keys)
    assert down.public_download_url("films", "k") == "http://films.ufile.cn-north-03.ucloud.cn/k"


@ROW("`uploadsuffix` must begin")
def _(at: World) -> None:
    good(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.file))
    good(downloadufile.DownloadUFile(*at.keys).download_file(at.space, "k", at.folder / "copy"))
    good(bucketmanager.BucketManager(*at.keys).describebucket(at.space))
    config.set_default(uploadsuffix=".video.example.com")
    assert isinstance(config.DEFAULTS.settings().api, Missing)
    assert "apiurl" in refused(bucketmanager.BucketManager(*at.keys).describebucket(at.space))
    config.set_default(apiurl=at.server.endpoint)
    good(bucketmanager.BucketManager(*at.keys).describebucket(at.space))


@ROW("management goes to")
def _(at: World) -> None:
    config.DEFAULTS.unset(())
    assert config.DEFAULTS.settings().api == "https://api.ucloud.cn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucketmanager, "UCLOUD_API_URL", at.server.endpoint)
        good(bucketmanager.BucketManager(*at.keys).describebucket(at.space))


@ROW("no timeout unless")
def _(at: World) -> None:
    assert config.get_default("connection_timeout") == 60


@ROW("`expires` of a download")
def _(at: World) -> None:
    assert config.get_default("expires") == 300
    config.set_default(expires=1000)
    link = downloadufile.DownloadUFile(*at.keys).private_download_url(at.space, "k")
    config.set_default(expires=10)
    other = downloadufile.DownloadUFile(*at.keys).private_download_url(at.space, "k")
    ends = [int(re.findall("Expires=([0-9]+)", each)[0]) for each in (link, other)]
    assert 900 < ends[0] - ends[1] <= 990


@ROW("handlers follow every")
def _(at: World) -> None:
    config.set_default(uploadsuffix="127.0.0.1:1", retries=0)
    put = putufile.PutUFile(*at.keys)
    config.set_default(uploadsuffix=at.server.host)
    good(put.putstream(at.space, "k", b"x"))
    config.set_default(uploadsuffix="127.0.0.1:1")
    good(put.putstream(at.space, "k", b"x"))


@ROW("a value that `set_default`")
def _(at: World) -> None:
    with pytest.raises(ValueError, match="connection_timeout"):
        config.set_default(connection_timeout="soon")  # type: ignore[arg-type]
    config.set_default(0, 0, "", "", None)
    assert config.get_default("upload_suffix") == at.server.host


@ROW("keys in URLs")
def _(at: World) -> None:
    config.DEFAULTS.unset(())
    down = downloadufile.DownloadUFile(*at.keys)
    assert down.public_download_url("films", "a b?.mp4") == "http://films.ufile.ucloud.cn/a%20b%3F.mp4"
    links = [down.private_download_url("films", "a+b", 60, None, internal) for internal in (True, False)]
    assert [each.partition("?")[0] for each in links] == ["http://films.ufile.ucloud.cn/a+b"] * 2
    assert all(re.search(r"Signature=[A-Za-z0-9%]+$", each) for each in links)


@ROW("`postfile` sends")
def _(at: World) -> None:
    with FaultProxy("127.0.0.1", at.server.port) as proxy:
        config.set_default(uploadsuffix=f"127.0.0.1:{proxy.port}")
        good(postufile.PostUFile(*at.keys).postfile(at.space, "form", at.file))
        assert [each.operation for each in proxy.log()] == ["PutObject"]
    config.set_default(uploadsuffix=at.server.host)
    good(downloadufile.DownloadUFile(*at.keys).download_file(at.space, "form", at.folder / "back"))
    assert (at.folder / "back").read_bytes() == b"local"


@ROW("a missing file")
def _(at: World) -> None:
    refused(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.folder / "absent"))
    config.set_default(uploadsuffix="127.0.0.1:1", retries=0)
    refused(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.file), -1)


@ROW("`resp.ok()` is True")
def _(at: World) -> None:
    ret, resp = bucketmanager.BucketManager(*at.keys).createbucket(at.space)
    assert ret is not None and (resp.status_code, ret["RetCode"], resp.ok()) == (200, 15000, False)


@ROW("parts are sent one")
def _(at: World) -> None:
    assert config.get_default("maxthread") == 4
    at.file.write_bytes(b"x" * (13 << 20))  # four parts
    with FaultProxy("127.0.0.1", at.server.port) as proxy:
        config.set_default(uploadsuffix=f"127.0.0.1:{proxy.port}", maxthread=1)
        good(multipartuploadufile.MultipartUploadUFile(*at.keys).uploadfile(at.space, "k", at.file))
        sent = proxy.log("UploadPart")
    assert [each.part for each in sent] == [0, 1, 2, 3] and len({each.connection for each in sent}) == 1


@ROW("`resumeuploadfile(...)` trusts")
def _(at: World) -> None:
    begun = multipartuploadufile.MultipartUploadUFile(*at.keys)
    good(begun.init_multipart_upload(at.space, "k"))
    good(putufile.PutUFile(*at.keys).putstream(at.space, "other", b"OTHER"))
    good(begun.upload_part_copy(at.space, "other", "text/plain", 0, 5, 0))
    kept = {"bucket": at.space, "key": "k", "uploadid": begun.uploadid, "etaglist": ["made up"]}
    again = multipartuploadufile.MultipartUploadUFile(*at.keys)
    refused(again.resumeuploadfile(localfile=str(at.file), **kept), -2)  # type: ignore[arg-type]


@ROW("`handler.uploadid` and")
def _(at: World) -> None:
    parts = multipartuploadufile.MultipartUploadUFile(*at.keys)
    good(parts.uploadfile(at.space, "k", at.file))
    assert parts.uploadid is None and parts.etaglist == []


@ROW("the type of a file")
def _(at: World) -> None:
    put, down = putufile.PutUFile(*at.keys), downloadufile.DownloadUFile(*at.keys)
    for header, expected in (({}, "audio/mpeg"), ({"Content-Type": "text/x-mine"}, "text/x-mine")):
        good(put.putfile(at.space, "a.mp3", at.file, header))
        assert good(down.download_file(at.space, "a.mp3", at.folder / "back")).content_type == expected


@ROW("the type of a stream")
def _(at: World) -> None:
    put, down = putufile.PutUFile(*at.keys), downloadufile.DownloadUFile(*at.keys)
    for options, expected in (({}, "video/mp4"), ({"mime_type": "text/x-mine"}, "text/x-mine")):
        good(put.putstream(at.space, "a.mp4", b"x", **options))
        assert good(down.download_file(at.space, "a.mp4", at.folder / "back")).content_type == expected


@ROW("the dict given as")
def _(at: World) -> None:
    header: dict[str, str] = {}
    good(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.file, header))
    assert header == {}


@ROW("`str(resp)` lists")
def _(at: World) -> None:
    resp = good(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.file))
    assert str(resp).startswith("status_code: 200, error: None, ret_code: None, x_session_id: ")
    assert re.fullmatch('"[A-Za-z0-9_-]{32}"', resp.etag) and resp.content_length == "0"


@ROW("all requests go through")
def _(at: World) -> None:
    seen, session = list[str](), requests.Session()
    session.hooks["response"].append(lambda response, **_: seen.append(response.request.method))
    good(putufile.PutUFile(*at.keys, session=session).putfile(at.space, "k", at.file))
    config.set_default(session=session)
    good(downloadufile.DownloadUFile(*at.keys).download_file(at.space, "k", at.folder / "copy"))
    assert seen == ["PUT", "GET"]
    config.DEFAULTS.unset(("session",))
    with responses.RequestsMock():
        assert "session" in refused(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.file))


@ROW("every signature is printed")
def _(at: World) -> None:
    logger.set_log_file()
    good(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.file))
    (line,) = (at.folder / "ufile.log").read_text("utf-8").splitlines()
    assert f"putfile {at.space}/k: 200" in line and at.keys[1] not in line


@ROW("`GetFileList.list`")
def _(at: World) -> None:
    good(putufile.PutUFile(*at.keys).putfile(at.space, "k", at.file))
    ret, _ = getfilelist.GetFileList(*at.keys).list(at.space, "", 10)
    assert ret is not None and [each["FileName"] for each in ret["DataSet"]] == ["k"]
    down = downloadufile.DownloadUFile(*at.keys)
    good(down.download_file(at.space, "k", at.folder / "copy"))
    assert "Signature=" in down.private_download_url(at.space, "k")


@ROW("`bucketmanager.createbucket(...)`")
def _(at: World) -> None:
    assert not hasattr(bucketmanager, "createbucket")
    assert hasattr(bucketmanager.BucketManager, "createbucket")


@pytest.mark.parametrize("row", ROW.checks)
def test_the_row_is_so(row: str, at: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(at.folder)
    ROW.checks[row](at)


def test_every_row_is_shown() -> None:
    assert ROW.unchecked() == [] and len(ROW.rows) >= 15
    chinese = (
        page("from-ucloud-ufile.zh.md").partition("\n|---|---|\n")[2].partition("\n|---|---|\n")[2].partition("\n\n")[0]
    )
    assert len(chinese.splitlines()) == len(ROW.rows)


def test_the_page_names_each_program_that_runs() -> None:
    named = dict(re.findall(r"^\| `(\w+\.py)` \| (.*) \|$", page(PAGE), re.MULTILINE))
    assert named == {path.name: shape(path) for path in PROGRAMS}


#: Python 2.7 where there is one, and this one.
OLDEST = [each for each in interpreters.find() if each.version == (2, 7)]


@pytest.mark.parametrize("interpreter", [*OLDEST, None], ids=lambda each: each.name if each else "this")
def test_the_program_of_the_page_runs(interpreter: interpreters.Interpreter | None, tmp_path: Path) -> None:
    with start_server(tmp_path / "server", "--no-fsync") as own:
        filled = {
            "YOUR_PUBLIC_KEY": own.public_key,
            "YOUR_PRIVATE_KEY": own.private_key,
            "YOUR_UPLOAD_SUFFIX": own.host,
            "YOUR_DOWNLOAD_SUFFIX": own.host,
        }
        folder = tmp_path / "work"
        folder.mkdir()
        printed = run(PAGE, "ucloud.ufile", own, folder, filled, interpreter=interpreter).splitlines()
    assert printed[0] == "private" and printed[1] == "200" and "notes.txt" in printed[2]
    assert printed[3] == str((folder / "movie.mp4").stat().st_size) and printed[4] == "0"
    assert (folder / "copy.txt").read_text() == "some notes\n" and (folder / "range.txt").read_text() == "some"
