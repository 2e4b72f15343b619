"""What every client of the service promises, whichever face it has: one promise, one test.

A Subject is a client seen through the few calls that all of them have; they raise UVideoError where their client says
no.
"""

from __future__ import annotations

import contextlib
import io
import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.server_fixture import Server
from uvideo import errors

BLOCK = 4194304
KEYS = [
    "plain",
    "with blank",
    "a+b",
    "100%25",
    "what?",
    "a#b",
    "a//b",
    "视频/\U0001f3ac.mp4",
    "/edge/",
    "a/../b",
    "line\nbreak",
]


class Subject:
    """A client whose requests go to ``host`` and which does not wait between tries.

    ``interim``: the answers 1xx that it passes over.
    """

    interim: tuple[int, ...] = (100, 103)

    def __init__(self, host: str, public_key: str, private_key: str) -> None:
        raise NotImplementedError

    def close(self) -> None: ...

    def create_space(self, space: str) -> None: ...

    def upload(self, space: str, key: str, path: Path) -> str | None:
        """The etag."""

    def upload_stream(self, space: str, key: str, stream: Any) -> None: ...

    def put(self, space: str, key: str, path: Path) -> None:
        """Store a file in one request, as often as the client can in another way."""

    def download(self, space: str, key: str, path: Path, first: int | None = None, last: int | None = None) -> None:
        """Both ends inclusive."""

    def delete(self, space: str, key: str) -> None: ...

    def keys(self, space: str, prefix: str) -> list[str]:
        raise NotImplementedError


class File:
    """An open file of a TypedSubject."""

    def read(self, size: int = -1) -> bytes:
        raise NotImplementedError

    def readinto(self, buffer: bytearray) -> int:
        raise NotImplementedError

    def seek(self, offset: int, whence: int = 0) -> int:
        raise NotImplementedError

    def tell(self) -> int:
        raise NotImplementedError

    def write(self, data: bytes) -> int:
        raise NotImplementedError

    @property
    def facts(self) -> tuple[int, str | None, bool]:
        """(size, etag, verified) of a reader."""
        raise NotImplementedError

    @property
    def stored(self) -> Any: ...


class TypedSubject(Subject):
    """A client of the toolkit."""

    def open(self, space: str, key: str, mode: str, **options: Any) -> AbstractContextManager[File]:
        raise NotImplementedError

    def uploads(self, space: str) -> list[str]:
        """The keys of unfinished uploads."""
        raise NotImplementedError

    def upload_dir(self, *given: Any, **options: Any) -> Any:
        """The Summary; likewise download_dir."""

    def download_dir(self, *given: Any, **options: Any) -> Any: ...


class Given:
    """The fixtures of a contract.  Give ``subject_class``."""

    subject_class: type[Subject]

    @pytest.fixture
    def proxy(self, server: Server) -> Iterator[FaultProxy]:
        with FaultProxy("127.0.0.1", server.port) as made:
            yield made

    @pytest.fixture
    def subject(
        self, server: Server, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> Iterator[Subject]:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        made = self.subject_class(f"127.0.0.1:{proxy.port}", server.public_key, server.private_key)
        yield made
        made.close()

    @pytest.fixture(autouse=True)
    def keys(self, server: Server, proxy: FaultProxy) -> None:
        self._where = (f"127.0.0.1:{proxy.port}", server.public_key, server.private_key)

    @contextlib.contextmanager
    def another(self, subject: Subject) -> Iterator[Subject]:
        """A second client of the same kind, for another thread."""
        made = type(subject)(*self._where)
        yield made
        made.close()

    @pytest.fixture
    def space(self, subject: Subject) -> str:
        name = "k-" + uuid.uuid4().hex[:20]
        subject.create_space(name)
        return name

    @pytest.fixture
    def large(self, tmp_path: Path) -> Path:
        path = tmp_path / "large.mp4"
        path.write_bytes(os.urandom(2 * BLOCK + 99))
        return path


class ClientContract(Given):
    """What every client does."""

    @pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:20])
    def test_a_file_comes_back_as_it_went_whatever_its_key(
        self, subject: Subject, space: str, tmp_path: Path, key: str
    ) -> None:
        (tmp_path / "a").write_bytes(key.encode())
        subject.upload(space, key, tmp_path / "a")
        subject.download(space, key, tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == key.encode()
        assert subject.keys(space, key) == [key]
        subject.delete(space, key)
        assert subject.keys(space, "") == []

    @pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
    def test_a_file_of_any_size_comes_back(self, subject: Subject, space: str, tmp_path: Path, size: int) -> None:
        (tmp_path / "a").write_bytes(os.urandom(size))
        subject.upload(space, "a", tmp_path / "a")
        subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()

    def test_a_stream_of_unknown_length_is_stored_and_left_open(
        self, subject: Subject, space: str, large: Path, tmp_path: Path
    ) -> None:
        with large.open("rb") as file:
            subject.upload_stream(space, "a", file)
            assert not file.closed
        subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == large.read_bytes()

    def test_a_range_is_read(self, subject: Subject, space: str, large: Path, tmp_path: Path) -> None:
        subject.upload(space, "a", large)
        subject.download(space, "a", tmp_path / "b", BLOCK - 5, BLOCK + 4)
        assert (tmp_path / "b").read_bytes() == large.read_bytes()[BLOCK - 5 : BLOCK + 5]

    def test_passing_failures_are_tried_again(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "big").write_bytes(large.read_bytes() * 2)
        proxy.on("UploadPart", part=1).cut_after(512).then(500, times=2)
        proxy.on("UploadPart", part=2).lost_answer()
        proxy.on("FinishUpload").lost_answer()
        proxy.on("GetObject").reset(BLOCK).then(503).truncate(BLOCK)
        subject.upload(space, "a", tmp_path / "big")
        subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == (tmp_path / "big").read_bytes()

    def test_answers_that_precede_the_answer_do_not_end_what_is_sent(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        proxy.on("UploadPart", part=0).interim(statuses=subject.interim)
        proxy.on("UploadPart", part=1).interim(100_000, subject.interim[-1:] * 9)
        proxy.on("PutObject").interim(1, subject.interim, times=None)
        subject.upload(space, "a", large)
        subject.upload_stream(space, "b", io.BytesIO(large.read_bytes()))
        subject.put(space, "c", large)
        for key in "abc":
            subject.download(space, key, tmp_path / key)
            assert (tmp_path / key).read_bytes() == large.read_bytes()
        assert (len(proxy.log("UploadPart")), len(proxy.log("PutObject"))) == (6, 3)  # nothing was sent twice

    def test_a_part_that_is_there_already_counts(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "big").write_bytes(large.read_bytes() * 2)
        document = {"RetCode": -1014, "ErrMsg": "put duplicate key error"}
        proxy.on("UploadPart", part=1).forward_then_answer(500, json=document)
        subject.upload(space, "a", tmp_path / "big")
        subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == (tmp_path / "big").read_bytes()

    def test_bytes_that_change_on_the_way_up_are_noticed(
        self, subject: Subject, space: str, proxy: FaultProxy, tmp_path: Path
    ) -> None:
        (tmp_path / "a").write_bytes(os.urandom(3 * BLOCK))
        proxy.on("UploadPart", part=1).flip_request(7)
        with pytest.raises(errors.IntegrityError):
            subject.upload(space, "a", tmp_path / "a")
        assert subject.keys(space, "") == []

    def test_bytes_that_change_on_the_way_down_are_noticed_and_the_target_stays(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        subject.upload(space, "a", large)
        (tmp_path / "b").write_bytes(b"mine")
        proxy.on("GetObject").flip(BLOCK)
        with pytest.raises(errors.IntegrityError):
            subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == b"mine"

    def test_a_download_leaves_nothing_beside_its_target(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "films"
        folder.mkdir()
        subject.upload(space, "a", large)
        proxy.on("GetObject").flip(5)
        with pytest.raises(errors.IntegrityError):
            subject.download(space, "a", folder / "b")
        assert os.listdir(folder) == []
        subject.download(space, "a", folder / "b")
        assert os.listdir(folder) == ["b"]

    def test_what_a_proxy_compresses_unasked_is_named_and_never_taken_for_the_object(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        setting = errors.ConfigurationError, errors.LocalFailure  # the SDK's -3 may be either
        subject.upload(space, "a", large)
        (tmp_path / "b").write_bytes(b"mine")
        for etag in ('W/"{}"', '"{}-gzip"'):
            proxy.on("GetObject").compress(etag)
            with pytest.raises(setting, match="Content-Encoding: gzip"):
                subject.download(space, "a", tmp_path / "b")
        proxy.on("GetObject").compress('"{}"')  # only length or hash tell, whichever comes first
        with pytest.raises((*setting, errors.IntegrityError), match="Content-Encoding: gzip"):
            subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == b"mine"
        proxy.on("*").compress()
        asked = len(proxy.log())
        with pytest.raises(setting, match="Content-Encoding: gzip"):
            subject.keys(space, "")
        assert len(proxy.log()) == asked + 1  # trying again would change nothing

    def test_an_object_that_changes_while_it_is_downloaded_is_fetched_anew(
        self, subject: Subject, space: str, proxy: FaultProxy, large: Path, tmp_path: Path
    ) -> None:
        subject.upload(space, "a", large)
        other = tmp_path / "other"
        other.write_bytes(os.urandom(2 * BLOCK + 5))
        proxy.on("GetObject").truncate(BLOCK).pause("changed")

        def change() -> None:
            with self.another(subject) as client:
                client.upload(space, "a", other)

        with proxy.meanwhile("changed", change):
            subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == other.read_bytes()

    def test_an_absent_object_is_not_found_and_the_target_stays(
        self, subject: Subject, space: str, tmp_path: Path
    ) -> None:
        (tmp_path / "b").write_bytes(b"mine")
        with pytest.raises(errors.NotFound) as caught:
            subject.download(space, "absent", tmp_path / "b")
        assert caught.value.status == 404
        assert (tmp_path / "b").read_bytes() == b"mine"

    def test_deleting_what_is_absent_is_no_error(self, subject: Subject, space: str) -> None:
        subject.delete(space, "absent")
        assert subject.keys(space, "") == []

    def test_a_refusal_is_not_tried_again(
        self, subject: Subject, space: str, proxy: FaultProxy, tmp_path: Path
    ) -> None:
        proxy.on("DeleteObject").then(403)
        with pytest.raises(errors.AccessDenied):
            subject.delete(space, "a")
        assert len(proxy.log("DeleteObject")) == 1

    def test_a_wrong_private_key_is_a_signature_mismatch(
        self, server: Server, proxy: FaultProxy, space: str, tmp_path: Path
    ) -> None:
        wrong = self.subject_class(f"127.0.0.1:{proxy.port}", server.public_key, "wrong")
        with pytest.raises(errors.SignatureMismatch):
            wrong.delete(space, "a")
        wrong.close()


class FileContract(Given):
    """What ``open`` gives."""

    def test_an_object_is_read_as_a_file(self, subject: TypedSubject, space: str, large: Path) -> None:
        data, etag = large.read_bytes(), subject.upload(space, "a", large)
        with subject.open(space, "a", "rb") as file:
            assert file.facts == (len(data), etag, False)
            assert file.read(10) == data[:10] and file.tell() == 10
            assert file.seek(-5, os.SEEK_END) == len(data) - 5 and file.read() == data[-5:]
            buffer = bytearray(200_000)
            assert file.seek(BLOCK - 9) and file.readinto(buffer) == 200_000
            assert buffer == data[BLOCK - 9 : BLOCK - 9 + 200_000]
            assert file.seek(0) == 0 and file.read() == data
        with pytest.raises(ValueError):
            file.read(1)

    def test_an_object_that_was_read_in_order_is_verified(
        self, subject: TypedSubject, space: str, proxy: FaultProxy, large: Path
    ) -> None:
        etag = subject.upload(space, "a", large)
        proxy.on("GetObject", byte=BLOCK).reset(1000).then(503)
        with subject.open(space, "a", "rb") as file:
            assert b"".join(iter(lambda: file.read(100_000), b"")) == large.read_bytes()
            assert file.facts == (large.stat().st_size, etag, True)
        proxy.on("GetObject").flip(9)
        with subject.open(space, "a", "rb") as file, pytest.raises(errors.IntegrityError):
            file.read()

    def test_an_object_that_is_replaced_while_it_is_open_is_refused(
        self, subject: TypedSubject, space: str, large: Path, tmp_path: Path
    ) -> None:
        subject.upload(space, "a", large)
        (tmp_path / "other").write_bytes(large.read_bytes()[::-1])
        with subject.open(space, "a", "rb") as file:
            file.read(10)
            subject.upload(space, "a", tmp_path / "other")
            file.seek(BLOCK)
            with pytest.raises(errors.ObjectChanged):
                file.read(10)

    def test_an_absent_object_cannot_be_opened(self, subject: TypedSubject, space: str) -> None:
        with pytest.raises(errors.NotFound), subject.open(space, "absent", "rb"):
            pass

    @pytest.mark.parametrize("size", [0, 1, 2 * BLOCK, 3 * BLOCK + 1])
    def test_what_is_written_is_stored_when_it_is_closed(
        self, subject: TypedSubject, space: str, tmp_path: Path, size: int
    ) -> None:
        data = os.urandom(size)
        with subject.open(space, "a", "wb", mime="video/mp4") as file:
            for at in range(0, size, 1_000_000):
                file.write(data[at : at + 1_000_000])
            assert file.tell() == size and subject.keys(space, "") == []
        assert (file.stored.size, file.stored.verified) == (size, True)
        subject.download(space, "a", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == data
        with pytest.raises(ValueError):
            file.write(b"late")

    @pytest.mark.parametrize("size", [10, 4 * BLOCK])
    def test_a_block_that_raises_stores_nothing(self, subject: TypedSubject, space: str, size: int) -> None:
        with pytest.raises(KeyError), subject.open(space, "a", "wb") as file:
            file.write(bytes(size))
            raise KeyError("mine")
        assert file.stored is None
        assert subject.keys(space, "") == subject.uploads(space) == []

    def test_a_part_that_fails_stores_nothing(self, subject: TypedSubject, space: str, proxy: FaultProxy) -> None:
        proxy.on("UploadPart", part=1).then(403)
        with pytest.raises(errors.AccessDenied), subject.open(space, "a", "wb") as file:
            for _ in range(40):
                file.write(bytes(1 << 20))
        assert subject.keys(space, "") == subject.uploads(space) == []

    def test_a_mode_for_text_is_refused(self, subject: TypedSubject, space: str) -> None:
        with pytest.raises(errors.InvalidArgument, match="TextIOWrapper"), subject.open(space, "a", "r"):
            pass


class FolderContract(Given):
    """What ``upload_dir`` and ``download_dir`` do."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("a/1.txt", "a/b/2.txt", "c.bin", "视频.mp4"):
            path = tmp_path / "folder" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode() * 1000)
        (tmp_path / "folder" / "large").write_bytes(os.urandom(2 * BLOCK + 1))
        return tmp_path / "folder"

    def test_a_folder_comes_back_as_it_went(
        self, subject: TypedSubject, space: str, proxy: FaultProxy, folder: Path, tmp_path: Path
    ) -> None:
        proxy.on("PutObject", key="p/c.bin").cut_after(100).then(500)
        proxy.on("GetObject", key="p/a/1.txt").reset(100).then(503)
        totals: list[Any] = []
        up = subject.upload_dir(folder, space, "p", jobs=2, progress=totals.append, exclude=["b/"])
        names = ["a/1.txt", "c.bin", "large", "视频.mp4"]
        assert sorted(each.key for each in up.done) == subject.keys(space, "") == [f"p/{name}" for name in names]
        assert (totals[-1].files, totals[-1].files_done, totals[-1].done) == (4, 4, up.size)
        reported: list[Any] = []
        down = subject.download_dir(space, "p", tmp_path / "copy", report=reported.append)
        assert down.done == () and sorted(each.key for each in reported) == sorted(each.key for each in up.done)
        for name in names:
            assert (tmp_path / "copy" / name).read_bytes() == (folder / name).read_bytes()
        assert not list((tmp_path / "copy").rglob("*.part"))

    def test_what_fails_is_said_and_the_rest_goes_on(
        self, subject: TypedSubject, space: str, proxy: FaultProxy, folder: Path, tmp_path: Path
    ) -> None:
        proxy.on("PutObject", key="c.bin").then(403)
        os.symlink("nowhere", folder / "gone")
        with pytest.raises(errors.SomeFailed) as caught:
            subject.upload_dir(folder, space)
        found = {each.key: type(each.error) for each in caught.value.summary.failures}
        assert found == {"c.bin": errors.AccessDenied, "gone": errors.LocalFailure}
        assert sorted(each.key for each in caught.value.summary.done) == subject.keys(space, "")
        subject.upload(space, "../evil", folder / "c.bin")
        with pytest.raises(errors.SomeFailed) as caught:
            subject.download_dir(space, "", tmp_path / "in" / "copy")
        assert [each.key for each in caught.value.summary.failures] == ["../evil"]
        assert not (tmp_path / "in" / "evil").exists() and len(caught.value.summary.done) == 4

    def test_what_progress_raises_ends_it(self, subject: TypedSubject, space: str, folder: Path) -> None:
        def refuse(_: Any) -> None:
            raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            subject.upload_dir(folder, space, jobs=1, progress=refuse)
        assert len(subject.keys(space, "")) <= 1
