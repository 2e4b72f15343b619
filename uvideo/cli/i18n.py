"""The languages of the command: ``say`` returns every message in English or, under a Chinese locale, in Chinese."""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
from functools import cache

__all__ = ["language", "logged", "say"]

#: Environment variables with the language; the first that is set is used.
VARIABLES = ("UVIDEO_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def language() -> str:
    """The user's language: "zh" or "en"."""
    for name in VARIABLES:
        value = os.environ.get(name)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


@cache
def chinese() -> dict[str, str]:
    """{English text: Chinese text} from all modules of uvideo.cli.locale.zh."""
    package = importlib.import_module("uvideo.cli.locale.zh")
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(package.__path__):
        found.update(importlib.import_module(f"uvideo.cli.locale.zh.{module.name}").WORDS)
    return found


def say(text: str, /, **values: object) -> str:
    """``text`` in the user's language, with ``values`` in its {places}.  Without values braces are literal."""
    if language() == "zh":
        text = chinese().get(text, text)
    return text.format(**values) if values else text


def logged(record: logging.LogRecord) -> str:
    """The message of a record of the log in the user's language."""
    translated = chinese().get(str(record.msg)) if language() == "zh" else None
    return translated % record.args if translated is not None and record.args else translated or record.getMessage()
