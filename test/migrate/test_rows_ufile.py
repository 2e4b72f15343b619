"""docs/migrate/from-ufile, "Differences": each row is so."""

from __future__ import annotations

import pytest
import requests
import responses

from test.migrate.pages import page
from test.migrate.rows import Rows
from test.migrate.world import World, good, refused
from ucloud import logger
from ucloud.uvideo import config, filemanager, multipartuploaduvideo, spacemanager

ROW = Rows("from-ufile.md", "Differences")
FileManager = filemanager.FileManager


@ROW("hosts end with")
def _(at: World) -> None:
    config.unset_default()
    assert config.get_default("provider") == "auto-ai"
    config.set_default(provider="us3", region="cn-bj")
    assert FileManager(*at.keys).public_download_url("films", "k") == "https://films.cn-bj.ufileos.com/k"


@ROW("`uploadsuffix=")
def _(at: World) -> None:
    config.unset_default()
    config.set_default(uploadsuffix=".video.example.com:9000")
    assert FileManager(*at.keys).public_download_url("films", "k") == "http://films.video.example.com:9000/k"
    assert "apiurl" in refused(spacemanager.BucketManager(*at.keys).describespace(at.space))
    config.set_default(uploadsuffix="https://video.example.com:9000")
    assert FileManager(*at.keys).public_download_url("films", "k") == "https://video.example.com:9000/films/k"
    assert config.settings().api == "https://video.example.com:9000"


@ROW("plain http unless")
def _(at: World) -> None:
    config.unset_default()
    config.set_default(provider="us3")
    made = config.settings()
    assert made.upload.scheme == made.download.scheme == "https" and made.api == "https://api.ucloud.cn"
    config.set_default(uploadsuffix=".cn-sh2.ufileos.com")
    assert config.settings().upload.scheme == "https"
    config.set_default(open_ssl=False)
    assert config.settings().upload.scheme == "http"


@ROW("`set_default(60)`")
def _(at: World) -> None:
    with pytest.raises(ValueError, match="uploadsuffix"):
        config.set_default(60)  # type: ignore[arg-type]
    config.set_default(connection_timeout=70)
    assert config.get_default("connection_timeout") == 70


@ROW("`get_default(")
def _(at: World) -> None:
    config.set_default(uploadsuffix=".up.example.com")
    assert config.get_default("uploadsuffix") == ".up.example.com" and config.get_default("downloadsuffix") is None
    with pytest.raises(KeyError):
        config.get_default("upload_suffix")


@ROW("signed links last")
def _(at: World) -> None:
    assert (config.get_default("expires"), config.get_default("connection_timeout")) == (60, 60)


@ROW("handlers follow every later")
def _(at: World) -> None:
    config.set_default(uploadsuffix="127.0.0.1:1", retries=0)
    files = FileManager(*at.keys)
    config.set_default(uploadsuffix=at.server.host)
    assert good(files.putstream(at.space, "k", b"x"))
    config.set_default(uploadsuffix="127.0.0.1:1")
    assert good(files.head_file(at.space, "k"))


@ROW("`set_default(expires=0)`")
def _(at: World) -> None:
    with pytest.raises(ValueError):
        config.set_default(expires=0)
    config.set_default(expires=300)
    config.set_default(expires=None, uploadsuffix=None)
    assert (config.get_default("expires"), config.get_default("uploadsuffix")) == (300, at.server.host)
    config.unset_default("expires")
    assert config.get_default("expires") == 60


@ROW("`createbucket(")
def _(at: World) -> None:
    spaces, name = spacemanager.BucketManager(*at.keys), at.space + "-more"
    config.set_default(region="cn-sh2")
    good(spaces.createspace(name, "public", [name + ".example.com"], {"User-Agent": "mine"}, "org-1"))
    found = spaces.describespace(name, projectid="org-1")[0]["DataSet"][0]
    assert (found["Type"], found["Region"], found["Domain"]["CustomSrc"]) == (
        "public",
        "cn-sh2",
        [name + ".example.com"],
    )
    good(spaces.deletespace(name, None, "org-1"))


@ROW("`bucketmanager.UCLOUD_API_URL")
def _(at: World) -> None:
    config.unset_default()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spacemanager, "UCLOUD_API_URL", at.server.endpoint)
        good(spacemanager.BucketManager(*at.keys).describespace(at.space))
    config.set_default(apiurl=at.server.endpoint)
    good(spacemanager.BucketManager(*at.keys).describespace(at.space))


@ROW("`uploadfile(..., retrycount")
def _(at: World) -> None:
    parts = multipartuploaduvideo.MultipartUploadUVideo(*at.keys)
    refused(parts.uploadfile(at.space, "k", at.file, 4, 3, 5, {"X-Ufile-Meta-A": "b"}))  # type: ignore[arg-type]
    good(parts.uploadfile(at.space, "k", at.file, 4, 3, 5, header={"X-Ufile-Meta-A": "b"}))
    assert FileManager(*at.keys).head_file(at.space, "k")[1].headers.get("x-ufile-meta-a") == "b"


@ROW("`resumeuploadfile(bucket")
def _(at: World) -> None:
    checkpoint = str(at.folder / "checkpoint")
    config.set_default(uploadsuffix="127.0.0.1:1", retries=0)
    parts = multipartuploaduvideo.MultipartUploadUVideo(*at.keys)
    refused(parts.uploadfile(at.space, "k", at.file, 1, 0, 0), -1)
    refused(parts.resumeuploadfile(), -1)
    parts.close()
    config.set_default(uploadsuffix=at.server.host)
    parts = multipartuploaduvideo.MultipartUploadUVideo(*at.keys)

    def stop(sent: int, total: int | None) -> None:
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        parts.uploadfile(at.space, "k", at.file, 1, 0, 0, checkpoint=checkpoint, progress=stop)
    parts.close()
    good(multipartuploaduvideo.MultipartUploadUVideo(*at.keys).resumeuploadfile(checkpoint=checkpoint))


@ROW("`upload_part_copy(")
def _(at: World) -> None:
    good(FileManager(*at.keys).putfile(at.space, "k", at.file))
    parts = multipartuploaduvideo.MultipartUploadUVideo(*at.keys)
    good(parts.init_multipart_upload(at.space, "copied"))
    good(parts.upload_part_copy(at.space, "k", "text/plain", 2, 3, 0))
    assert parts.finish_upload()[0] == {"Bucket": at.space, "Key": "copied", "FileSize": 3}


@ROW("`putstream` of None")
def _(at: World) -> None:
    files = FileManager(*at.keys)
    refused(files.putstream(at.space, "k", None))  # type: ignore[arg-type]
    refused(files.putstream(at.space, "k", {"a": "form"}))
    with at.file.open() as opened:
        for stream, expected in (("\u4e2d", 3), (b"ab", 2), ([b"a", b"b"], 2), (opened, 5)):
            good(files.putstream(at.space, "k", stream))  # type: ignore[arg-type]
            assert files.head_file(at.space, "k")[1].content_length == expected


@ROW("the dict given as")
def _(at: World) -> None:
    header = {"X-Ufile-Meta-A": "b"}
    good(FileManager(*at.keys).putfile(at.space, "k", at.file, header))
    assert header == {"X-Ufile-Meta-A": "b"}


@ROW("`header` may contain")
def _(at: World) -> None:
    files = FileManager(*at.keys)
    same = {"Host": at.server.host, "bucket": at.space, "Content-Length": "5"}
    good(files.putfile(at.space, "k", at.file, same))
    for name in same:
        error = refused(files.putfile(at.space, "k", at.file, {name: "other"}))
        assert name.lower() in error and same[name] in error
    assert "authorization" in refused(files.putfile(at.space, "k", at.file, {"Authorization": "mine"}))


@ROW("`resp.content_length` is text")
@ROW("`resp.etag` is in")
@ROW("`str(resp)` lists")
def _(at: World) -> None:
    files = FileManager(*at.keys)
    good(files.putfile(at.space, "k", at.file))
    resp = good(files.head_file(at.space, "k"))
    assert resp.content_length == 5
    assert f'"{resp.etag}"' == resp.headers.get("ETag")
    assert str(resp) == repr(resp) == "<ResponseInfo status_code=200 ret_code=None error=None>"
    assert files.getfilelist(at.space)[1].content.startswith(b"{")


@ROW("a file without a known ending")
def _(at: World) -> None:
    files = FileManager(*at.keys)
    good(files.putfile(at.space, "plain", at.file.rename(at.folder / "plain")))
    assert files.head_file(at.space, "plain")[1].content_type == "application/octet-stream"


@ROW("a failure may raise")
def _(at: World) -> None:
    files = FileManager(*at.keys)
    assert files.putfile(at.space, "k", at.folder / "absent")[0] is None
    refused(files.putfile(at.space, "k", at.folder / "absent"))
    config.set_default(uploadsuffix="127.0.0.1:1", retries=0)
    refused(FileManager(*at.keys).putfile(at.space, "k", at.file), -1)


@ROW("all requests go through")
def _(at: World) -> None:
    seen, session = list[str](), requests.Session()
    session.hooks["response"].append(lambda response, **_: seen.append(response.request.method))
    good(FileManager(*at.keys, session=session).putstream(at.space, "k", b"x"))
    config.set_default(session=session)
    good(FileManager(*at.keys).head_file(at.space, "k"))
    assert seen == ["PUT", "HEAD"]
    config.unset_default("session")
    with responses.RequestsMock():
        assert "session" in refused(FileManager(*at.keys).head_file(at.space, "k"))


@ROW("every signature is printed")
def _(at: World) -> None:
    logger.set_log_file()
    good(FileManager(*at.keys).putfile(at.space, "k", at.file))
    (line,) = (at.folder / "ufile.log").read_text("utf-8").splitlines()
    assert f"putfile {at.space}/k: 200" in line and at.keys[1] not in line


@ROW("`from ufile.filemanager import *`")
def _(at: World) -> None:
    given: dict[str, object] = {}
    exec("from ucloud.uvideo.filemanager import *\nfrom ucloud.uvideo.config import *", given)
    assert given["config"] is config and given["logger"] is logger.logger and given["BLOCKSIZE"] == 4 << 20
    assert {"get_default", "USER_AGENT", "UCLOUD_API_URL"} <= set(given) and "json" not in given


@pytest.mark.parametrize("row", ROW.checks)
def test_the_row_is_so(row: str, at: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(at.folder)
    ROW.checks[row](at)


def test_every_row_is_shown() -> None:
    assert ROW.unchecked() == []
    chinese = page("from-ufile.zh.md").partition("\n|---|---|\n")[2].partition("\n\n")[0]
    assert len(chinese.splitlines()) == len(ROW.rows) >= 20
