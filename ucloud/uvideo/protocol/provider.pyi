from typing import NamedTuple, NoReturn, TypeVar

T = TypeVar("T")

class Provider(NamedTuple):
    name: str
    upload: str
    download: str
    api: str
    word: str
    region: str
    domains: tuple[str, ...]

PROVIDERS: dict[str, Provider]

class Suffix(NamedTuple):
    scheme: str
    host: str
    shared: bool
    def origin(self, space: str) -> str: ...

def named(place: T | Missing) -> T: ...
def owner_of(host: str) -> Provider | None: ...
def is_loopback(host: str) -> bool: ...
def check_domain(value: str) -> str: ...
def domain_of(host: str) -> str | None: ...
def parse_suffix(value: str, name: str = "suffix") -> Suffix: ...

class Missing(NamedTuple):
    reason: str
    @property
    def scheme(self) -> NoReturn: ...
    @property
    def host(self) -> NoReturn: ...
    @property
    def shared(self) -> NoReturn: ...
    def origin(self, space: str) -> NoReturn: ...
    def refuse(self) -> NoReturn: ...

class Hosts(NamedTuple):
    upload: Suffix | Missing
    download: Suffix | Missing
    api: str | Missing
    word: str
    region: str
    def suffixes(self) -> list[Suffix]: ...
    def plain(self) -> list[str]: ...

def resolve(
    provider: str,
    upload: str | None = None,
    download: str | None = None,
    api: str | None = None,
    region: str | None = None,
    word: str | None = None,
    ssl: bool | None = None,
    names: tuple[str, str, str] = ...,
) -> Hosts: ...
def choose(value: str, name: str, ssl: bool | None) -> Suffix: ...
