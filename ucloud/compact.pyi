from io import BytesIO as BytesIO
from io import StringIO as StringIO
from typing import Any
from urllib.parse import urlparse as urlparse

is_py2: bool
is_py3: bool
builtin_str: type
bytes: type
str: type
basestring: Any
numeric_types: tuple[type, ...]

def b(data: object) -> Any: ...
def s(data: object) -> Any: ...
def u(data: object) -> Any: ...
