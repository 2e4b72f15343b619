"""The tables of docs/errors.md: every error class, every cause of a missing response, every code of S3."""

from __future__ import annotations

import os
from collections import defaultdict
from unittest.mock import patch

from test.reference.error_texts import TEXTS
from test.reference.section import table
from ucloud.uvideo import handler
from ucloud.uvideo.protocol import cause
from ucloud.uvideo.protocol import errors as core
from uvideo import errors
from uvideo.cli import failure, i18n
from uvideo.s3 import errors as s3

__all__ = ["PAGES", "classes", "sections"]

PAGES = {"en": "docs/errors.md", "zh": "docs/errors.zh.md"}
#: RetCodes of management calls: the service's numbers lie here.
ACTION_CODES = (*range(100, 300), *range(15000, 15100))
#: (status, RetCode) of the vendor's service beside those of our server.
ELSEWHERE = ((400, -148653), (404, -148653))
Kind = type[core.UVideoError]


def classes() -> list[Kind]:
    """Every class, in the order of the tree."""

    def below(kind: Kind) -> list[Kind]:
        return [kind, *(found for child in kind.__subclasses__() for found in below(child))]

    ours = (core.__name__, errors.__name__)
    return [each for each in below(core.UVideoError) if each.__module__ in ours]


def made(kind: Kind) -> core.UVideoError:
    return errors.SomeFailed("some", None) if kind is errors.SomeFailed else kind()  # type: ignore[arg-type]


def name(kind: Kind, language: str) -> str:
    """Its name, and the one to catch it by if it is not public."""
    if kind.__name__ in errors.__all__:
        return f"`{kind.__name__}`"
    base = next(each.__name__ for each in kind.__mro__ if each.__name__ in errors.__all__)
    return f"`{kind.__name__}` (`{base}`)" if language == "en" else f"`{kind.__name__}`（`{base}`）"


def exit_code(kind: Kind) -> int:
    return failure.code(made(kind))


def sdk(kind: Kind) -> str:
    """The status_code of the SDK."""
    if kind in (errors.SomeFailed, errors.TransferBusy):
        return ""  # the SDK has no such thing
    return str(handler.failed(made(kind))[1].status_code)


def numbers(kind: type[core.Refused]) -> list[int]:
    """The RetCodes: negative of the data plane, positive of management calls."""
    found = {kind.ret_code, kind.action_code} - {None}
    found |= {code for code in ACTION_CODES if type(core.action_refusal(code)) is kind}
    found |= {code for status, code in ELSEWHERE if type(core.refusal(status, code)) is kind}
    return sorted(found)  # type: ignore[type-var]


def refusals(language: str) -> str:
    head = {
        "en": ("error", "HTTP", "RetCode", "S3", "exit", "text", "meaning", "what to do"),
        "zh": ("错误", "HTTP", "RetCode", "S3", "退出码", "文本", "含义", "处理方法"),
    }
    rows = []
    for kind in core.CLASSES:
        code = s3.of(kind()).code
        rows.append(
            (name(kind, language), kind.status, ", ".join(map(str, numbers(kind))), f"`{code}`", exit_code(kind))
        )
        rows[-1] += (f"`{kind.message}`", *_texts(kind, language))  # type: ignore[operator]
    return table(head[language], rows)


def others(language: str) -> str:
    """What is no refusal, and the base classes."""
    head = {
        "en": ("error", "`status_code`", "exit", "meaning", "what to do"),
        "zh": ("错误", "`status_code`", "退出码", "含义", "处理方法"),
    }
    rows = [
        (name(kind, language), "" if kind in (core.UVideoError, core.Refused) else sdk(kind), exit_code(kind))
        + _texts(kind, language)
        for kind in classes()
        if kind not in core.CLASSES
    ]
    return table(head[language], rows)


def _texts(kind: Kind, language: str) -> tuple[str, str]:
    text = TEXTS[kind.__name__]
    return (text.meaning, text.remedy) if language == "en" else (text.meaning_zh, text.remedy_zh)


def by_number(language: str) -> str:
    head = {"en": ("number", "what it is", "error"), "zh": ("数字", "是什么", "错误")}
    words = {
        "en": {"http": "HTTP status", "data": "RetCode of the data port", "action": "RetCode of a management call"},
        "zh": {"http": "HTTP 状态码", "data": "数据接口的 RetCode", "action": "管理接口的 RetCode"},
    }[language]
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for kind in core.CLASSES:
        assert kind.status is not None
        found["http", kind.status].append(f"`{kind.__name__}`")
        for code in numbers(kind):
            found["data" if code < 0 else "action", code].append(f"`{kind.__name__}`")
    order = ("http", "data", "action")
    rows = sorted(found.items(), key=lambda row: (order.index(row[0][0]), abs(row[0][1])))
    return table(head[language], [(code, words[what], ", ".join(kinds)) for (what, code), kinds in rows])


def causes(language: str) -> str:
    head = {
        "en": ("`cause`", "message", "what to do", "error", "`status_code`", "exit", "retried"),
        "zh": ("`cause`", "消息", "处理方法", "错误", "`status_code`", "退出码", "重试"),
    }
    say = i18n.chinese() if language == "zh" else {}
    answer = {"en": ("no", "yes"), "zh": ("否", "是")}[language]
    answered = {"en": "its status", "zh": "响应的状态码"}[language]
    rows = []
    for each in cause.CAUSES:
        status = answered if issubclass(each.error, core.Refused) else sdk(each.error)
        texts = [say.get(text, text) for text in (each.text, each.remedy)]
        code = exit_code(each.error)
        rows.append((f"`{each.code}`", *texts, f"`{each.error.__name__}`", status, code, answer[each.error.retryable]))
    return table(head[language], rows)


def of_s3(language: str) -> str:
    head = {"en": ("S3 code", "HTTP", "text", "error"), "zh": ("S3 错误码", "HTTP", "文本", "错误")}
    kinds: dict[str, list[str]] = defaultdict(list)
    for kind in core.CLASSES:
        kinds[s3.of(kind()).code].append(f"`{kind.__name__}`")
    rows = [(f"`{code}`", each.status, each.text, ", ".join(kinds[code])) for code, each in sorted(s3.CODES.items())]
    return table(head[language], rows)


def example(language: str) -> str:
    """What the command prints for a refusal."""
    error = errors.SignatureMismatch(status=401, ret_code=-148658, request_id="2dcaa2a8-5a5a-4c8c-9a51-0e6a4cd2f8b1")
    with patch.dict(os.environ, UVIDEO_LANG=language):
        lines = i18n.say("error: {message}", message=failure.text(error)), f"  {failure.hint(error)}"
    return "```output\n" + "".join(f"{line}\n" for line in lines) + "```\n"


def sections(language: str) -> dict[str, str]:
    """{name of the section: its content}"""
    return {
        "example": example(language),
        "numbers": by_number(language),
        "refusals": refusals(language),
        "errors": others(language),
        "causes": causes(language),
        "s3": of_s3(language),
    }
