"""uvideo mount: a folder of a space as a read-only local folder."""

from __future__ import annotations

import os
import signal
from dataclasses import fields
from typing import Any

import click

from uvideo.cli.address import local, remote
from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.verb_command import Example, verb
from uvideo.errors import ConfigurationError, InvalidArgument, NotFound

__all__ = ["mount"]

#: Seconds for which a listing is not read again.
CACHED = 5.0


@verb(
    "mount",
    text=(
        "DIR is an empty folder. It shows the objects below ADDRESS until Ctrl-C, SIGTERM or `fusermount -u DIR`; "
        "nothing in it can be changed. Listings are kept for 5 s. A program that reads parts of a file gets only these "
        "from the service. Needs fusepy, fsspec and FUSE.",
    ),
    examples=[
        Example("How it is used:", "uvideo mount --help"),
    ],
)
@click.argument("address", metavar="ADDRESS")
@click.argument("folder", metavar="DIR")
def mount(context: Context, address: str, folder: str) -> int:
    place, path = remote(address), local(folder).path
    prefix = place.key if place.is_folder else place.key + "/"
    if not os.path.isdir(path):
        raise InvalidArgument(say("{path} is not a folder: make an empty one to mount in", path=path))
    if os.listdir(path):
        raise InvalidArgument(say("{path} is not empty: make an empty folder to mount in", path=path))
    try:
        from uvideo.fs.filesystem import UVideoFileSystem
        from uvideo.fs.mount import mount as mounted
    except (ImportError, OSError):  # OSError: there is no libfuse
        raise ConfigurationError(
            say("uvideo mount needs FUSE: pip install 'uvideo[mount]', and on Debian apt-get install libfuse2 fuse")
        ) from None
    if next(iter(context.client.list(place.space, prefix, page_size=1)), None) is None and prefix:
        raise NotFound(space=place.space, key=prefix)
    given: dict[str, Any] = {each.name: getattr(context.settings, each.name) for each in fields(context.settings)}
    filesystem = UVideoFileSystem(
        use_listings_cache=True,
        listings_expiry_time=CACHED,
        skip_instance_cache=True,
        **{name: value for name, value in given.items() if value is not None},
    )
    context.report.tell(say("{address} is mounted at {path}; Ctrl-C unmounts it", address=place, path=path))
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # libfuse then handles it, as Ctrl-C
    try:
        mounted(filesystem, f"{place.space}/{prefix}", path)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0
