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

def b(data: Any) -> Any: ...
def s(data: Any) -> Any: ...
def u(data: Any) -> Any: ...
