from collections.abc import Mapping

from .message import Headers

FORM: str

def is_form(headers: Headers) -> bool: ...
def readings(
    headers: Headers, fields: Mapping[str, str], mime: str, key: str = ""
) -> tuple[str, list[Headers]]: ...
