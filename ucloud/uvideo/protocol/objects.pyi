from collections.abc import Callable
from typing import Any

SIZE_LIMIT: int
TAGS_LIMIT: int
TAG_KEY_LIMIT: int
TAG_VALUE_LIMIT: int
ENCODE: dict[type, Callable[..., Any]]
DECODE: dict[type, Callable[..., Any]]

def build_tags(tags: tuple[tuple[str, str], ...]) -> bytes: ...
def parse_tags(found: object) -> tuple[tuple[str, str], ...]: ...
