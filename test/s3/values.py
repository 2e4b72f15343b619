"""Values of operations and results, for hypothesis, and how botocore shows them."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from uvideo.s3 import checksum, operation
from uvideo.s3.operation import ALGORITHMS, CHECKSUM_TYPES, Checksum, Owner, Restore

#: Each example is a request and an answer of botocore.
few = settings(max_examples=25)
NOT_XML = "".join(map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)))
#: What can be in a document: botocore's parser does not read what XML 1.0 forbids.
text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=NOT_XML), max_size=12) | st.text(
    "&<>\"'\r\n\t /+%#?=a\u89c6", max_size=8
)
#: With those too: for what is written with encoding-type=url, and for keys in a target.
any_text = text | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
keys, any_keys = text.filter(bool), any_text.filter(bool)
words = st.text("abcXYZ019-_.", min_size=1, max_size=12)
buckets = st.text("abcxyz019-", min_size=3, max_size=20).map(lambda name: f"a{name}z")
times = st.integers(0, 4_000_000_000)
sizes = st.integers(0, 1 << 45)
etags = st.text("0123456789abcdef", min_size=32, max_size=40).map(str) | st.just("0" * 32 + "-12")
classes = st.sampled_from(["STANDARD", "IA", "ARCHIVE"])
SHOWN = {"STANDARD": "STANDARD", "IA": "ONEZONE_IA", "ARCHIVE": "GLACIER"}
owners = st.builds(Owner, id=keys, display_name=keys)
restores = st.just(Restore(ongoing=True)) | st.builds(Restore, ongoing=st.just(False), expiry=times)
#: botocore sends the CR of a tag as it is, which a parser has to read as LF.
_tag_text = text.map(lambda value: value.replace("\r", ""))
tags = st.lists(st.tuples(_tag_text.filter(bool), _tag_text), max_size=10, unique_by=lambda tag: tag[0]).map(tuple)
versions = st.none() | words
optional_algorithms = st.none() | st.sampled_from(ALGORITHMS)


@st.composite
def checksums(draw: st.DrawFn, types: tuple[str, ...] = CHECKSUM_TYPES) -> Checksum:
    algorithm = draw(st.sampled_from(ALGORITHMS))
    size = checksum.SIZES[algorithm]
    value = base64.b64encode(draw(st.binary(min_size=size, max_size=size))).decode()
    return Checksum(algorithm=algorithm, value=value, type=draw(st.sampled_from(types)))


optional_checksums = st.none() | checksums()


def date(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def known(**values: Any) -> dict[str, Any]:
    """Without those that are None or an empty list, as botocore leaves them out."""
    return {name: value for name, value in values.items() if value is not None and value != []}


def shown_owner(owner: Owner | None) -> dict[str, str] | None:
    return None if owner is None else {"ID": owner.id, "DisplayName": owner.display_name}


def shown_restore(restore: Restore | None) -> dict[str, Any] | None:
    if restore is None:
        return None
    return known(IsRestoreInProgress=restore.ongoing, RestoreExpiryDate=date(restore.expiry))


def shown_sum(found: Checksum | None, with_type: bool = True) -> dict[str, str]:
    if found is None:
        return {}
    kind = {"ChecksumType": found.type} if with_type else {}
    return {f"Checksum{found.algorithm}": found.value, **kind}


def shown_tags(tags: operation.Pairs) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags]
