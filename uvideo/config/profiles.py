"""Changes the configuration file: sets and removes keys of profiles, and keeps everything else, comments too.

The new content is written to a temporary file, readable by its owner only, which then replaces the file.  A lock on the
folder keeps two concurrent changes from losing one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uvideo._core import localfile
from uvideo.config.renames import NEW_NAMES
from uvideo.config.settings import DEFAULT, check, refuse_unknown
from uvideo.errors import InvalidArgument, LocalFailure

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

__all__ = ["Draft", "check_name", "edit"]

_AS_GIVEN = ("bandwidth", "multipart_threshold")  # kept as text: 10M reads better than 10485760
_NAME_LIMIT = 64
PATIENCE = 10.0  # seconds to wait for the lock


def check_name(profile: str) -> str:
    """The profile's name.  InvalidArgument unless it has only letters, digits, "-", "_" and "."."""
    plain = profile.replace("-", "").replace("_", "").replace(".", "")
    if not plain.isalnum() or len(profile) > _NAME_LIMIT:
        raise InvalidArgument(f"{profile!r} is not a valid name of a profile: use letters, digits, - and _")
    return profile


class Draft:
    """The content of a configuration file during a change."""

    def __init__(self, document: TOMLDocument) -> None:
        self._document = document

    def set(self, profile: str, name: str, value: object) -> None:
        """Set a key of a profile to text or a value of its type.  Creates the profile if it is missing."""
        checked = check(name, value)
        table = self.profile(profile)
        for old, new in NEW_NAMES.items():
            if new == name and old in table:
                del table[old]
        table[name] = value if name in _AS_GIVEN else checked

    def profile(self, name: str) -> Any:
        """The table of a profile, created if it is missing."""
        import tomlkit.items

        check_name(name)
        if "profiles" not in self._document:
            self._document["profiles"] = tomlkit.table(is_super_table=True)
        profiles: Any = self._document["profiles"]
        if not isinstance(profiles, dict) or not isinstance(profiles.get(name, {}), dict):
            raise InvalidArgument("profiles are tables, [profiles.NAME]: correct the file by hand")
        if name not in profiles:
            inline = isinstance(profiles, tomlkit.items.InlineTable)
            profiles[name] = tomlkit.inline_table() if inline else tomlkit.table()
        return profiles[name]

    def unset(self, profile: str, name: str) -> bool:
        """Remove a key of a profile, also an unknown key.  False if it is missing."""
        table = self.tables().get(profile)
        names = [name, *(old for old, new in NEW_NAMES.items() if new == name)]
        present = [each for each in names if isinstance(table, dict) and each in table]
        if not present:
            refuse_unknown((name,), "uvideo", "setting")
        for each in present:
            del table[each]
        return bool(present)

    def remove(self, profile: str) -> bool:
        """Remove a profile, and unset it as the default.  False if it is missing."""
        if profile not in self.tables():
            return False
        del self.tables()[profile]
        if self._document.get("default_profile") == profile:
            del self._document["default_profile"]
        return True

    @property
    def default(self) -> str | None:
        """The default profile's name, as in ``settings.profiles``."""
        found = self._document.get("default_profile")
        return found if isinstance(found, str) and found else DEFAULT if DEFAULT in self.tables() else None

    def use(self, profile: str) -> None:
        """Make a profile the default."""
        self._document["default_profile"] = profile

    def tables(self) -> Any:
        """{name: table} of the profiles."""
        found = self._document.get("profiles", {})
        return found if isinstance(found, dict) else {}

    def text(self) -> str:
        return self._document.as_string()


@contextlib.contextmanager
def edit(path: Path) -> Iterator[Draft]:
    """A Draft of the file, written if the block ends without an error.  InvalidArgument, LocalFailure."""
    try:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError
    except ImportError:
        raise LocalFailure(
            "to change the configuration file tomlkit is needed, which is not installed: pip install 'uvideo[cli]'"
        ) from None

    path = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.parent):
            draft = Draft(tomlkit.parse(_read(path)))
            before = draft.text()
            yield draft
            if draft.text() != before or not path.exists():
                _write(path, draft.text())
    except TOMLKitError as error:
        raise InvalidArgument(f"{path} is not TOML: {error}") from None
    except UnicodeError:
        raise InvalidArgument(f"{path} is not UTF-8") from None
    except OSError as error:
        raise LocalFailure(f"{path} cannot be changed: {error.strerror}") from None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = localfile.folder_lock(folder)
    try:
        if not localfile.lock_soon(descriptor, PATIENCE, 0.05):
            raise LocalFailure(f"another process has locked {folder} for too long")
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        localfile.write(aside, text.encode())
        localfile.replace(aside, path)
        localfile.sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
