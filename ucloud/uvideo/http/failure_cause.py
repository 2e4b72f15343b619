"""The cause of a failure of sockets, TLS or a proxy.  Shared by threads and event loops."""

from __future__ import absolute_import, division, print_function

import errno
import os
import re
import socket
import ssl

from ..protocol.cause import told
from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import InvalidArgument
from . import socks, trust, wire
from .address import ConnectError
from .proxy import Proxy

if TYPE_CHECKING:
    from typing import Any, Callable, Protocol  # noqa: F401

    from ..protocol.errors import ConfigurationError, UVideoError  # noqa: F401

    class Way(Protocol):
        """A pool.Route, or the way that a requests.Session takes."""

        @property
        def origin(self):
            # type: () -> str
            pass

        @property
        def proxy(self):
            # type: () -> Proxy | None
            pass

        @property
        def is_tls(self):
            # type: () -> bool
            pass

        @property
        def names(self):
            # type: () -> dict[str, str]
            pass

#: The step that failed: connecting to the proxy, TLS with it, CONNECT, the SOCKS handshake; connecting to the host, TLS
#: with it; the request.
PROXY, PROXY_TLS, TUNNEL, SOCKS, HOST, TLS, REQUEST = range(7)

_REFUSED = (errno.ECONNREFUSED,)
_FILES = (errno.EMFILE, errno.ENFILE)
#: OpenSSL's numbers for certificate errors.
_VERIFY = {
    2: "certificate-issuer",
    9: "certificate-early",
    10: "certificate-expired",
    18: "certificate-self-signed",
    19: "certificate-issuer",
    20: "certificate-issuer",
    21: "certificate-issuer",
    62: "certificate-name",
    64: "certificate-name",
}
#: Parts of OpenSSL's texts, or of Python's names for them.  The first match counts.
_SIGNS = (
    ("CERTIFICATE_VERIFY_FAILED", "certificate"),
    ("WRONG_VERSION_NUMBER", "not-tls"),
    ("UNKNOWN_PROTOCOL", "not-tls"),
    ("HTTP_REQUEST", "not-tls"),
    ("HTTPS_PROXY_REQUEST", "not-tls"),
    ("PACKET_LENGTH_TOO_LONG", "not-tls"),
    ("RECORD_TOO_LONG", "not-tls"),
    ("RECORD_LAYER_FAILURE", "not-tls"),
    ("BAD_RECORD_TYPE", "not-tls"),
    ("ALERT_PROTOCOL_VERSION", "tls-version"),
    ("UNSUPPORTED_PROTOCOL", "tls-version"),
    ("VERSION_TOO_LOW", "tls-version"),
    ("NO_PROTOCOLS_AVAILABLE", "tls-version"),
    ("WRONG_SSL_VERSION", "tls-version"),
    ("INSUFFICIENT_SECURITY", "tls-version"),
    ("NO_CIPHERS_AVAILABLE", "tls-version"),
    ("NO_SHARED_CIPHER", "tls-version"),
    ("UNSAFE_LEGACY_RENEGOTIATION", "tls-version"),
    ("DH_KEY_TOO_SMALL", "tls-version"),
    ("UNRECOGNIZED_NAME", "tls-name"),
    ("ALERT_CERTIFICATE_REQUIRED", "client-certificate"),
    ("ALERT_NO_CERTIFICATE", "client-certificate"),
    ("ALERT_BAD_CERTIFICATE", "client-certificate-refused"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "client-certificate-refused"),
    ("ALERT_CERTIFICATE", "client-certificate-refused"),  # unknown, expired, revoked
    ("ALERT_UNKNOWN_CA", "client-certificate-refused"),
    ("ALERT_ACCESS_DENIED", "client-certificate-refused"),
    ("ALERT_DECRYPT_ERROR", "client-certificate-refused"),
    ("HANDSHAKE_FAILURE", "tls-refused"),
)
_BARE = re.compile(r"^\[[^\]]*\] *|  *\(_ssl\.c:[0-9]+\)")
_TIMES = (socket.timeout,)


def names(authorities, proxy):
    # type: (str | None, str | None) -> dict[str, str]
    """The names of the settings for error texts: {fact: name}.

    ``authorities``, ``proxy``: as Transport takes them; None if the environment decides.
    """
    return {
        "bundle": u"ca_bundle" if authorities else u"%s / ca_bundle" % (trust.named() or u"REQUESTS_CA_BUNDLE"),
        "proxies": u"http_proxy / https_proxy / proxy" if proxy is None else u"proxy",
    }


def proxy(url, origin, settings):
    # type: (str, str, dict[str, str]) -> Proxy
    """The Proxy object of a URL, for an origin.  ConfigurationError.  ``settings``: from ``names``."""
    try:
        found = Proxy(url)
    except InvalidArgument:
        raise told("proxy-url", origin, None, **settings)
    if found.socks is not None and not socks.is_installed():
        raise told("socks-missing", origin, None, proxy=_authority(found), **settings)
    return found


class Denied(Exception):
    """A proxy's response to CONNECT that is not a success."""

    def __init__(self, status):
        # type: (int) -> None
        super(Denied, self).__init__(status)
        self.status = status


def judged(error, leg, route, late=False, begun=True):
    # type: (BaseException | None, int, Way, bool, bool) -> UVideoError
    """The UVideoError for a failure.  ``error``: an exception; None for an early end.  ``route``: the Way used.

    ``late``: the time of the try is over.  ``begun``: the peer has answered on this connection.  The text never has
    the request's URL, which may be signed.
    """
    if isinstance(error, ConnectError):
        error = socket.timeout() if error.error is None else error.error
    code = _LEGS[leg](error)
    if late and code == "silence":
        code = "time"
    if code == "broken" and not begun and not route.is_tls and route.proxy is None:
        code = "broken-http"  # a TLS server may end a connection whose first bytes are not TLS
    context = {}  # type: dict[str, Any]
    if isinstance(error, Denied):
        code = _denied(error.status, bool(route.proxy and route.proxy.fields))
        context["status"] = error.status
    if leg != REQUEST:
        context["sent"] = False
    found = _said(code, error, leg, route, context)
    found.late = late
    return found


def wants_password(route):
    # type: (Way) -> UVideoError
    """The ConfigurationError for a 407 that came in place of the service's response."""
    proxy = route.proxy
    if proxy is None or proxy.socks is not None or route.is_tls:  # a SOCKS proxy speaks no HTTP
        return told("auth-on-the-way", route.origin, {"status": 407})
    return _said(_denied(407, bool(proxy.fields)), None, REQUEST, route, {"status": 407})


def _said(code, error, leg, route, context):
    # type: (str, BaseException | None, int, Way, dict[str, Any]) -> UVideoError
    proxy = None if route.proxy is None else _authority(route.proxy)
    host = route.origin
    if proxy is not None and leg in (HOST, TLS, REQUEST):
        host += u" through the proxy %s" % proxy
    peer = u"the proxy %s" % proxy if leg == PROXY_TLS else route.origin
    facts = {"proxy": proxy, "peer": peer, "reason": reason(error), "status": getattr(error, "status", u"")}
    return told(code, host, context, **dict(route.names, **facts))


def _authority(proxy):
    # type: (Proxy) -> str
    return u"%s:%d" % (u"[%s]" % proxy.name if ":" in proxy.name else proxy.name, proxy.port)


def _denied(status, has_password):
    # type: (int, bool) -> str
    if status == 407:
        return "proxy-password" if has_password else "proxy-auth"
    if status in (403, 451):
        return "proxy-denied"
    if status in (502, 503, 504):
        return "proxy-gateway"
    if status == 501 or (400 <= status <= 499 and status not in (408, 425, 429)):
        return "proxy-unfit"
    return "proxy-status"


def _connecting(prefix):
    # type: (str) -> Callable[[BaseException | None], str]
    def code(error):
        # type: (BaseException | None) -> str
        if isinstance(error, _TIMES):
            return (prefix or "connect-") + "time"
        number = getattr(error, "errno", None)
        if number in _REFUSED:
            return (prefix or "connect-") + "refused"
        if number in _FILES:
            return "open-files"
        if isinstance(error, socket.gaierror):
            return prefix + "name"
        if isinstance(error, (UnicodeError, OverflowError, ValueError)):
            return prefix + "address"
        return prefix + "unreachable"

    return code


def _handshake(error):
    # type: (BaseException | None) -> str
    return _tls(error) or ("tls-silent" if isinstance(error, _TIMES) else "tls-ended")


def _tls(error):
    # type: (BaseException | None) -> str | None
    """The cause of a TLS error; None for another error or the end."""
    if not isinstance(error, ssl.SSLError):
        if isinstance(error, ssl.CertificateError):  # before Python 3.7, this reports a wrong host name
            return "certificate-name"
        return "tls-in-tls" if isinstance(error, NotImplementedError) else None
    # OpenSSL's text first: a Python older than its OpenSSL has wrong names for the numbers.
    names = [re.sub("[^A-Z0-9]+", "_", name.upper()) for name in (_bare(error), getattr(error, "reason", None) or "")]
    if "EOF" in names[0] or error.args[:1] in ((ssl.SSL_ERROR_EOF,), (ssl.SSL_ERROR_ZERO_RETURN,)):
        return None
    code = next((code for name in names for sign, code in _SIGNS if sign in name), "tls-other")
    return _VERIFY.get(getattr(error, "verify_code", 0), code) if code == "certificate" else code


def _tunnel(error):
    # type: (BaseException | None) -> str
    if isinstance(error, wire.Malformed):
        return "proxy-not-http"
    return "proxy-silent" if isinstance(error, _TIMES) else "proxy-ended"


def _socks(error):
    # type: (BaseException | None) -> str
    if isinstance(error, socks.SocksError):
        return error.code
    return "proxy-silent" if isinstance(error, _TIMES) else "proxy-ended"


def _request(error):
    # type: (BaseException | None) -> str
    if isinstance(error, wire.Malformed):
        return "not-http"
    if isinstance(error, _TIMES):
        return "silence"
    code = _tls(error)
    # In TLS 1.3 the client's handshake ends before the server refuses its certificate.
    return code if code is not None and code.startswith("client-") else "broken"


_LEGS = {
    PROXY: _connecting("proxy-"),
    PROXY_TLS: _handshake,
    TUNNEL: _tunnel,
    SOCKS: _socks,
    HOST: _connecting(""),
    TLS: _handshake,
    REQUEST: _request,
}


def _bare(error):
    # type: (BaseException) -> str
    """OpenSSL's text without Python's additions."""
    return _BARE.sub("", str(error))


def reason(error):
    # type: (BaseException | None) -> object
    """The system's or OpenSSL's reason for a failure, without a URL."""
    cut = isinstance(error, ssl.SSLError) and error.args[:1] == (ssl.SSL_ERROR_EOF,)
    if error is None or isinstance(error, EOFError) or cut:
        return u"it ended too early"
    if isinstance(error, (ssl.SSLError, ssl.CertificateError)):
        return _bare(error) or getattr(error, "reason", None) or type(error).__name__
    if isinstance(error, wire.Malformed):
        return error
    if isinstance(error, socks.SocksError):
        return error.reason
    number = getattr(error, "errno", 0)
    if number in errno.errorcode and not isinstance(error, socket.gaierror):
        return os.strerror(number)
    if isinstance(error, OverflowError):
        return u"there is no such port"
    if isinstance(error, UnicodeError):
        return u"it is not a valid host name"
    return getattr(error, "strerror", None) or type(error).__name__
