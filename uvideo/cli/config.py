"""uvideo config: edits the profiles of the configuration file.  Secrets never appear on screen or command lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from uvideo.cli.ask import agreed, asked, secret, yes
from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind
from uvideo.cli.verb_command import Example, family, option, verb
from uvideo.config.profiles import check_name, edit
from uvideo.config.settings import PROVIDERS, SECRETS, check, config_file, is_secret, profiles, refuse_unknown
from uvideo.errors import InvalidArgument, LocalFailure, UVideoError

__all__ = ["PROFILE", "SETTING", "config"]

KEY_FILE_LIMIT = 65536
#: Environment variables for the connection, which a new profile does not set.
WAY = (
    "UVIDEO_CA_BUNDLE",
    "UVIDEO_CLIENT_CERT",
    "UVIDEO_CLIENT_KEY",
    "UVIDEO_CLIENT_KEY_PASSWORD",
    "UVIDEO_PROXY",
)


def masked(name: str, value: object) -> object:
    """A setting's value for display, with secrets masked."""
    text = str(value)
    if name == "public_key":
        return "***" + text[-4:] if len(text) > 8 else "***"
    if not is_secret(name, text):
        return value
    return "***@" + text.rpartition("@")[2] if name == "proxy" else "***"


def _profile_text(record: dict[str, Any]) -> str:
    mark = "*" if record["default"] else " "
    return f"{mark} {record['profile']}"


PROFILE = Kind("profile", {"profile": "string", "default": "boolean", "settings": "object"}, _profile_text)
SETTING = Kind(
    "setting",
    {"profile": "string", "name": "string", "value": "string?", "removed": "boolean"},
    lambda record: (
        say("{profile}: {name} is removed", profile=record["profile"], name=record["name"])
        if record["removed"]
        else f"{record['profile']}: {record['name']} = {record['value']}"
    ),
)
DEFAULT = Kind("default", {"profile": "string"}, lambda record: say("{profile} is now the default", **record))
PATH = Kind("path", {"path": "string", "exists": "boolean"}, lambda record: str(record["path"]))
REMOVED = Kind("profile_removed", {"profile": "string"}, lambda record: say("{profile} is removed", **record))

config = family(
    "config",
    text=(
        "Profiles are tables of the configuration file; options and environment variables override them. Private "
        "keys are typed without being shown, or read from a file. They are never given on the command line, where "
        "others can read them.",
    ),
    examples=[
        Example(
            "A profile for a local server, with its key pair:",
            "uvideo config init --provider local --key-file uvideo-data/credentials.json --profile lab",
        ),
        Example("List the profiles:", "uvideo config ls"),
        Example("Change one setting:", "uvideo config set retries 8 --profile home"),
    ],
)


def _path(context: Context) -> Path:
    return config_file(context.environ())


def _chosen(context: Context) -> str:
    """The name of the selected profile: --profile, UVIDEO_PROFILE, the default one, else "default"."""
    environ = context.environ()
    return context.profile or environ.get("UVIDEO_PROFILE") or _stored(context)[0] or "default"


def _stored(context: Context) -> tuple[str | None, dict[str, dict[str, Any]]]:
    """(name of the default profile, {name: settings}) from the file; unknown keys in the file are ignored here."""
    return profiles(context.environ(), strict=False)


@verb(
    "ls",
    summary="List the profiles; the default one has a star.",
    examples=[Example("With their settings:", "uvideo config ls --json")],
)
def ls(context: Context) -> None:
    default, found = _stored(context)
    for name, settings in found.items():
        context.report.result(
            PROFILE,
            profile=name,
            default=name == default,
            settings={each: masked(each, value) for each, value in settings.items()},
        )


@verb(
    "show",
    summary="Show the settings of a profile, keys masked.",
    examples=[Example("Of the profile in use:", "uvideo config show")],
)
@click.argument("name", required=False, metavar="[PROFILE]")
def show(context: Context, name: str | None) -> None:
    name = name or _chosen(context)
    found = _stored(context)[1]
    _check_known(name, found)
    for each, value in found[name].items():
        text = json.dumps(value) if isinstance(value, bool) else str(masked(each, value))
        context.report.result(SETTING, profile=name, name=each, value=text, removed=False)


def _check_known(name: str, found: Mapping[str, object]) -> None:
    """InvalidArgument if ``found`` has no profile of this name."""
    if not found:
        raise InvalidArgument(say("there is no profile yet: uvideo config init creates one"))
    if name not in found:
        raise InvalidArgument(say("there is no profile {name}; there are {names}", name=name, names=", ".join(found)))


@verb(
    "set",
    summary="Set one setting of a profile. The profile is created if it does not exist.",
    text="The command asks for a secret, or reads it from --key-file, a file or - for standard input.",
    examples=[
        Example("The host of the service:", "uvideo config set endpoint 127.0.0.1:9000 --profile lab"),
        Example("A private key from a file:", "uvideo config set private_key --key-file key.txt --profile lab"),
        Example(
            "The folder for the records of transfers:", "uvideo config set state_dir ~/.uvideo-state --profile lab"
        ),
    ],
)
@click.argument("name", metavar="SETTING")
@click.argument("value", required=False, metavar="[VALUE]")
@option("--key-file", metavar="FILE", help="Read the value from this file; - for standard input.")
def set_(context: Context, name: str, value: str | None, key_file: str | None) -> None:
    refuse_unknown((name,), "uvideo", "setting")
    if value is not None and is_secret(name, value):
        raise InvalidArgument(
            say("{name} is a secret: leave it out and type it when asked, or give --key-file", name=name)
        )
    profile = check_name(_chosen(context))
    if value is not None and key_file is not None:
        raise InvalidArgument(say("give a value or --key-file, not both"))
    if key_file is not None:
        value = _from_file(key_file, name)
    elif value is None:
        if not context.interactive:
            raise InvalidArgument(say("give a value; a secret by --key-file FILE or --key-file - (standard input)"))
        value = secret(name) if name in SECRETS - {"proxy"} else asked(name)
    check(name, value)
    with edit(_path(context)) as draft:
        draft.set(profile, name, value)
    shown = str(masked(name, value))
    context.report.item(SETTING, profile=profile, name=name, value=shown, removed=False)


def _from_file(path: str, name: str) -> str:
    """A setting's value from a file: JSON that has the setting, or the text of the file's only line.  LocalFailure."""
    content = _read(path)
    found = _json(content)
    if name in found:
        return found[name]
    lines = content.split("\n")
    if len(lines) != 1:
        raise InvalidArgument(say("{path} has several lines; it must have one line with the value alone", path=path))
    return lines[0]


def _json(content: str) -> dict[str, str]:
    """The text values of a JSON object; empty if the content is not one."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _read(path: str) -> str:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(KEY_FILE_LIMIT + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(KEY_FILE_LIMIT + 1)
        if len(data) > KEY_FILE_LIMIT:
            raise InvalidArgument(say("{path} is too large for a key", path=path))
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidArgument(say("{path} is not UTF-8", path=path)) from None
    except OSError as error:
        raise LocalFailure(f"{path}: {error.strerror}") from error


@verb(
    "unset",
    summary="Remove settings of a profile.",
    examples=[Example("One setting:", "uvideo config unset retries --profile home")],
)
@click.argument("names", nargs=-1, required=True, metavar="SETTING...")
def unset(context: Context, names: Sequence[str]) -> None:
    profile = _chosen(context)
    removed = []
    with edit(_path(context)) as draft:
        _check_known(profile, draft.tables())
        removed = [name for name in names if draft.unset(profile, name)]
    for name in names:
        if name in removed:
            context.report.item(SETTING, profile=profile, name=name, value=None, removed=True)
        else:
            context.report.tell(say("{profile} has no {name}: nothing to remove", profile=profile, name=name))


@verb(
    "use",
    summary="Make a profile the default.",
    examples=[Example("Commands without --profile use it from now on:", "uvideo config use home")],
)
@click.argument("name", metavar="PROFILE")
def use(context: Context, name: str) -> None:
    with edit(_path(context)) as draft:
        _check_known(name, draft.tables())
        draft.use(name)
    context.report.item(DEFAULT, profile=name)


@verb(
    "rm",
    summary="Remove a profile with its keys.",
    examples=[Example("Without asking:", "uvideo config rm --yes old")],
)
@click.argument("name", metavar="PROFILE")
@yes
def rm(context: Context, name: str) -> None:
    found = _stored(context)[1]
    _check_known(name, found)
    agreed(context, say("remove the profile {profile} and its keys?", profile=name))
    with edit(_path(context)) as draft:
        draft.remove(name)
    context.report.item(REMOVED, profile=name)


@verb(
    "path",
    summary="Print where the configuration file is, whether or not it exists.",
    examples=[Example("Show the file:", "ls -l $(uvideo config path)")],
)
def path(context: Context) -> None:
    found = _path(context)
    context.report.result(PATH, path=str(found), exists=found.exists())


@verb(
    "init",
    summary="Create a profile: provider, host and keys, tested by one call before they are saved.",
    text=(
        "On a terminal it asks for missing values. --key-file is JSON with public_key and private_key, like "
        "credentials.json of a local server, or the private key alone; - is standard input.",
    ),
    examples=[
        Example(
            "For a local server, without a question:",
            "uvideo config init --provider local --key-file uvideo-data/credentials.json --profile home --yes",
        ),
    ],
)
@option("--region", metavar="REGION", help="With us3: where the spaces are, such as cn-bj.")
@option("--public-key", metavar="KEY", help="The public key; the command asks for the private one.")
@option("--key-file", metavar="FILE", help="Read keys from this file; - for standard input.")
@option("--no-check", is_flag=True, help="Save the profile without a test.")
@option("--yes", "-y", "replace", is_flag=True, help="Replace a profile of that name without asking.")
def init(
    context: Context, region: str | None, public_key: str | None, key_file: str | None, no_check: bool, replace: bool
) -> None:
    name = context.profile or (asked(say("name of the profile"), "default") if context.interactive else "default")
    check_name(name)
    if name in _stored(context)[1] and not replace:
        agreed(context, say("replace the profile {name}?", name=name))
    given = _answers(context, region, public_key, key_file)
    for each, value in given.items():
        check(each, value)
    if not no_check:
        _tried(context, given)
    with edit(_path(context)) as draft:
        was_default = draft.default in (None, name)
        draft.remove(name)
        for each, value in given.items():
            draft.set(name, each, value)
        if was_default:
            draft.use(name)
    for each, value in given.items():
        context.report.item(SETTING, profile=name, name=each, value=str(masked(each, value)), removed=False)
    context.report.tell(say("saved in {path}; try: uvideo spaces --profile {name}", path=_path(context), name=name))


def _answers(context: Context, region: str | None, public_key: str | None, key_file: str | None) -> dict[str, Any]:
    """The settings of the new profile: from options, the key file, and questions if a user can be asked."""
    asks = context.interactive
    provider = context.provider or (asked(say("provider"), "auto-ai", tuple(PROVIDERS)) if asks else "auto-ai")
    given: dict[str, Any] = {"provider": provider}
    endpoint = context.endpoint or context.environ().get("UVIDEO_ENDPOINT") or None
    if endpoint is None and asks and provider == "local":
        endpoint = asked(say("host and port of the server"), "127.0.0.1:9000")
    if endpoint is not None:
        given["endpoint"] = endpoint
    if region is None and asks and provider == "us3":
        region = asked(say("region"), "cn-bj")
    if region is not None:
        given["region"] = region
    content = _read(key_file) if key_file is not None else ""
    keys = _json(content)
    public = public_key or keys.get("public_key") or (asked(say("public key")) if asks else None)
    alone = "" if content.startswith("{") else content
    private = keys.get("private_key") or alone or (secret(say("private key (not shown)")) if asks else None)
    if not public or not private:
        raise InvalidArgument(say("give --public-key and --key-file, or run this on a terminal, which asks for them"))
    given.update(public_key=public, private_key=private)
    if "security_token" in keys:
        given["security_token"] = keys["security_token"]
    return given


def _tried(context: Context, given: dict[str, Any]) -> None:
    """List the spaces with these settings.  On failure the user decides; if nobody can be asked, the command ends."""
    from uvideo import Client, Retry

    context.report.tell(say("testing the keys ..."))
    try:
        way = {name: value for name, value in context.environ().items() if name in WAY}
        way["UVIDEO_CONFIG"] = os.devnull  # use no other profile's settings
        with Client(environ=way, retry=Retry(1, 0.2, 1.0, 2.0, 15.0, 30.0), **given) as client:
            page = next(client.list_spaces().pages())
    except UVideoError as error:
        code = context.report.error(error)
        if not context.interactive:
            context.report.tell(say("nothing was saved; --no-check saves a profile without this test"))
            raise click.exceptions.Exit(code) from None
        agreed(context, say("save the profile anyway?"))
        return
    context.report.tell(
        say("the service accepts the keys; spaces: {count}", count=f"{len(page.items)}{'+' * bool(page.marker)}")
    )


for each in (ls, show, set_, unset, use, rm, path, init):
    config.add_command(each)
