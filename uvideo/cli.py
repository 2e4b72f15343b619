"""The command ``uvideo``.

What a command needs is imported when it runs, so that help is fast.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["main"]

_NEEDS = "uvideo: this command needs {missing}, which is not installed: pip install 'uvideo[server]'"


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)


_missing = ""

try:
    import click
except ImportError:
    _missing = "click"
else:

    @click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "UVIDEO"})
    @click.version_option(package_name="uvideo", prog_name="uvideo")
    def commands() -> None:
        """UVideo / UFile (US3) object storage."""

    @commands.command()
    @click.argument(
        "folder", metavar="[DIR]", default="uvideo-data", envvar="UVIDEO_SERVE_DIR", type=click.Path(path_type=Path)
    )
    @click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
    @click.option("--port", default=9000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
    @click.option(
        "--admin-port", default=9001, show_default=True, type=click.IntRange(0, 65535), help="Health, metrics."
    )
    @click.option("--public-key", help="With --private-key: the key pair, instead of DIR/credentials.json.")
    @click.option("--private-key", help="Better given as UVIDEO_SERVE_PRIVATE_KEY: others can read a command line.")
    @click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
    @click.option("--fsync/--no-fsync", default=True, show_default=True, help="Sync before acknowledging.")
    @click.option("--database", metavar="URL", help="Where names are kept: sqlite (in DIR), postgresql://...")
    @click.option("--blobs", metavar="URL", help="Where bytes are kept: disk (in DIR), s3://...")
    @click.option("--tls-cert", type=click.Path(path_type=Path), help="PEM file of the certificate chain.")
    @click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file of its private key.")
    @click.option("--ready-file", type=click.Path(path_type=Path), help="Written once the server answers (JSON).")
    @click.option(
        "--restore-seconds",
        default=0,
        show_default=True,
        type=click.IntRange(0, 10**9),
        help="Until a restored object of class ARCHIVE can be read.",
    )
    @click.option(
        "--restored-seconds",
        default=86400,
        show_default=True,
        type=click.IntRange(1, 10**9),
        help="How long it then can be.",
    )
    @click.option(
        "--callback-allow",
        metavar="HOST[:PORT]",
        multiple=True,
        help="Let uploads call this back although its address is not public. Repeatable.",
    )
    @click.option("--access-log/--no-access-log", default=False, show_default=True, help="A line a request, on stderr.")
    def serve(access_log: bool, **options: Any) -> None:
        """Serve object storage out of the folder DIR (default: uvideo-data).

        \b
        1. On port 9000, with a key pair made on first start:
             uvideo serve
        2. On a free port; which one is in the ready file and on stdout:
             uvideo serve /srv/video --port 0 --admin-port 0 --ready-file /run/uvideo.json
        3. On all addresses, with TLS and two processes:
             uvideo serve /srv/video --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --workers 2

        Each option can be given as UVIDEO_SERVE_<NAME> too, DIR as UVIDEO_SERVE_DIR.  SIGTERM lets the requests in
        flight finish.  Exit codes: 0 stopped, 2 cannot start.
        """
        try:
            from uvideo.server import main as server
        except ModuleNotFoundError as failure:
            if failure.name is None or failure.name.partition(".")[0] not in ("aiohttp", "multidict"):
                raise
            _fail(_NEEDS.format(missing=failure.name))
        server.set_up_logging(access_log)
        try:
            code = server.serve(server.Settings(**options))
        except server.StartError as failure:
            _fail(f"uvideo: {failure}")
        raise SystemExit(code)

    @commands.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def admin(arguments: tuple[str, ...]) -> None:
        """Look after a server's folder or a cluster: uvideo admin --help."""
        try:
            from uvideo.server.commands import admin as group
        except ModuleNotFoundError as failure:
            if failure.name is None or failure.name.partition(".")[0] not in ("aiohttp", "multidict"):
                raise
            _fail(_NEEDS.format(missing=failure.name))
        group.main(args=list(arguments), prog_name="uvideo admin")


def main() -> None:
    """Run the command line; what is missing for it is said in one line."""
    if _missing:
        _fail(_NEEDS.format(missing=_missing))
    commands()


if __name__ == "__main__":
    main()
