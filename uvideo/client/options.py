"""The options that clients, transfers and the filesystem take by name, for type checkers and editors."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypedDict, TypeVar

from uvideo.config.renames import check_old_names

if TYPE_CHECKING:
    from uvideo.client.cancel import Cancel
    from uvideo.models import Progress
    from uvideo.transfer.limit import Limit

__all__ = [
    "ClientOptions",
    "CopyOptions",
    "DownloadOptions",
    "Given",
    "OpenOptions",
    "PresignOptions",
    "PutOptions",
    "ReadOptions",
    "ResumeOptions",
    "SettingsOptions",
    "SpaceOptions",
    "StoredOptions",
    "UploadOptions",
    "WriteOptions",
    "check_names",
    "listing_options",
]


class SettingsOptions(TypedDict, total=False):
    """The fields of Settings without the key pair.  None means not given."""

    security_token: str | None
    provider: str | None
    endpoint: str | None
    download_endpoint: str | None
    api_url: str | None
    region: str | None
    word: str | None
    timeout: float | None
    connect_timeout: float | None
    attempt_timeout: float | None
    total_timeout: float | None
    retries: int | None
    retry_budget: float | None
    expires: int | None
    part_jobs: int | None
    bandwidth: int | str | None
    checksum: bool | None
    multipart_threshold: int | str | None
    ca_bundle: str | os.PathLike[str] | None
    client_cert: str | os.PathLike[str] | None
    client_key: str | os.PathLike[str] | None
    client_key_password: str | None
    proxy: str | None
    pool_size: int | None
    user_agent: str | None
    state_dir: str | os.PathLike[str] | None
    space_parameter: str | None
    video_actions: bool | None


class Given(SettingsOptions, total=False):
    """Every field of Settings."""

    public_key: str | None
    private_key: str | None


class ClientOptions(SettingsOptions, total=False):
    """profile: a table of the configuration file.  environ: in place of this process's environment."""

    profile: str | None
    environ: Mapping[str, str] | None


class ResumeOptions(TypedDict, total=False):
    """The options of Client.resume, which every transfer has."""

    part_jobs: int | None
    bandwidth: int | Limit | None
    progress: Callable[[Progress], None] | None
    cancel: Cancel | None
    deadline: float | None


class TransferOptions(ResumeOptions, total=False):
    """The options that uploads and downloads share."""

    journal: bool
    checksum: bool | None
    times: bool


class KeptOptions(TypedDict, total=False):
    """Properties to store with each of many objects."""

    storage_class: str | None
    metadata: Mapping[str, str] | None
    headers: Mapping[str, str] | None


class StoredOptions(KeptOptions, total=False):
    """Properties to store with an object."""

    mime: str | None


class PutOptions(StoredOptions, total=False):
    """The options of Client.put but ``if_absent`` and ``checksum``."""

    acl: str | None


class UploadOptions(TransferOptions, StoredOptions, total=False):
    """The options of Client.upload."""


class DownloadOptions(TransferOptions, total=False):
    """The options of Client.download."""

    start: int | None
    end: int | None


class CopyOptions(StoredOptions, total=False):
    """The options of Client.copy."""

    part_jobs: int | None
    progress: Callable[[Progress], None] | None
    cancel: Cancel | None
    checksum: bool | None
    threshold: int | None


class ReadOptions(TypedDict, total=False):
    """The options of Client.open with mode rb."""

    cache: int | None
    bandwidth: int | Limit | None
    cancel: Cancel | None
    deadline: float | None
    checksum: bool | None


class WriteOptions(ResumeOptions, StoredOptions, total=False):
    """The options of Client.open with mode wb."""

    checksum: bool | None


class OpenOptions(WriteOptions, total=False):
    """The options of Client.open with either mode."""

    cache: int | None


class PresignOptions(TypedDict, total=False):
    """The options of Client.presign but ``expires``."""

    method: str
    mime: str | None
    md5: str | None
    filename: str | None


class SpaceOptions(TypedDict, total=False):
    """The options of Client.create_space."""

    type: str
    region: str | None
    domains: Iterable[str]


F = TypeVar("F", bound=Callable[..., object])


def listing_options(taken: type, **defaults: object) -> Callable[[F], F]:
    """Show each option of the TypedDict ``taken`` in the signature of a function that takes them as ``**options``.

    So ``help()``, ``inspect`` and editors list them one by one; type checkers know them from the TypedDict.  defaults:
    those that are not None.
    """

    def shown(function: F) -> F:
        own = inspect.signature(function)
        named = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
        listed = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(name),
                annotation=getattr(type_, "__forward_arg__", type_),
            )
            for name, type_ in taken.__annotations__.items()
        ]
        vars(function)["__signature__"] = own.replace(parameters=[*named, *listed])
        return function

    return shown


def check_names(function: str, given: Mapping[str, object], taken: type) -> None:
    """TypeError for an option that is not in the TypedDict ``taken``, as Python raises for a keyword."""
    check_old_names(function, given)
    for name in given.keys() - taken.__annotations__.keys():
        raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
