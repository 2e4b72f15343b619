from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple, overload

REFUSAL: int

class Slice(NamedTuple):
    offset: int
    length: int

class Headers:
    pairs: list[tuple[str, str]]
    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None: ...
    @overload
    def get(self, name: str, default: None = None) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def has_any(self, names: frozenset[str]) -> bool: ...
    def all(self, name: str) -> list[str]: ...
    def add(self, name: str, value: str) -> None: ...
    def __iter__(self) -> Iterator[tuple[str, str]]: ...
    def __len__(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    def __ne__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

class Request(NamedTuple):
    method: str
    origin: str
    target: str
    headers: Headers
    body: bytes

class Response(NamedTuple):
    status: int
    headers: Headers
    body: bytes
