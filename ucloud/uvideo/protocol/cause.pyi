from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import UVideoError

LONGEST: int

class Cause(NamedTuple):
    code: str
    error: type[UVideoError]
    text: str
    remedy: str

CAUSES: tuple[Cause, ...]

def told(
    code: str, host: str | None = None, context: Mapping[str, Any] | None = None, **facts: object
) -> UVideoError: ...
def said(value: object) -> str: ...
