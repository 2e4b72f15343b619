"""The address at which programs reach S3, as the console tells its users."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from uvideo.server.http.cross_origin import BrowserEndpoint
from uvideo.server.rules.server_names import canonical

__all__ = ["S3Endpoint"]


class S3Endpoint:
    """The URL for S3 clients.

    ``names``: host names for S3, as of ``s3_names``; the first has precedence.  ``public_url``: the data port's URL
    behind a proxy, None without one.  ``s3_port``: the port that serves only S3; None: the data port at ``data_port``
    serves it.  ``host``: the address of these ports; None: the host of the browser's request.
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
        self._public_url, self._s3_port, self._data_port = public_url, s3_port, data_port
        self._tls, self._host = tls, host
        self.change(names)

    def change(self, names: Sequence[str]) -> None:
        """Replace the host names for S3."""
        named = canonical(names[0]) if names else None
        self._direct = self._found(f"[{named}]" if named is not None and ":" in named else named)

    def _found(self, named: str | None) -> BrowserEndpoint | None:
        """The address with this host name for S3.  None if S3 clients have no way in."""
        if self._public_url is None:
            number = self._data_port if self._s3_port is None else self._s3_port
            return BrowserEndpoint(None, number, self._tls, named or self._host)
        proxy = urlsplit(self._public_url.rstrip("/"))
        if named is not None:
            port = f":{proxy.port}" if proxy.port is not None else ""
            return BrowserEndpoint(f"{proxy.scheme}://{named}{port}", self._data_port, self._tls)
        if not proxy.path:
            return BrowserEndpoint(self._public_url, self._data_port, self._tls)
        if self._s3_port is None:  # S3 clients sign the path that they send, and the proxy changes it
            return None
        return BrowserEndpoint(None, self._s3_port, self._tls, self._host)

    def url(self, host: str) -> str | None:
        """The URL before "/<bucket>".  ``host``: the page's Host header.  None if S3 clients have no way in."""
        return None if self._direct is None else self._direct.url(host)
