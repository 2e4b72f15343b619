"""Client.open for reading: what open(path, "rb") gives, of one version of an object, and verified."""

from __future__ import annotations

import io
import os
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import Cancel, Client, errors
from uvideo.client.reader import BLOCK, PIECE

SIZE = 5 * (1 << 20) + 321


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def film(client: Client, space: str, data: bytes) -> str:
    client.upload(space, "film.mp4", data)
    return "film.mp4"


def asked(proxy: FaultProxy) -> list[tuple[int, int]]:
    """(first, last) of each GET."""
    ranges = [seen.headers["range"].removeprefix("bytes=").split("-") for seen in proxy.log("GetObject")]
    return [(int(first), int(last)) for first, last in ranges]


def test_it_reads_as_a_file(client: Client, space: str, film: str, data: bytes) -> None:
    with client.open(space, film) as file:
        assert (file.size, file.etag, file.info.mime) == (SIZE, client.stat(space, film).etag, "video/mp4")
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        assert (file.mode, file.name) == ("rb", film)
        assert file.read(10) == data[:10] and file.tell() == 10
        assert file.seek(-7, io.SEEK_END) == SIZE - 7 and file.read() == data[-7:] and file.read() == b""
        assert file.seek(100) == 100 and file.seek(5, io.SEEK_CUR) == 105 and file.read(3) == data[105:108]
        assert file.seek(2 * SIZE) == 2 * SIZE and file.read(1) == b""
        buffer = bytearray(300_000)
        file.seek(BLOCK - 1)
        assert file.readinto(buffer) == 300_000 and buffer == data[BLOCK - 1 : BLOCK - 1 + 300_000]
        for wrong in ((-1, io.SEEK_SET), (-SIZE - 1, io.SEEK_END)):
            with pytest.raises(OSError):
                file.seek(*wrong)
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
    with pytest.raises(ValueError):
        file.read(1)


def test_what_was_closed_reads_nothing_also_without_its_buffer(
    space: str, film: str, proxy: FaultProxy, through: Client
) -> None:
    raw = through.open(space, film).detach()
    assert len(raw.read(10)) == 10
    raw.close()
    seen = len(proxy.log("GetObject"))
    for read in (lambda: raw.read(10), raw.readall, lambda: raw.readinto(bytearray(10)), raw.tell, lambda: raw.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            read()
    assert len(proxy.log("GetObject")) == seen


def test_reading_all_is_verified(client: Client, space: str, film: str, data: bytes) -> None:
    with client.open(space, film) as file:
        assert file.read() == data and file.verified
    with client.open(space, film) as file:
        assert b"".join(iter(lambda: file.read(100_003), b"")) == data and file.verified
    with client.open(space, film, checksum=False) as file:
        assert file.read() == data and not file.verified
    with client.open(space, film) as file:
        file.seek(1)
        assert file.read() == data[1:] and not file.verified


def test_what_was_read_to_its_end_has_given_its_connection_back(
    through: Client, proxy: FaultProxy, space: str, film: str, data: bytes
) -> None:
    with through.open(space, film) as file:
        assert file.read() == data
        through.stat(space, film)
    assert len({each.connection for each in proxy.log()}) == 1


def test_an_object_without_bytes(client: Client, space: str) -> None:
    client.put(space, "empty", b"")
    with client.open(space, "empty") as file:
        assert (file.read(), file.read(5), file.readline(), file.size, file.verified) == (b"", b"", b"", 0, True)


@pytest.mark.parametrize("seed", range(4))
def test_any_walk_through_it_gives_the_right_bytes(
    client: Client, space: str, film: str, data: bytes, seed: int
) -> None:
    chance, model = random.Random(seed), io.BytesIO(data)
    with client.open(space, film, cache=3 * BLOCK) as file:
        for _ in range(150):
            if chance.random() < 0.5:
                near = chance.choice([0, BLOCK, SIZE - 100, chance.randrange(SIZE), model.tell() - 10])
                place = max(0, near + chance.randrange(-50, 50))
                assert file.seek(place) == model.seek(place)
            size = chance.choice([1, 30, 5000, BLOCK, BLOCK + 1, 3 * BLOCK, 400_000])
            assert file.read(size) == model.read(size)
            assert file.tell() == model.tell()


def test_lines_are_read(client: Client, space: str) -> None:
    lines = [b"%d %s\n" % (number, b"x" * (number % 97)) for number in range(5000)]
    client.put(space, "log", b"".join(lines))
    with client.open(space, "log") as file:
        assert file.readline() == lines[0] and list(file) == lines[1:] and file.verified
    with client.open(space, "log") as file, io.TextIOWrapper(file, "ascii") as text:
        assert text.read() == b"".join(lines).decode()


def test_archives_are_read(client: Client, space: str, tmp_path: Path) -> None:
    content = {f"{number}.bin": os.urandom(90_000) for number in range(12)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made, tarfile.open(tmp_path / "a.tar", "w") as tape:
        for name, each in content.items():
            made.writestr(name, each)
            entry = tarfile.TarInfo(name)
            entry.size = len(each)
            tape.addfile(entry, io.BytesIO(each))
    client.upload(space, "a.zip", tmp_path / "a.zip")
    client.upload(space, "a.tar", tmp_path / "a.tar")
    with client.open(space, "a.zip") as file, zipfile.ZipFile(file) as opened:
        assert {name: opened.read(name) for name in reversed(opened.namelist())} == content
    with client.open(space, "a.tar") as file, tarfile.open(fileobj=file) as unrolled:
        found = {member.name: unrolled.extractfile(member) for member in unrolled}
        assert {name: each.read() for name, each in found.items() if each} == content
    client.put(space, "no.zip", b"no archive")
    with client.open(space, "no.zip") as file, pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(file)


# What is asked for


def test_reading_on_asks_for_more_each_time(
    space: str, film: str, data: bytes, proxy: FaultProxy, through: Client
) -> None:
    with through.open(space, film) as file:
        assert b"".join(iter(lambda: file.read(8192), b"")) == data
    sizes = [last - first + 1 for first, last in asked(proxy)]
    assert sizes == [BLOCK, 4 * BLOCK, 16 * BLOCK, SIZE - 21 * BLOCK]
    assert len({seen.connection for seen in proxy.log("GetObject")}) == 1


def test_jumping_asks_for_one_block_each_and_what_is_kept_is_not_asked_for_again(
    space: str, film: str, data: bytes, proxy: FaultProxy, through: Client
) -> None:
    places = [70 * BLOCK + 9, 9, 40 * BLOCK, 20 * BLOCK + 1]
    with through.open(space, film) as file:
        for _ in range(3):
            for place in places:
                file.seek(place)
                assert file.read(50) == data[place : place + 50]
    assert asked(proxy) == [(place // BLOCK * BLOCK, place // BLOCK * BLOCK + BLOCK - 1) for place in places]
    assert len({seen.connection for seen in proxy.log("GetObject")}) == 1


def test_the_cache_is_bounded(space: str, film: str, proxy: FaultProxy, through: Client) -> None:
    with through.open(space, film, cache=2 * BLOCK) as file:
        for number in (10, 30, 50, 10, 50):
            file.seek(number * BLOCK)
            file.read(1)
        assert len(file.raw.blocks) == 2
    assert [first // BLOCK for first, _ in asked(proxy)] == [10, 30, 50, 10]


def test_a_long_read_elsewhere_is_one_request(
    space: str, film: str, data: bytes, proxy: FaultProxy, through: Client
) -> None:
    with through.open(space, film) as file:
        for place in (3_000_001, 1_000_001):
            file.seek(place)
            assert file.read(1_000_000) == data[place : place + 1_000_000]
    assert len(asked(proxy)) == 2
    assert all(last - first + 1 <= 1_000_000 + 2 * BLOCK for first, last in asked(proxy))


def test_a_small_step_ahead_stays_in_the_same_answer(
    space: str, film: str, data: bytes, proxy: FaultProxy, through: Client
) -> None:
    with through.open(space, film) as file:
        for _ in range(6):
            file.read(BLOCK)
        before = len(asked(proxy))
        place = file.seek(file.tell() + BLOCK + 500)
        assert file.read(100) == data[place : place + 100]
    assert len(asked(proxy)) == before


# What goes wrong


def test_an_absent_object_is_not_found_at_once(client: Client, space: str) -> None:
    with pytest.raises(errors.NotFound):
        client.open(space, "absent")


def test_a_body_that_breaks_off_is_continued_where_it_ended(
    space: str, film: str, data: bytes, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("GetObject", byte=SIZE - 1).reset(300_000).then(503).truncate(5000)
    with through.open(space, film) as file:
        assert b"".join(iter(lambda: file.read(8192), b"")) == data and file.verified
    assert all(seen.headers["if-match"] == f'"{file.etag}"' for seen in proxy.log("GetObject"))
    ranges = asked(proxy)
    assert ranges[3][0] > ranges[2][0]
    assert sum(seen.answer_bytes for seen in proxy.log("GetObject") if seen.status == 206) < SIZE + 400_000


def test_a_line_that_stays_dead_is_no_answer(
    space: str, film: str, data: bytes, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("GetObject").reset(0, times=through.settings.retries + 1)
    with through.open(space, film) as file:
        with pytest.raises(errors.NoAnswer) as caught:
            file.read(10)
        assert (caught.value.operation, caught.value.key) == ("GetObject", film)
        assert file.read(10) == data[:10]


def test_an_object_that_is_replaced_meanwhile_is_refused(client: Client, space: str, film: str, data: bytes) -> None:
    with client.open(space, film) as file:
        assert file.read(10) == data[:10]
        client.put(space, film, data[::-1])
        file.seek(SIZE // 2)
        with pytest.raises(errors.ObjectChanged) as caught:
            file.read(10)
        assert caught.value.key == film
        with pytest.raises(errors.ObjectChanged):
            file.read(10)


def test_a_service_that_overlooks_if_match_is_caught_by_its_etag(
    space: str, film: str, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("GetObject").header("ETag", '"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"')
    with through.open(space, film) as file, pytest.raises(errors.ObjectChanged):
        file.read(10)


def test_an_object_that_is_removed_meanwhile_is_not_found(client: Client, space: str, film: str) -> None:
    with client.open(space, film) as file:
        client.delete(space, film)
        with pytest.raises(errors.NotFound):
            file.read(10)


def test_bytes_that_change_on_the_way_are_noticed_at_the_end(
    space: str, film: str, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("GetObject", byte=SIZE - 1).flip(77)
    with through.open(space, film) as file:
        with pytest.raises(errors.IntegrityError, match="expected etag"):
            while file.read(PIECE):
                pass
        with pytest.raises(errors.IntegrityError):
            file.read()
        assert not file.verified


@pytest.mark.parametrize("span", ["bytes 7-70/5242880", "bytes 0-65536/5243201", None])
def test_another_range_than_the_one_asked_for_is_refused(
    space: str, film: str, proxy: FaultProxy, through: Client, span: str | None
) -> None:
    proxy.on("GetObject").header("Content-Range", span, times=None)
    with through.open(space, film) as file, pytest.raises(errors.UVideoError) as caught:
        file.read(10)
    assert isinstance(caught.value, (errors.BadAnswer, errors.IntegrityError))


def test_a_cancel_and_a_deadline_end_it(client: Client, space: str, film: str) -> None:
    cancel = Cancel()
    with client.open(space, film, cancel=cancel) as file:
        file.read(10)
        cancel.cancel()
        with pytest.raises(errors.Cancelled):
            file.read(BLOCK)
    with client.open(space, film, deadline=60) as file:
        carrier_of(file.raw).ticks = lambda: carrier_of(file.raw).deadline + 1
        with pytest.raises(errors.DeadlineExceeded):
            file.read(10)


def test_bandwidth_is_kept(client: Client, space: str, film: str) -> None:
    waits: list[float] = []
    carrier_of(client).sleep, carrier_of(client).ticks = waits.append, lambda: 0.0
    with client.open(space, film, bandwidth=1 << 20) as file:
        file.read()
    assert max(waits) == pytest.approx((SIZE - PIECE) / (1 << 20), abs=0.3)


def test_a_deadline_ends_the_wait_for_a_low_rate(client: Client, space: str, film: str) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    carrier_of(client).ticks, carrier_of(client).sleep = lambda: now[0], sleep
    with client.open(space, film, bandwidth=1000, deadline=1.5) as file, pytest.raises(errors.DeadlineExceeded):
        file.read()
    assert now[0] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("r", {}),
        ("w", {}),
        ("rt", {}),
        ("ab", {}),
        ("r+b", {}),
        ("rb", {"mime": "a/b"}),
        ("rb", {"part_jobs": 2}),
        ("wb", {"cache": 100}),
        ("rb", {"cache": 0}),
        ("rb", {"cache": "lots"}),
        ("rb", {"deadline": 0}),
    ],
)
def test_a_mode_or_option_that_cannot_be_is_refused(client: Client, mode: Any, options: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidArgument, match=None if options else "TextIOWrapper"):
        client.open("space", "key", mode, **options)


def test_two_threads_read_one_after_the_other(client: Client, space: str, film: str, data: bytes) -> None:
    """Between them they get every byte once."""
    with client.open(space, film) as file:
        got: list[bytes] = []

        def read() -> None:
            while piece := file.read(10_000):
                got.append(piece)

        threads = [threading.Thread(target=read) for _ in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        assert file.verified
    assert sorted(got) == sorted(data[at : at + 10_000] for at in range(0, SIZE, 10_000))


def test_closing_in_the_middle_leaves_no_connection(space: str, film: str, proxy: FaultProxy, through: Client) -> None:
    file = through.open(space, film)
    file.read(6 * BLOCK)
    source = file.raw
    assert source.stream is not None
    file.close()
    assert source.stream is None and file.closed and not source.blocks
    file.close()


@pytest.fixture
def child() -> Iterator[list[int]]:
    pids: list[int] = []
    yield pids
    for pid in pids:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_after_a_fork_both_read_on(client: Client, space: str, film: str, data: bytes, child: list[int]) -> None:
    with client.open(space, film) as file:
        file.read(6 * BLOCK)
        pid = os.fork()
        if pid == 0:
            os._exit(0 if file.read() == data[6 * BLOCK :] else 1)
        child.append(pid)
        assert file.read() == data[6 * BLOCK :] and file.verified
