"""The texts of `uvideo doctor`: for each Finding, and the advice for each cause of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from uvideo.cli.i18n import say
from uvideo.cli.report import moment, span
from uvideo.diagnose.explain_refusal import CAUSES
from uvideo.models import Finding

__all__ = ["ADVICE", "FOUND", "TITLES", "advice", "found"]

#: The subject of each step.
TITLES = {
    "config": "configuration file",
    "config.permissions": "its permissions",
    "settings": "settings",
    "keys": "key pair",
    "upload.host": "upload host",
    "upload.dns": "upload host: name",
    "upload.tcp": "upload host: connection",
    "upload.tls": "upload host: TLS",
    "download.host": "download host",
    "download.dns": "download host: name",
    "download.tcp": "download host: connection",
    "download.tls": "download host: TLS",
    "api.host": "management host",
    "api.dns": "management host: name",
    "api.tcp": "management host: connection",
    "api.tls": "management host: TLS",
    "clock": "clock",
    "management": "spaces listed",
    "data": "objects listed",
    "round-trip": "object stored, read, removed",
    "link": "link",
    "link.tls": "its transport",
    "link.fields": "its parameters",
    "link.expires": "its time",
    "link.signature": "its signature",
}

#: The text of each code.
FOUND = {
    "config-absent": "there is none at {path}; that is fine where variables or options say all",
    "config-unreadable": "{path} cannot be read: {reason}",
    "config-bad": "{message}",
    "config-read": "{path}, profiles: {profiles}",
    "config-foreign": "{path} belongs to another user, who can change it",
    "config-open": "others can read {path} (mode {mode})",
    "folder-open": "others can replace what is in {path}",
    "config-closed": "nobody else can read it",
    "settings": "{list}",
    "settings-bad": "{message}",
    "keys-absent": "there are none: only public spaces can be read",
    "keys-present": "{public_key}, from {from}",
    "keys-same": "public and private key are the same",
    "keys-blanks": "the private key holds blanks; it was probably pasted with them",
    "keys-no-token": "{public_key} is a temporary key, and its security_token is missing",
    "host-missing": "{message}",
    "no-host": "it has no host",
    "dns": "{host} is {addresses}",
    "tcp": "{host} answers in {seconds} s",
    "tcp-proxy": "the proxy {proxy} answers in {seconds} s",
    "tls": "{version}, the certificate ends in {days} days",
    "tls-local": "none, as it is this machine",
    "tls-none": "none: what is sent to {host} can be read on the way",
    "tls-failed": "no TLS with {host}: {reason}",
    "tls-ends": "the certificate of {host} ends in {days} days",
    "clock": "within {seconds} s of the service's",
    "clock-ahead": "{seconds} s ahead of the service's: links that you sign last so much longer",
    "clock-behind": "{seconds} s behind the service's: links that you sign end so much earlier",
    "clock-unsaid": "the service does not say the time",
    "spaces": "the service takes the key pair; spaces: {count}",
    "no-space": "the account has no space yet",
    "no-space-given": "--space NAME tries it there",
    "listed": "uvideo://{space} can be listed",
    "round-trip": "in uvideo://{space}, {seconds} s in all",
    "content-differs": "what was read from uvideo://{space} is not what was stored",
    "scratch-left": "uvideo://{space}/{left} could not be removed",
    "refused": "{reason}",
    "link": "opens uvideo://{space}/{key} on {host}",
    "link-plain": "it goes over http: whoever sees the traffic can use it too",
    "link-escaped": "it holds &amp; in place of &: it was copied out of the source of a web page",
    "link-unsigned": "it is not signed: it opens objects of public spaces only",
    "link-incomplete": "it lacks {missing}: it was cut off, or put into a shell without quotes",
    "link-expires-unreadable": "Expires is {expires}, which is no time",
    "link-expired": "it ended {when}, {time} ago",
    "link-lasts": "it lasts until {when}, {time} more",
    "link-long": "it lasts for more than ten years, which was hardly meant",
    "link-endless": "none: only a server that allows links without an end serves it, or the end was cut off",
    "link-cut": "the signature is cut off or was changed in copying",
    "link-other-key": "signed by {public_key}, which is not the key pair at hand: it cannot be checked here",
    "link-verified": "right, for {method}",
    "link-mismatch": "wrong: the key pair at hand did not sign this",
}

#: The advice for each cause; the first words name the fault.
ADVICE = {
    "keys-absent": "There are no keys: set UVIDEO_PUBLIC_KEY and UVIDEO_PRIVATE_KEY, or run uvideo config init.",
    "keys-absent-there": "The service saw no signature where it needs one: the space may be another account's.",
    "header-lost": "The Authorization header was lost on the way: try without the proxy.",
    "clock": "The clock of this machine is wrong: set it (timedatectl set-ntp true).",
    "url-expired": "The link is older than the time it was made for: make a new one, with a longer --expires.",
    "private-key-blanks": "The private key has blanks at its ends: set it again (uvideo config set private_key).",
    "private-key": "The private key is not that of this public key: copy both anew from the console, whole.",
    "word": "The service may expect another scheme word: set word to UCloud or AutoAI.",
    "host": "The host may belong to another space or provider than the one that was signed: compare the text below.",
    "changed-on-the-way": 'Something between changes requests, a proxy say: try without it (proxy = "").',
    "public-key": "The service does not know this public key: it was mistyped, disabled or deleted.",
    "other-service": "The key is of another service: do provider and endpoint fit it?",
    "token-gone": "The token was deleted or has expired: make a new one, or use the account's key pair.",
    "token-on-management": "A token may not manage spaces: use the account's key pair for that.",
    "token-limits": "The token may not do this: look at its operations, prefixes, spaces, addresses and end.",
    "temporary-ended": "The temporary key has ended, or its security_token is another one's: fetch all three anew.",
    "foreign-space": "The space belongs to another account.",
    "rights": "The account lacks the right; its administrator can grant it.",
    "space-name": "There is no space of this name: uvideo spaces lists those there are.",
    "other-region": "The space is in another region or at another provider: set region, provider or endpoint.",
    "no-such-service": "What answers there is not this service: check endpoint and api_url.",
    "portal": "A proxy or the login page of a network answers in its place: open a web page and log in.",
    "client-cert": "A file that ca_bundle, client_cert or client_key names cannot be used.",
    "link-changed": "The link's path was changed after it was signed: by decoding, by a proxy, or by hand.",
    "link-put": "It may be for storing with a Content-Type of its own, which a link does not say.",
    "config-open": "chmod 600 {path}",
    "folder-open": "chmod go-w {path}",
    "config-foreign": "sudo chown $USER {path}",
    "tls-none": "Write https:// before the host in endpoint, if it speaks TLS.",
    "keys-blanks": "Set it again: uvideo config set private_key",
    "keys-same": "Set the private key: uvideo config set private_key",
    "keys-no-token": "Set it too: uvideo config set security_token",
    "scratch-left": "Remove it by hand: uvideo rm uvideo://{space}/{left}",
    "clock-ahead": "Set the clock: timedatectl set-ntp true",
    "clock-behind": "Set the clock: timedatectl set-ntp true",
    "link-escaped": "Write & for each &amp;, or copy the link itself and not the page's source.",
    "link-incomplete": "Put the link in single quotes: & ends a command in a shell.",
    "link-endless": "Make a new one: uvideo presign --expires 7d uvideo://...",
    "link-cut": "Copy it again, whole; + and / belong to it.",
    "link-expired": "Make a new one: uvideo presign --expires 7d uvideo://...",
}


def _values(finding: Finding) -> dict[str, Any]:
    """The facts as text."""
    values: dict[str, Any] = {}
    for name, value in finding.facts.items():
        if isinstance(value, datetime):
            values["when"] = moment(value)
        values[name] = ", ".join(str(each) for each in value) if isinstance(value, (list, tuple)) else value
    if isinstance(values.get("seconds"), int):
        values["time"] = long_span(values["seconds"])
    if finding.code == "settings":
        values["list"] = _settings(finding.facts)
    if finding.code == "refused":
        values["reason"] = _refusal(finding.facts)
    return values


def long_span(seconds: int) -> str:
    """A duration that may be days long, as text."""
    days, rest = divmod(seconds, 86400)
    if days:
        return say("{days} d {hours} h", days=days, hours=rest // 3600)
    return span(float(seconds))


def _settings(facts: Mapping[str, Any]) -> str:
    lines = [", ".join(f"{role} {facts[role] or '-'}" for role in ("upload", "download", "api"))]
    lines += [f"{name} = {each['value']} ({each['from']})" for name, each in facts["settings"].items()]
    return "\n".join(lines)


def _refusal(facts: Mapping[str, Any]) -> str:
    parts = [f"{facts['error']}: {facts['message']}"]
    parts += [
        f"{title} {facts[name]}" for name, title in (("status", "HTTP"), ("ret_code", "RetCode")) if name in facts
    ]
    if "request_id" in facts:
        parts.append(say("request {id}", id=facts["request_id"]))
    return ", ".join(parts)


def found(finding: Finding) -> str:
    """The text of a finding: one line; for settings several."""
    text = CAUSES[finding.code][0] if finding.code in CAUSES else FOUND[finding.code]
    return say(text, **_values(finding), _=None)


def advice(finding: Finding) -> list[str]:
    """What to do, most likely remedy first."""
    if finding.verdict in ("ok", "skipped"):
        return []
    codes = dict.fromkeys((finding.code, *finding.causes))
    texts = [CAUSES[each][1] if each in CAUSES else ADVICE.get(each) for each in codes]
    return [say(text, **_values(finding), _=None) for text in texts if text is not None]
