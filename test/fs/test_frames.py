"""pandas, PyArrow, Dask, DuckDB and universal_pathlib on real Parquet in a space, and how much of it each reads."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.dataframe
import duckdb
import fsspec.parquet
import numpy
import pandas
import pyarrow
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet
import pytest
from upath import UPath
from upath.registry import get_upath_class, register_implementation

from test.fakes import FaultProxy
from test.fs.conftest import UVideoFileSystem
from test.server_fixture import Server
from uvideo import Client
from uvideo.fs.path import UVideoPath

pytestmark = pytest.mark.data

ROWS, GROUPS = 200_000, 20
PER_GROUP = ROWS // GROUPS


@pytest.fixture(scope="module")
def table() -> pyarrow.Table:
    """``id`` grows, so that a filter on it leaves row groups out; ``noise`` is most of the bytes."""
    chance = numpy.random.default_rng(1)
    return pyarrow.table(
        {
            "id": numpy.arange(ROWS),
            "kind": pyarrow.array([f"kind-{number % 7}" for number in range(ROWS)]).dictionary_encode(),
            "value": chance.random(ROWS),
            "noise": chance.integers(0, 1 << 62, ROWS),
        }
    )


@pytest.fixture
def parquet(fs: UVideoFileSystem, space: str, table: pyarrow.Table) -> str:
    """The path of a file with twenty row groups."""
    path = f"{space}/table.parquet"
    pyarrow.parquet.write_table(table, path, filesystem=fs, row_group_size=PER_GROUP)
    return path


@pytest.fixture
def size(fs: UVideoFileSystem, parquet: str) -> int:
    found: int = fs.info(parquet)["size"]
    assert found > 4 << 20
    return found


@pytest.fixture
def counted(server: Server, options: dict[str, Any], proxy: FaultProxy) -> dict[str, Any]:
    """Options of a filesystem whose bytes ``received`` counts."""
    return {**options, "endpoint": f"127.0.0.1:{proxy.port}"}


def received(proxy: FaultProxy) -> int:
    """Bytes of objects that were read since the last call."""
    count = sum(each.answer_bytes for each in proxy.log("GetObject"))
    proxy.reset()
    return count


# pandas


def test_pandas_writes_and_reads_parquet(
    counted: dict[str, Any], proxy: FaultProxy, client: Client, space: str, table: pyarrow.Table
) -> None:
    frame, url = table.to_pandas(), f"uvideo://{space}/frames/one.parquet"
    frame.to_parquet(url, storage_options=counted, row_group_size=PER_GROUP)
    size = client.stat(space, "frames/one.parquet").size
    assert received(proxy) == 0
    pandas.testing.assert_frame_equal(pandas.read_parquet(url, storage_options=counted), frame)
    assert size <= received(proxy) < 1.1 * size
    column = pandas.read_parquet(url, columns=["value"], storage_options=counted)
    pandas.testing.assert_frame_equal(column, frame[["value"]])
    assert received(proxy) < 0.5 * size


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.json", "a.pickle"])
def test_pandas_writes_and_reads_other_files(options: dict[str, Any], space: str, name: str) -> None:
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "ü", ""]}).replace("", "-")
    url, kind = f"uvideo://{space}/{name}", name.split(".")[1]
    write = getattr(frame, f"to_{kind}")
    write(url, storage_options=options, **({"index": False} if kind == "csv" else {}))
    read = getattr(pandas, f"read_{kind}")
    pandas.testing.assert_frame_equal(read(url, storage_options=options), frame)
    with pytest.raises(FileNotFoundError):
        read(url + "2", storage_options=options)


def test_what_pandas_fails_to_write_is_not_there(options: dict[str, Any], client: Client, space: str) -> None:
    frame = pandas.DataFrame({"a": [1, object()]})
    with pytest.raises(pyarrow.ArrowInvalid):
        frame.to_parquet(f"uvideo://{space}/bad.parquet", storage_options=options)
    assert [each.key for each in client.list(space)] == []


# PyArrow


def test_pyarrow_leaves_row_groups_and_columns_out(
    through: UVideoFileSystem, proxy: FaultProxy, parquet: str, size: int, table: pyarrow.Table
) -> None:
    dataset = pyarrow.dataset.dataset(parquet, filesystem=through, format="parquet")
    received(proxy)
    assert dataset.count_rows() == ROWS
    assert received(proxy) <= 128 << 10
    few = dataset.to_table(columns=["value"], filter=pyarrow.dataset.field("id") == 3 * PER_GROUP + 5)
    assert few.column("value").to_pylist() == [table.column("value")[3 * PER_GROUP + 5].as_py()]
    assert received(proxy) < 0.15 * size  # one of twenty groups, two of four columns
    one = dataset.to_table(columns=["value"])
    assert one.equals(table.select(["value"]))
    assert received(proxy) < 0.5 * size
    assert dataset.to_table(columns=["id", "noise"]).equals(table.select(["id", "noise"]))


def test_pyarrow_reads_one_row_group(
    through: UVideoFileSystem, proxy: FaultProxy, parquet: str, size: int, table: pyarrow.Table
) -> None:
    received(proxy)
    with pyarrow.parquet.ParquetFile(parquet, filesystem=through) as file:
        assert file.num_row_groups == GROUPS
        group = file.read_row_group(7)
    assert group.column("id").to_pylist() == list(range(7 * PER_GROUP, 8 * PER_GROUP))
    assert received(proxy) < 0.15 * size


def test_pyarrow_writes_and_finds_partitions(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, table: pyarrow.Table
) -> None:
    root = f"{space}/parts"
    pyarrow.dataset.write_dataset(
        table, root, filesystem=through, format="parquet", partitioning=["kind"], partitioning_flavor="hive"
    )
    assert len(through.find(root)) == 7
    dataset = pyarrow.dataset.dataset(root, filesystem=through, format="parquet", partitioning="hive")
    received(proxy)
    some = dataset.to_table(columns=["id"], filter=pyarrow.dataset.field("kind") == "kind-3")
    assert sorted(some.column("id").to_pylist()) == list(range(3, ROWS, 7))
    whole = sum(each.size for each in client.list(space, "parts/kind=kind-3/"))
    assert received(proxy) < 0.5 * whole
    pyarrow.dataset.write_dataset(
        table.slice(0, 7), root, filesystem=through, format="parquet", existing_data_behavior="delete_matching",
        partitioning=["kind"], partitioning_flavor="hive",
    )  # fmt: skip
    again = pyarrow.dataset.dataset(root, filesystem=through, format="parquet", partitioning="hive")
    assert again.count_rows() == 7


def test_pyarrow_has_it_as_a_filesystem(fs: UVideoFileSystem, space: str) -> None:
    arrow = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(fs))
    with arrow.open_output_stream(f"{space}/a/one") as out:
        out.write(b"12345")
    file, folder, absent = arrow.get_file_info([f"{space}/a/one", f"{space}/a", f"{space}/b"])
    assert (file.type, file.size, file.mtime) == (pyarrow.fs.FileType.File, 5, fs.modified(f"{space}/a/one"))
    assert (folder.type, absent.type) == (pyarrow.fs.FileType.Directory, pyarrow.fs.FileType.NotFound)
    arrow.copy_file(f"{space}/a/one", f"{space}/a/two")
    arrow.move(f"{space}/a/two", f"{space}/c/two")
    below = arrow.get_file_info(pyarrow.fs.FileSelector(space, recursive=True))
    assert sorted(each.path for each in below) == [f"{space}/{name}" for name in ("a", "a/one", "c", "c/two")]
    with arrow.open_input_file(f"{space}/c/two") as file:
        assert file.size() == 5 and file.read_at(2, 3) == b"45"
    arrow.create_dir(f"{space}/d")
    arrow.delete_dir(f"{space}/a")
    with pytest.raises(FileNotFoundError):
        arrow.delete_file(f"{space}/a/one")
    arrow.delete_dir_contents(f"{space}/c")
    assert fs.find(space) == []


def test_fsspec_knows_which_parts_of_a_parquet_file_it_needs(
    through: UVideoFileSystem, proxy: FaultProxy, parquet: str, size: int, table: pyarrow.Table
) -> None:
    received(proxy)
    with fsspec.parquet.open_parquet_file(parquet, fs=through, columns=["value"], engine="pyarrow") as file:
        column = pandas.read_parquet(file, columns=["value"], engine="pyarrow")
    assert numpy.array_equal(column["value"], table.column("value"))
    assert received(proxy) < 0.75 * size  # the column, and twice the megabyte that fsspec takes for the footer


# Dask


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_dask_reads_and_writes_in_other_processes(
    options: dict[str, Any], fs: UVideoFileSystem, space: str, table: pyarrow.Table, scheduler: str
) -> None:
    frame = table.to_pandas()
    with dask.config.set(scheduler=scheduler, num_workers=2):
        many = dask.dataframe.from_pandas(frame, npartitions=4)
        many.to_parquet(f"uvideo://{space}/dask", storage_options=options)
        assert len(fs.glob(f"{space}/dask/*.parquet")) == 4
        read = dask.dataframe.read_parquet(f"uvideo://{space}/dask", storage_options=options, columns=["id", "value"])
        assert read.npartitions == 4
        assert read["value"].sum().compute() == pytest.approx(frame["value"].sum())
        assert int(read[read["id"] < 10]["id"].sum().compute()) == 45


def test_dask_reads_bytes_with_a_filesystem_that_was_pickled(fs: UVideoFileSystem, space: str) -> None:
    lines = b"".join(b"%d\n" % number for number in range(100_000))
    fs.pipe_file(f"{space}/lines.txt", lines)
    from dask.bytes import read_bytes

    _, (blocks,) = read_bytes(f"uvideo://{space}/lines.txt", delimiter=b"\n", blocksize="100 kiB", **fs.storage_options)
    assert len(blocks) == 5
    assert b"".join(dask.compute(*blocks, scheduler="processes", num_workers=2)) == lines


# DuckDB


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def test_duckdb_reads_ranges_through_fsspec(
    duck: duckdb.DuckDBPyConnection, through: UVideoFileSystem, proxy: FaultProxy, parquet: str, size: int, table: Any
) -> None:
    duck.register_filesystem(through)
    received(proxy)
    row = duck.sql(f"SELECT value FROM 'uvideo://{parquet}' WHERE id = {5 * PER_GROUP + 1}").fetchall()
    assert row == [(table.column("value")[5 * PER_GROUP + 1].as_py(),)]
    assert received(proxy) < 0.3 * size
    kinds = duck.sql(f"SELECT kind, count(*) FROM 'uvideo://{parquet}' GROUP BY kind ORDER BY kind").fetchall()
    assert [kind for kind, _ in kinds] == [f"kind-{number}" for number in range(7)]
    assert sum(count for _, count in kinds) == ROWS
    assert received(proxy) < 0.3 * size


def test_duckdb_finds_files_and_writes(duck: duckdb.DuckDBPyConnection, fs: UVideoFileSystem, space: str) -> None:
    duck.register_filesystem(fs)
    for number in range(3):
        duck.sql(f"COPY (SELECT {number} AS n, 'ü' AS t) TO 'uvideo://{space}/out/{number}.parquet' (FORMAT parquet)")
    assert duck.sql(f"SELECT sum(n), min(t) FROM 'uvideo://{space}/out/*.parquet'").fetchall() == [(3, "ü")]
    duck.sql(f"COPY (SELECT 1 AS a) TO 'uvideo://{space}/a.csv'")
    assert fs.cat_file(f"{space}/a.csv").split() == [b"a", b"1"]
    with pytest.raises(duckdb.Error):
        duck.sql(f"SELECT * FROM 'uvideo://{space}/absent.parquet'").fetchall()


# universal_pathlib


@pytest.fixture
def registered() -> None:
    """What the entry point does for who has it installed."""
    register_implementation("uvideo", UVideoPath, clobber=True)


@pytest.mark.usefixtures("registered")
def test_universal_pathlib(options: dict[str, Any], client: Client, space: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        top = UPath(f"uvideo://{space}", **options)
    assert get_upath_class("uvideo") is UVideoPath is type(top)
    path = top / "films" / "one.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    assert path.write_text("grün", encoding="utf-8") and path.read_text(encoding="utf-8") == "grün"
    assert (path.name, path.suffix, path.parent.name, str(path)) == (
        *("one.txt", ".txt", "films"),
        f"uvideo://{space}/films/one.txt",
    )
    assert path.exists() and path.is_file() and path.parent.is_dir() and not (top / "none").exists()
    assert path.stat().st_size == 5
    assert path.stat().st_mtime == client.stat(space, "films/one.txt").modified.timestamp()  # type: ignore[union-attr]
    assert [str(each) for each in top.iterdir()] == [f"uvideo://{space}/films"]
    assert [str(each) for each in top.glob("**/*.txt")] == [str(path)]
    moved = path.rename(top / "two.txt")
    assert not path.exists() and moved.read_bytes() == "grün".encode()
    with (top / "three.bin").open("wb") as file:
        file.write(b"3")
    assert pickle.loads(pickle.dumps(top / "three.bin")).read_bytes() == b"3"
    assert not any(secret in repr(top) for secret in (options["private_key"],))
    moved.unlink()
    with pytest.raises(FileNotFoundError):
        moved.unlink()
    with pytest.raises(FileNotFoundError):
        moved.read_bytes()


@pytest.mark.usefixtures("registered")
def test_pandas_takes_a_path(options: dict[str, Any], space: str, tmp_path: Path) -> None:
    path = UPath(f"uvideo://{space}/frame.parquet", **options)
    frame = pandas.DataFrame({"a": [1, 2]})
    with path.open("wb") as file:
        frame.to_parquet(file)
    with path.open("rb") as file:
        pandas.testing.assert_frame_equal(pandas.read_parquet(file), frame)
