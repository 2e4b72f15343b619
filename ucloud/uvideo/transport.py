"""Bytes over HTTP: the only file that imports requests, and it knows no header's meaning.

requests brings urllib3, its pool of connections, which is used directly: a Session costs three times as much for a
small request.  requests itself says which proxy the environment asks for and where the certificates of authorities are.
"""

from __future__ import absolute_import, division, print_function

import errno
import logging
import os
import re
import socket
import ssl
import threading

import requests
from requests import certs
from requests.packages import urllib3
from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy

from .protocol.errors import BadAnswer, DeadlineExceeded, InvalidArgument, NoAnswer, UVideoError
from .protocol.message import Headers, Response
from .protocol.provider import is_loopback
from .protocol.text import PY2

SMALL_ANSWER = 64 * 1024 * 1024
_PIECE = 65536  # Python 3.6 to 3.9 fills a buffer of the size asked for with zeros before it reads
_exceptions = urllib3.exceptions

try:
    from http.client import HTTPException
except ImportError:  # Python 2.7
    from httplib import HTTPException

class _Unsigned(logging.Filter):
    """Takes the signatures out of the URLs that urllib3 logs at level DEBUG."""

    def filter(self, record):
        if isinstance(record.args, tuple):
            record.args = tuple([_unsigned(value) for value in record.args])
        return True


_SIGNED = re.compile(r"Signature=[^&\s]*")


def _unsigned(value):
    return _SIGNED.sub("Signature=***", value) if isinstance(value, str) else value


logging.getLogger(_exceptions.__name__.rpartition(".")[0] + ".connectionpool").addFilter(_Unsigned())

USER_AGENT = "requests/%s urllib3/%s" % (requests.__version__, getattr(urllib3, "__version__", "?"))


class Stream(object):
    """An answer whose body is still to be read.  Close it when done; one thread at a time."""

    def __init__(self, raw):
        self._raw = raw
        self._into = getattr(getattr(raw, "_fp", None), "readinto", None)  # httplib of 2.7 has none
        self._direct = 0  # bytes that were read past urllib3
        self.status = raw.status
        self.headers = _headers(raw)

    def read(self, size):
        """At most ``size`` bytes as they came over the wire, b"" at the end.  NoAnswer if the connection breaks."""
        try:
            return self._raw.read(size, decode_content=False)
        except _FAILURES as error:
            raise _no_answer(error)

    def readinto(self, view):
        """Fill a writable memoryview, as far as bytes come: how many, 0 at the end.  NoAnswer as ``read``."""
        if self._into is None:
            data = self.read(len(view))
            view[: len(data)] = data
            return len(data)
        try:
            count = self._into(view)
        except _FAILURES as error:
            raise _no_answer(error)
        self._direct += count
        left = self.missing()
        if left and not count:
            raise NoAnswer(u"the connection broke: %d bytes are missing" % left)
        if left == 0 or not count:
            self._raw._fp.close()  # the answer, not its connection: before Python 3.12 it does not see its end
        return count

    def missing(self):
        """Bytes of the body that were announced and not yet read; None if that was not said."""
        left = self._raw.length_remaining
        return None if left is None else left - self._direct

    def close(self, reuse=False):
        """End it.  ``reuse``: the body was read to its end, so the connection can serve again."""
        if reuse:
            self._raw.release_conn()
        else:
            self._raw.close()


class Transport(object):
    """Connections to any host, kept open and shared.  Safe to share between threads; usable after a fork.

    ``timeout``: seconds that the other side may be silent, and to connect unless ``connect_timeout`` says otherwise.
    ``pool``: connections kept a host.  ``authorities``: file or folder of certificates instead of the environment's.
    ``certificate``: paths (certificate, key) that the service may ask for.  ``proxy``: its URL, "" for none, None for
    what the environment says.
    """

    def __init__(
        self, timeout, pool=32, connect_timeout=None, authorities=None, certificate=None, proxy=None
    ):
        self._seconds = (connect_timeout or timeout, timeout)
        self._timeout = urllib3.Timeout(connect=self._seconds[0], read=timeout)
        self._authorities, self._certificate, self._proxy = authorities, certificate, proxy
        self._pool_size = pool
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._pools = {}

    def _pool(self, origin):
        if self._pid != os.getpid():  # a child must not share its parent's connections
            self._lock, self._pools, self._pid = threading.Lock(), {}, os.getpid()
        found = self._pools.get(origin)
        if found is None:
            with self._lock:
                found = self._pools.get(origin)
                if found is None:
                    found = self._pools[origin] = self._connect(origin)
        return found

    def _connect(self, origin):
        """(pool, Host header or None, whether to send absolute targets) for "http://host:port"."""
        scheme, _, host = origin.partition("://")
        name, port = _split(host)
        options = {"maxsize": self._pool_size, "timeout": self._timeout}
        if scheme == "https":
            trusted = self._authorities or authorities()
            if not os.path.exists(trusted):
                raise InvalidArgument(u"there is no file or folder of certificates %s" % trusted)
            kind = "ca_cert_dir" if os.path.isdir(trusted) else "ca_certs"
            options.update({"cert_reqs": "CERT_REQUIRED", kind: trusted})
            if self._certificate is not None:
                options.update(zip(("cert_file", "key_file"), self._certificate))
        if is_loopback(host):
            if name.endswith("localhost"):  # *.localhost seldom resolves; the Host header keeps the name
                name = "127.0.0.1"
        else:
            proxy = self._proxy
            if proxy is None:
                proxy = select_proxy(origin + "/", get_environ_proxies(origin + "/", no_proxy=None))
            if proxy:
                return self._through(proxy, scheme, name, port, options), host, scheme == "http"
        manager = urllib3.PoolManager(num_pools=1, **options)
        return manager.connection_from_host(name, port, scheme), host, False

    @staticmethod
    def _through(proxy, scheme, name, port, options):
        if "://" not in proxy:
            proxy = "http://" + proxy
        user, password = get_auth_from_url(proxy)
        headers = urllib3.make_headers(proxy_basic_auth=user + ":" + password) if user else None
        manager = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
        return manager.connection_from_host(name, port, scheme)

    def _limited(self, seconds):
        """The urllib3.Timeout of a try that may take so many seconds.  DeadlineExceeded if there are none left."""
        if seconds is None:
            return self._timeout
        if seconds <= 0:
            raise DeadlineExceeded()
        return urllib3.Timeout(connect=min(self._seconds[0], seconds), read=min(self._seconds[1], seconds))

    def open(self, request, body=None, seconds=None):
        """Send a Request with ``body`` and return the Stream of its answer.

        body: bytes, default the request's own; or something that gives bytes by ``read(n)`` and by iteration until b""
        and says its ``length``, None to send it chunked.  What its reading raises comes out as it is, if a UVideoError.
        NoAnswer if there is none.  Redirects are answers like any other.  ``seconds``: no
        single wait for the service takes longer, whatever the timeout.
        """
        timeout = self._limited(seconds)
        try:
            pool, host, absolute = self._pool(request.origin)
        except (_exceptions.HTTPError, ValueError, AssertionError):  # ProxySchemeUnknown is one
            raise NoAnswer(u"the proxy that the environment names cannot be used: http:// and https:// ones can")
        headers = {"Host": host, "Accept-Encoding": "identity"}
        for name, value in request.headers:
            headers[name] = value if PY2 else _latin(value)
        url = request.origin + request.target if absolute else request.target
        chunked = False
        if body is None:
            body = request.body
        elif not isinstance(body, bytes):
            chunked = body.length is None
            if not chunked:
                headers["Content-Length"] = "%d" % body.length
        try:
            raw = pool.urlopen(
                request.method,
                url,
                body=body,
                headers=headers,
                timeout=timeout,
                chunked=chunked,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,
            )
        except UVideoError:  # of the body's source
            raise
        except _FAILURES as error:
            raise _no_answer(error, request.origin)
        except (ValueError, TypeError) as error:
            raise InvalidArgument(u"the request cannot be sent: %s" % _text(error))
        if raw.version == 9:  # the httplib of 2.7 takes whatever is not HTTP for a 200 of HTTP/0.9
            raw.close()
            raise NoAnswer(u"what came from %s is not HTTP" % request.origin)
        return Stream(raw)

    def send(self, request, body=None, seconds=None):
        """Send a Request and return its Response with the whole body, which is at most 64 MiB."""
        stream = self.open(request, body, seconds)
        try:
            pieces, size = [], 0
            for piece in iter(lambda: stream.read(_PIECE), b""):
                pieces.append(piece)
                size += len(piece)
                if size >= SMALL_ANSWER:
                    raise BadAnswer(u"the answer is longer than %d bytes" % SMALL_ANSWER)
                if stream.missing() == 0:  # another read would only say so
                    break
            content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if stream.missing():
                raise NoAnswer(u"the answer broke off after %d bytes" % len(content))
        except BaseException:
            stream.close()
            raise
        stream.close(reuse=True)
        return Response(stream.status, stream.headers, content)

    def close(self):
        """Close the idle connections; the next request opens new ones."""
        pools, self._pools = self._pools, {}
        for pool, _, _ in pools.values():
            pool.close()


_FAILURES = (_exceptions.HTTPError, HTTPException, EnvironmentError, ssl.SSLError, socket.error)


def _headers(raw):
    """The answer's Headers; values that are UTF-8, which the library reads as Latin-1, are text again."""
    return Headers([(name, value if PY2 else _utf8(value)) for name, value in raw.headers.items()])


def _utf8(value):
    try:
        value.encode("ascii")
        return value
    except UnicodeEncodeError:
        return value.encode("latin-1", "replace").decode("utf-8", "replace")


def _latin(value):
    """A value that is not Latin-1 goes out as UTF-8 bytes."""
    return value if isinstance(value, bytes) or value.isascii() else value.encode("utf-8")


if not PY2 and not hasattr(str, "isascii"):  # Python 3.6

    def _latin(value):
        return value if isinstance(value, bytes) else value.encode("utf-8")


def _split(host):
    name, mark, port = host.rpartition(":")
    if mark and port.isdigit():
        return name.rstrip("."), int(port)
    return host.rstrip("."), None


def authorities():
    """The file or folder of certificates of authorities that the environment names, or that of requests."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certs.where()


def _text(error):
    return (u"%s" % error)[:300] if not PY2 else str(error).decode("utf-8", "replace")[:300]


def _no_answer(error, origin=None):
    """NoAnswer that says why without the request's URL, which may be signed."""
    where = u" from " + origin if origin else u""
    if isinstance(error, (_exceptions.SSLError, ssl.SSLError)) and "CERTIFICATE" in str(error).upper():
        return NoAnswer(u"the certificate%s is not trusted" % where, sent=False)  # it may be a captive portal's
    unsent = (_exceptions.NewConnectionError, _exceptions.ConnectTimeoutError, _exceptions.ProxyError)
    if isinstance(error, (_exceptions.ReadTimeoutError, socket.timeout)):
        reason = u"silence for too long"
    elif isinstance(error, _exceptions.NewConnectionError):
        reason = u"no connection: " + _reason(error)
    elif isinstance(error, _exceptions.ConnectTimeoutError):
        reason = u"no connection in time"
    elif isinstance(error, _exceptions.ProxyError):
        reason = u"the proxy does not connect"
    else:
        reason = u"the connection broke: " + _reason(error)
    return NoAnswer(u"no answer%s (%s)" % (where, reason), sent=not isinstance(error, unsent))


_ERRNO = re.compile(r"\[Errno (-?\d+)\] ([A-Za-z ]+)")


def _reason(error):
    """The system's reason inside an error of urllib3, or the name of the error's class."""
    causes = [error]
    while causes:
        cause = causes.pop()
        if isinstance(cause, EnvironmentError) and cause.errno in errno.errorcode:
            return _decoded(os.strerror(cause.errno))
        if isinstance(cause, BaseException):
            causes.extend(cause.args)
    found = _ERRNO.search(str(error))
    return _decoded(found.group(2).strip() if found else type(error).__name__)


def _decoded(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
