"""The boxes that every client goes through."""

from __future__ import annotations

from functools import partial

from test.proxies.apache import OLD, start_apache, start_apache_forward
from test.proxies.box import Box
from test.proxies.caddy import start_caddy
from test.proxies.haproxy import start_haproxy
from test.proxies.microsocks import start_microsocks
from test.proxies.mitmproxy import start_mitmproxy
from test.proxies.nginx import STREAM, start_nginx
from test.proxies.squid import start_squid
from test.proxies.stunnel import start_stunnel, start_stunnel_squid
from test.proxies.tinyproxy import start_tinyproxy

__all__ = ["BOXES", "UNFIT"]

BOXES = {
    each.name: each
    for each in (
        Box("nginx", start_nginx),
        Box("nginx, TLS, unbuffered", partial(start_nginx, lines=STREAM, tls=True)),
        Box("haproxy, 103", start_haproxy),
        Box("haproxy, 103, TLS", partial(start_haproxy, tls=True)),
        Box("apache, chunks", start_apache),
        Box("apache, HTTP/1.0", partial(start_apache, lines=OLD)),
        Box("caddy, TLS", start_caddy),
        Box("stunnel, TLS", start_stunnel),
        Box("squid", start_squid),
        Box("squid, tunnel", partial(start_squid, tunnel=True)),
        Box("squid, password", partial(start_squid, password=True)),
        Box("squid, tunnel, password", partial(start_squid, tunnel=True, password=True)),
        Box("squid by TLS", start_stunnel_squid),
        Box("squid by TLS, tunnel", partial(start_stunnel_squid, tunnel=True)),
        Box("tinyproxy", start_tinyproxy),
        Box("tinyproxy, tunnel, password", partial(start_tinyproxy, tunnel=True, password=True)),
        Box("apache, forward", start_apache_forward),
        Box("apache, forward, tunnel, password", partial(start_apache_forward, tunnel=True, password=True)),
        Box("microsocks, password", start_microsocks),
        Box("microsocks, TLS, password", partial(start_microsocks, tls=True)),
        Box("mitmproxy", start_mitmproxy),
        Box("mitmproxy, TLS", partial(start_mitmproxy, tls=True)),
        Box("mitmproxy, TLS, streaming", partial(start_mitmproxy, more="stream_large_bodies=64k", tls=True)),
    )
}
#: Who cannot go through what, and what is said then.
UNFIT = {("squid by TLS, tunnel", "sdk 2.7"): "this Python does not support TLS inside of TLS"}
