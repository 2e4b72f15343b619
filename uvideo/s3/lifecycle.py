"""The lifecycle rules of a bucket.  Source: s3.md section 3.2, rules.md section 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uvideo._core import compat, dates, message
from uvideo.s3 import checksum, field, operation, storage_class, xml
from uvideo.s3.codec import OperationCodec, OperationRequest, bare, written
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import LifecycleRule
from uvideo.s3.xml_text import element, time

__all__ = ["CODECS", "RULES"]

RULES = 1000
_ID = 255  # characters
_DAY = 86400
_STATUS = {"Enabled": True, "Disabled": False}


def _decode_put(asked: OperationRequest) -> operation.PutBucketLifecycleConfiguration:
    checksum.check_body(asked.headers, asked.body)
    found = xml.read(asked.body, "LifecycleConfiguration").all("Rule")
    if not 1 <= len(found) <= RULES:
        raise S3Error("MalformedXML")
    rules = tuple(map(_rule, found))
    names = [rule.id for rule in rules if rule.id is not None]
    if len(set(names)) < len(names):
        raise S3Error("InvalidArgument", message="Rule ID must be unique. Found same ID for more than one rule")
    return operation.PutBucketLifecycleConfiguration(**field.of_bucket(asked), rules=rules)


def _rule(rule: xml.Element) -> LifecycleRule:
    name, status = rule.get("ID") or None, rule.need("Status")
    if status not in _STATUS:
        raise S3Error("MalformedXML")
    if name is not None and len(name) > _ID:
        raise field.invalid("ID length should not exceed allowed limit of 255", "ID", name)
    actions = _actions(rule)
    if not actions:
        raise S3Error("InvalidRequest", message="At least one action needs to be specified in a rule")
    return LifecycleRule(id=name, enabled=_STATUS[status], **_filter(rule), **actions)


def _filter(rule: xml.Element) -> dict[str, Any]:
    """Which objects a rule is about."""
    filters, prefix = rule.find("Filter"), rule.get("Prefix")
    if (filters is None) == (prefix is None):
        raise S3Error("MalformedXML")
    if filters is None:
        return {"prefix": prefix, "old_form": True}
    both = filters.find("And")
    if len(filters.children) > 1:
        raise S3Error("MalformedXML")
    found = filters if both is None else both
    tags = tuple((tag.need("Key"), tag.need("Value")) for tag in found.all("Tag"))
    if len({key for key, _ in tags}) < len(tags):
        raise S3Error("InvalidRequest", message="Duplicate Tag Keys are not allowed.")
    return {
        "prefix": found.get("Prefix") or "",
        "tags": tags,
        "size_over": _number(found, "ObjectSizeGreaterThan", 0),
        "size_below": _number(found, "ObjectSizeLessThan", 0),
    }


def _number(parent: xml.Element | None, name: str, low: int = 1) -> int | None:
    """InvalidArgument for a number that is too small, MalformedXML for what is none."""
    text = None if parent is None else parent.get(name)
    if text is None:
        return None
    found = compat.whole(text.strip())
    if found is None and not text.strip().startswith("-"):
        raise S3Error("MalformedXML")
    if found is None or found < low:
        raise field.invalid(f"{name} must be a whole number that is at least {low}", name, text)
    return found


def _actions(rule: xml.Element) -> Mapping[str, Any]:
    """What happens to the objects; empty if nothing does."""
    expiration, abort = rule.find("Expiration"), rule.find("AbortIncompleteMultipartUpload")
    old = rule.find("NoncurrentVersionExpiration")
    found = {
        "expire_days": _number(expiration, "Days"),
        "expire_date": _date(expiration),
        "expire_markers": expiration is not None and expiration.get("ExpiredObjectDeleteMarker") == "true",
        "transitions": tuple(_transition(each, "Days") for each in rule.all("Transition")),
        "noncurrent_expire_days": _number(old, "NoncurrentDays"),
        "noncurrent_transitions": tuple(
            _transition(each, "NoncurrentDays") for each in rule.all("NoncurrentVersionTransition")
        ),
        "keep_noncurrent": _number(old, "NewerNoncurrentVersions"),
        "abort_days": _number(abort, "DaysAfterInitiation"),
    }
    if sum(map(bool, (found["expire_days"], found["expire_date"], found["expire_markers"]))) > 1:
        raise S3Error("MalformedXML")
    return {name: value for name, value in found.items() if value}


def _date(expiration: xml.Element | None) -> int | None:
    text = None if expiration is None else expiration.get("Date")
    if text is None:
        return None
    found = dates.parse_utc(text.strip() if "T" in text else f"{text.strip()}T00:00:00Z")
    if found is None:
        raise S3Error("MalformedXML")
    if found % _DAY:
        raise field.invalid("'Date' must be at midnight GMT", "Date", text)
    return found


def _transition(each: xml.Element, name: str) -> tuple[int, str]:
    if each.find("Date") is not None or each.find("NewerNoncurrentVersions") is not None:
        raise S3Error("NotImplemented", message="A transition is served with a number of days only.")
    days, stored = _number(each, name, 0), storage_class.parse(each.need("StorageClass"))
    if days is None or stored is None:
        raise S3Error("MalformedXML")
    return days, stored


def _encode_get(
    op: operation.GetBucketLifecycleConfiguration, result: operation.GetBucketLifecycleConfigurationOutput
) -> message.Response:
    return written("LifecycleConfiguration", *map(_element, result.rules))


def _group(name: str, *content: str) -> str:
    """An element with content; "" without any."""
    joined = "".join(content)
    return f"<{name}>{joined}</{name}>" if joined else ""


def _element(rule: LifecycleRule) -> str:
    return _group(
        "Rule",
        element("ID", rule.id),
        _filter_element(rule),
        element("Status", "Enabled" if rule.enabled else "Disabled"),
        _group(
            "Expiration",
            element("Days", rule.expire_days),
            element("Date", None if rule.expire_date is None else time(rule.expire_date)),
            element("ExpiredObjectDeleteMarker", rule.expire_markers or None),
        ),
        *(_transition_element("Transition", "Days", each) for each in rule.transitions),
        _group(
            "NoncurrentVersionExpiration",
            element("NoncurrentDays", rule.noncurrent_expire_days),
            element("NewerNoncurrentVersions", rule.keep_noncurrent),
        ),
        *(
            _transition_element("NoncurrentVersionTransition", "NoncurrentDays", each)
            for each in rule.noncurrent_transitions
        ),
        _group("AbortIncompleteMultipartUpload", element("DaysAfterInitiation", rule.abort_days)),
    )


def _transition_element(name: str, unit: str, transition: tuple[int, str]) -> str:
    days, stored = transition
    return _group(name, element(unit, days), element("StorageClass", storage_class.shown(stored)))


def _filter_element(rule: LifecycleRule) -> str:
    if rule.old_form:
        return element("Prefix", rule.prefix)
    tags = [f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in rule.tags]
    limits = [element("ObjectSizeGreaterThan", rule.size_over), element("ObjectSizeLessThan", rule.size_below)]
    found = [each for each in (element("Prefix", rule.prefix or None), *tags, *limits) if each]
    if len(found) > 1:
        return f"<Filter>{_group('And', *found)}</Filter>"
    return f"<Filter>{found[0] if found else element('Prefix', '')}</Filter>"


CODECS: dict[type, OperationCodec] = {
    operation.GetBucketLifecycleConfiguration: OperationCodec(
        field.on_bucket(operation.GetBucketLifecycleConfiguration), _encode_get
    ),
    operation.PutBucketLifecycleConfiguration: OperationCodec(_decode_put, bare()),
    operation.DeleteBucketLifecycle: OperationCodec(field.on_bucket(operation.DeleteBucketLifecycle), bare(204)),
}
