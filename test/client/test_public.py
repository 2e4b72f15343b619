"""The public names, and that a method reaches each operation of the protocol."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from datetime import datetime, timezone

import uvideo
from test.server_fixture import ROOT
from ucloud.uvideo.protocol import dialect, operation
from uvideo import errors, models
from uvideo.client import operations, sync
from uvideo.transfer import upload

PUBLIC = [
    *["AsyncClient", "Cancel", "Client", "Limit", "Listing", "Retry", "Settings", "Transfer", "TransferManager"],
    *["__version__", "errors", "etag", "media_type", "models", "same_etag"],
]

METHODS = [
    "abort abort_upload append assume_role begin_upload clean_uploads close close_idle copy copy_part create_space",
    "create_token delete delete_many delete_space delete_tags delete_token download download_dir exists finish_upload",
    "get get_acl get_tags list list_files list_parts list_space_files list_spaces list_tokens list_uploads",
    "open presign presign_post put put_known put_part rename restore resume set_acl set_class set_mime set_tags",
    "settings space_usage stat stat_space transfers update_space update_token upload upload_dir wait_until",
]


def test_the_public_names_are_these() -> None:
    assert list(uvideo.__all__) == PUBLIC
    assert all(getattr(uvideo, name) is not None for name in PUBLIC)
    assert set(PUBLIC) <= set(dir(uvideo))


def test_the_methods_of_a_client_are_these() -> None:
    assert sorted(name for name in dir(uvideo.Client) if not name.startswith("_")) == " ".join(METHODS).split()


def test_every_public_method_says_what_it_gives_and_is_typed() -> None:
    for name, method in inspect.getmembers(uvideo.Client, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.getdoc(method), name
            assert "return" in method.__annotations__, name


def test_every_operation_of_the_protocol_is_reached() -> None:
    known = {cls.__name__ for cls in [*dialect.OPERATIONS, *_management()]}
    used = set()
    for module in (operations, sync, upload):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute) and node.attr in known:
                used.add(node.attr)
    by_the_engine = {"UploadPart"}  # of the core's Sender
    assert known - used - by_the_engine == set()
    assert len(known) > 30


def _management() -> list[type]:
    from ucloud.uvideo.protocol import management

    return list(management.BY_CLASS)


def test_every_public_error_is_of_one_tree() -> None:
    assert all(issubclass(getattr(errors, name), errors.UVideoError) for name in errors.__all__)
    assert operation.NOT_IDEMPOTENT


def test_a_day_of_a_space_has_no_seconds_of_video_unless_they_are_given() -> None:
    day = models.SpaceUsage(datetime(2026, 11, 30, tzinfo=timezone.utc), 1, 2)
    assert (day.fhd, day.shd, day.hd, day.sd) == (0, 0, 0, 0)


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, uvideo; uvideo.errors; uvideo.models; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"requests", "urllib3", "aiohttp", "asyncio", "click", "rich", "sqlite3"}
    assert heavy & set(loaded.stdout.split()) == set()
