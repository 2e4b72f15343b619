"""The console on the admin port: pages, sign-in, and calls of signed-in users.

This module has HTTP and sessions; ``console_api`` has the calls.  The headers of every answer forbid other pages to
frame it, read it or run scripts in it.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from uvideo._core import __version__, errors, json_document, media_type
from uvideo.server.auth.client_address import ClientAddress
from uvideo.server.auth.credentials import Key
from uvideo.server.console.console_api import ASKED, View
from uvideo.server.console.s3_endpoint import S3Endpoint
from uvideo.server.console.sessions import Sessions, Throttle, csrf_of
from uvideo.server.console.zip_download import ZipDownload
from uvideo.server.http.cross_origin import BrowserEndpoint
from uvideo.server.http.error_responses import refusal_of
from uvideo.server.ops.audit import OFF, Audit, Who, visited

__all__ = ["Console", "zip_headers"]

BODY_LIMIT = 16 * 1024 * 1024  # bytes in a call: enough for the etags of an upload of 2 TiB
KEYS_LIMIT = 16 * 1024  # bytes in a sign-in; it is not authenticated yet
BODY_SECONDS = 60.0  # for a client to send the body of a call
API = "/api/"
PAGE = "index.html"
VERSION = re.compile("[0-9a-f]{16}").fullmatch  # a folder of the page's files
FOR_GOOD = "public, max-age=31536000, immutable"
TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
NOBODY = Key("", "\0")  # compared if the public key is unknown, to take the same time

#: Headers of every answer.
GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Server": "uvideo",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data: {data}; "
    "media-src 'self' blob: {data}; connect-src 'self' {data}; frame-src blob:; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types uvideo"
)
CLOSED = "default-src 'none'; frame-ancestors 'none'"

log = logging.getLogger("uvideo.server")


class Refusal(Exception):
    """An error for the page.  ``code``: the page translates it.  ``wait``: seconds until the next try."""

    def __init__(self, status: int, code: str, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.code, self.wait = status, code, wait


class Console:
    """Answers the console's requests on the admin port.

    ``find``: looks up the pair of a public key.  ``s3``: the address for S3 clients, which the pages show.  ``port``:
    the admin port; part of the cookie's name, because browsers share cookies between ports.  ``tls``: whether the port
    itself uses TLS; a proxy reports its TLS in X-Forwarded-Proto.
    """

    def __init__(
        self,
        view: View,
        find: Callable[[str], Awaitable[Key | None]],
        sessions: Sessions,
        endpoint: BrowserEndpoint,
        s3: S3Endpoint,
        *,
        port: int,
        tls: bool = False,
        throttle: Throttle | None = None,
        audit: Audit = OFF,
    ) -> None:
        self._view, self._find, self._sessions, self._endpoint, self._s3 = view, find, sessions, endpoint, s3
        self._cookie, self._tls = f"uvideo-{port}", tls
        self._throttle = throttle or Throttle()
        self._audit = audit

    async def handle(self, request: web.BaseRequest, sender: ClientAddress) -> web.Response | ZipDownload | None:
        """The answer; None if the request is not for the console.  ``zip_headers`` has the headers of a ZipDownload."""
        if request.path.startswith(API):
            return await self._answer(request, sender)
        if request.method not in ("GET", "HEAD"):
            return None
        return self._page(request)

    # Pages

    def _page(self, request: web.BaseRequest) -> web.Response | None:
        """The page, or a file of it.  Only the page itself names the data port, so its files may be kept for good."""
        version, assets = _assets()
        folder, _, name = request.path[1:].rpartition("/")
        is_page, data = name in ("", PAGE), ""
        if folder and (is_page or not VERSION(folder)):
            return None
        found = assets.get(name or PAGE)
        if found is None:
            return None
        kind, body, mark = found
        if is_page:
            url = urlsplit(self._endpoint.url(request.headers.get("Host", "")) or "")
            data = f"{url.scheme}://{url.netloc}" if url.netloc else ""
        headers = {**GUARDS, "ETag": mark, "Cache-Control": FOR_GOOD if folder == version else "no-cache"}
        headers["Content-Type"] = kind
        headers["Content-Security-Policy"] = POLICY.format(data=data).replace(" ;", ";")
        if request.headers.get("If-None-Match") == mark:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    # Calls

    async def _answer(self, request: web.BaseRequest, sender: ClientAddress) -> web.Response | ZipDownload:
        headers = {**GUARDS, "Cache-Control": "no-store", "Content-Security-Policy": CLOSED}
        headers["Content-Type"] = "application/json"
        status = 200
        try:
            done = await self._call(request, sender, headers)
            if isinstance(done, ZipDownload):
                return done
            said = done
        except Refusal as refusal:
            status, said = refusal.status, {"error": refusal.code, "message": str(refusal)}
            if refusal.wait:
                said["wait"] = math.ceil(refusal.wait)
                headers["Retry-After"] = str(said["wait"])
        except errors.InvalidArgument as error:
            status, said = 400, {"error": "BadRequest", "message": str(error)}
        except errors.Refused as error:
            status, said = _said(error, headers)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as failure:
            status, said = _said(refusal_of(failure, ASKED), headers)
        return web.Response(status=status, body=json.dumps(said, ensure_ascii=False).encode(), headers=headers)

    async def _call(
        self, request: web.BaseRequest, sender: ClientAddress, headers: dict[str, str]
    ) -> dict[str, Any] | ZipDownload:
        name, changes = request.path[len(API) :], request.method == "POST"
        _check_sender(request, changes)
        if request.method == "GET" and name == "session":
            return await self._session(request)
        if changes and name == "session":
            return await self._sign_in(request, sender, headers)
        if changes and name == "link":
            self._audit.admit()
            key = await self._credentials(request, sender, links=False)
            self._record("MakeLink", key, sender)
            return {"link": self._sessions.link(key.public, key.owner)}
        if request.method == "GET" and name in ("zip", "zip/contents"):
            _, key = await self._signed_in(request)
            with visited(_who(key), sender.address):
                asked = self._view.zip if name == "zip" else self._view.zip_contents
                return await asked(key, dict(request.query), sender)
        call = self._view.calls.get((request.method, name))
        if call is None and (request.method, name) != ("POST", "sign-out"):
            raise Refusal(404, "NoCall", "there is no such call")
        token, key = await self._signed_in(request)
        if changes and not hmac.compare_digest(
            request.headers.get("X-CSRF-Token", "").encode(), csrf_of(token).encode()
        ):
            raise Refusal(403, "Csrf", "the token of the page is missing or wrong: load the page again")
        if call is None:
            self._sessions.close(token)
            self._record("SignOut", key, sender)
            headers["Set-Cookie"] = self._set_cookie(request, "", 0)
            return {}
        given = await _body(request) if changes else dict(request.query)
        url = self._endpoint.url(request.headers.get("Host", ""))
        if url is None:
            raise Refusal(400, "BadRequest", "the Host header cannot be read")
        with visited(_who(key), sender.address):
            return await call(key, given, url)

    def _record(self, operation: str, key: Key, sender: ClientAddress) -> None:
        self._audit.record(operation, _who(key), status=200, address=sender.address)

    def _token(self, request: web.BaseRequest) -> str:
        return request.cookies.get(self._cookie, "")

    async def _signed_in(self, request: web.BaseRequest) -> tuple[str, Key]:
        """(token, key) of the session.  A session ends when its key pair is removed."""
        token = self._token(request)
        public = self._sessions.find(token) if token else None
        key = await self._find(public) if public is not None else None
        if key is None:
            raise Refusal(401, "SignedOut", "not signed in")
        return token, key

    async def _session(self, request: web.BaseRequest) -> dict[str, Any]:
        try:
            token, key = await self._signed_in(request)
        except Refusal:
            return {"signed_in": False, "version": __version__}
        return self._said_of(token, key, request)

    def _said_of(self, token: str, key: Key, request: web.BaseRequest) -> dict[str, Any]:
        return {
            "signed_in": True,
            "public_key": key.public,
            "csrf": csrf_of(token),
            "endpoint": self._endpoint.url(request.headers.get("Host", "")),
            "s3": self._s3.url(request.headers.get("Host", "")),
            "version": __version__,
        }

    async def _sign_in(
        self, request: web.BaseRequest, sender: ClientAddress, headers: dict[str, str]
    ) -> dict[str, Any]:
        """Replace the session, if there is one, with a new one."""
        self._audit.admit()
        key = await self._credentials(request, sender)
        self._sessions.close(self._token(request))
        token = self._sessions.open(key.public, key.owner)
        log.info("console: %s signed in from %s", key.public, sender.address)
        self._record("SignIn", key, sender)
        headers["Set-Cookie"] = self._set_cookie(request, token)
        return self._said_of(token, key, request)

    async def _credentials(self, request: web.BaseRequest, sender: ClientAddress, links: bool = True) -> Key:
        """The key of a pair or of a one-time link, which is then used.  After failures the client has to wait."""
        given = await _body(request, KEYS_LIMIT)
        wait = self._throttle.wait(sender)
        if wait:
            raise Refusal(429, "Throttled", "too many failed sign-ins from this address", wait)
        link = given.get("link")
        if links and isinstance(link, str):
            public = self._sessions.redeem(link)
            key = await self._find(public) if public is not None else None
            if key is None:
                self._failed(sender)
                raise Refusal(403, "LinkUsed", "this link was used before or is too old")
            return key
        public, private = given.get("public_key"), given.get("private_key")
        if not isinstance(public, str) or not isinstance(private, str):
            raise Refusal(400, "BadRequest", "public_key and private_key are missing or not text")
        key = await self._find(public)
        right = hmac.compare_digest(_bytes((key or NOBODY).private), _bytes(private))
        if key is None or not right:
            self._failed(sender)
            raise Refusal(403, "WrongKeys", "the key pair is wrong")
        self._throttle.succeeded(sender)
        return key

    def _failed(self, sender: ClientAddress) -> None:
        self._throttle.failed(sender)
        log.warning("console: a sign-in from %s failed", sender.address)
        self._audit.stranger("SignInFailed", Who("console"), status=403, address=sender.address)

    def _set_cookie(self, request: web.BaseRequest, token: str, age: int | None = None) -> str:
        """A cookie without Path: browsers use the folder of the call's URL, including a prefix of a proxy."""
        secure = self._tls or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        parts = [f"{self._cookie}={token}", "HttpOnly", "SameSite=Strict"]
        return "; ".join(parts + ["Secure"] * secure + ([] if age is None else [f"Max-Age={age}"]))


def zip_headers(download: ZipDownload) -> dict[str, str]:
    """The headers of an archive.  It has no length, and no part of it can be asked for."""
    return {
        **GUARDS,
        "Cache-Control": "no-store",
        "Content-Security-Policy": CLOSED,
        "Content-Type": "application/zip",
        "Content-Disposition": f"attachment;filename*=UTF-8''{quote(download.filename, safe='')}",
        "Accept-Ranges": "none",
    }


def _said(error: errors.UVideoError, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """(status, JSON) of an error of the rules."""
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    status = error.status or 400
    if status == 401:  # in the console 401 means only: no session
        status = 400
    return status, {"error": type(error).__name__, "message": str(error)}


def _who(key: Key) -> Who:
    return Who("console", key.public, key.owner)


def _check_sender(request: web.BaseRequest, changes: bool) -> None:
    """Refuse requests from pages of other origins.  Programs, which send no Origin, are accepted."""
    if request.method not in ("GET", "POST"):
        raise Refusal(405, "NoCall", "only GET and POST")
    site = request.headers.get("Sec-Fetch-Site")
    if site not in (None, "same-origin"):
        raise Refusal(403, "OtherOrigin", "only a page of the console may send this request")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower():
        raise Refusal(
            403,
            "OtherOrigin",
            "the Origin does not match the Host header; a proxy before the console must pass the Host header unchanged",
        )
    if changes and request.content_type != "application/json":
        raise Refusal(415, "BadRequest", "the body must be application/json")


async def _body(request: web.BaseRequest, limit: int = BODY_LIMIT) -> Mapping[str, Any]:
    async def read() -> bytes:
        chunks, size = list[bytes](), 0
        while data := await request.content.readany():
            size += len(data)
            if size > limit:
                raise Refusal(413, "TooLarge", f"the body is longer than {limit} bytes")
            chunks.append(data)
        return b"".join(chunks)

    try:
        found = json_document.parse_json(await asyncio.wait_for(read(), BODY_SECONDS) or b"{}")
    except ValueError:
        found = None
    except asyncio.TimeoutError:
        raise Refusal(408, "Throttled", "the body did not come") from None
    except web.RequestPayloadError:
        raise Refusal(400, "BadRequest", "the body is not transferred as its headers say") from None
    if not isinstance(found, dict):
        raise Refusal(400, "BadRequest", "the body is not a JSON object")
    return found


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "replace")


@functools.cache
def _assets() -> tuple[str, dict[str, tuple[str, bytes, str]]]:
    """(version, {file name: (Content-Type, bytes, ETag)}) of the pages, read at the first request.

    The page names its files in a folder that is the version: browsers keep them without asking again, and another
    release has another folder.  A folder of another version has the same files, but they are not to be kept: during an
    upgrade page and file can come from different servers.
    """
    table = json.dumps(media_type.BY_ENDING, separators=(",", ":"))
    files = {"media_types.js": f"export const BY_ENDING = {table};\n".encode()} | {
        each.name: each.read_bytes()
        for each in (resources.files("uvideo.server.console") / "web").iterdir()
        if each.name.rpartition(".")[2] in TYPES
    }
    version = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    page = files[PAGE].replace(APP, _preloads(files) + APP)
    files[PAGE] = re.sub(rb'(?<=href="|.src=")(?=[a-z0-9_]+\.)', version.encode() + b"/", page)
    return version, {name: _asset(name, body) for name, body in files.items()}


#: In the page: the module that imports all others.
APP = b'<script type="module" src="app.js"></script>'


def _preloads(files: Mapping[str, bytes]) -> bytes:
    """Links to the modules, so that the browser asks for all of them at once, and not level by level."""
    modules = sorted(name for name, body in files.items() if name.endswith(".js") and b"\nexport " in b"\n" + body)
    return b"".join(b'<link rel="modulepreload" href="%s">\n    ' % name.encode() for name in modules)


def _asset(name: str, body: bytes) -> tuple[str, bytes, str]:
    return TYPES[name.rpartition(".")[2]], body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
