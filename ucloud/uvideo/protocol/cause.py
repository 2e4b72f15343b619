"""The causes of a missing response: one table, for every client and for `uvideo doctor`.

Each cause has an error class, a text that says what was seen, and one remedy.  docs/reliability.md shows the table.
``reason`` is the text of the system, OpenSSL or a stranger; it is short and printable, but not verified.
"""

from __future__ import absolute_import, division, print_function

from .compat import TYPE_CHECKING, NamedTuple, printable, to_text
from .errors import BadAnswer, ConfigurationError, NoAnswer, Unavailable

if TYPE_CHECKING:
    from typing import Any, Mapping  # noqa: F401

    from .errors import UVideoError

#: The most characters of others' texts.
LONGEST = 200


class Cause(NamedTuple("Cause", [("code", "str"), ("error", "type[UVideoError]"), ("text", "str"), ("remedy", "str")])):
    """``error``: the error class.  ``text``, ``remedy``: with {names} of facts."""

    __slots__ = ()


CAUSES = (
    # No connection to the host
    Cause(
        "name",
        NoAnswer,
        u"no connection: the name does not resolve ({reason})",
        u"check the endpoint, the region and this network's DNS",
    ),
    Cause(
        "address",
        ConfigurationError,
        u"the host or the port of the endpoint is invalid: {reason}",
        u"correct the endpoint",
    ),
    Cause(
        "connect-refused",
        NoAnswer,
        u"no connection: {reason}",
        u"check the port, and whether the service runs there",
    ),
    Cause("unreachable", NoAnswer, u"no connection: {reason}", u"check the network, the VPN and the firewall"),
    Cause(
        "open-files",
        NoAnswer,
        u"this program cannot open a connection: {reason}",
        u"raise the limit of open files: ulimit -n",
    ),
    Cause(
        "connect-time",
        NoAnswer,
        u"no connection in time",
        u"check host and port; a firewall may block the connection",
    ),
    # No connection to the proxy, or none through it
    Cause("proxy-name", NoAnswer, u"the name of the proxy {proxy} does not resolve: {reason}", u"check {proxies}"),
    Cause(
        "proxy-address",
        ConfigurationError,
        u"the host or the port of the proxy is invalid: {reason}",
        u"correct {proxies}",
    ),
    Cause("proxy-refused", NoAnswer, u"the proxy {proxy} accepts no connection: {reason}", u"check {proxies}"),
    Cause(
        "proxy-unreachable",
        NoAnswer,
        u"no connection to the proxy {proxy}: {reason}",
        u"check the network, the VPN and {proxies}",
    ),
    Cause("proxy-time", NoAnswer, u"no connection to the proxy {proxy} in time", u"check the network and {proxies}"),
    Cause(
        "proxy-silent",
        NoAnswer,
        u"the proxy {proxy} sent no data for too long",
        u"check the kind of the proxy in {proxies}",
    ),
    Cause(
        "proxy-ended",
        NoAnswer,
        u"the proxy {proxy} ended the connection without an answer: {reason}",
        u"check the kind of the proxy in {proxies}",
    ),
    Cause(
        "proxy-not-http",
        NoAnswer,
        u"the answer of the proxy {proxy} is not HTTP: {reason}",
        u"check that {proxies} is the URL of an HTTP proxy",
    ),
    Cause(
        "proxy-auth",
        ConfigurationError,
        u"the proxy {proxy} requires a user name and a password: 407",
        u"write them in {proxies}: http://USER:PASSWORD@HOST:PORT",
    ),
    Cause(
        "proxy-password",
        ConfigurationError,
        u"the proxy {proxy} refuses the given user name and password: 407",
        u"correct them in {proxies}",
    ),
    Cause(
        "proxy-denied",
        ConfigurationError,
        u"the proxy {proxy} forbids this connection: {status}",
        u"ask its administrator to allow the host",
    ),
    Cause(
        "proxy-unfit",
        ConfigurationError,
        u"the proxy {proxy} does not allow HTTPS connections: {status}",
        u"check that {proxies} is the right proxy",
    ),
    Cause(
        "proxy-gateway",
        NoAnswer,
        u"the proxy {proxy} cannot reach the service: {status}",
        u"try again later; if it persists, ask the administrator of the proxy",
    ),
    Cause(
        "proxy-status",
        NoAnswer,
        u"the proxy {proxy} answers {status} to CONNECT",
        u"try again later; if it persists, ask the administrator of the proxy",
    ),
    Cause(
        "proxy-url",
        ConfigurationError,
        u"{proxies} is not the URL of a proxy",
        u"write http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT; USER:PASSWORD@ may stand before HOST",
    ),
    Cause(
        "socks-missing",
        ConfigurationError,
        u"the proxy {proxy} is a SOCKS proxy, and PySocks is not installed",
        u"run pip install 'uvideo[socks]', or install PySocks",
    ),
    Cause(
        "socks-auth",
        ConfigurationError,
        u"the SOCKS proxy {proxy} requires a user name and a password, or refuses the given ones: {reason}",
        u"write them in {proxies}: socks5h://USER:PASSWORD@HOST:PORT",
    ),
    Cause(
        "socks-denied",
        ConfigurationError,
        u"the SOCKS proxy {proxy} forbids this connection: {reason}",
        u"ask its administrator to allow the host",
    ),
    Cause(
        "socks-unfit",
        ConfigurationError,
        u"the SOCKS proxy {proxy} cannot make this connection: {reason}",
        u"write socks5h:// in {proxies}, then the proxy resolves host names",
    ),
    Cause(
        "socks-gateway",
        NoAnswer,
        u"the SOCKS proxy {proxy} cannot reach the service: {reason}",
        u"try again later; if it persists, ask the administrator of the proxy",
    ),
    Cause(
        "not-socks",
        ConfigurationError,
        u"the answer of the proxy {proxy} is not SOCKS: {reason}",
        u"correct the scheme in {proxies}",
    ),
    Cause(
        "tls-in-tls",
        ConfigurationError,
        u"the proxy {proxy} is an https:// proxy, and this Python does not support TLS inside of TLS",
        u"use an http:// proxy, or Python 3 (3.11 for AsyncClient)",
    ),
    # Certificates, of the host or of a proxy that speaks TLS: ``peer``
    Cause(
        "certificate-self-signed",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it is self-signed ({reason})",
        u"if it is your own, set {bundle} to its file",
    ),
    Cause(
        "certificate-issuer",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: this machine does not know its authority ({reason})",
        u"set {bundle} to a file with the certificate of this authority",
    ),
    Cause(
        "certificate-expired",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it has expired by the clock of this machine ({reason})",
        u"check the clock; if it is right, the certificate must be renewed",
    ),
    Cause(
        "certificate-early",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it is not yet valid by the clock of this machine ({reason})",
        u"set the clock of this machine",
    ),
    Cause(
        "certificate-name",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it is for another host name ({reason})",
        u"use the host name in the certificate, or get a certificate for this host name",
    ),
    Cause(
        "certificate",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: {reason}",
        u"check the clock of this machine and the authorities in {bundle}",
    ),
    # The rest of TLS
    Cause(
        "not-tls",
        ConfigurationError,
        u"the answer of {peer} is not TLS; perhaps it is plain HTTP: {reason}",
        u"correct the host and the port; write http:// only if the service has no TLS",
    ),
    Cause(
        "tls-version",
        ConfigurationError,
        u"{peer} and this machine support no common version or cipher of TLS: {reason}",
        u"TLS 1.2 or newer must be enabled there",
    ),
    Cause(
        "tls-name",
        ConfigurationError,
        u"{peer} has no TLS for this host name: {reason}",
        u"correct the host in the endpoint",
    ),
    Cause(
        "tls-refused",
        ConfigurationError,
        u"{peer} refuses the TLS handshake: {reason}",
        u"if it requires a client certificate, set client_cert",
    ),
    Cause(
        "client-certificate",
        ConfigurationError,
        u"{peer} requires a client certificate: {reason}",
        u"set client_cert",
    ),
    Cause(
        "client-certificate-refused",
        ConfigurationError,
        u"{peer} refuses the client certificate: {reason}",
        u"set client_cert to a certificate that it trusts",
    ),
    Cause(
        "tls-ended",
        NoAnswer,
        u"{peer} ended the connection in the TLS handshake: {reason}",
        u"a firewall may block the connection, or the port is not a TLS port",
    ),
    Cause(
        "tls-silent",
        NoAnswer,
        u"{peer} sent no data for too long in the TLS handshake",
        u"a firewall may block the connection, or the port is not a TLS port",
    ),
    Cause("tls-other", NoAnswer, u"TLS with {peer} failed: {reason}", u"try another network, without a proxy"),
    # The request was on its way
    Cause(
        "silence",
        NoAnswer,
        u"no data for too long",
        u"on a slow network raise timeout (in the SDK: connection_timeout)",
    ),
    Cause(
        "time",
        NoAnswer,
        u"the answer was not complete in time",
        u"raise attempt_timeout, total_timeout or deadline",
    ),
    Cause("broken", NoAnswer, u"the connection broke: {reason}", u"check the network, and try again"),
    Cause(
        "broken-http",
        NoAnswer,
        u"the connection broke: {reason}",
        u"if the server uses TLS, write https:// before the host; otherwise check the network, and try again",
    ),
    Cause(
        "not-http",
        NoAnswer,
        u"the answer of {peer} is not HTTP: {reason}",
        u"check scheme and port of the endpoint",
    ),
    # Somebody else answers: none of these is the service's form
    Cause(
        "moved",
        ConfigurationError,
        u"the answer {status} is not from the service: it redirects to {reason}",
        u"set the endpoint to the scheme and host of the service itself",
    ),
    Cause(
        "login",
        BadAnswer,
        u"the answer {status} is not from the service: it redirects to {reason}",
        u"open a web page: the network may require a login",
    ),
    Cause(
        "page",
        BadAnswer,
        u"the answer {status} is not from the service: {reason}",
        u"check the endpoint and the proxy, and whether the network requires a login",
    ),
    Cause(
        "gateway",
        Unavailable,
        u"the answer {status} is not from the service: {reason}",
        u"try again later; if it persists, ask the administrator of the gateway or the proxy",
    ),
    Cause(
        "too-long",
        ConfigurationError,
        u"a gateway before the service refuses a body of this length: {status}, {reason}",
        u"raise its limit (nginx: client_max_body_size) to more than 4 MiB",
    ),
    Cause(
        "encoded",
        ConfigurationError,
        u"a gateway or proxy before the service changed the answer: {reason}, which the client did not request",
        u"disable its compression for this host, or bypass it with https:// or no_proxy",
    ),
    Cause(
        "auth-on-the-way",
        ConfigurationError,
        u"a proxy on the way requires a user name and a password: 407",
        u"write them in the proxy's URL: http://USER:PASSWORD@HOST:PORT",
    ),
)

_BY_CODE = dict((cause.code, cause) for cause in CAUSES)


def told(code, host=None, context=None, **facts):
    # type: (str, str | None, Mapping[str, Any] | None, **object) -> UVideoError
    """The error for a cause.  Its ``facts`` are those in the texts; ``origin`` is the host, where the text names it.

    ``host``: the host without a response.  ``context``: further arguments of UVideoError.
    """
    cause = _BY_CODE[code]
    whole = cause.text + cause.remedy
    given = dict((name, said(value)) for name, value in facts.items() if u"{%s}" % name in whole)
    text = cause.text.format(**given)
    if host is not None and u"{peer}" not in cause.text:
        text = u"no answer from %s (%s)" % (host, text)
        given["origin"] = host
    error = cause.error(u"%s; %s" % (text, cause.remedy.format(**given)), cause=code, **(context or {}))
    error.facts = given
    return error


def said(value):
    # type: (object) -> str
    """Another's text for display: short, on one line, without control characters."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else to_text(u"%s" % (value,))
    return u" ".join(printable(text[: 4 * LONGEST]).split())[:LONGEST]
