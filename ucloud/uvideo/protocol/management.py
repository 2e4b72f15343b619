"""Operation <-> request and response of the management API: Action=... calls.  Source: management-plane.md.

Responses always have HTTP status 200 and a RetCode.  A space is a bucket, whose Biz may be vod.
"""

from __future__ import absolute_import, division, print_function

from . import dates, error_response, errors, listing, operation
from .compat import TYPE_CHECKING, build_query, is_integer, native, parse_query, to_bytes, to_text, whole
from .expiry import is_past
from .json_document import document, json_answer, number, number_or_none, parse_body, text, text_or_none
from .message import Headers, Request
from .page import check_coding, is_page
from .signature import action_signature, parameter_text

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator, Mapping, TypeVar  # noqa: F401

    from .errors import UVideoError  # noqa: F401
    from .message import Response  # noqa: F401
    from .signature import Credentials  # noqa: F401

    _Space = operation.CreateSpace | operation.UpdateSpace | operation.DeleteSpace
    _Reading = operation.DescribeSpace | operation.ListSpaceFiles | operation.GetSpaceStatus
    _Key = operation.CreateToken | operation.DescribeToken | operation.UpdateToken | operation.DeleteToken
    R = TypeVar("R")
    Operation = _Space | _Reading | _Key | operation.AssumeRole
    _Spaces = operation.SpaceNamed | operation.FilePage | operation.SpaceList | operation.SpaceStatus
    _Keys = operation.TokenInfo | operation.TokenList | operation.TemporaryKeys
    Result = _Spaces | _Keys | operation.Done
    # Any: the operation, or the result, of the row where they stand.
    _Encode = Callable[[Any], dict[str, Any]]
    _Decode = Callable[[Any, dict[str, Any]], Any]

_BIZ = "vod"
_NUMBERS = ("offset", "limit", "begin", "end", "expires", "display", "seconds")
_LISTS = ("domains", "ops", "prefixes", "spaces", "black_ips", "white_ips")
#: The parameter with the last Unix second of a call's signature.  CHOICE: no documented Action has this parameter.
END = "Expires"
LIST_LIMIT = 1000  # entries of one list
LIMIT = 20


def encode(op, api, credentials, name="BucketName", video=False, end=None):
    # type: (operation.Management[object], str, Credentials, str, bool, int | None) -> Request
    """The signed Request of an operation to the management URL ``api`` (without a trailing slash).

    ``name``: the name of the parameter with the space.  ``video``: use the *VideoSpace action names.
    ``end``: the last Unix second of the signature; None for a signature without expiry.
    """
    action = BY_CLASS[type(op)]
    called = action.names[1 if video and len(action.names) > 1 else 0]
    parameters = {"Action": called, "PublicKey": credentials.public_key}
    space = getattr(op, "space", None)
    if space is not None:
        parameters[name] = space
    for field, parameter in action.fields:
        value = getattr(op, field)
        if field in _LISTS:
            if value == () and type(op) is operation.UpdateToken:  # without an entry the list is left unchanged
                value = (u"",)
            parameters.update(("%s.%d" % (parameter, at), item) for at, item in enumerate(value or ()))
        elif value is not None:
            parameters[parameter] = u"%d" % value if field in _NUMBERS else value
    if end is not None:
        parameters[END] = u"%d" % end
    try:
        parameters["Signature"] = action_signature(credentials.private_key, parameters)
        query = build_query(sorted(parameters.items()))
    except UnicodeError:  # for example a lone surrogate in a name
        raise errors.InvalidArgument(u"%s has a text that cannot be encoded as UTF-8" % type(op).__name__)
    return Request("GET", api, "/?" + query, Headers(), b"")


def name_of(op):
    # type: (operation.Management[object]) -> str
    """The Action that a client sends for an operation."""
    return BY_CLASS[type(op)].names[0]


def parameters(query, headers, body):
    # type: (Iterable[tuple[str, str]], Headers, bytes) -> dict[str, str]
    """{name: text} of a management request: from the query, a form body or a JSON object.  BadRequest."""
    found = {}  # type: dict[str, str]
    _merge(found, query)
    kind = (headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if body and kind == "application/json":
        _merge(found, list(_flat(parse_body(body))))
    elif body:
        try:
            _merge(found, parse_query(native(body)))
        except ValueError:
            raise errors.BadRequest(u"the body is not form data")
    return found


def _merge(found, pairs):
    # type: (dict[str, str], Iterable[tuple[str, str]]) -> None
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise errors.BadRequest(u"the parameter %s is given twice" % name)


def _flat(given):
    # type: (dict[str, Any]) -> Iterator[tuple[str, str]]
    """JSON parameters as text: numbers in decimal, lists as Name.0, Name.1 ..."""
    for name, value in given.items():
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield _scalar(u"%s.%d" % (name, number), item)
        else:
            yield _scalar(name, value)


def _scalar(name, value):
    # type: (str, str | float | list[object] | dict[str, object] | None) -> tuple[str, str]
    if value is None or isinstance(value, (list, dict)):
        raise errors.BadRequest(u"a parameter is neither text nor a number")
    try:
        value = parameter_text(value)
        to_bytes(name), to_bytes(value)
    except (ValueError, OverflowError):  # a lone surrogate, NaN, Infinity
        raise errors.BadRequest(u"a parameter cannot be encoded as UTF-8")
    return name, value


def decode(given):
    # type: (Mapping[str, str]) -> tuple[Operation, str]
    """(operation, action name) for the parameters.  ActionMissing, ActionUnknown, ParameterMissing, BadRequest."""
    name = given.get("Action")
    if not name:
        raise errors.ActionMissing()
    action = BY_NAME.get(name)
    if action is None:
        raise errors.ActionUnknown(u"the Action %s is unknown" % _short(name))
    fields = {}  # type: dict[str, Any]  # of any operation
    if action.about_a_space:
        space = given.get("BucketName") or given.get("SpaceName") or given.get("SpaceName.0") or None
        if space is None and action.cls is not operation.DescribeSpace:
            raise errors.ParameterMissing(u"the parameter BucketName is missing")
        fields["space"] = None if space is None else _short(space)
    for field, parameter in action.fields:
        if field in _LISTS:
            values = _list(parameter, given)
            if values is not None:
                fields[field] = values
            continue
        value = given.get(parameter)
        if value is None or value == u"":
            if field in action.required:
                raise errors.ParameterMissing(u"the parameter %s is missing" % parameter)
            continue
        fields[field] = _number(parameter, value) if field in _NUMBERS else _short(value)
    if action.cls is operation.GetSpaceStatus:
        fields.setdefault("spaces", _list("BucketName", given) or ())
    if action.cls is operation.AssumeRole:  # the policy restricts rights, so no spelling of its name may be ignored
        policies = [given[each] for each in given if given[each] and each.lower().startswith(u"policy")]
        fields["policy"] = _short(policies[0]) if policies else None
    if action.cls is operation.CreateSpace and name == action.names[1]:
        fields["biz"] = to_text(_BIZ)
    return action.cls(**fields), to_text(name)


def check_end(given, now):
    # type: (Mapping[str, str], float) -> None
    """SignatureExpired if the call has an expiry that has passed; BadRequest if it is no time."""
    value = given.get(END)
    if value is None:
        return
    end = whole(u"%s" % value)
    if end is None:
        raise errors.BadRequest(u"%s is not a time in whole unix seconds" % END)
    if is_past(end, now):
        raise errors.SignatureExpired()


def _short(value):
    # type: (str) -> str
    return (u"%s" % value)[:256]


def _list(parameter, given):
    # type: (str, Mapping[str, str]) -> tuple[str, ...] | None
    """The tuple of Name.0, Name.1 ... in order of their numbers, or of Name alone; None if there is neither.

    Empty entries are ignored, so a single empty one means "no entries".  BadRequest if there are too many.
    """
    found = []
    for name, value in given.items():
        start, mark, end = name.partition(u".")
        at = whole(end) if mark else -1
        if start == parameter and at is not None:
            found.append((at, u"%s" % value))
    if len(found) > LIST_LIMIT or any(len(value) > LIST_LIMIT for _, value in found):
        raise errors.BadRequest(u"%s has more than %d entries, or a longer one" % (parameter, LIST_LIMIT))
    return tuple([value for _, value in sorted(found) if value]) if found else None


def _number(parameter, value):
    # type: (str, str) -> int
    number = whole(u"%s" % value)
    if number is None:
        raise errors.BadRequest(u"%s is not a whole number" % parameter)
    return number


def encode_result(name, result):
    # type: (str, Result) -> Response
    """The Response with the result of the action ``name``."""
    fields = {"RetCode": 0, "Action": name + "Response"}
    fields.update(BY_NAME[name].encode_result(result))
    return json_answer(fields)


def decode_result(op, response, now=None):
    # type: (operation.Management[R], Response, float | None) -> R
    """The result in a management response.  Raises a UVideoError for a refusal."""
    context = {"operation": type(op).__name__, "space": getattr(op, "space", None)}  # type: dict[str, Any]
    found = document(response)
    if not 200 <= response.status <= 299:
        error_response.raise_refusal(response, now, **context)
    if found is None or not is_integer(found.get("RetCode")):
        if is_page(response.headers, response.body):
            raise error_response.stranger(response, now, **context)
        check_coding(response.headers, response.status)
        raise errors.BadAnswer(u"the answer has no RetCode", status=response.status, **context)
    if found["RetCode"] != 0:
        message = error_response.readable(found.get("Message") or found.get("ErrMsg"))
        raise errors.action_refusal(found["RetCode"], message, status=response.status, **context)
    try:
        result = BY_CLASS[type(op)].decode_result(op, found)  # type: R
        return result
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise errors.BadAnswer(
            u"the answer to %s has an unexpected shape" % type(op).__name__, status=response.status, **context
        )


def encode_error(name, error):
    # type: (str | None, UVideoError) -> Response
    """The Response for an error: HTTP 200, RetCode and Message."""
    code = error.action_code or 15005
    return json_answer({"RetCode": code, "Action": (name or u"") + "Response", "Message": error.message})


def _encode_named(result):
    # type: (operation.SpaceNamed) -> dict[str, Any]
    return {"BucketName": result.space, "BucketId": result.space_id}


def _decode_named(
    op,  # type: operation.CreateSpace | operation.UpdateSpace | operation.DeleteSpace
    found,  # type: dict[str, Any]
):
    # type: (...) -> operation.SpaceNamed
    space_id = text_or_none(found.get("BucketId"))
    return operation.SpaceNamed(text(found.get("BucketName", op.space)), space_id)


def _encode_spaces(result):
    # type: (operation.SpaceList) -> dict[str, Any]
    return {"DataSet": [_space_entry(info) for info in result.spaces]}


def _decode_spaces(op, found):
    # type: (operation.DescribeSpace, dict[str, Any]) -> operation.SpaceList
    spaces = []
    for entry in found["DataSet"] or ():
        domain = entry.get("Domain") or {}
        spaces.append(
            operation.SpaceInfo(
                text(entry["BucketName"]),
                text_or_none(entry.get("BucketId")),
                text_or_none(entry.get("Type")),
                text_or_none(entry.get("Region")),
                text_or_none(entry.get("Biz")),
                text_or_none(entry.get("Tag")),
                text_or_none(entry.get("StorageClass")),
                number_or_none(entry.get("CreateTime")),
                number_or_none(entry.get("ModifyTime")),
                _texts(domain.get("Src")),
                _texts(domain.get("Cdn")),
                _texts(domain.get("CustomSrc")),
            )
        )
    return operation.SpaceList(tuple(spaces))


def _space_entry(info):
    # type: (operation.SpaceInfo) -> dict[str, Any]
    return {
        "BucketName": info.space,
        "BucketId": info.space_id,
        "Type": info.type,
        "Region": info.region,
        "Biz": info.biz,
        "Tag": info.tag,
        "StorageClass": info.storage_class,
        "HasUserDomain": 1 if info.custom else 0,
        "CreateTime": info.created,
        "ModifyTime": info.modified,
        "CdnDomainId": [],
        "Domain": {"Src": list(info.source), "Cdn": list(info.cdn), "CustomSrc": list(info.custom), "CustomCdn": []},
    }


def _encode_files(result):
    # type: (operation.FilePage) -> dict[str, Any]
    entries = [listing.file_entry(result.space, info) for info in result.files]
    return {"BucketName": result.space, "BucketId": result.space_id, "DataSet": entries}


def _decode_files(op, found):
    # type: (operation.ListSpaceFiles, dict[str, Any]) -> operation.FilePage
    files = tuple([listing.parse_file_entry(entry) for entry in found["DataSet"] or ()])
    space = text(found.get("BucketName", op.space))
    return operation.FilePage(space, text_or_none(found.get("BucketId")), u"", files)


def _encode_status(result):
    # type: (operation.SpaceStatus) -> dict[str, Any]
    return {"DataSet": [dict(zip(_USAGE, entry)) for entry in result.entries]}


def _decode_status(op, found):
    # type: (operation.GetSpaceStatus, dict[str, Any]) -> operation.SpaceStatus
    days = [[number(entry[name]) for name in _USAGE] for entry in found["DataSet"] or ()]
    return operation.SpaceStatus(tuple([operation.SpaceUsage(*day) for day in days]))


_USAGE = ("Time", "Storage", "Flux", "FhdCodecTime", "ShdCodecTime", "HdCodecTime", "SdCodecTime")


def _encode_token(result):
    # type: (operation.TokenInfo) -> dict[str, Any]
    return {"TokenId": result.token_id, "UFileTokenSet": _token_entry(result)}


def _decode_token(op, found):
    # type: (operation.CreateToken, dict[str, Any]) -> operation.TokenInfo
    return _token(found["UFileTokenSet"])


def _encode_tokens(result):
    # type: (operation.TokenList) -> dict[str, Any]
    return {"DataSet": [_token_entry(info) for info in result.tokens]}


def _decode_tokens(op, found):
    # type: (operation.DescribeToken, dict[str, Any]) -> operation.TokenList
    return operation.TokenList(tuple([_token(entry) for entry in found["DataSet"] or ()]))


def _token_entry(info):
    # type: (operation.TokenInfo) -> dict[str, Any]
    values = [list(value) if isinstance(value, tuple) else value for value in info]
    entry = dict(zip([name for name, _ in _TOKEN_SET], values))
    if info.private_key is None:
        del entry["PrivateKey"]
    return entry


def _token(entry):
    # type: (dict[str, Any]) -> operation.TokenInfo
    return operation.TokenInfo(*[read(entry.get(name)) for name, read in _TOKEN_SET])


def _texts(value):
    # type: (Iterable[object] | None) -> tuple[str, ...]
    return tuple([text(each) for each in value or ()])


#: In the order of TokenInfo.
_TOKEN_SET = (
    ("Region", text_or_none),
    ("TokenId", text),
    ("TokenName", text),
    ("PublicKey", text),
    ("PrivateKey", text_or_none),
    ("AllowedOps", _texts),
    ("AllowedPrefixes", _texts),
    ("AllowedBuckets", _texts),
    ("ExpireTime", number),
    ("CreateTime", number),
    ("ModifyTime", number),
    ("BlackIPList", _texts),
    ("WhiteIPList", _texts),
)  # type: tuple[tuple[str, Callable[[Any], Any]], ...]


def _encode_temporary(result):
    # type: (operation.TemporaryKeys) -> dict[str, Any]
    return {"Credentials": dict(zip(_TEMPORARY, result), Expiration=dates.utc_text(result.expires))}


def _decode_temporary(op, found):
    # type: (operation.AssumeRole, dict[str, Any]) -> operation.TemporaryKeys
    given = found["Credentials"]
    expires = dates.parse_utc(given["Expiration"])
    if expires is None:  # a number, from older servers
        expires = number(given["Expiration"])
    public, private, token = (text(given[name]) for name in _TEMPORARY[:3])
    return operation.TemporaryKeys(public, private, token, expires)


_TEMPORARY = ("AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration")


def _encode_done(result):
    # type: (operation.Done) -> dict[str, Any]
    return {}


def _decode_done(op, found):
    # type: (Operation, dict[str, Any]) -> operation.Done
    return operation.Done()


#: Field of an operation: parameter.  The space is BucketName or SpaceName; the action's name gives the biz.
_PARAMETERS = {
    "type": "Type",
    "region": "Region",
    "tag": "Tag",
    "project": "ProjectId",
    "domains": "Domain",
    "offset": "Offset",
    "limit": "Limit",
    "storage_class": "StorageClass",
    "begin": "BeginTime",
    "end": "EndTime",
    "token_id": "TokenId",
    "name": "TokenName",
    "display": "Display",
    "ops": "AllowedOps",
    "prefixes": "AllowedPrefixes",
    "spaces": "AllowedBuckets",
    "expires": "ExpireTime",
    "black_ips": "BlackIPList",
    "white_ips": "WhiteIPList",
    "role": "RoleUrn",
    "session": "RoleSessionName",
    "seconds": "DurationSeconds",
    "policy": "Policy",
}


class _Action(object):
    """One operation's names on this plane: first the one that a client sends, then others that a server accepts.

    ``encode_result(result)``: the members of a response.  ``decode_result(operation, response)``.
    ``required``: fields that must be given.  ``named``: parameters with other names here.
    """

    def __init__(self, cls, names, encode_result, decode_result, required=(), **named):
        # type: (type[Operation], tuple[str, ...], _Encode, _Decode, tuple[str, ...], **str) -> None
        self.cls, self.names, self.required = cls, names, required
        self.encode_result, self.decode_result = encode_result, decode_result
        given = dict(_PARAMETERS, **named)
        self.fields = [(field, given[field]) for field in cls._fields if field not in ("space", "biz")]
        self.about_a_space = "space" in cls._fields


_ACTIONS = (
    _Action(operation.CreateSpace, ("CreateBucket", "CreateVideoSpace"), _encode_named, _decode_named),
    _Action(operation.DescribeSpace, ("DescribeBucket", "DescribeVideoSpace"), _encode_spaces, _decode_spaces),
    _Action(operation.UpdateSpace, ("UpdateBucket", "UpdateVideoSpace"), _encode_named, _decode_named),
    _Action(operation.DeleteSpace, ("DeleteBucket", "DeleteVideoSpace"), _encode_named, _decode_named),
    _Action(operation.ListSpaceFiles, ("GetFileList", "GetVideoFileBySpace"), _encode_files, _decode_files),
    _Action(operation.GetSpaceStatus, ("GetVideoSpaceStatus",), _encode_status, _decode_status, spaces="SpaceName"),
    _Action(operation.CreateToken, ("CreateUFileToken",), _encode_token, _decode_token, ("name",)),
    _Action(operation.DescribeToken, ("DescribeUFileToken",), _encode_tokens, _decode_tokens),
    _Action(operation.UpdateToken, ("UpdateUFileToken",), _encode_done, _decode_done, ("token_id",)),
    _Action(operation.AssumeRole, ("AssumeRole",), _encode_temporary, _decode_temporary),
    _Action(operation.DeleteToken, ("DeleteUFileToken",), _encode_done, _decode_done, ("token_id",)),
)
BY_CLASS = dict((action.cls, action) for action in _ACTIONS)  # type: dict[type, _Action]
BY_NAME = dict((name, action) for action in _ACTIONS for name in action.names)
#: Name of a management call: its operation.
OPERATIONS = dict((name, action.cls) for name, action in BY_NAME.items())
