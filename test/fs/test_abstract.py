"""fsspec's own suites of what every filesystem has to do."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

import pytest
from fsspec.tests import abstract

from test.fs.conftest import UVideoFileSystem


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs(self, fs: UVideoFileSystem) -> UVideoFileSystem:
        return fs

    @pytest.fixture
    def fs_path(self, space: str) -> str:
        return space

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return posixpath.join

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


@pytest.mark.data
class TestCopy(abstract.AbstractCopyTests, Fixtures):
    pass


@pytest.mark.data
class TestGet(abstract.AbstractGetTests, Fixtures):
    pass


@pytest.mark.data
class TestPut(abstract.AbstractPutTests, Fixtures):
    pass


class TestOpen(abstract.AbstractOpenTests, Fixtures):
    pass


class TestPipe(abstract.AbstractPipeTests, Fixtures):
    pass
