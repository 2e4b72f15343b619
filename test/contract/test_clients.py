"""The contract of clients, kept by the published SDK and by the typed ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from test.contract.client import ClientContract, File, FileContract, FolderContract, Subject, TypedSubject
from test.fakes import FaultProxy
from ucloud.uvideo import config, deleteuvideo, downloaduvideo, filemanager, multipartuploaduvideo, spacemanager
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol import errors as core
from uvideo import AsyncClient, Client, Retry, errors

T = TypeVar("T")


def checked(answer: tuple[Any, Any]) -> tuple[Any, Any]:
    """The (ret, resp) of a success; a failure as the error that its status code and ret code mean."""
    _, resp = answer
    if resp.ok():
        return answer
    if resp.status_code == -2:
        raise errors.IntegrityError(resp.error)
    if resp.status_code == -1:
        raise errors.NoAnswer(resp.error)
    if resp.status_code == -3:
        raise errors.LocalFailure(resp.error)
    raise core.refusal(resp.status_code, resp.ret_code, resp.error)


class Sdk(Subject):
    def __init__(self, host: str, public_key: str, private_key: str) -> None:
        config.set_default(uploadsuffix=host, downloadsuffix=host)
        kinds = (
            spacemanager.BucketManager,
            multipartuploaduvideo.MultipartUploadUVideo,
            downloaduvideo.DownloadUVideo,
            deleteuvideo.DeleteUVideo,
            filemanager.FileManager,
        )
        made = [kind(public_key, private_key) for kind in kinds]
        for each in made:
            carrier_of(each).sleep = lambda seconds: None
        self.spaces, self.uploader, self.downloader, self.deleter, self.files = made

    def close(self) -> None:
        config.unset_default("uploadsuffix", "downloadsuffix")

    def create_space(self, space: str) -> None:
        checked(self.spaces.createspace(space))

    def upload(self, space: str, key: str, path: Path) -> str | None:
        etag: str | None = checked(self.uploader.uploadfile(space, key, str(path), retryinterval=0))[1].etag
        return etag

    def upload_stream(self, space: str, key: str, stream: Any) -> None:
        checked(self.uploader.uploadstream(space, key, stream))

    def put(self, space: str, key: str, path: Path) -> None:
        checked(self.files.putfile(space, key, str(path)))
        checked(self.files.postfile(space, key, str(path)))
        checked(self.files.putstream(space, key, iter([path.read_bytes()])))

    def download(self, space: str, key: str, path: Path, first: int | None = None, last: int | None = None) -> None:
        wanted = None if first is None else (first, last)
        checked(self.downloader.download_file(space, key, str(path), content_range=wanted))

    def delete(self, space: str, key: str) -> None:
        checked(self.deleter.deletefile(space, key))

    def keys(self, space: str, prefix: str) -> list[str]:
        return [entry["FileName"] for entry in checked(self.files.getfilelist(space, prefix))[0]["DataSet"]]


class SdkWithSession(Sdk):
    """The same over a session of requests, which takes a 103 for the answer."""

    interim = (100,)

    def __init__(self, host: str, public_key: str, private_key: str) -> None:
        self.session = requests.Session()
        config.set_default(session=self.session)
        super().__init__(host, public_key, private_key)

    def close(self) -> None:
        super().close()
        config.unset_default("session")
        self.session.close()


class PlainFile(File):
    """A Reader or Writer, or an AsyncReader or AsyncWriter that ``run`` awaits."""

    def __init__(self, file: Any, run: Callable[[Any], Any] = lambda value: value) -> None:
        self.file, self.run = file, run

    def read(self, size: int = -1) -> bytes:
        found: bytes = self.run(self.file.read(size))
        return found

    def readinto(self, buffer: bytearray) -> int:
        return int(self.run(self.file.readinto(buffer)))

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self.run(self.file.seek(offset, whence)))

    def tell(self) -> int:
        return int(self.run(self.file.tell()))

    def write(self, data: bytes) -> int:
        return int(self.run(self.file.write(data)))

    @property
    def facts(self) -> tuple[int, str | None, bool]:
        return self.file.size, self.file.etag, self.file.verified

    @property
    def stored(self) -> Any:
        return self.file.stored


class Typed(TypedSubject):
    def __init__(self, host: str, public_key: str, private_key: str) -> None:
        self.client = Client(public_key, private_key, endpoint=host, retry=Retry(5, base=0.0))

    def close(self) -> None:
        self.client.close()

    def create_space(self, space: str) -> None:
        self.client.create_space(space)

    def upload(self, space: str, key: str, path: Path) -> str | None:
        return self.client.upload(space, key, path).etag

    def upload_stream(self, space: str, key: str, stream: Any) -> None:
        self.client.upload(space, key, stream)

    def put(self, space: str, key: str, path: Path) -> None:
        for data in (path, path.read_bytes(), iter([path.read_bytes()])):
            self.client.put(space, key, data)

    def download(self, space: str, key: str, path: Path, first: int | None = None, last: int | None = None) -> None:
        self.client.download(space, key, path, start=first, end=None if last is None else last + 1)

    def delete(self, space: str, key: str) -> None:
        self.client.delete(space, key)

    def keys(self, space: str, prefix: str) -> list[str]:
        return [each.key for each in self.client.list(space, prefix)]

    @contextmanager
    def open(self, space: str, key: str, mode: Any, **options: Any) -> Iterator[File]:
        with self.client.open(space, key, mode, **options) as file:
            yield PlainFile(file)

    def uploads(self, space: str) -> list[str]:
        return [each.key for each in self.client.list_uploads(space)]

    def upload_dir(self, *given: Any, **options: Any) -> Any:
        return self.client.upload_dir(*given, **options)

    def download_dir(self, *given: Any, **options: Any) -> Any:
        return self.client.download_dir(*given, **options)


class AsyncTyped(TypedSubject):
    def __init__(self, host: str, public_key: str, private_key: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.client = AsyncClient(public_key, private_key, endpoint=host, retry=Retry(5, base=0.0))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self.client.close())
        self.loop.close()

    def create_space(self, space: str) -> None:
        self.run(self.client.create_space(space))

    def upload(self, space: str, key: str, path: Path) -> str | None:
        return self.run(self.client.upload(space, key, path)).etag

    def upload_stream(self, space: str, key: str, stream: Any) -> None:
        self.run(self.client.upload(space, key, stream))

    def put(self, space: str, key: str, path: Path) -> None:
        for data in (path, path.read_bytes(), iter([path.read_bytes()])):
            self.run(self.client.put(space, key, data))

    def download(self, space: str, key: str, path: Path, first: int | None = None, last: int | None = None) -> None:
        self.run(self.client.download(space, key, path, start=first, end=None if last is None else last + 1))

    def delete(self, space: str, key: str) -> None:
        self.run(self.client.delete(space, key))

    def keys(self, space: str, prefix: str) -> list[str]:
        async def found() -> list[str]:
            return [each.key async for each in self.client.list(space, prefix)]

        return self.run(found())

    @contextmanager
    def open(self, space: str, key: str, mode: Any, **options: Any) -> Iterator[File]:
        async def opened() -> Any:
            return await self.client.open(space, key, mode, **options).__aenter__()

        file = self.run(opened())
        try:
            yield PlainFile(file, self.run)
        except BaseException as error:
            self.run(file.__aexit__(type(error), error, None))
            raise
        self.run(file.__aexit__(None, None, None))

    def uploads(self, space: str) -> list[str]:
        async def found() -> list[str]:
            return [each.key async for each in self.client.list_uploads(space)]

        return self.run(found())

    def upload_dir(self, *given: Any, **options: Any) -> Any:
        return self.run(self.client.upload_dir(*given, **options))

    def download_dir(self, *given: Any, **options: Any) -> Any:
        return self.run(self.client.download_dir(*given, **options))


class TestPublishedSdk(ClientContract):
    subject_class = Sdk


class TestPublishedSdkWithSession(ClientContract):
    subject_class = SdkWithSession

    def test_answers_that_precede_the_answer_do_not_end_what_is_sent(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        """Only 100: http.client takes others for the answer, which is said."""
        proxy.on("PutObject", key="a").interim(100_000, [100, 100])
        proxy.on("PutObject", key="b").interim(100_000, [103])
        subject.put(space, "a", large)
        with pytest.raises(errors.LocalFailure, match="103"):
            subject.put(space, "b", large)
        subject.download(space, "a", tmp_path / "a")
        assert (tmp_path / "a").read_bytes() == large.read_bytes()


class TestTypedClient(ClientContract, FileContract, FolderContract):
    subject_class = Typed


class TestAsyncClient(ClientContract, FileContract, FolderContract):
    subject_class = AsyncTyped
