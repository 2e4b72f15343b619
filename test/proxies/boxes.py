"""The boxes that every client goes through."""

from __future__ import annotations

from functools import partial

from test.proxies.box import Box
from test.proxies.squid import start_squid

__all__ = ["BOXES"]

BOXES = {
    each.name: each
    for each in (
        Box("squid", start_squid),
        Box("squid, tunnel", partial(start_squid, tunnel=True)),
        Box("squid, password", partial(start_squid, password=True)),
        Box("squid, tunnel, password", partial(start_squid, tunnel=True, password=True)),
    )
}
