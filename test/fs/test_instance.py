"""Instances: how they are made and told apart, what they say and send of their keys, and where they can go."""

from __future__ import annotations

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.asyn import sync
from fsspec.config import conf

from test import patience
from test.fakes import FaultProxy
from test.fs.conftest import UVideoFileSystem
from test.patience import until
from test.server_fixture import ROOT, Server
from uvideo.errors import InvalidArgument
from uvideo.fs import secret as secrets
from uvideo.fs.secret import Secret

PRIVATE, TOKEN, PROXY = "private-" + "k" * 20, "token-" + "t" * 20, "http://user:password@127.0.0.1:1"
SECRETS = (PRIVATE, TOKEN, "password")


@pytest.fixture
def secretive() -> UVideoFileSystem:
    return UVideoFileSystem(
        endpoint="127.0.0.1:9", public_key="public", private_key=PRIVATE, security_token=TOKEN, proxy=PROXY
    )


def test_every_secret_setting_is_kept_as_one() -> None:
    assert set(secrets.SECRETS) == {"private_key", "security_token", "client_key_password", "proxy"}


def test_no_secret_is_said_in_passing(secretive: UVideoFileSystem) -> None:
    said = [
        repr(secretive),
        str(secretive),
        repr(secretive.storage_options),
        str(secretive.storage_args),
        secretive.to_json(),
        secretive.to_json(include_password=True),
        repr(secretive.to_dict()),
        secretive._fs_token,
        repr(secretive.get_mapper("space/x")),
        repr(vars(secretive)),
        json.dumps(secretive.to_dict()),
    ]
    for text in said:
        assert not any(secret in text for secret in SECRETS), text
    assert secretive.client.settings.private_key == PRIVATE and secretive.client.settings.proxy == PROXY


def test_the_token_tells_instances_apart_and_says_nothing(secretive: UVideoFileSystem) -> None:
    given = {"endpoint": "127.0.0.1:9", "public_key": "public", "security_token": TOKEN, "proxy": PROXY}
    assert UVideoFileSystem(**given, private_key=PRIVATE) is secretive
    other = UVideoFileSystem(**given, private_key="another")
    assert other is not secretive and other != secretive and other._fs_token != secretive._fs_token
    program = (
        "import sys, os; os.getpid = lambda: 1\n"
        "from uvideo.fs import UVideoFileSystem\n"
        "print(UVideoFileSystem(endpoint='127.0.0.1:9', public_key='public', private_key='guess')._fs_token)"
    )
    tokens = {subprocess.check_output([sys.executable, "-c", program], cwd=ROOT) for _ in range(2)}
    assert len(tokens) == 2  # nobody finds a key out by trying which one makes the token
    assert Secret("a") == Secret("a") and Secret("a") != Secret("b") and len({Secret("a"), Secret("a")}) == 1


def test_json_makes_it_again_with_the_keys_of_the_place(
    server: Server, options: dict[str, Any], space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = UVideoFileSystem(**options, use_listings_cache=True, retries=2).to_json()
    assert json.loads(text) == {
        "cls": "uvideo.fs.filesystem:UVideoFileSystem",
        "protocol": "uvideo",
        "args": [],
        "endpoint": server.host,
        "use_listings_cache": True,
        "retries": 2,
    }
    monkeypatch.setenv("UVIDEO_PUBLIC_KEY", server.public_key)
    monkeypatch.setenv("UVIDEO_PRIVATE_KEY", server.private_key)
    made = fsspec.AbstractFileSystem.from_json(text)
    assert isinstance(made, UVideoFileSystem) and made.isdir(space) and made.client.settings.retries == 2


def test_a_pickle_goes_to_another_process_and_works_there(fs: UVideoFileSystem, space: str) -> None:
    fs.pipe_file(f"{space}/a", b"here")
    program = (
        "import pickle, sys\n"
        "fs = pickle.load(sys.stdin.buffer)\n"
        f"print(fs.cat_file('{space}/a'))\n"
        f"fs.pipe_file('{space}/b', b'there')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps(fs),
        cwd=ROOT,
        capture_output=True,
        timeout=patience.SECONDS,
        check=True,
    )
    assert done.stdout == b"b'here'\n" and fs.cat_file(f"{space}/b") == b"there"
    assert pickle.loads(pickle.dumps(fs)) == copy.copy(fs)


def test_keys_of_the_environment_are_not_pickled(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UVIDEO_PUBLIC_KEY", "public")
    monkeypatch.setenv("UVIDEO_PRIVATE_KEY", PRIVATE)
    fs = UVideoFileSystem(endpoint=server.host, skip_instance_cache=True)
    assert fs.client.settings.private_key == PRIVATE and PRIVATE.encode() not in pickle.dumps(fs)


def test_settings_come_as_for_the_clients(server: Server, tmp_path: Path, space: str, monkeypatch: Any) -> None:
    file = tmp_path / "config.toml"
    keys = f'public_key = "{server.public_key}"\nprivate_key = "{server.private_key}"\n'
    file.write_text(f'[profiles.home]\nendpoint = "{server.host}"\n{keys}')
    file.chmod(0o600)
    monkeypatch.setenv("UVIDEO_CONFIG", str(file))
    with fsspec.open(f"uvideo://{space}/a", "wb", profile="home") as out:
        out.write(b"by profile")
    assert fsspec.filesystem("uvideo", profile="home").cat_file(f"{space}/a") == b"by profile"
    monkeypatch.setitem(conf, "uvideo", {"profile": "home", "private_key": None})  # fsspec's own configuration
    assert fsspec.filesystem("uvideo").exists(f"{space}/a")
    with pytest.raises(InvalidArgument, match="did you mean private_key"):
        UVideoFileSystem(privatekey="x")
    with pytest.raises(InvalidArgument, match="no profile away"):
        UVideoFileSystem(profile="away")
    with pytest.raises(InvalidArgument, match="private_key is missing"):
        UVideoFileSystem(public_key="x")


def test_close_ends_every_connection_and_a_later_call_makes_another(
    through: UVideoFileSystem, proxy: FaultProxy, space: str
) -> None:
    for _ in range(2):
        through.pipe({f"{space}/{number}": b"x" for number in range(5)})  # on the loop
        assert through.client.get(space, "1").data == b"x"  # and beside it
        assert proxy.connected() > 1
        through.close()
        until(lambda: not proxy.connected())
    through.close()


def test_close_ends_neither_a_file_nor_a_call_of_another_caller(
    through: UVideoFileSystem, proxy: FaultProxy, space: str
) -> None:
    """fsspec gives the same instance to all callers with the same options."""
    content = os.urandom(9 << 20)
    through.pipe_file(f"{space}/a", content)
    proxy.on("GetObject", key="b").pause("b")
    through.pipe_file(f"{space}/b", b"whole")
    streamed = sync(through.loop, through.open_async, f"{space}/a")
    with through.open(f"{space}/a") as file, through.open(f"{space}/c", "wb") as written:
        assert file.read(1 << 20) == content[: 1 << 20] and sync(through.loop, streamed.read, 3) == content[:3]
        written.write(content)
        with ThreadPoolExecutor(1) as beside:
            call = beside.submit(through.cat_file, f"{space}/b")
            assert proxy.wait("b")
            through.close()
            proxy.release("b")
            assert call.result(patience.SECONDS) == b"whole"
        assert file.read() == content[1 << 20 :]
        file.seek(5)
        assert file.read(4) == content[5:9] == sync(through.loop, streamed.read, 6)[2:6]
        written.write(b"end")
    assert through.size(f"{space}/c") == len(content) + 3
    sync(through.loop, streamed.close)
    through.close()
    until(lambda: not proxy.connected())


def test_paths() -> None:
    strip = UVideoFileSystem._strip_protocol
    for path in ("uvideo://space/a/b", "space/a/b", "/space/a/b", "uvideo:///space/a/b/", "space/a/b/"):
        assert strip(path) == "space/a/b"
    assert strip("uvideo://") == "" == strip("/") and strip(["uvideo://a/b", "c"]) == ["a/b", "c"]
    assert strip("uvideo://space/a//b") == "space/a//b" and strip("uvideo://space/a?b#c%20") == "space/a?b#c%20"
    fs = fsspec.filesystem("uvideo", endpoint="127.0.0.1:9")
    assert fs.unstrip_protocol("space/a") == "uvideo://space/a" and fs._parent("uvideo://space/a/b") == "space/a"
    assert repr(fs) == "<UVideoFileSystem anonymous at 127.0.0.1:9>"


def test_threads_share_it(fs: UVideoFileSystem, space: str) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                fs.pipe_file(f"{space}/{number}", bytes([number]) * 1000)
                assert fs.cat_file(f"{space}/{number}") == bytes([number]) * 1000
                with fs.open(f"{space}/{number}") as file:
                    assert file.read(3) == bytes([number]) * 3
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == [] and len(fs.find(space)) == 8


def test_it_works_after_a_fork(fs: UVideoFileSystem, space: str) -> None:
    fs.pipe_file(f"{space}/a", b"parent")
    child = os.fork()
    if not child:
        code = 1
        signal.alarm(60)  # which ends one that hangs
        try:
            with fs.open(f"{space}/a") as file:
                if file.read() == b"parent" and fs.cat_file(f"{space}/a") == b"parent":
                    fs.pipe_file(f"{space}/b", b"child")
                    code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert fs.cat_file(f"{space}/b") == b"child"


def test_the_entry_points_are_found(tmp_path: Path) -> None:
    """What an installation brings: the metadata of this tree, on a path of its own."""
    setuptools = subprocess.run([sys.executable, "-c", "import setuptools"], capture_output=True)
    if setuptools.returncode == 0:
        made = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
        subprocess.run(made, cwd=ROOT, check=True, capture_output=True)
        entries = next(tmp_path.glob("*/entry_points.txt")).read_text()
        assert "[universal_pathlib.implementations]\nuvideo = uvideo.fs.path:UVideoPath\n" in entries
    else:  # from 3.12 on an environment has none
        entries = "[fsspec.specs]\nuvideo = uvideo.fs:UVideoFileSystem\n"
    assert "[fsspec.specs]\nuvideo = uvideo.fs:UVideoFileSystem\n" in entries
    folder = tmp_path / "uvideo_test.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: uvideo-test\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(entries)
    program = "import fsspec, sys; print(fsspec.get_filesystem_class('uvideo'), 'requests' in sys.modules)"
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.stdout.startswith("<class 'uvideo.fs.filesystem.UVideoFileSystem'>"), done.stderr


def test_without_fsspec_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['fsspec'] = None\n"
        "try:\n    import uvideo.fs\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip install 'uvideo[fsspec]'" in done.stdout


def test_the_package_does_not_import_fsspec() -> None:
    program = "import sys, uvideo; uvideo.Client, uvideo.AsyncClient, uvideo.TransferManager; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "uvideo.client.sync" in done.stdout.split() and "fsspec" not in done.stdout.split()


def test_ctrl_c_ends_a_transfer(through: UVideoFileSystem, proxy: FaultProxy, space: str, movie: Path) -> None:
    """The process ends although the answer never comes; what was sent is in the journal."""
    proxy.on("UploadPart", part=1).silence()
    program = (
        "import pickle, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "fs = pickle.load(sys.stdin.buffer)\n"
        "try:\n"
        f"    fs.put({str(movie)!r}, '{space}/movie')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False
    )
    try:
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(through))
        process.stdin.close()
        process.stdin = None
        until(lambda: any(each.part == 1 for each in proxy.log("UploadPart")))
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=patience.SECONDS)[0] == b"interrupted\n"
    finally:
        process.kill()
    assert process.returncode == 0 and not through.exists(f"{space}/movie")
    (left,) = through.client.transfers()
    assert (left.key, left.active) == ("movie", False)
    through.client.abort(left.id)
