"""uvideo serve: the server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from uvideo.cli import settings_file
from uvideo.cli.context import Context
from uvideo.cli.failure import CannotStart
from uvideo.cli.i18n import say
from uvideo.cli.verb_command import Example, again, option, verb
from uvideo.config.option_types import FloatRange
from uvideo.errors import InvalidArgument

__all__ = ["needs_server", "serve"]

FILE = click.Path(path_type=Path)


def _read_settings(context: click.Context, _: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Make the files' settings the defaults of all other options; runs before those are parsed."""
    if not context.resilient_parsing:
        settings_file.refuse_unknown(context, os.environ)
    context.default_map = settings_file.read(context, paths)
    return paths


@verb(
    "serve",
    text=(
        "DIR is created if it does not exist. The default is uvideo-data.",
        "The environment can give each option as UVIDEO_SERVE_<NAME>, and DIR as UVIDEO_SERVE_DIR.  After SIGTERM "
        "the server finishes the requests in flight and exits.",
        "The server reads the files of --settings and the certificate again after SIGHUP, and when they change; "
        "docs/server.md says which settings take effect at once.",
        "Exit codes: 0 stopped, 1 failed, a restart may help, 2 wrong settings, 3 stopped, but a fault of "
        "--faults never happened, 4 failed, a restart does not help before the fault in the message is repaired.",
    ),
    examples=[
        Example("On port 9000, with a key pair that the first start creates:", "uvideo serve"),
        Example(
            "On a free port, which is shown in the ready file and on stdout:",
            "uvideo serve video-data --port 0 --admin-port 0 --ready-file ready.json",
        ),
        Example(
            "On all addresses, with TLS and two processes:",
            "uvideo serve video-data --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --workers 2",
        ),
    ],
)
@click.argument("folder", metavar="[DIR]", default="uvideo-data", envvar="UVIDEO_SERVE_DIR", type=FILE)
@option(
    "--settings",
    metavar="FILE",
    multiple=True,
    is_eager=True,
    type=FILE,
    callback=_read_settings,
    help=(
        "File with lines UVIDEO_SERVE_<NAME>=value, for settings that neither the command line nor the "
        "environment gives. Repeatable."
    ),
)
@option(
    "--reload-seconds",
    default=60.0,
    type=FloatRange(0, 86400),
    help="Seconds between checks whether these files or the certificate changed; 0: only at SIGHUP.",
)
@option("--host", default="127.0.0.1", help="Address that the data port listens on.")
@option("--port", default=9000, type=click.IntRange(0, 65535), help="Data port; 0 chooses a free one.")
@option(
    "--admin-port", default=9001, type=click.IntRange(0, 65535), help="Admin port: console, health checks and metrics."
)
@option("--admin-host", default="127.0.0.1", help="Address that the admin port listens on.")
@option(
    "--hostname",
    metavar="NAME",
    multiple=True,
    help="A host name that clients use for the server. No space or domain can have it. Repeatable.",
)
@option(
    "--s3-port",
    type=click.IntRange(0, 65535),
    help="Port that serves only S3; 0 chooses a free one. The data port serves S3 too.",
)
@option(
    "--s3-host",
    metavar="NAME",
    multiple=True,
    help="A host name of the server for S3 clients, also with a bucket before it: BUCKET.NAME. Repeatable.",
)
@option(
    "--s3-form-v2/--no-s3-form-v2",
    default=False,
    help="Accept S3 forms with a signature of version 2, for old programs. All other requests need version 4.",
)
@option(
    "--s3-strict-parts/--no-s3-strict-parts",
    default=False,
    help="Accept only parts of exactly 8 MiB (the last one may be smaller) from S3 clients, as the vendor's gateway.",
)
@option(
    "--public-key", help="Public key of the server's own pair, instead of DIR/credentials.json. Needs --private-key."
)
@option(
    "--private-key",
    help="Private key of that pair. Prefer UVIDEO_SERVE_PRIVATE_KEY: other users can read a command line.",
)
@option(
    "--other-keys",
    metavar="FILE",
    type=FILE,
    help=(
        "More key pairs of the server's own (JSON, mode 0600), for gateways whose pair is being replaced: "
        "docs/cluster.md."
    ),
)
@option("--workers", default=1, type=click.IntRange(1, 64), help="Number of processes.")
@option("--fsync/--no-fsync", default=True, help="Sync to disk before a write is acknowledged.")
@option("--database", metavar="URL", help="Catalog: sqlite (in DIR), or postgresql://...")
@option("--blobs", metavar="URL", help="Storage of the objects' bytes: disk (in DIR), or s3://...")
@option("--tls-cert", type=FILE, help="PEM file of the certificate chain.")
@option("--tls-key", type=FILE, help="PEM file of its private key.")
@option("--ready-file", type=FILE, help="File that is written when the server is ready (JSON).")
@option(
    "--restore-seconds",
    default=0,
    type=click.IntRange(0, 10**9),
    help="Seconds that the restore of an object of class ARCHIVE takes.",
)
@option(
    "--restored-seconds",
    default=86400,
    type=click.IntRange(1, 10**9),
    help="Seconds for which a restored object can be read.",
)
@option(
    "--callback-allow",
    metavar="HOST[:PORT]",
    multiple=True,
    help="Allow callbacks of uploads to this host, even if its address is not public. Repeatable.",
)
@option(
    "--trusted-proxy",
    metavar="CIDR",
    multiple=True,
    help="Address or network of a trusted proxy: its Forwarded, X-Forwarded-For or PROXY protocol gives the "
    "client's address. Repeatable.",
)
@option(
    "--connections",
    default=10_000,
    type=click.IntRange(1, 10**6),
    help="Most connections of each process; further ones are answered 503.",
)
@option(
    "--connections-per-address",
    default=1024,
    type=click.IntRange(0, 10**6),
    help=(
        "Most connections of each process from one address, except from this machine; further ones are answered "
        "503.  0: no limit."
    ),
)
@option(
    "--idle",
    default=60.0,
    type=FloatRange(0.1, 86400),
    help="Seconds without a byte after which a connection is closed in the middle of a request or an answer.",
)
@option(
    "--least-rate",
    default=16.0,
    type=FloatRange(0, 10**6),
    help=(
        "Lowest rate in bytes per second: the connection is closed if a request or an answer is slower for more "
        "than --idle seconds.  0: no limit."
    ),
)
@option(
    "--rate",
    default=0.0,
    type=FloatRange(0, 10**6),
    help="Most requests per second of each key, in each process; further ones are answered 429.  0: no limit.",
)
@option(
    "--headroom",
    default=64.0,
    type=FloatRange(0, 10**9),
    help="MiB of the disk to keep free: uploads that would use them are answered 503, or 507 to S3 clients.",
)
@option(
    "--memory",
    default=256,
    type=click.IntRange(16, 10**6),
    help="MiB of memory for the requests of all workers together, at least 16 for each worker; beyond that, "
    "requests use the disk or wait.",
)
@option(
    "--quarantine-days",
    default=7.0,
    type=FloatRange(0, 3650),
    help=(
        "Days for which files that the catalog does not name are kept before they are deleted; fewer if the disk "
        "runs full."
    ),
)
@option(
    "--stale-days",
    default=0.0,
    type=FloatRange(0, 3650),
    help="Abort unfinished uploads without a new part for this many days; 0: never.",
)
@option(
    "--lock-seconds",
    default=4.0,
    type=FloatRange(0, 3600),
    help="Seconds that a write waits while another program holds SQLite's lock; then it is answered 503.",
)
@option(
    "--guesses",
    default=100,
    type=click.IntRange(0, 10**9),
    help="Wrong signatures per minute that one address may send for one key; 0: no limit.",
)
@option(
    "--verify-reads/--no-verify-reads",
    default=False,
    help="Read and hash each object before it is sent; a damaged object is refused.",
)
@option(
    "--scrub-days",
    default=0.0,
    type=FloatRange(0, 3650),
    help="Check each object for damage in the background, once in this many days; 0: never.",
)
@option(
    "--scrub-rate", default=20.0, type=FloatRange(0.001, 100_000), help="MiB per second that this check reads at most."
)
@option("--faults", type=FILE, help="For tests: file of faults to inject, TOML or JSON (docs/howto/testing.md).")
@option("--public-url", metavar="URL", help="URL at which browsers reach the data port, for example behind a proxy.")
@option(
    "--console-origin",
    metavar="ORIGIN",
    multiple=True,
    help=(
        "Allow browser pages of this origin to use signed URLs, for example https://console.example.com. Repeatable."
    ),
)
@option(
    "--cors-origin",
    metavar="ORIGIN",
    multiple=True,
    help=(
        "Allow scripts in browser pages of this origin to make every call of the data port; * for any origin. "
        "Repeatable."
    ),
)
@option(
    "--permanent-links/--no-permanent-links",
    default=False,
    help="Accept signed URLs without Expires, which never expire, for GET and HEAD of their key.",
)
@option(
    "--telemetry/--no-telemetry",
    default=False,
    help="Export a span of each request by OTLP, to where the variables OTEL_... point.",
)
@option(
    "--log-level",
    default="info",
    type=click.Choice(("debug", "info", "warning", "error")),
    help="Lowest level of log lines on stderr; debug includes the reason of each refused request.",
)
@option(
    "--audit-log",
    metavar="FILE",
    type=FILE,
    help="Append a JSON line to this file for each change: who, what, from where, and the result.",
)
@option("--audit-reads/--no-audit-reads", default=False, help="Record reads and each part of an upload too.")
@option("--access-log/--no-access-log", default=False, help="Write a line of JSON for each request to stderr.")
def serve(
    context: Context,
    /,
    **options: Any,  # fields of ServerSettings, which is imported only in this function
) -> int:
    with needs_server():
        from uvideo.server.process import exit_codes
        from uvideo.server.process import main as server
    command = click.get_current_context()

    def reread() -> server.ServerSettings:
        """The settings that a restart would have, with the same command line and environment."""
        try:
            return server.ServerSettings(**again(command).params)
        except click.ClickException as failure:
            raise server.StartError(failure.format_message(), exit_codes.SETTINGS) from None
        except InvalidArgument as failure:
            raise server.StartError(str(failure), exit_codes.SETTINGS) from None

    try:
        return server.serve(server.ServerSettings(**options), reread)
    except server.StartError as failure:
        return context.report.error(CannotStart(str(failure), failure.ending.code))


@contextmanager
def needs_server() -> Iterator[None]:
    """Wraps an import of the server.  InvalidArgument, with what to install, if a package is missing."""
    try:
        yield
    except ModuleNotFoundError as failure:
        if failure.name is None or failure.name.partition(".")[0] not in ("aiohttp", "multidict", "cryptography"):
            raise
        raise InvalidArgument(
            say(
                "this command needs {missing}, which is not installed: pip install 'uvideo[server]'",
                missing=failure.name,
            )
        ) from None
