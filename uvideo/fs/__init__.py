"""An fsspec filesystem, ``uvideo://space/key``: for pandas, PyArrow, Dask, DuckDB, universal_pathlib and others.

    fs = fsspec.filesystem("uvideo", endpoint="127.0.0.1:9000", public_key=..., private_key=...)
    fs.pipe("uvideo://movies/hello.txt", b"hello")
    pandas.read_parquet("uvideo://movies/views.parquet", storage_options={"profile": "home"})

Uses only the public clients.
"""

from __future__ import annotations

try:
    import fsspec as _fsspec  # noqa: F401
except ImportError:
    raise ImportError("uvideo.fs needs fsspec, which is not installed: pip install 'uvideo[fsspec]'") from None

from uvideo.fs.filesystem import UVideoFileSystem

__all__ = ["UVideoFileSystem"]
