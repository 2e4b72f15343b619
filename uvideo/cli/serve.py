"""uvideo serve: the server."""

from __future__ import annotations

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
    context.default_map = settings_file.read(context, paths)
    return paths


@verb(
    "serve",
    text=(
        "DIR is made if it is absent; by default it is uvideo-data.",
        "Each option can be given as UVIDEO_SERVE_<NAME> too, DIR as UVIDEO_SERVE_DIR.  SIGTERM lets the requests in "
        "flight finish.",
        "SIGHUP, or a change of a file of --settings or of the certificate, has them read again; "
        "docs/operate.md says which settings count at once.",
        "Exit codes: 0 stopped, 1 failed, and starting again may help, 2 wrong settings, 3 stopped, and one of "
        "--faults never happened, 4 cannot start until somebody mends what the message says.",
    ),
    examples=[
        Example("On port 9000, with a key pair made on first start:", "uvideo serve"),
        Example(
            "On a free port; which one is in the ready file and on stdout:",
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
    help="Lines UVIDEO_SERVE_<NAME>=value for what is not given here or by the environment. Repeatable.",
)
@option(
    "--reload-seconds",
    default=60.0,
    type=FloatRange(0, 86400),
    help="How often it is looked whether these files or the certificate changed; 0: at SIGHUP only.",
)
@option("--host", default="127.0.0.1", help="Address to listen on, of the data port.")
@option("--port", default=9000, type=click.IntRange(0, 65535), help="0 picks a free one.")
@option("--admin-port", default=9001, type=click.IntRange(0, 65535), help="Console, health, metrics.")
@option("--admin-host", default="127.0.0.1", help="Address that this port listens on.")
@option(
    "--hostname",
    metavar="NAME",
    multiple=True,
    help="A name that clients reach the server by: no space or domain can take it. Repeatable.",
)
@option("--public-key", help="With --private-key: the key pair, instead of DIR/credentials.json.")
@option("--private-key", help="Better given as UVIDEO_SERVE_PRIVATE_KEY: others can read a command line.")
@option(
    "--other-keys",
    metavar="FILE",
    type=FILE,
    help="More pairs of the server's own (JSON, mode 0600), for gateways that change theirs: docs/operate.md.",
)
@option("--workers", default=1, type=click.IntRange(1, 64), help="Processes.")
@option("--fsync/--no-fsync", default=True, help="Sync before acknowledging.")
@option("--database", metavar="URL", help="Where names are kept: sqlite (in DIR), postgresql://...")
@option("--blobs", metavar="URL", help="Where bytes are kept: disk (in DIR), s3://...")
@option("--tls-cert", type=FILE, help="PEM file of the certificate chain.")
@option("--tls-key", type=FILE, help="PEM file of its private key.")
@option("--ready-file", type=FILE, help="Written once the server answers (JSON).")
@option(
    "--restore-seconds",
    default=0,
    type=click.IntRange(0, 10**9),
    help="Until a restored object of class ARCHIVE can be read.",
)
@option("--restored-seconds", default=86400, type=click.IntRange(1, 10**9), help="How long it then can be.")
@option(
    "--callback-allow",
    metavar="HOST[:PORT]",
    multiple=True,
    help="Let uploads call this back although its address is not public. Repeatable.",
)
@option(
    "--trusted-proxy",
    metavar="CIDR",
    multiple=True,
    help="Believe what this proxy (an address or a network) says of who sends: Forwarded, X-Forwarded-For, PROXY "
    "protocol. Repeatable.",
)
@option(
    "--connections",
    default=10_000,
    type=click.IntRange(1, 10**6),
    help="At once, in each process; more are answered 503.",
)
@option(
    "--connections-per-address",
    default=1024,
    type=click.IntRange(0, 10**6),
    help="Of those, from one address that is not this machine's own; more are answered 503.  0: any number.",
)
@option(
    "--idle",
    default=60.0,
    type=FloatRange(0.1, 86400),
    help="Seconds without a byte until a connection is broken off in the middle of a request or an answer.",
)
@option(
    "--least-rate",
    default=16.0,
    type=FloatRange(0, 10**6),
    help="Bytes a second: a request or an answer that is slower over more than --idle seconds is broken off.  0: none.",
)
@option(
    "--rate",
    default=0.0,
    type=FloatRange(0, 10**6),
    help="Requests a second for each key, in each process; more are answered 429.  0: any number.",
)
@option(
    "--headroom",
    default=64.0,
    type=FloatRange(0, 10**9),
    help="MiB of the disk that stay free: uploads are answered 503 before they would take them.",
)
@option(
    "--memory",
    default=256,
    type=click.IntRange(16, 10**6),
    help="MiB that all requests of all workers hold together, at least 16 for each worker; beyond that they go to the "
    "disk or wait.",
)
@option(
    "--quarantine-days",
    default=7.0,
    type=FloatRange(0, 3650),
    help="How long what a sweep finds without a name is kept; less if the disk runs full.",
)
@option(
    "--stale-days",
    default=0.0,
    type=FloatRange(0, 3650),
    help="Abort unfinished uploads that had no new part for so many days; 0: never.",
)
@option(
    "--lock-seconds",
    default=4.0,
    type=FloatRange(0, 3600),
    help="How long a write waits while another program holds SQLite's lock; then it is answered 503.",
)
@option(
    "--guesses",
    default=100,
    type=click.IntRange(0, 10**9),
    help="Wrong signatures a minute that one address may send for one key; 0: any number.",
)
@option(
    "--verify-reads/--no-verify-reads",
    default=False,
    help="Read and hash an object before its bytes are sent: damaged ones are refused.",
)
@option(
    "--scrub-days",
    default=0.0,
    type=FloatRange(0, 3650),
    help="Look for damaged objects in the background, each once in so many days; 0: never.",
)
@option("--scrub-rate", default=20.0, type=FloatRange(0.001, 100_000), help="MiB a second that this reads at most.")
@option("--faults", type=FILE, help="For tests: what shall go wrong, TOML or JSON (docs/howto/testing.md).")
@option("--public-url", metavar="URL", help="Where browsers reach the data port, for example behind a proxy.")
@option(
    "--console-origin",
    metavar="ORIGIN",
    multiple=True,
    help="Let browser pages of this origin use signed URLs, as https://console.example.com. Repeatable.",
)
@option(
    "--cors-origin",
    metavar="ORIGIN",
    multiple=True,
    help="Let programs in browser pages of this origin make every call of the data port; * for any origin. Repeatable.",
)
@option(
    "--permanent-links/--no-permanent-links",
    default=False,
    help="Serve signed URLs without Expires, which never end, for GET and HEAD of their key.",
)
@option(
    "--telemetry/--no-telemetry",
    default=False,
    help="A span of each request, exported by OTLP as the variables OTEL_... say.",
)
@option(
    "--log-level",
    default="info",
    type=click.Choice(("debug", "info", "warning", "error")),
    help="What is logged on stderr; debug says why each request was refused.",
)
@option(
    "--audit-log",
    metavar="FILE",
    type=FILE,
    help="Append a JSON line for each change: who, what, from where, and how it ended.",
)
@option(
    "--audit-reads/--no-audit-reads", default=False, help="Record what only reads, and each part of an upload, too."
)
@option("--access-log/--no-access-log", default=False, help="JSON lines on stderr.")
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
