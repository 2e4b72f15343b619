"""Defects 10 to 14: what is said in the clear, written down, or given to somebody else."""

from __future__ import annotations

import logging
import os
import urllib.parse
from typing import Any

from test.regressions.defect import defect
from test.regressions.world import World, content


@defect(
    10,
    "TLS is on by default",
    official=(
        "the default is plain http",
        "set_default(expires=60) turns off the TLS that was turned on before",
    ),
    ours="https for *.ufileos.com and the management API by default; set_default changes only the given settings",
    limit="the video hosts are documented with http only: for them ours uses http, and logs one warning",
)
def tls_is_off(world: World) -> None:
    config = world.sdk.config
    if world.official:
        default = config.get_default("open_ssl")
    else:
        config.unset_default("uploadsuffix")
        config.set_default(provider="us3", region="cn-bj")
        made = config.settings()
        default = made.upload.scheme == made.download.scheme == "https" and made.api.startswith("https://")
    config.set_default(open_ssl=True)
    config.set_default(expires=60)
    kept = config.get_default("open_ssl")
    world.check(default, "the default is plain http")
    world.check(kept, "set_default(expires=60) turns off the TLS that was turned on before")


@defect(
    11,
    "A management call is sent once, and with TLS if TLS is on",
    official=("with TLS on, updatebucket and getfilelist are sent twice, the second time in clear text",),
    ours="one request, to the configured URL",
    limit="the test uses two names of one loopback server in place of the https and the http URL",
)
def management_twice(world: World) -> None:
    secure, clear = f"http://127.0.0.1:{world.proxy}", f"http://localhost:{world.proxy}"
    if world.official:
        module: Any = world.sdk.modules[0]
        world.sdk.config.set_default(open_ssl=True)
        module.UCLOUD_API_URL_HTTPS, module.UCLOUD_API_URL = secure, clear
    else:
        world.sdk.config.set_default(apiurl=secure)
    manager = world.sdk.spaces()
    world.sdk.update(manager, world.space, "private")
    manager.getfilelist(world.space)
    hosts = [entry["headers"]["host"].partition(":")[0] for entry in world.seen()]
    twice = hosts == ["127.0.0.1", "localhost"] * 2
    if not twice and hosts != ["127.0.0.1"] * 2:
        raise RuntimeError(f"requests went to {hosts}")
    world.check(not twice, "with TLS on, updatebucket and getfilelist are sent twice, the second time in clear text")


class Lines(logging.Handler):
    """Everything that is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


@defect(
    12,
    "No secret is logged, and logging is off by default",
    official=(
        "after the import it logs to the console",
        "the Authorization header is logged at INFO",
        "signed URLs are logged at INFO",
    ),
    ours="a NullHandler; set_log_file turns logging on; no signature or signed URL at any level",
)
def secrets_are_logged(world: World) -> None:
    logger = logging.getLogger("UCLOUD" if world.official else "ucloud.uvideo")
    loud = [each for each in logger.handlers if not isinstance(each, logging.NullHandler)]
    lines = Lines()
    logging.getLogger().addHandler(lines)
    if not world.official:  # at every level, and what urllib3 under it logs as well
        logging.getLogger().setLevel(logging.DEBUG)
        logger.setLevel(logging.DEBUG)
    files, source = world.sdk.files(), world.file("source", b"hello")
    _, put = files.putfile(world.space, world.key("a"), str(source))
    _, got = files.download_file(world.space, world.key("a"), str(world.path("target")))
    _, sent = world.sdk.parts().uploadfile(world.space, world.key("b"), str(source))
    if not (put.ok() and got.ok() and sent.ok()):
        raise RuntimeError("the calls did not work")
    world.check(not loud, "after the import it logs to the console")
    requests = world.seen()
    headers = [entry["headers"].get("authorization", "").rpartition(":")[2] for entry in requests]
    world.check(not logged(headers, lines.text), "the Authorization header is logged at INFO")
    urls = [
        entry["target"].rpartition("Signature=")[2].partition("&")[0] for entry in requests if "Sig" in entry["target"]
    ]
    if not urls:
        raise RuntimeError("no signed URL was used")
    world.check(not logged(urls, lines.text), "signed URLs are logged at INFO")


def logged(secrets: list[str], text: str) -> bool:
    """Whether one of them stands in the text, as it is on the wire or unquoted."""
    return any(secret in text or urllib.parse.unquote(secret) in text for secret in secrets if secret)


@defect(
    14,
    "Two accounts in one process share nothing",
    official=(
        "a cookie set for one account is sent by the other",
        "a line in ~/.netrc replaces the signature: every call is refused",
        "redirects to any host are followed",
    ),
    ours="no cookies, no .netrc, no redirects",
    limit="the service was never seen to send cookies or redirects",
)
def shared_session(world: World) -> None:
    key = world.key("a")
    world.put(key, content(100))
    first, second = world.sdk.downloader(), world.sdk.downloader()
    world.faults(("GetObject", {"do": "header", "name": "Set-Cookie", "value": "who=first; Path=/"}))
    first.download_file(world.space, key, str(world.path("a")))
    second.download_file(world.space, key, str(world.path("b")))
    cookie = world.seen("GetObject")[-1]["headers"].get("cookie")
    world.check(cookie is None, "a cookie set for one account is sent by the other")

    netrc = world.file("netrc", b"machine localhost login me password secret\nmachine 127.0.0.1 login me password s\n")
    os.environ["NETRC"] = str(netrc)
    source = world.file("source", b"hello")
    _, resp = world.sdk.parts().uploadfile(world.space, world.key("b"), str(source))
    del os.environ["NETRC"]
    world.check(resp.ok(), "a line in ~/.netrc replaces the signature: every call is refused")

    elsewhere = {"Location": f"http://localhost:{world.proxy}/{world.key('elsewhere')}"}
    match = {"on": "GetObject", "key": key}
    world.faults((match, {"do": "answer", "status": 302, "headers": elsewhere, "times": None}))
    _, resp = second.download_file(world.space, key, str(world.path("c")))
    world.check(
        not resp.ok() and not world.seen("GetObject", key=world.key("elsewhere")), "redirects to any host are followed"
    )
