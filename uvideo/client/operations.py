"""Each method's operation, and the conversion of its result.  Shared by both clients.

No I/O: a DataCall holds the operation and converts its result to a model.  InvalidArgument for a wrong argument, before
anything is sent.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from uvideo import models
from uvideo._core import byterange, etag, field, location, operation, provider, validation
from uvideo._core import etag as etags
from uvideo.client.options import ReadOptions, WriteOptions
from uvideo.client.texts import several, texts
from uvideo.config.setting_checks import whole
from uvideo.errors import BadAnswer, IntegrityError, InvalidArgument, NoCredentials, SomeFailed, SpaceNotFound
from uvideo.models import T

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo._core import DataOperation, ManagementOperation
    from uvideo.client.options import KeptOptions, StoredOptions
    from uvideo.config.settings import Settings
    from uvideo.s3 import post_policy

    Signable = operation.GetObject | operation.HeadObject | operation.PutObject | operation.DeleteObject

R = TypeVar("R")
Pairs = tuple[tuple[str, str], ...]
ByteRange = byterange.ByteRange
check_key, check_space = location.check_key, location.check_space
#: What ``wait_until`` waits for.
STATES = "present", "gone", "restored"


@dataclass(frozen=True, slots=True)
class DataCall(Generic[T]):
    """operation: the operation to carry out.  convert(result): the model, of the operation's result type."""

    operation: DataOperation
    convert: Callable[[Any], T]

    def tidies(self) -> bool:
        """Whether it cleans up after a failed call, so it must run even after a cancellation."""
        return isinstance(self.operation, operation.AbortUpload)


@dataclass(frozen=True, slots=True)
class ManagementCall(Generic[T]):
    """As DataCall, for the management API."""

    operation: ManagementOperation
    convert: Callable[[Any], T]


def nothing(result: operation.Done) -> None:
    """The conversion for an operation without a result."""


# Values


def when(seconds: int | None) -> datetime | None:
    """The aware datetime for Unix seconds."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return None


def unix(moment: datetime) -> int:
    """Unix seconds for a datetime; one without a time zone is local time."""
    if not isinstance(moment, datetime):
        raise InvalidArgument(f"a datetime is needed, not {type(moment).__name__}")
    return int(moment.timestamp())


def seconds(value: float | timedelta, name: str) -> float:
    """Seconds from a number or a timedelta, above 0."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < 1e10:
        raise InvalidArgument(f"{name} must be a timedelta or a number of seconds above 0, not {value!r}")
    return number


def pairs(given: Mapping[str, str] | None, name: str) -> Pairs:
    """((name, value), ...) from a mapping of text."""
    if given is None:
        return ()
    try:
        found = tuple(given.items())
    except AttributeError:
        raise InvalidArgument(f"{name} must be a mapping of text") from None
    for each in found:
        if not all(isinstance(text, str) for text in each):
            raise InvalidArgument(f"{name} must be a mapping of text")
    return found


def _metadata(given: Mapping[str, str] | None) -> Pairs:
    found = pairs(given, "metadata")
    for name, value in found:
        if not name or not all(char.isascii() and (char.isalnum() or char == "-") for char in name):
            raise InvalidArgument(f"the metadata name {name!r} is not of letters, digits and -")
        if any(char in "\r\n\0" for char in value):
            raise InvalidArgument(f"the metadata {name} contains a line break")
        if field.has_outer_blank(value):
            raise InvalidArgument(f"the metadata {name} {field.OUTER_BLANK}")
    return found


def _headers(given: Mapping[str, str] | None) -> Pairs:
    """Headers to store with an object; only those that the service keeps."""
    found = pairs(given, "headers")
    known = {name.lower(): name for name in operation.KEPT}
    for name, value in found:
        if name.lower() not in known:
            raise InvalidArgument(
                f"the header {name!r} is not stored with an object; the stored ones are {', '.join(operation.KEPT)}"
            )
        if any(char in "\r\n\0" for char in value):
            raise InvalidArgument(f"the header {name} contains a line break")
        if field.has_outer_blank(value):
            raise InvalidArgument(f"the header {name} {field.OUTER_BLANK}")
    return tuple((known[name.lower()], value) for name, value in found)


def choice(value: str | None, allowed: Sequence[str], name: str) -> str | None:
    if value is not None and value not in allowed:
        raise InvalidArgument(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def kept(stored: KeptOptions) -> tuple[str | None, Pairs, Pairs]:
    """(storage class, metadata, headers) in the form of an operation."""
    storage_class = choice(stored.get("storage_class"), operation.STORAGE_CLASSES, "storage_class")
    return storage_class, _metadata(stored.get("metadata")), _headers(stored.get("headers"))


def octets(data: bytes, name: str) -> bytes:
    """The bytes of a bytes-like object.  InvalidArgument for anything else, even if ``bytes()`` accepts it."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InvalidArgument(f"{name} is a {type(data).__name__}; bytes are needed")
    return bytes(data)


def mime_of(mime: str | None, key: str, path: str = "") -> str:
    """The media type as given, or guessed from the names."""
    return str(validation.mime_of(mime, key, path))


def span(start: int | None, end: int | None) -> ByteRange | None:
    """The range of bytes from ``start`` up to but not including ``end``.  A negative start: the last bytes.

    None for the whole object.  InvalidArgument for an empty range.
    """
    for value in (start, end):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise InvalidArgument(f"start and end must be whole numbers, not {value!r}")
    if start is None and end is None:
        return None
    if start is not None and start < 0:
        if end is not None:
            raise InvalidArgument("a negative start selects the last bytes: leave out end")
        return ByteRange(None, -start)
    first = start or 0
    if end is not None and end <= first:
        raise InvalidArgument(f"the range from {first} to {end} contains no bytes; end is exclusive")
    return ByteRange(first, None if end is None else end - 1)


def info(space: str, key: str, found: operation.ObjectInfo, size: int) -> models.ObjectInfo:
    """size: of the whole object, which the response may not have."""
    return _info(space, key, size, found, dict(found.headers))


def entry(space: str, found: operation.FileInfo) -> models.ObjectInfo:
    """An object of a listing."""
    return _info(space, found.key, found.size, found, {})


def _info(
    space: str, key: str, size: int, found: operation.ObjectInfo | operation.FileInfo, headers: dict[str, str]
) -> models.ObjectInfo:
    kind, times = (found.etag, found.mime, found.storage_class), (when(found.modified), when(found.created))
    return models.ObjectInfo(space, key, size, *kind, *times, dict(found.metadata), headers, found.restore)


# Spaces


def _space_name(result: operation.SpaceNamed) -> models.SpaceName:
    return models.SpaceName(result.space, result.space_id)


def _space_info(found: operation.SpaceInfo) -> models.SpaceInfo:
    kind, times = (found.type, found.region, found.storage_class), (when(found.created), when(found.modified))
    hosts = found.source, found.cdn, found.custom
    return models.SpaceInfo(found.space, found.space_id, *kind, *times, *hosts, found.tag, found.biz)


def create_space(name: str, type: str, region: str | None, domains: Iterable[str]) -> ManagementCall[models.SpaceName]:
    choice(type, operation.SPACE_TYPES, "type")
    op = operation.CreateSpace(check_space(name), type, region, domains=texts(domains, "domains"))
    return ManagementCall(op, _space_name)


def delete_space(name: str) -> ManagementCall[models.SpaceName]:
    return ManagementCall(operation.DeleteSpace(check_space(name)), _space_name)


def stat_space(name: str) -> ManagementCall[models.SpaceInfo]:
    checked = check_space(name)

    def only(result: operation.SpaceList) -> models.SpaceInfo:
        for found in result.spaces:
            if found.space == checked:
                return _space_info(found)
        raise SpaceNotFound(operation="DescribeSpace", space=checked)

    return ManagementCall(operation.DescribeSpace(checked), only)


def update_space(name: str, type: str | None, storage_class: str | None) -> ManagementCall[models.SpaceName]:
    if type is None and storage_class is None:
        raise InvalidArgument("there is nothing to change: give type or storage_class")
    choice(type, operation.SPACE_TYPES, "type")
    choice(storage_class, operation.STORAGE_CLASSES, "storage_class")
    return ManagementCall(operation.UpdateSpace(check_space(name), type, storage_class), _space_name)


SPACES_PAGE = 100


def list_spaces(marker: str) -> ManagementCall[models.Page[models.SpaceInfo]]:
    """marker: the number of spaces listed so far, as text."""
    offset = int(marker or 0)

    def page(result: operation.SpaceList) -> models.Page[models.SpaceInfo]:
        spaces = tuple(_space_info(found) for found in result.spaces)
        following = str(offset + len(spaces)) if len(spaces) >= SPACES_PAGE else ""
        return models.Page(spaces, (), following)

    return ManagementCall(operation.DescribeSpace(None, offset, SPACES_PAGE), page)


def _day(seconds: int) -> datetime:
    found = when(seconds)
    if found is None:
        raise BadAnswer(f"{seconds} is not a valid time", operation="GetSpaceStatus")
    return found


def space_usage(spaces: Iterable[str], begin: datetime, end: datetime) -> ManagementCall[tuple[models.SpaceUsage, ...]]:
    names = tuple(check_space(name) for name in texts((spaces,) if isinstance(spaces, str) else spaces, "spaces"))

    def days(result: operation.SpaceStatus) -> tuple[models.SpaceUsage, ...]:
        return tuple(models.SpaceUsage(_day(day.time), *day[1:]) for day in result.entries)

    return ManagementCall(operation.GetSpaceStatus(names, unix(begin), unix(end)), days)


# Objects


def put(
    space: str, key: str, acl: str | None = None, path: str = "", **stored: Unpack[StoredOptions]
) -> operation.PutObject:
    """The PutObject.  Its bytes are sent separately, so the client makes the result."""
    mime = mime_of(stored.get("mime"), check_key(key), path)
    acl = choice(acl, operation.ACLS, "acl")
    return operation.PutObject(check_space(space), check_key(key), mime, None, *kept(stored), acl)


def get(
    space: str,
    key: str,
    start: int | None = None,
    end: int | None = None,
    if_match: str | None = None,
    if_none_match: str | None = None,
) -> operation.GetObject:
    """The GetObject.  Its bytes are received separately."""
    conditions = [
        (name, f'"{value}"')
        for name, value in (("if-match", if_match), ("if-none-match", if_none_match))
        if value is not None
    ]
    return operation.GetObject(check_space(space), check_key(key), span(start, end), tuple(conditions))


def content(op: operation.GetObject, found: operation.ObjectInfo, data: bytes, verify: bool) -> models.Content:
    """The result of a GET.  IntegrityError if its length, or a whole object's etag, is wrong."""
    promised = found.size if found.span is None else found.span[1]
    size = len(data) if found.span is None and found.size is None else found.size  # else the body's end shows it
    check_range(op, found._replace(size=size))
    assert size is not None
    wrong = None
    if promised is not None and len(data) != promised:
        wrong = f"{promised} bytes were announced but {len(data)} were sent"
    elif verify and found.span is None and found.etag is not None and etag.is_etag(found.etag):
        tree = etag.Etag()
        tree.update(data)
        actual = tree.value()
        if not etag.same(found.etag, actual, len(data)):
            wrong = etag.mismatch(found.etag, actual, found.headers)
    if wrong is not None:
        raise IntegrityError(wrong, operation="GetObject", space=op.space, key=op.key)
    return models.Content(info(op.space, op.key, found, size), data, 0 if found.span is None else found.span[0])


def check_range(op: operation.GetObject, found: operation.ObjectInfo) -> None:
    """IntegrityError if another range came than requested; BadAnswer if the object's size is unknown."""
    wrong = byterange.mismatch(op.range, found.span, found.size)
    if wrong is not None:
        raise IntegrityError(wrong, operation="GetObject", space=op.space, key=op.key)
    if found.size is None and found.span is not None:
        raise BadAnswer("the answer does not contain the size of the object", operation="GetObject", status=206)


def mode_of(mode: str, options: Mapping[str, object]) -> None:
    """InvalidArgument for an unknown mode, or for an option (not None) of the other mode."""
    if mode not in ("rb", "wb"):
        raise InvalidArgument(f"mode must be rb or wb, not {mode!r}; for text, wrap the file in io.TextIOWrapper")
    taken = ReadOptions if mode == "rb" else WriteOptions
    for name, value in options.items():
        if value is not None and name not in taken.__annotations__:
            raise InvalidArgument(f"{name} cannot be combined with mode {mode}")


def stat(space: str, key: str) -> DataCall[models.ObjectInfo]:
    op = operation.HeadObject(check_space(space), check_key(key))

    def sized(result: operation.ObjectInfo) -> models.ObjectInfo:
        if result.size is None:
            raise BadAnswer("the answer has no length", operation="HeadObject", space=op.space, key=op.key)
        return info(op.space, op.key, result, result.size)

    return DataCall(op, sized)


def check_state(state: str, timeout: float | timedelta, interval: float | timedelta) -> tuple[float, float]:
    """(timeout, interval) of a wait in seconds."""
    choice(state, STATES, "state")
    return seconds(timeout, "timeout"), seconds(interval, "interval")


def is_reached(state: str, found: models.ObjectInfo | None) -> bool:
    """Whether an object, or None, is in the state that is waited for."""
    if found is None or state != "restored":
        return (found is None) == (state == "gone")
    if found.storage_class != "ARCHIVE":
        return True
    return is_readable(found.restore)


def is_readable(restore: str | None) -> bool:
    """Whether an archived object can be read, by the service's restore status, whose form is not documented."""
    return restore is not None and 'ongoing-request="true"' not in restore and restore not in ("Frozen", "Restoring")


def aside(op: operation.PutObject) -> operation.PutObject:
    """The put under a temporary key, hidden by a leading dot: beside the object's, or in a folder above if it would be
    too long.
    """
    folder, name = op.key[: op.key.rfind("/") + 1], f".{uuid.uuid4().hex}.new"
    while len(folder.encode()) + len(name) > field.KEY_LIMIT:
        folder = folder[: folder.rfind("/", 0, -1) + 1]
    return op._replace(key=check_key(folder + name))


def delete(space: str, key: str) -> DataCall[None]:
    return DataCall(operation.DeleteObject(check_space(space), check_key(key)), nothing)


def _limit(value: int) -> int:
    return whole("page_size", value, 1, 1000)


def _text(value: str, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} is a {type(value).__name__}; a str is needed")
    return value


def list_objects(
    space: str, prefix: str, delimiter: str, marker: str, page_size: int
) -> DataCall[models.Page[models.ObjectInfo]]:
    name = check_space(space)
    op = operation.ListObjects(
        name, _text(prefix, "prefix"), _text(marker, "start_after"), _limit(page_size), _text(delimiter, "delimiter")
    )

    def page(result: operation.ObjectPage) -> models.Page[models.ObjectInfo]:
        following = result.next_marker if result.truncated else ""
        return models.Page(tuple(entry(name, each) for each in result.objects), result.prefixes, following)

    return DataCall(op, page)


def merged(space: str) -> Callable[[models.Page[models.ObjectInfo]], Iterable[models.ObjectInfo]]:
    """A function that gives objects and prefixes of a page together, in order of their keys."""

    def entries(page: models.Page[models.ObjectInfo]) -> Iterable[models.ObjectInfo]:
        if not page.prefixes:
            return page.items
        folders = (models.ObjectInfo(space, prefix, 0, None, is_prefix=True) for prefix in page.prefixes)
        return sorted((*page.items, *folders), key=lambda each: each.key)

    return entries


def list_files(space: str, prefix: str, marker: str, page_size: int) -> DataCall[models.Page[models.ObjectInfo]]:
    name = check_space(space)
    op = operation.ListFiles(name, _text(prefix, "prefix"), marker, _limit(page_size))

    def page(result: operation.FilePage) -> models.Page[models.ObjectInfo]:
        return models.Page(tuple(entry(name, each) for each in result.files), (), result.next_marker)

    return DataCall(op, page)


def list_space_files(space: str, offset: int, limit: int) -> ManagementCall[tuple[models.ObjectInfo, ...]]:
    name = check_space(space)
    op = operation.ListSpaceFiles(name, offset, limit)
    return ManagementCall(op, lambda result: tuple(entry(name, each) for each in result.files))


def replaces(stored: StoredOptions) -> bool:
    """Whether these options replace the source's media type, metadata and headers in a copy."""
    return any(stored.get(each) is not None for each in ("mime", "metadata", "headers"))


def copy(
    space: str, key: str, source_space: str, source_key: str, **stored: Unpack[StoredOptions]
) -> DataCall[models.Stored]:
    replaced = replaces(stored)
    storage_class, metadata, headers = kept(stored)
    op = operation.CopyObject(
        check_space(space),
        check_key(key),
        check_space(source_space),
        check_key(source_key),
        "REPLACE" if replaced else None,
        storage_class,
        metadata,
        mime_of(stored.get("mime"), key) if replaced else None,
        headers,
    )
    return DataCall(op, lambda result: models.Stored(op.space, op.key, None, result.etag))


def rename(space: str, key: str, target: str, force: bool) -> DataCall[None]:
    return DataCall(operation.RenameObject(check_space(space), check_key(key), check_key(target), bool(force)), nothing)


def restore(space: str, key: str, tier: str | None) -> DataCall[None]:
    choice(tier, operation.TIERS, "tier")
    return DataCall(operation.RestoreObject(check_space(space), check_key(key), tier), nothing)


def set_class(space: str, key: str, storage_class: str) -> DataCall[None]:
    choice(storage_class, operation.STORAGE_CLASSES, "storage_class")
    return DataCall(operation.SwitchClass(check_space(space), check_key(key), storage_class), nothing)


def set_mime(space: str, key: str, mime: str) -> DataCall[None]:
    return DataCall(operation.SetMime(check_space(space), check_key(key), mime_of(mime, key)), nothing)


def set_tags(space: str, key: str, tags: Mapping[str, str]) -> DataCall[None]:
    return DataCall(operation.PutTags(check_space(space), check_key(key), pairs(tags, "tags")), nothing)


def get_tags(space: str, key: str) -> DataCall[dict[str, str]]:
    return DataCall(operation.GetTags(check_space(space), check_key(key)), lambda result: dict(result.tags))


def delete_tags(space: str, key: str) -> DataCall[None]:
    return DataCall(operation.DeleteTags(check_space(space), check_key(key)), nothing)


def set_acl(space: str, key: str, grant: str) -> DataCall[None]:
    choice(grant, operation.ACLS, "grant")
    return DataCall(operation.PutAcl(check_space(space), check_key(key), grant), nothing)


def get_acl(space: str, key: str) -> DataCall[models.Acl]:
    op = operation.GetAcl(check_space(space), check_key(key))
    return DataCall(op, lambda result: models.Acl(result.grant, result.owner, result.owner_name))


def append(space: str, key: str, position: int, size: int, **stored: Unpack[StoredOptions]) -> DataCall[models.Stored]:
    mime = mime_of(stored.get("mime"), check_key(key))
    op = operation.AppendObject(check_space(space), check_key(key), position, mime, None, *kept(stored))
    return DataCall(op, lambda result: models.Stored(op.space, op.key, position + size, result.etag))


def put_known(space: str, key: str, etag: str, size: int, mime: str | None) -> DataCall[models.Stored]:
    op = operation.UploadHit(check_space(space), check_key(key), _text(etag, "etag"), size, mime_of(mime, key))

    def hit(result: operation.Stored) -> models.Stored:
        if result.etag is not None and not etags.same(result.etag, etag, size):
            raise IntegrityError(
                f"content with etag {etag} was requested but {result.etag} is stored",
                operation="UploadHit",
                space=op.space,
                key=op.key,
            )
        return models.Stored(op.space, op.key, size, result.etag, result.etag is not None)

    return DataCall(op, hit)


# Multipart, by hand


def begin_upload(space: str, key: str, **stored: Unpack[StoredOptions]) -> DataCall[models.BegunUpload]:
    mime = mime_of(stored.get("mime"), check_key(key))
    op = operation.InitiateUpload(check_space(space), check_key(key), mime, *kept(stored))

    def begun(result: operation.Initiated) -> models.BegunUpload:
        from uvideo._core import multipart_upload

        multipart_upload.check_begun(result)
        return models.BegunUpload(op.space, op.key, result.upload_id, result.block_size)

    return DataCall(op, begun)


def _part_number(part: int) -> int:
    if isinstance(part, bool) or not isinstance(part, int) or not 0 <= part < field.PART_LIMIT:
        raise InvalidArgument(f"part must be a whole number from 0, not {part!r}")
    return part


def put_part(upload: models.BegunUpload, part: int, data: bytes) -> DataCall[models.PartInfo]:
    if len(data) > upload.block_size:
        raise InvalidArgument(f"the part has {len(data)} bytes; a part has at most {upload.block_size}")
    op = operation.UploadPart(upload.space, upload.key, upload.upload_id, _part_number(part))
    return DataCall(op, lambda result: models.PartInfo(part, result.etag, len(data)))


def copy_part(
    upload: models.BegunUpload, part: int, source_space: str, source_key: str, start: int | None, end: int | None
) -> DataCall[models.PartInfo]:
    wanted = span(start, end)
    if wanted is not None and None in wanted:
        raise InvalidArgument("give start and end, or neither for the whole source")
    op = operation.CopyPart(
        upload.space,
        upload.key,
        upload.upload_id,
        _part_number(part),
        check_space(source_space),
        check_key(source_key),
        wanted,
    )

    def copied(result: operation.CopiedPart) -> models.PartInfo:
        given = None if result.first is None or result.length is None else (result.first, result.length)
        wrong = None if given is None else byterange.mismatch(wanted, given, result.size)
        if wrong is not None:
            raise IntegrityError(
                f"part {part}: {wrong}",
                operation="CopyPart",
                space=upload.space,
                key=upload.key,
            )
        return models.PartInfo(part, result.etag, result.length)

    return DataCall(op, copied)


def finish_upload(
    upload: models.BegunUpload, parts: Iterable[models.PartInfo], new_key: str | None
) -> DataCall[models.Stored]:
    found = tuple(several(parts, "parts", "PartInfo"))
    if not all(isinstance(each, models.PartInfo) for each in found):
        raise InvalidArgument("parts must be the PartInfo of each part")
    ordered = sorted(found, key=lambda each: each.part)
    if [each.part for each in ordered] != list(range(len(ordered))):
        raise InvalidArgument("a part is missing or given twice: parts are numbered from 0")
    op = operation.FinishUpload(
        upload.space,
        upload.key,
        upload.upload_id,
        tuple(each.etag for each in ordered),
        None if new_key is None else check_key(new_key),
    )
    return DataCall(op, lambda result: models.Stored(op.space, result.key, result.size, result.etag))


def abort_upload(space: str, key: str, upload_id: str) -> DataCall[None]:
    return DataCall(operation.AbortUpload(check_space(space), check_key(key), _text(upload_id, "upload_id")), nothing)


def list_uploads(space: str, prefix: str, marker: str) -> DataCall[models.Page[models.UploadInfo]]:
    """marker: key and upload id of the last page's end, separated by a line feed."""
    name = check_space(space)
    key, _, upload_id = marker.rpartition("\n")
    op = operation.ListUploads(name, _text(prefix, "prefix"), key, upload_id, 1000)

    def page(result: operation.UploadPage) -> models.Page[models.UploadInfo]:
        found = tuple(
            models.UploadInfo(name, each.key, each.upload_id, when(each.started), each.storage_class)
            for each in result.uploads
        )
        following = f"{result.next_marker}\n{result.next_upload_id}" if result.truncated else ""
        return models.Page(found, (), following)

    return DataCall(op, page)


def list_parts(space: str, upload_id: str, marker: str) -> DataCall[models.Page[models.PartInfo]]:
    """marker: the last page's last part, as text."""
    op = operation.ListParts(check_space(space), _text(upload_id, "upload_id"), 1000, int(marker) if marker else None)

    def page(result: operation.PartPage) -> models.Page[models.PartInfo]:
        found = tuple(models.PartInfo(each.part, each.etag, each.size, when(each.modified)) for each in result.parts)
        following = str(result.next_marker) if result.truncated else ""
        return models.Page(found, (), following)

    return DataCall(op, page)


# Keys


def token(found: operation.TokenInfo) -> models.Token:
    keys, rights = (found.public_key, found.private_key), (found.ops, found.prefixes, found.spaces)
    times = when(found.expires), when(found.created), when(found.modified)
    addresses = found.black_ips, found.white_ips
    return models.Token(found.token_id, found.name, *keys, *rights, *times, *addresses, found.region)


def _listed(values: Iterable[str] | None, name: str) -> tuple[str, ...] | None:
    return None if values is None else texts(values, name)


def _ops(values: Iterable[str] | None) -> tuple[str, ...] | None:
    found = _listed(values, "ops")
    for each in found or ():
        choice(each, operation.TOKEN_OPS, "ops")
    return found


def create_token(
    name: str,
    ops: Iterable[str],
    prefixes: Iterable[str],
    spaces: Iterable[str],
    expires: datetime | None,
    black_ips: Iterable[str],
    white_ips: Iterable[str],
) -> ManagementCall[models.Token]:
    op = operation.CreateToken(
        _text(name, "name"),
        _ops(several(ops, "ops")) or (),
        texts(prefixes, "prefixes"),
        texts(spaces, "spaces"),
        None if expires is None else unix(expires),
        texts(black_ips, "black_ips"),
        texts(white_ips, "white_ips"),
    )
    return ManagementCall(op, token)


def list_tokens(token_id: str | None, show_keys: bool) -> ManagementCall[tuple[models.Token, ...]]:
    op = operation.DescribeToken(token_id, display=1 if show_keys else None)
    return ManagementCall(op, lambda result: tuple(token(found) for found in result.tokens))


def update_token(
    token_id: str,
    name: str | None,
    ops: Iterable[str] | None,
    prefixes: Iterable[str] | None,
    spaces: Iterable[str] | None,
    expires: datetime | None,
    black_ips: Iterable[str] | None,
    white_ips: Iterable[str] | None,
) -> ManagementCall[None]:
    op = operation.UpdateToken(
        _text(token_id, "token_id"),
        name,
        _ops(ops),
        _listed(prefixes, "prefixes"),
        _listed(spaces, "spaces"),
        None if expires is None else unix(expires),
        _listed(black_ips, "black_ips"),
        _listed(white_ips, "white_ips"),
    )
    return ManagementCall(op, nothing)


def delete_token(token_id: str) -> ManagementCall[None]:
    return ManagementCall(operation.DeleteToken(_text(token_id, "token_id")), nothing)


def assume_role(
    role: str | None, session: str | None, duration: float | timedelta | None, policy: str | None
) -> ManagementCall[models.TemporaryKeys]:
    lasting = None if duration is None else int(seconds(duration, "duration"))
    return ManagementCall(
        operation.AssumeRole(role, session, lasting, policy),
        lambda result: models.TemporaryKeys(
            result.public_key, result.private_key, result.security_token, when(result.expires)
        ),
    )


# Checks by both clients


def agrees(op: operation.PutObject | operation.AppendObject, given: str | None, content: bytes, status: int) -> bool:
    """Whether the service's etag is that of the bytes sent; False if it cannot be compared.

    IntegrityError if it is the etag of other bytes.
    """
    if given is None or not etag.is_etag(given):
        return False
    tree = etag.Etag()
    tree.update(content)
    actual = tree.value()
    if not etag.same(given, actual, len(content)):
        raise IntegrityError(
            f"the stored object has etag {given} but the source has {actual}",
            operation=type(op).__name__,
            space=op.space,
            key=op.key,
            status=status,
        )
    return True


def agree_part(upload: models.BegunUpload, made: models.PartInfo, content: bytes, status: int) -> models.PartInfo:
    """The part that was sent.  IntegrityError if the service's etag is of other bytes."""
    if etag.agrees(made.etag, etag.block_digest(content)) is False:
        raise IntegrityError(
            f"part {made.part} is stored with etag {made.etag}, which is not the etag of the sent bytes",
            operation="UploadPart",
            space=upload.space,
            key=upload.key,
            status=status,
        )
    return made


def jobs(value: int) -> int:
    return whole("jobs", value, 1, 256)


def summed(
    done: list[Any], failures: list[models.Failure], skipped: int = 0, well: int | None = None
) -> models.Summary[Any]:
    """The Summary; SomeFailed with it if there are failures.  ``well``: the number of successes, None for len(done)."""
    summary = models.Summary(tuple(done), tuple(failures), skipped)
    if failures:
        first = failures[0]
        count = f"{len(failures)} of {(len(done) if well is None else well) + len(failures)} items failed"
        raise SomeFailed(f"{count}; the first is {first.path or first.key}: {first.error}", summary)
    return summary


def s3_endpoint(host: provider.Suffix | provider.Missing | str) -> str:
    """The origin of the service for S3.  InvalidArgument if it must be given."""
    if isinstance(host, str):
        given = provider.parse_suffix(host, "endpoint")
        if not given.shared:
            raise InvalidArgument(f"endpoint is {host!r}: give a whole host, such as https://s3-cn-bj.ufileos.com")
        validation.warn_of_plain(provider.plain([given]))
        return str(given.origin(""))
    if isinstance(host, provider.Missing) or not host.shared or provider.owner_of(host.host):
        raise InvalidArgument("this service answers S3 at another address: give it, endpoint='https://s3-...'")
    return str(host.origin(""))


def form_grant(
    settings: Settings,
    space: str,
    key: str,
    prefix: bool,
    min_size: int,
    max_size: int | None,
    mime: str | None,
    now: int,
    lasting: int,
) -> post_policy.FormGrant:
    """What a form may upload."""
    from uvideo.s3 import post_policy

    keys = settings.credentials()
    if keys is None:
        raise NoCredentials(operation="PostObject", space=space, key=key)
    check_space(space), check_key(key)
    least = whole("min_size", min_size, 0, field.SIZE_LIMIT)
    most = None if max_size is None else whole("max_size", max_size, least, field.SIZE_LIMIT)
    fields, beginnings = {"key": key}, dict[str, str]()
    if "${filename}" in key:
        raise InvalidArgument("the key contains ${filename}: give the beginning of the key, and prefix=True")
    if prefix:
        fields["key"], beginnings["key"] = key + "${filename}", key
    if mime is not None:
        mime = mime_of(mime, key)  # checks it
        (beginnings if mime.endswith("/") else fields)["Content-Type"] = mime
    return post_policy.FormGrant(
        keys.public_key,
        keys.private_key,
        keys.security_token,
        settings.region or "us-east-1",
        space,
        now,
        now + lasting,
        fields,
        beginnings,
        least,
        most,
    )


def signable(space: str, key: str, method: str, mime: str | None, md5: str | None, filename: str | None) -> Signable:
    """The operation that a signed URL allows: a GET, HEAD, PUT or DELETE."""
    space, key = check_space(space), check_key(key)
    choice(method, ("GET", "HEAD", "PUT", "DELETE"), "method")
    if method != "PUT" and (mime is not None or md5 is not None):
        raise InvalidArgument("mime and md5 are for a PUT only")
    if method != "GET" and filename is not None:
        raise InvalidArgument("filename is for a GET only")
    if method == "GET":
        return operation.GetObject(space, key, filename=filename)
    if method == "DELETE":
        return operation.DeleteObject(space, key)
    return operation.HeadObject(space, key) if method == "HEAD" else operation.PutObject(space, key, mime, md5)
