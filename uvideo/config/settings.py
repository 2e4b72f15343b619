"""A client's settings: from arguments, else environment, else profile, else defaults.

    UVIDEO_PUBLIC_KEY=...  UVIDEO_PRIVATE_KEY=...  UVIDEO_ENDPOINT=127.0.0.1:9000

Each field of Settings can be given as UVIDEO_<FIELD>.  A profile is a table of the configuration file,
~/.config/uvideo/config.toml or the path in UVIDEO_CONFIG:

    default_profile = "home"
    [profiles.home]
    endpoint = "127.0.0.1:9000"
    public_key = "..."
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import logging
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uvideo._core import localfile, provider, signature
from uvideo.config import setting_checks as checks
from uvideo.config.renames import NEW_NAMES, explained, renamed
from uvideo.errors import InvalidArgument
from uvideo.models import T

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.client.options import Given

__all__ = ["Settings", "load"]

Credentials = signature.Credentials
Hosts = provider.Hosts
PROVIDERS, resolve = provider.PROVIDERS, provider.resolve  # under these names, as Settings has a field called provider

_log = logging.getLogger("uvideo")

_PREFIX = "UVIDEO_"
DEFAULT = "default"  # the profile used if none is named
#: Environment variables with our prefix that are not settings: the server's and the tests'.
_OTHERS = ("UVIDEO_SERVE", "UVIDEO_TEST_", "UVIDEO_REQUIRE_", "UVIDEO_PROFILE", "UVIDEO_CONFIG", "_UVIDEO")


def setting(default: T, check: checks.Check, repr: bool = True) -> T:
    """A field of Settings.  repr: False for a secret."""
    made: T = field(default=default, repr=repr, metadata={"check": check})
    return made


@dataclass(frozen=True, slots=True)
class Settings:
    """How a client reaches the service.  Immutable.  Made by ``load``, which checks every value.

    public_key, private_key: the key pair; without one the client is anonymous.  security_token: of a temporary key
    pair.  provider: auto-ai, ucloud, us3 or local.  endpoint, download_endpoint, api_url: hosts or URLs in place of the
    provider's; endpoint alone replaces all three.  word: UCloud or AutoAI, the first word of Authorization.  region:
    with provider us3, where the spaces are, for example cn-bj.  timeout: the most seconds of silence.  connect_timeout:
    seconds to connect, with lookup and TLS.  attempt_timeout: seconds for one try, None for no limit.  total_timeout:
    seconds for all tries and waits of a call, also of an upload or a download.  retries: the most retries of a request.
    retry_budget: the most seconds for all waits of a call together.  expires: seconds until a signed URL expires.
    part_jobs: parts transferred at the same time.  bandwidth: bytes a second in each direction, None for no limit.
    checksum: hash what is transferred, and compare etags.  multipart_threshold: larger objects, in bytes, are sent in
    parts.  ca_bundle: file or folder of CA certificates.  client_cert, client_key: PEM files.  client_key_password: of
    an encrypted key.  proxy: URL, "" for none, None: the environment decides.  pool_size: for Client, connections to
    each host that are kept open for later requests (32); for AsyncClient, the most connections at the same time (256),
    so that further requests wait.  state_dir: folder of the records of unfinished transfers.  user_agent: in place of
    uvideo-python and its version.  space_parameter: BucketName or SpaceName, how the management API is told a space.
    video_actions: use the actions *VideoSpace of the management API.
    """

    public_key: str | None = setting(None, checks.key)
    private_key: str | None = setting(None, checks.key, repr=False)
    security_token: str | None = setting(None, checks.key, repr=False)
    provider: str = setting("auto-ai", checks.one_of(PROVIDERS))
    endpoint: str | None = setting(None, checks.said)
    download_endpoint: str | None = setting(None, checks.said)
    api_url: str | None = setting(None, checks.said)
    region: str | None = setting(None, checks.said)
    word: str | None = setting(None, checks.one_of(signature.WORDS))
    timeout: float = setting(60.0, checks.number(0, 1e6))
    connect_timeout: float = setting(10.0, checks.number(0, 1e6))
    attempt_timeout: float | None = setting(None, checks.number(0, 1e7))
    total_timeout: float | None = setting(None, checks.number(0, 1e7))
    retries: int = setting(5, checks.whole_number(0, 100))
    retry_budget: float = setting(120.0, checks.number(0, 1e7))
    expires: int = setting(3600, checks.whole_number(1, 10**9))
    part_jobs: int = setting(4, checks.whole_number(1, 64))
    bandwidth: int | None = setting(None, checks.bandwidth)
    checksum: bool = setting(True, checks.flag)
    multipart_threshold: int = setting(8 << 20, checks.size)
    ca_bundle: str | None = setting(None, checks.path)
    client_cert: str | None = setting(None, checks.path)
    client_key: str | None = setting(None, checks.path)
    client_key_password: str | None = setting(None, checks.password, repr=False)
    proxy: str | None = setting(None, checks.proxy_url, repr=False)
    user_agent: str | None = setting(None, checks.said)
    state_dir: str | None = setting(None, checks.path)
    space_parameter: str = setting("BucketName", checks.one_of(("BucketName", "SpaceName")))
    video_actions: bool = setting(False, checks.flag)
    pool_size: int | None = setting(None, checks.whole_number(1, 10000))

    def hosts(self) -> Hosts:
        """All hosts; one may be Missing (provider.resolve).  InvalidArgument for an invalid host."""
        given = self.endpoint, self.download_endpoint, self.api_url
        names = "endpoint", "download_endpoint", "api_url"
        return resolve(self.provider, *given, self.region, self.word, names=names)

    def place(self) -> str:
        """The name of the upload host, for messages."""
        suffix = self.hosts().upload
        return "no host" if isinstance(suffix, provider.Missing) else suffix.host

    def credentials(self) -> Credentials | None:
        """The key pair; None for an anonymous client."""
        if self.public_key is None or self.private_key is None:
            return None
        return Credentials(self.public_key, self.private_key, self.security_token)

    def state(self) -> Path:
        """The folder of unfinished transfers' records."""
        if self.state_dir:
            return Path(self.state_dir).expanduser()
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(base).expanduser() / "uvideo"


FIELDS = {each.name: each for each in dataclasses.fields(Settings)}
KEYS = frozenset(("public_key", "private_key", "security_token"))
#: Fields that must not show in a repr.  The URL of a proxy may have a password.
SECRETS = frozenset(each.name for each in dataclasses.fields(Settings) if not each.repr)
#: Fields of lower layers that are ignored if a layer has an endpoint: their hosts belong to another service.
_BESIDE = frozenset(("download_endpoint", "api_url"))


def is_secret(name: str, value: object) -> bool:
    """Whether a field's value must never be printed or put on a command line.  A proxy only if it has a password."""
    return name in SECRETS and (name != "proxy" or "@" in str(value))


def load(
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    **given: Unpack[Given],
) -> Settings:
    """The Settings from arguments, environment, profile and defaults, in this order.

    ``given``: fields of Settings; None means not given.  ``profile``: a table of the configuration file, by default
    UVIDEO_PROFILE or the file's default_profile.  InvalidArgument for a bad value or an unknown name; the error names
    the nearest known one.
    """
    values = _merged(profile, os.environ if environ is None else environ, given)
    checked = {name: check(name, value) for name, (_, value) in values.items()}
    found = Settings(**checked)
    if (found.public_key is None) != (found.private_key is None):
        missing = "private_key" if found.private_key is None else "public_key"
        raise InvalidArgument(f"{missing} is missing: give both keys, or neither for an anonymous client")
    if found.client_key is not None and found.client_cert is None:
        raise InvalidArgument("client_key is set without client_cert: set both")
    found.hosts()
    return found


def origins(
    profile: str | None = None, environ: Mapping[str, str] | None = None, **given: Unpack[Given]
) -> dict[str, str]:
    """The source of each field that is not a default: "argument", a variable's name or "profile NAME"."""
    values = _merged(profile, os.environ if environ is None else environ, given)
    return {name: origin for name, (origin, _) in values.items()}


def check(name: str, value: object) -> Any:
    """A field's value in the type of Settings, from text or from such a value.  InvalidArgument."""
    refuse_unknown((name,), "uvideo", "setting")
    return FIELDS[name].metadata["check"](name, value)


def _merged(
    profile: str | None, environ: Mapping[str, str], given: Mapping[str, object]
) -> dict[str, tuple[str, object]]:
    """{field: (source, value)} of every layer but the defaults.  The values are not checked yet."""
    refuse_unknown(given, "Client", "option")
    title, table = _profile(profile or environ.get("UVIDEO_PROFILE"), environ)
    layers = (
        {name: (f"profile {title}", value) for name, value in table.items()},
        {name: (_PREFIX + name.upper(), value) for name, value in _environment(environ).items()},
        {name: ("argument", value) for name, value in given.items() if value is not None},
    )
    found: dict[str, tuple[str, object]] = {}
    for layer in layers:
        gone = KEYS if KEYS & layer.keys() else frozenset[str]()  # both keys are taken from one layer
        gone |= _BESIDE if "endpoint" in layer else gone
        found = {name: value for name, value in found.items() if name not in gone}
        found.update(layer)
    if not KEYS & found.keys():
        found.update({name: ("UCLOUD_" + name.upper(), value) for name, value in _vendor(environ).items()})
    return found


def refuse_unknown(names: Iterable[str], where: str, kind: str) -> None:
    """InvalidArgument for a name that is no field; it names the nearest one."""
    for name in names:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1, 0.5)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(FIELDS)}"
            hint = explained(name) or hint
            raise InvalidArgument(f"{where} has no {kind} {name}{hint}")


# Environment


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for variable, text in environ.items():
        if not variable.startswith(_PREFIX) or variable.startswith(_OTHERS) or text == "":
            continue
        name = variable[len(_PREFIX) :].lower()
        if name in FIELDS:
            found[name] = text
        elif name in NEW_NAMES:
            raise InvalidArgument(f"{variable} is not a setting{explained(name)}")
        elif near := difflib.get_close_matches(name, FIELDS, 1, 0.8):
            _log.warning(
                "%s is not a setting and has no effect; did you mean %s%s?", variable, _PREFIX, near[0].upper()
            )
    return found


def _vendor(environ: Mapping[str, str]) -> dict[str, str]:
    """The key pair in the variables of the vendor's other SDKs; empty without one."""
    pair = {name: environ.get("UCLOUD_" + name.upper(), "") for name in ("public_key", "private_key")}
    return pair if all(pair.values()) else {}


# Profile


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """The path of the configuration file, which need not exist."""
    environ = os.environ if environ is None else environ
    if environ.get("UVIDEO_CONFIG"):
        return Path(environ["UVIDEO_CONFIG"]).expanduser()
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "uvideo" / "config.toml"


def profiles(
    environ: Mapping[str, str] | None = None, *, strict: bool = True
) -> tuple[str | None, dict[str, dict[str, Any]]]:
    """(the default profile's name, {name: table}) of the configuration file; (None, {}) without one.  InvalidArgument.

    The default is default_profile, or else the profile called "default".  strict: refuse unknown keys in a profile.
    """
    path = config_file(environ)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None, {}
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidArgument(f"{path} cannot be read: {reason}") from None
    document = _parsed(path, content)
    unknown = set(document) - {"default_profile", "profiles"}
    if unknown:
        raise InvalidArgument(f"{path} has no key {min(unknown)}; there are default_profile and [profiles.NAME]")
    found = document.get("profiles", {})
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
        raise InvalidArgument(f"{path}: profiles are tables, [profiles.NAME]")
    found = {title: renamed(table) for title, table in found.items()}
    for title, table in found.items():
        if strict:
            refuse_unknown(table, f"{path}: [profiles.{title}]", "key")
        secret = any(is_secret(name, value) for name, value in table.items())
        if secret and localfile.is_open_to_others(path.stat(), stat.S_IRGRP | stat.S_IROTH):
            _log.warning("%s contains a secret, and others can read it: run chmod 600 on it", path)
    default = document.get("default_profile")
    if default is not None and not isinstance(default, str):
        raise InvalidArgument(f"{path}: default_profile must be text")
    return default or (DEFAULT if DEFAULT in found else None), found


def _profile(name: str | None, environ: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """(name, table) of the profile to use; ("", {}) without one."""
    path = config_file(environ)
    if (name is not None or environ.get("UVIDEO_CONFIG")) and not path.exists():
        raise InvalidArgument(f"there is no configuration file {path}")
    default, found = profiles(environ)
    chosen = name or default
    if chosen is None:
        return "", {}
    if chosen not in found:
        near = difflib.get_close_matches(chosen, list(found), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InvalidArgument(f"{path} has no profile {chosen}{hint}")
    return chosen, found[chosen]


def _parsed(path: Path, content: str) -> dict[str, Any]:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        document: dict[str, Any] = toml.loads(content)
    except ValueError as error:
        raise InvalidArgument(f"{path} is not TOML: {error}") from None
    return document
