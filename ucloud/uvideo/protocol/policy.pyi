from collections.abc import Mapping
from typing import NamedTuple

from .message import Headers, Response

LIMIT: int
MEMBERS: frozenset[str]
FORM: str
JSON: str

class Policy(NamedTuple):
    url: str
    body: bytes
    mime: str

def build(url: str, body: str, mime: str | None = None, variables: Mapping[str, str] | None = None) -> str: ...
def parse(text: str) -> Policy: ...
def of(headers: Headers) -> Policy | None: ...
def passed_through(response: Response, body: bytes) -> Response: ...
