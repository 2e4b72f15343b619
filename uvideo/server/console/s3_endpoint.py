"""The address at which programs reach S3, as the console tells its users."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from uvideo.server.http.cross_origin import BrowserEndpoint

__all__ = ["S3Endpoint"]


class S3Endpoint:
    """The URL for S3 clients.

    ``names``: host names for S3; the first has precedence.  ``public_url``: the data port's URL behind a proxy, None
    without one.  ``s3_port``: the port that serves only S3; None: the data port at ``data_port`` serves it.  ``host``:
    the address of these ports; None: the host of the browser's request.
    """

    def __init__(
        self,
        names: Sequence[str],
        public_url: str | None,
        s3_port: int | None,
        data_port: int,
        tls: bool,
        host: str | None = None,
    ) -> None:
        named = names[0] if names else None
        self._direct: BrowserEndpoint | None = BrowserEndpoint(
            None, data_port if s3_port is None else s3_port, tls, named or host
        )
        if public_url is not None:
            proxy = urlsplit(public_url.rstrip("/"))
            port = f":{proxy.port}" if proxy.port is not None else ""
            if named is not None:
                self._direct = BrowserEndpoint(f"{proxy.scheme}://{named}{port}", data_port, tls)
            elif not proxy.path:
                self._direct = BrowserEndpoint(public_url, data_port, tls)
            elif s3_port is None:  # S3 clients sign the path that they send, and the proxy changes it
                self._direct = None

    def url(self, host: str) -> str | None:
        """The URL before "/<bucket>".  ``host``: the page's Host header.  None if S3 clients have no way in."""
        return None if self._direct is None else self._direct.url(host)
