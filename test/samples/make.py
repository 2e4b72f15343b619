"""Make the samples of what this version of the program stores: `python -m test.samples.make`, in a clean clone.

They go to test/data/samples/<commit>/, where tests open them with every later version.  Never make those of an older
commit anew; run this where a stored format has changed, beside the older ones.  about.json says what made them.
"""

from __future__ import annotations

import contextlib
import json
import lzma
import platform
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from test.fakes import FaultProxy
from test.interpreters import ROOT as CLONE
from test.samples import contents
from test.samples.contents import BLOCK, BOOT_MARK, ENDPOINT_MARK, FOLDER_MARK, PUBLIC, SPACE, film, write
from test.server.test_maintenance import inside, told
from test.server_fixture import Server, start_server
from uvideo import Client, Retry, __version__, errors
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
from uvideo.config.profiles import edit
from uvideo.server.auth import credentials
from uvideo.transfer.journal import boot

FAR = datetime(2099, 1, 1, tzinfo=timezone.utc)
LEFT_OUT = ("lock", "serving", "server.log", "audit.log", "last-backup.json")


def store(client: Client) -> None:
    """Objects of every kind in the server's folder, and an upload of copied parts that is not finished."""
    client.create_space(SPACE)
    client.create_space(PUBLIC, type="public")
    for key, data in contents.OBJECTS.items():
        client.put(SPACE, key, data, metadata=contents.METADATA)
    client.set_tags(SPACE, "small.txt", contents.TAGS)
    client.upload(SPACE, "film.mp4", film("film.mp4"))
    client.copy(SPACE, "copy.mp4", SPACE, "film.mp4")
    client.put(PUBLIC, "index.html", b"<p>public</p>")
    begun = client.begin_upload(SPACE, "of-copied-parts.mp4")
    client.copy_part(begun, 0, SPACE, "film.mp4", start=0, end=BLOCK)


def key_pairs(server: Server, client: Client, work: Path, out: Path) -> None:
    """A token and an added pair, both of which the catalog holds encrypted, and files of pairs."""
    token = client.create_token("viewer", ops=["TOKEN_ALLOW_READ"], spaces=[SPACE], expires=FAR)
    told(inside("add-key", server.dir, "--account", "films", "--key-file", work / "films.json", "--json"))
    added = json.loads((work / "films.json").read_text())
    with Client(**added, endpoint=server.host) as films:
        films.create_space("samples-films")
        films.put("samples-films", "small.txt", b"of the account films\n")
    save(out / "token.json", json.dumps({"public_key": token.public_key, "private_key": token.private_key}))
    shutil.copy(work / "films.json", out / "added-key.json")
    own = credentials.read(server.dir / "credentials.json").own
    credentials.write(
        credentials.CredentialsFile(credentials.made(), own, (own.public,)), out / "credentials-while-rotating.json"
    )


def interrupt(server: Server, work: Path, out: Path) -> None:
    """Uploads and downloads that broke off, with what the SDK and the client keep of each."""
    films, state = work / "films", work / "state"
    with FaultProxy("127.0.0.1", server.port) as proxy:
        host = f"127.0.0.1:{proxy.port}"
        proxy.on("UploadPart", part=1).then(503, times=None)
        for key, (made, _) in contents.CHECKPOINTS.items():
            path = write(films / key, film(key))
            ((status, _),) = contents.program(made, "begin", host, server, SPACE, key, path, work / key)
            assert status == 503, status
            keep(out / "checkpoints" / key, (work / key).read_text(), work, proxy.endpoint)
        path = write(films / "stream", film("stream"))
        contents.program("2.7", "begin-stream", host, server, SPACE, "stream", path, out / "stream.json")
        given = {"public_key": server.public_key, "private_key": server.private_key, "endpoint": host}
        given |= {"retry": Retry(2, 0.0, 0.0, 1.0, None, None), "state_dir": str(state)}
        with Client(**given, part_jobs=1) as client:
            for key in ("up-again", "up-resumed"):
                path = write(films / key, film(key))
                breaks_off(lambda key=key, path=path: client.upload(SPACE, key, path, metadata=contents.METADATA))
                journal(out, key, state, work, proxy)
            for name, of in contents.FOLDER.items():
                write(films / "folder" / name, film(of))
            breaks_off(lambda: client.upload_dir(films / "folder", SPACE, "folder/", jobs=1))
            journal(out, "folder", state, work, proxy)
            for key, options in contents.DOWNLOADS.items():
                proxy.reset()
                proxy.on("GetObject").truncate(2 * BLOCK + 5).then(500, times=None)
                target = films / key
                breaks_off(lambda target=target, options=options: client.download(SPACE, "film.mp4", target, **options))
                for part in films.glob(".*.part"):
                    save(out / "journal" / f"{key}.part.xz", lzma.compress(part.read_bytes()))
                    part.unlink()
                journal(out, key, state, work, proxy)


def breaks_off(call: object) -> None:
    try:
        call()  # type: ignore[operator]
    except (errors.TransferInterrupted, errors.SomeFailed):
        return
    raise AssertionError("it did not break off")


def journal(out: Path, name: str, state: Path, work: Path, proxy: FaultProxy) -> None:
    """Keep what the journal has, and take it out of there.  The name of each record is that of contents.record_name."""
    for number, path in enumerate(sorted(state.rglob("*.jsonl"))):
        first = json.loads(path.read_text().splitlines()[0])
        of = () if first["direction"] == "upload" else ("download", *contents.span(name))
        ours = contents.record_name(first["endpoint"], first["space"], first["key"], first["path"], *of)
        assert path.stem == ours, f"records have other names now: {path.stem} of {first}"
        target = out / "journal" / (f"{name}.jsonl" if not number else f"{name}-{number}.jsonl")
        keep(target, path.read_text(), work, proxy.endpoint)
        path.unlink()


def local(server: Server, work: Path, out: Path) -> None:
    """A configuration file, the etags that sync keeps, and a plan."""
    config = write(work / "config.toml", contents.COMMENT.encode())
    with edit(config) as draft:
        for name, value in contents.PROFILE.items():
            draft.set("lab", name, value)
        draft.use("lab")
    shutil.copy(config, out / "config.toml")
    folder = work / "films" / "synced"
    for name in ("kept", "new"):
        write(folder / name, film(name, 1000))
    patched = {**contents.settings(server, server.host), "XDG_CACHE_HOME": str(work / "cache")}
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        client.put(SPACE, "synced/kept", film("kept", 1000))
        client.put(SPACE, "synced/surplus", b"surplus")
    with contents.environment(patched):
        context = Context()
        words = (
            "sync",
            str(folder),
            f"uvideo://{SPACE}/synced",
            "--checksum",
            "--delete",
            "--plan",
            str(work / "plan"),
        )
        assert invoke(context, words) == 0
        context.close()
    kept = Path(shutil.copy(work / "cache" / "uvideo" / "etags.sqlite", out))
    with contextlib.closing(sqlite3.connect(kept)) as etags:
        etags.execute("UPDATE etags SET path = CAST(replace(path, ?, ?) AS BLOB)", (str(folder.parent), FOLDER_MARK))
        etags.commit()
        etags.execute("VACUUM")
    keep(out / "plan.jsonl", (work / "plan").read_text(), work, server.endpoint)


def keep(target: Path, text: str, work: Path, endpoint: str) -> None:
    """Save it with marks in place of what differs from machine to machine."""
    text = text.replace(endpoint, ENDPOINT_MARK).replace(str(work / "films"), FOLDER_MARK)
    save(target, text.replace(f'"boot": "{boot()}"', f'"boot": "{BOOT_MARK}"'))


def save(target: Path, content: str | bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode() if isinstance(content, str) else content)


def pack(folder: Path, target: Path) -> None:
    """The folder as an archive, without whose it was."""

    def plain(found: tarfile.TarInfo) -> tarfile.TarInfo | None:
        found.uid = found.gid = 0
        found.uname = found.gname = ""
        return None if found.name in LEFT_OUT else found

    with tarfile.open(target, "w:xz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name, filter=plain)


def make(out: Path) -> None:
    with tempfile.TemporaryDirectory() as given:
        work = Path(given)
        with start_server(work / "server", "--no-fsync") as server:
            with Client(server.public_key, server.private_key, endpoint=server.host) as client:
                store(client)
                key_pairs(server, client, work, out)
            local(server, work, out)
            interrupt(server, work, out)
            told(inside("backup", server.dir, work / "backup", "--with-credentials", "--copy", "--json"))
        pack(work / "server", out / "server.tar.xz")
        pack(work / "backup", out / "backup.tar.xz")


def main() -> None:
    words = ["git", "rev-parse", "--short=7", "HEAD"]
    commit = subprocess.run(words, cwd=CLONE, capture_output=True, text=True, check=True).stdout.strip()
    out = contents.ROOT / commit
    if out.exists():
        sys.exit(f"there are samples of {commit} already")
    with tempfile.TemporaryDirectory() as unfinished:
        make(Path(unfinished))
        shutil.copytree(unfinished, out)
    about = {"commit": commit, "version": __version__, "python": platform.python_version()}
    made = datetime.now(timezone.utc).isoformat(timespec="seconds")
    save(out / "about.json", json.dumps({**about, "made": made}) + "\n")
    for path in out.rglob("*"):
        if path.is_file():
            assert tempfile.gettempdir().encode() not in path.read_bytes(), f"{path} names a path of this machine"


if __name__ == "__main__":
    main()
