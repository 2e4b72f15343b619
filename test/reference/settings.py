"""The tables of docs/settings.md: every setting of a client and of the command, and every option of the server."""

from __future__ import annotations

import dataclasses

import click

from test.reference.section import table
from test.reference.setting_texts import MORE, OPTIONS, SDK, TEXTS
from ucloud.uvideo import config
from uvideo import Settings
from uvideo.cli import i18n, program, verb_command

__all__ = ["PAGES", "fields", "sections", "server_options"]

PAGES = {"en": "docs/settings.md", "zh": "docs/settings.zh.md"}


def code(text: object) -> str:
    return f"`{text}`" if text not in ("", None) else ""


def fields() -> dict[str, object]:
    """{name: default} of the settings of a client."""
    return {each.name: each.default for each in dataclasses.fields(Settings)}


def shown(default: object) -> str:
    """A default as it is written in the environment."""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, (float, int)):
        return f"`{default:.15g}`"
    return code(default) if isinstance(default, (str, click.Path)) else ""


def client(language: str) -> str:
    head = {
        "en": ("argument = key of the file", "variable", "option", "default", "unit or values", "meaning"),
        "zh": ("参数 = 文件中的键", "环境变量", "选项", "默认值", "单位或取值", "含义"),
    }
    rows = []
    for name, default in fields().items():
        text = TEXTS[name]
        said = (text.unit, text.meaning) if language == "en" else (text.unit_zh, text.meaning_zh)
        rows.append((code(name), code(f"UVIDEO_{name.upper()}"), code(OPTIONS.get(name)), shown(default), *said))
    return table(head[language], rows)


def more(language: str) -> str:
    head = {
        "en": ("argument", "variable", "key of the file", "option", "meaning"),
        "zh": ("参数", "环境变量", "文件中的键", "选项", "含义"),
    }
    rows = [(*map(code, names), meaning if language == "en" else chinese) for names, meaning, chinese in MORE]
    return table(head[language], rows)


def sdk(language: str) -> str:
    head = {"en": ("argument", "default", "meaning"), "zh": ("参数", "默认值", "含义")}
    unset = config.Defaults()
    rows = []
    for name, (meaning, chinese) in SDK.items():
        default = unset.get(name)
        written = "-" if default is None else code(repr(default))
        rows.append((code(name), written, meaning if language == "en" else chinese))
    return table(head[language], rows)


def server_options() -> list[click.Parameter]:
    """The options of uvideo serve, without those of every verb."""
    serve = program.commands.get_command(click.Context(program.commands), "serve")
    assert isinstance(serve, verb_command.VerbCommand)
    return [each for each in serve.params if isinstance(each, click.Option) and not getattr(each, "common", False)]


def server(language: str) -> str:
    head = {"en": ("option", "variable", "default", "meaning"), "zh": ("选项", "环境变量", "默认值", "含义")}
    say = i18n.chinese() if language == "zh" else {}
    rows = []
    for each in server_options():
        english = " ".join(str(getattr(each, "english", "")).split())
        words = {" ".join(key.split()): text for key, text in say.items()}
        names = " ".join([*each.opts, *each.secondary_opts])
        variable = f"UVIDEO_SERVE_{str(each.name).upper()}"
        text = words.get(english, english).replace("<", "\\<").replace("*", "\\*")
        rows.append((code(names), code(variable), shown(each.default), text))
    return table(head[language], rows)


def sections(language: str) -> dict[str, str]:
    """{name of the section: its content}"""
    return {
        "client": client(language),
        "more": more(language),
        "sdk": sdk(language),
        "server": server(language),
    }
