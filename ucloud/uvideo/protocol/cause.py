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
    Cause("address", ConfigurationError, u"that cannot be a host and a port: {reason}", u"correct the endpoint"),
    Cause(
        "connect-refused",
        NoAnswer,
        u"no connection: {reason}",
        u"is the port right, and does the service run there?",
    ),
    Cause("unreachable", NoAnswer, u"no connection: {reason}", u"check the network, the VPN and the firewall"),
    Cause(
        "open-files",
        NoAnswer,
        u"this program cannot open a connection: {reason}",
        u"let it open more files at once: ulimit -n",
    ),
    Cause("connect-time", NoAnswer, u"no connection in time", u"a firewall may be in the way: check host and port"),
    # No connection to the proxy, or none through it
    Cause("proxy-name", NoAnswer, u"the name of the proxy {proxy} does not resolve: {reason}", u"check {proxies}"),
    Cause(
        "proxy-address",
        ConfigurationError,
        u"that cannot be the host and the port of a proxy: {reason}",
        u"correct {proxies}",
    ),
    Cause("proxy-refused", NoAnswer, u"the proxy {proxy} takes no connection: {reason}", u"check {proxies}"),
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
        u"the proxy {proxy}: silence for too long",
        u"is it a proxy of that kind? check {proxies}",
    ),
    Cause(
        "proxy-ended",
        NoAnswer,
        u"the proxy {proxy} ended the connection without an answer: {reason}",
        u"is it a proxy of that kind? check {proxies}",
    ),
    Cause(
        "proxy-not-http",
        NoAnswer,
        u"what the proxy {proxy} answers is not HTTP: {reason}",
        u"is it an HTTP proxy? check {proxies}",
    ),
    Cause(
        "proxy-auth",
        ConfigurationError,
        u"the proxy {proxy} asks for a user and a password: 407",
        u"name them in {proxies}: http://USER:PASSWORD@HOST:PORT",
    ),
    Cause(
        "proxy-password",
        ConfigurationError,
        u"the proxy {proxy} refuses the user and the password that it was given: 407",
        u"correct them in {proxies}",
    ),
    Cause(
        "proxy-denied",
        ConfigurationError,
        u"the proxy {proxy} forbids this connection: {status}",
        u"ask who runs it to allow the host",
    ),
    Cause(
        "proxy-unfit",
        ConfigurationError,
        u"the proxy {proxy} makes no connections for HTTPS: {status}",
        u"is it the right proxy? check {proxies}",
    ),
    Cause(
        "proxy-gateway",
        NoAnswer,
        u"the proxy {proxy} does not reach the service: {status}",
        u"try again later; if it lasts, ask who runs the proxy",
    ),
    Cause(
        "proxy-status",
        NoAnswer,
        u"the proxy {proxy} answers {status} to CONNECT",
        u"try again later; if it lasts, ask who runs the proxy",
    ),
    Cause(
        "proxy-url",
        ConfigurationError,
        u"{proxies} holds no URL of a proxy",
        u"write http://, https:// or socks5h://, perhaps USER:PASSWORD@, and HOST:PORT",
    ),
    Cause(
        "socks-missing",
        ConfigurationError,
        u"the proxy {proxy} is a SOCKS proxy, and PySocks is not installed",
        u"pip install 'uvideo[socks]', or PySocks",
    ),
    Cause(
        "socks-auth",
        ConfigurationError,
        u"the SOCKS proxy {proxy} refuses the user and the password, or wants them: {reason}",
        u"name them in {proxies}: socks5h://USER:PASSWORD@HOST:PORT",
    ),
    Cause(
        "socks-denied",
        ConfigurationError,
        u"the SOCKS proxy {proxy} forbids this connection: {reason}",
        u"ask who runs it to allow the host",
    ),
    Cause(
        "socks-unfit",
        ConfigurationError,
        u"the SOCKS proxy {proxy} cannot make this connection: {reason}",
        u"with socks5h:// in {proxies} the proxy looks names up",
    ),
    Cause(
        "socks-gateway",
        NoAnswer,
        u"the SOCKS proxy {proxy} does not reach the service: {reason}",
        u"try again later; if it lasts, ask who runs the proxy",
    ),
    Cause(
        "not-socks",
        ConfigurationError,
        u"what the proxy {proxy} answers is not SOCKS: {reason}",
        u"correct the scheme in {proxies}",
    ),
    Cause(
        "tls-in-tls",
        ConfigurationError,
        u"the proxy {proxy} speaks TLS itself, and this Python cannot speak TLS inside of TLS",
        u"use an http:// proxy, or Python 3 (3.11 for AsyncClient)",
    ),
    # Certificates, of the host or of a proxy that speaks TLS: ``peer``
    Cause(
        "certificate-self-signed",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it is self-signed ({reason})",
        u"if it is yours, name its file in {bundle}",
    ),
    Cause(
        "certificate-issuer",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: its authority is not known here ({reason})",
        u"name a file with the certificate of this authority in {bundle}",
    ),
    Cause(
        "certificate-expired",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it has ended by the clock of this machine ({reason})",
        u"have it renewed, if the clock is right",
    ),
    Cause(
        "certificate-early",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it has not begun by the clock of this machine ({reason})",
        u"set the clock of this machine",
    ),
    Cause(
        "certificate-name",
        ConfigurationError,
        u"the certificate from {peer} is not trusted: it is for another name ({reason})",
        u"write the name that the certificate has, or have one made for this name",
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
        u"{peer} does not speak TLS, perhaps plain HTTP: {reason}",
        u"correct the host and the port, or write http:// where there is to be no TLS",
    ),
    Cause(
        "tls-version",
        ConfigurationError,
        u"{peer} and this machine have no version or cipher of TLS in common: {reason}",
        u"have TLS 1.2 or newer switched on there",
    ),
    Cause(
        "tls-name",
        ConfigurationError,
        u"{peer} serves no such name by TLS: {reason}",
        u"correct the host in the endpoint",
    ),
    Cause(
        "tls-refused",
        ConfigurationError,
        u"{peer} refuses the TLS handshake: {reason}",
        u"if it asks for a certificate of the client, set client_cert",
    ),
    Cause(
        "client-certificate",
        ConfigurationError,
        u"{peer} asks for a certificate of the client: {reason}",
        u"set client_cert",
    ),
    Cause(
        "client-certificate-refused",
        ConfigurationError,
        u"{peer} refuses the certificate of the client: {reason}",
        u"set client_cert to one that it trusts",
    ),
    Cause(
        "tls-ended",
        NoAnswer,
        u"{peer} ended the connection in the TLS handshake: {reason}",
        u"a firewall may be in the way, or the port is not one for TLS",
    ),
    Cause(
        "tls-silent",
        NoAnswer,
        u"{peer}: silence for too long in the TLS handshake",
        u"a firewall may be in the way, or the port is not one for TLS",
    ),
    Cause("tls-other", NoAnswer, u"TLS with {peer} failed: {reason}", u"try another network, without a proxy"),
    # The request was on its way
    Cause(
        "silence",
        NoAnswer,
        u"silence for too long",
        u"where the network is slow, allow more time: timeout, in the SDK connection_timeout",
    ),
    Cause(
        "time",
        NoAnswer,
        u"the answer was not complete in time",
        u"allow more time: attempt_timeout, total_timeout or deadline",
    ),
    Cause("broken", NoAnswer, u"the connection broke: {reason}", u"check the network, and try again"),
    Cause(
        "not-http",
        NoAnswer,
        u"what came from {peer} is not HTTP: {reason}",
        u"check scheme and port of the endpoint",
    ),
    # Somebody else answers: none of these is the service's form
    Cause(
        "moved",
        ConfigurationError,
        u"something that is not the service answers {status}: it points to {reason}",
        u"name the host and the scheme of the service itself in the endpoint",
    ),
    Cause(
        "login",
        BadAnswer,
        u"something that is not the service answers {status}: it points to {reason}",
        u"open a web page: the network may want you to log in",
    ),
    Cause(
        "page",
        BadAnswer,
        u"something that is not the service answers {status}: {reason}",
        u"check the endpoint and the proxy, and whether the network wants you to log in",
    ),
    Cause(
        "gateway",
        Unavailable,
        u"something that is not the service answers {status}: {reason}",
        u"try again later; if it lasts, ask who runs the gateway or the proxy",
    ),
    Cause(
        "too-long",
        ConfigurationError,
        u"something before the service takes no body of this length: {status}, {reason}",
        u"raise its limit, which nginx calls client_max_body_size, to more than 4 MiB",
    ),
    Cause(
        "encoded",
        ConfigurationError,
        u"something before the service changes what it answers: {reason}, which nobody asked for",
        u"switch compression off there for this host, or go past it by https:// or no_proxy",
    ),
    Cause(
        "auth-on-the-way",
        ConfigurationError,
        u"a proxy on the way asks for a user and a password: 407",
        u"write them into the proxy's URL: http://USER:PASSWORD@HOST:PORT",
    ),
)

_BY_CODE = dict((cause.code, cause) for cause in CAUSES)


def told(code, host=None, context=None, **facts):
    # type: (str, str | None, Mapping[str, Any] | None, **object) -> UVideoError
    """The error for a cause.  Its ``facts`` are those in the texts.

    ``host``: the host without a response.  ``context``: further arguments of UVideoError.
    """
    cause = _BY_CODE[code]
    whole = cause.text + cause.remedy
    given = dict((name, said(value)) for name, value in facts.items() if u"{%s}" % name in whole)
    text = cause.text.format(**given)
    if host is not None and u"{peer}" not in cause.text:
        text = u"no answer from %s (%s)" % (host, text)
    error = cause.error(u"%s; %s" % (text, cause.remedy.format(**given)), cause=code, **(context or {}))
    error.facts = given
    return error


def said(value):
    # type: (object) -> str
    """Another's text for display: short, on one line, without control characters."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else to_text(u"%s" % (value,))
    return u" ".join(printable(text[: 4 * LONGEST]).split())[:LONGEST]
