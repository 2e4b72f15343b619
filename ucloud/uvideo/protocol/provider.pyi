from typing import NamedTuple

class Provider(NamedTuple):
    name: str
    upload: str
    download: str
    api: str | None
    word: str
    region: str

PROVIDERS: dict[str, Provider]

class Suffix(NamedTuple):
    scheme: str
    host: str
    shared: bool
    def origin(self, space: str) -> str: ...

def is_loopback(host: str) -> bool: ...
def check_domain(value: str) -> str: ...
def domain_of(host: str) -> str | None: ...
def parse_suffix(value: str, name: str = "suffix") -> Suffix: ...

class Hosts(NamedTuple):
    upload: Suffix
    download: Suffix
    api: str
    word: str
    region: str
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
