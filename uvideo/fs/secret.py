"""Options that must not show: in a repr, in JSON, or in the token by which fsspec identifies an instance."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import inspect
import os
from collections.abc import Mapping
from typing import Any

from fsspec.asyn import AsyncFileSystem
from fsspec.config import apply_config

from uvideo import Settings

__all__ = ["HidesSecrets", "Secret", "revealed"]

#: Options kept as Secret: the fields that are left out of Settings' repr.
SECRETS = tuple(each.name for each in dataclasses.fields(Settings) if not each.repr)
#: Against guessing a short secret from a token.  One for each process, as fsspec's tokens are.
_SALT = os.urandom(16)


class Secret:
    """A value that only ``reveal`` returns.  Equal values have equal reprs in one process.  Pickles have the value."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def reveal(self) -> object:
        return self._value

    def __repr__(self) -> str:
        return f"<secret {hmac.new(_SALT, str(self._value).encode(), hashlib.sha256).hexdigest()[:16]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(repr(self), repr(other))

    def __hash__(self) -> int:
        return hash(repr(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self._value,)


def revealed(options: Mapping[str, object]) -> dict[str, Any]:
    """The options with their secrets revealed."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in options.items()}


class HidesSecrets(type(AsyncFileSystem)):  # type: ignore[misc]  # mypy knows no class that is found so
    """Creates or finds an instance, as fsspec does, in any order of options.  Secret options are wrapped."""

    def __call__(cls, *args: object, **options: object) -> Any:
        options = apply_config(cls, options)
        for name in SECRETS:
            value = options.get(name)
            if value is not None and not isinstance(value, Secret):
                options[name] = Secret(value)
        return super().__call__(*args, **dict(sorted(options.items())))

    @property
    def __signature__(cls) -> inspect.Signature:
        """The options by name, which inspect would not see behind ``__call__``."""
        own = inspect.signature(cls.__init__)  # type: ignore[misc]  # of this very class
        return own.replace(parameters=list(own.parameters.values())[1:])
