import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .message import Headers

WORDS: tuple[str, ...]
TOKEN: str
POLICIES: tuple[str, ...]
EXPIRES_DIGITS: int
ENDLESS: str

class Credentials(NamedTuple):
    public_key: str
    private_key: str
    security_token: str | None = None

class Claim(NamedTuple):
    word: str | None
    public_key: str
    signature: str
    expires: str | None
    policy: str
    @property
    def is_endless(self) -> bool: ...

def canonical_headers(headers: Iterable[tuple[str, str]], word: str = "UCloud") -> str: ...
def sign(private_key: str, text: str) -> str: ...
def string_to_sign(
    method: str,
    space: str,
    key: str,
    md5: str = "",
    mime: str = "",
    date: str = "",
    canonical: str = "",
    tail: str = "",
    policy: str = "",
) -> str: ...
def signs_another(method: str, key: str) -> bool: ...
def authorization(
    credentials: Credentials,
    method: str,
    space: str,
    key: str,
    headers: Headers,
    word: str = "UCloud",
    policy: str | None = None,
) -> str: ...
def signed_query(
    credentials: Credentials, method: str, space: str, key: str, expires: int, mime: str = "", md5: str = ""
) -> str: ...
def claim(headers: Headers, query: Iterable[tuple[str, str]]) -> Claim | None: ...
def read_authorization(value: str) -> Claim: ...
def candidates(
    claimed: Claim,
    method: str,
    space: str,
    keys: Sequence[str],
    headers: Headers,
    tails: Sequence[str] = ("",),
    mime: str | None = None,
) -> Iterator[str]: ...

class Signed(NamedTuple):
    headers: Mapping[str, str]
    tail: str
    @property
    def is_copy(self) -> bool: ...

def read_text(text: str, space: str, key: str, policy: str = "") -> Signed: ...
def list_tail(query: Iterable[tuple[str, str]]) -> str: ...
def variants(method: str, key: str, query: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]: ...
def is_appending(key: str) -> re.Match[str] | None: ...
def equal(left: str | bytes, right: str | bytes) -> bool: ...
def verify(claimed: Claim, private_key: str, texts: Iterable[str], now: float) -> str: ...
def parameter_text(value: str | bytes | float) -> str: ...
def action_signature(private_key: str, parameters: Mapping[str, str | bytes | float]) -> str: ...
