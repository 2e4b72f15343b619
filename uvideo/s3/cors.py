"""A bucket's rules for requests from web pages of other origins.  Source: s3.md section 3.2, rules.md section 2."""

from __future__ import annotations

from uvideo._core import compat, message
from uvideo.s3 import checksum, field, operation, xml
from uvideo.s3.codec import OperationCodec, OperationRequest, bare, written
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import CorsRule
from uvideo.s3.xml_text import element

__all__ = ["CODECS", "METHODS", "RULES"]

RULES = 100
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
_ID = 255  # characters


def _decode_put(asked: OperationRequest) -> operation.PutBucketCors:
    checksum.check_body(asked.headers, asked.body)
    found = xml.read(asked.body, "CORSConfiguration").all("CORSRule")
    if not 1 <= len(found) <= RULES:
        raise S3Error("MalformedXML")
    return operation.PutBucketCors(**field.of_bucket(asked), rules=tuple(map(_rule, found)))


def _texts(rule: xml.Element, name: str) -> tuple[str, ...]:
    return tuple(each.text.strip() for each in rule.all(name))


def _rule(rule: xml.Element) -> CorsRule:
    age, name = rule.get("MaxAgeSeconds"), rule.get("ID")
    origins, methods = _texts(rule, "AllowedOrigin"), _texts(rule, "AllowedMethod")
    headers, exposed = _texts(rule, "AllowedHeader"), _texts(rule, "ExposeHeader")
    seconds = None if age is None else compat.whole(age.strip())
    if not origins or not methods or (age is not None and seconds is None):
        raise S3Error("MalformedXML")
    for method in methods:
        if method not in METHODS:
            text = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            raise S3Error("InvalidRequest", message=text)
    for kind, values in (("AllowedOrigin", origins), ("AllowedHeader", headers)):
        for value in values:
            if value.count("*") > 1:
                raise S3Error("InvalidRequest", message=f'{kind} "{value}" can not have more than one wildcard.')
    for value in exposed:
        if "*" in value:
            text = f'ExposeHeader "{value}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            raise S3Error("InvalidRequest", message=text)
    if not all((*origins, *headers, *exposed)) or any(map(_breaks, (*origins, *headers, *exposed))):
        raise S3Error("MalformedXML")
    if name is not None and len(name) > _ID:
        raise field.invalid("The ID of a rule has at most 255 characters", "ID", name)
    return CorsRule(
        allowed_origins=origins,
        allowed_methods=methods,
        allowed_headers=headers,
        expose_headers=exposed,
        max_age=seconds,
        id=name or None,
    )


def _breaks(value: str) -> bool:
    """Whether a value cannot stand in a header."""
    return "\n" in value or "\r" in value


def _encode_get(op: operation.GetBucketCors, result: operation.GetBucketCorsOutput) -> message.Response:
    return written("CORSConfiguration", *map(_element, result.rules))


def _element(rule: CorsRule) -> str:
    lists = (
        ("AllowedHeader", rule.allowed_headers),
        ("AllowedMethod", rule.allowed_methods),
        ("AllowedOrigin", rule.allowed_origins),
        ("ExposeHeader", rule.expose_headers),
    )
    found = [element("ID", rule.id), *(element(name, value) for name, values in lists for value in values)]
    return f"<CORSRule>{''.join(found)}{element('MaxAgeSeconds', rule.max_age)}</CORSRule>"


def _decode_options(asked: OperationRequest) -> operation.OptionsObject:
    names = asked.headers.get("Access-Control-Request-Headers", "").split(",")
    return operation.OptionsObject(
        **field.of_bucket(asked),
        key=asked.key,
        origin=asked.headers.get("Origin"),
        method=asked.headers.get("Access-Control-Request-Method"),
        request_headers=tuple(name.strip().lower() for name in names if name.strip()),
    )


CODECS: dict[type, OperationCodec] = {
    operation.GetBucketCors: OperationCodec(field.on_bucket(operation.GetBucketCors), _encode_get),
    operation.PutBucketCors: OperationCodec(_decode_put, bare()),
    operation.DeleteBucketCors: OperationCodec(field.on_bucket(operation.DeleteBucketCors), bare(204)),
    operation.OptionsObject: OperationCodec(_decode_options, bare()),
}
