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
    "config-absent": "there is no file {path}; that is fine if variables or options give all settings",
    "config-unreadable": "{path} cannot be read: {reason}",
    "config-bad": "{message}",
    "config-read": "{path}, profiles: {profiles}",
    "config-foreign": "{path} belongs to another user, who can change it",
    "config-open": "others can read {path} (mode {mode})",
    "folder-open": "others can replace files in {path}",
    "config-closed": "nobody else can read it",
    "settings": "{list}",
    "settings-bad": "{message}",
    "keys-absent": "there is no key pair: only public spaces can be read",
    "keys-present": "{public_key}, from {from}",
    "keys-same": "public and private key are the same",
    "keys-blanks": "the private key contains blanks, which were probably copied with it",
    "keys-no-token": "{public_key} is a temporary key, and its security_token is missing",
    "host-missing": "{message}",
    "no-host": "it has no host",
    "dns": "{host} has the addresses {addresses}",
    "tcp": "{host} answers in {duration}",
    "tcp-proxy": "the proxy {proxy} answers in {duration}",
    "tls": "{version}, the certificate expires in {days} days",
    "tls-local": "not used, because the host is this machine",
    "tls-none": "not used: others can read the traffic to {host}",
    "tls-failed": "no TLS with {host}: {reason}",
    "tls-ends": "the certificate of {host} expires in {days} days",
    "clock": "{difference} different from the service's",
    "clock-ahead": "{seconds} s ahead of the service's: links of uvideo presign are valid for this much longer",
    "clock-behind": "{seconds} s behind the service's: links of uvideo presign expire this much earlier",
    "clock-unsaid": "the service does not report its time",
    "spaces": "the service accepts the key pair; spaces: {count}",
    "no-space": "the account has no space yet",
    "spaces-unknown": "the spaces could not be listed; give --space NAME to test a space",
    "no-space-given": "give --space NAME to test this in a space",
    "listed": "uvideo://{space} can be listed",
    "round-trip": "in uvideo://{space}, {seconds} s in all",
    "content-differs": "the content read from uvideo://{space} differs from the stored content",
    "scratch-left": "uvideo://{space}/{left} could not be removed",
    "refused": "{reason}",
    "link": "opens uvideo://{space}/{key} on {host}",
    "link-plain": "it uses http: whoever can read the traffic can use the link too",
    "link-escaped": "it contains &amp; instead of &: it was copied from the source of a web page",
    "link-unsigned": "it is not signed: it opens objects of public spaces only",
    "link-incomplete": "{missing} is missing: the link was truncated, or used in a shell without quotes",
    "link-expires-unreadable": "Expires is {expires}, which is not a valid time",
    "link-expired": "by the clock of this machine it expired {when}, {time} ago",
    "link-lasts": "by the clock of this machine it is valid until {when}, for {time} more",
    "link-long": "it is valid for more than ten years, which is probably a mistake",
    "link-endless": "there is no expiry: only a server that allows such links accepts it, or the link was truncated",
    "link-cut": "the signature was truncated or changed by copying",
    "link-other-key": "signed by {public_key}, which is not the configured key pair: it cannot be verified here",
    "link-verified": "valid, for {method}",
    "link-mismatch": "invalid: the configured key pair did not sign this link",
}

#: The advice for each cause; the first words name the fault.
ADVICE = {
    "keys-absent": "There are no keys: set UVIDEO_PUBLIC_KEY and UVIDEO_PRIVATE_KEY, or run uvideo config init.",
    "keys-absent-there": "The service requires a signature but got none: the space may belong to another account.",
    "header-lost": "The Authorization header was lost on the way: try without the proxy.",
    "clock": "The clock of this machine is wrong: set it (timedatectl set-ntp true).",
    "url-expired": "The link has expired: create a new one, with a longer --expires.",
    "private-key-blanks": "The private key has blanks at its ends: set it again (uvideo config set private_key).",
    "private-key": "The private key does not belong to this public key: copy both completely from the console again.",
    "server-private-key": "The private key does not belong to this public key: copy both again from the server's "
    "credentials.json, or from the file that uvideo admin add-key wrote.",
    "word": "The service may expect another scheme word: set word to UCloud or AutoAI.",
    "host": "The host may belong to another space or provider than the one that was signed: compare the text below.",
    "changed-on-the-way": 'Something on the way changes requests, for example a proxy: try without it (proxy = "").',
    "public-key": "The service does not know this public key: it was mistyped, disabled or deleted.",
    "other-service": "The key belongs to another service: check provider and endpoint.",
    "token-gone": "The token was deleted or has expired: make a new one, or use the account's key pair.",
    "token-on-management": "A token may not manage spaces: use the account's key pair for that.",
    "token-limits": "The token does not allow this: check its operations, prefixes, spaces, addresses and expiry.",
    "temporary-ended": "The temporary key has expired, or its security_token is wrong: get all three again.",
    "foreign-space": "The space belongs to another account.",
    "rights": "The account lacks the right; its administrator can grant it.",
    "space-name": "There is no space of this name: uvideo spaces lists the existing ones.",
    "other-region": "The space is in another region or at another provider: set region, provider or endpoint.",
    "no-such-service": "The host that answers is not this service: check endpoint and api_url.",
    "portal": "A proxy or the login page of a network answers instead of the service: open a web page and log in.",
    "client-cert": "A file that ca_bundle, client_cert or client_key names cannot be used.",
    "link-changed": "The link's path was changed after it was signed: by decoding, by a proxy, or by hand.",
    "link-put": "The link may be for an upload with a certain Content-Type, which the link does not contain.",
    "config-open": "chmod 600 {path}",
    "folder-open": "chmod go-w {path}",
    "config-foreign": "sudo chown $USER {path}",
    "tls-none": "Write https:// before the host in endpoint, if it supports TLS.",
    "keys-blanks": "Set it again: uvideo config set private_key",
    "keys-same": "Set the private key: uvideo config set private_key",
    "keys-no-token": "Set it too: uvideo config set security_token",
    "scratch-left": "Remove it by hand: uvideo rm uvideo://{space}/{left}",
    "clock-ahead": "Set the clock: timedatectl set-ntp true",
    "clock-behind": "Set the clock: timedatectl set-ntp true",
    "link-escaped": "Write & for each &amp;, or copy the link itself and not the page's source.",
    "link-incomplete": "Put the link in single quotes: & ends a command in a shell.",
    "link-endless": "Create a new one: uvideo presign --expires 7d uvideo://...",
    "link-cut": "Copy the whole link again; + and / are part of it.",
    "link-expired": "Create a new one: uvideo presign --expires 7d uvideo://...",
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
    if finding.code in ("tcp", "tcp-proxy", "clock"):
        seconds = finding.facts["seconds"]
        is_short = isinstance(seconds, (int, float)) and seconds < 1
        values["duration"] = say("less than a second") if is_short else say("{seconds} s", seconds=seconds)
        values["difference"] = say("less than a second") if is_short else say("at most {seconds} s", seconds=seconds)
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
