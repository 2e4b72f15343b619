"""A docstring as Markdown for the reference: its text, then lists of parameters and errors, and examples as code.

What a docstring says in plain text is found by its form: ``name: meaning`` of a parameter up to the next one or to the
paragraph's end, a sentence that begins with an error's class, and an example, which is indented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

from uvideo import errors

_SENTENCE = re.compile(r"(?<=\.)\s+")
_NAMES = re.compile(r"((?:``)?\w+(?:``)?(?:, (?:``)?\w+(?:``)?)*): (?=\S)")
_RAISES = re.compile(rf"(?:{'|'.join(errors.__all__)}|\w+Error|Raises)\b")
_ERROR = re.compile(rf"\b({'|'.join(sorted(errors.__all__, key=len, reverse=True))})\b")


@dataclass(frozen=True)
class Parameter:
    """name: with its stars.  kind: the type as text, "" if unknown.  default: as text, None if it is required."""

    name: str
    kind: str = ""
    default: str | None = None


@dataclass
class Found:
    """What a docstring says."""

    text: list[str]
    meanings: dict[str, str]
    errors: list[str]


def paragraphs(docstring: str) -> list[str]:
    return [each.strip("\n") for each in re.split(r"\n[ \t]*\n", docstring.strip("\n"))]


def found(docstring: str, names: Sequence[str]) -> Found:
    """The text of a docstring, and what it says of the parameters and of errors."""
    known, made = {name.lstrip("*") for name in names}, Found([], {}, [])
    for paragraph in paragraphs(docstring):
        lines = paragraph.split("\n")
        if all(line.startswith("    ") for line in lines):
            made.text.append(example(paragraph))
            continue
        if any(line.startswith((" ", "- ", "|", "* ")) for line in lines):  # a list, a table or a drawing
            made.text.append(paragraph)
            continue
        of: list[str] = []  # the parameters whose meaning goes on
        left: list[str] = []
        for sentence in _SENTENCE.split(" ".join(line.strip() for line in lines)):
            opened = _NAMES.match(sentence)
            named = opened[1].replace("`", "").split(", ") if opened else []
            if opened and known.issuperset(named):
                of = named
                for name in of:
                    made.meanings[name] = sentence[opened.end() :]
            elif _RAISES.match(sentence):
                of = []
                made.errors.append(sentence)
            elif of:
                for name in of:
                    made.meanings[name] += " " + sentence
            else:
                left.append(sentence)
        if left:
            made.text.append(" ".join(left))
    return made


def example(paragraph: str) -> str:
    code = dedent(paragraph)
    return f"```python\n{code}\n```"


def linked(text: str) -> str:
    """Errors as links to their entries."""
    return _ERROR.sub(lambda match: f"[{match[1]}][uvideo.errors.{match[1]}]", text)


def markdown(
    docstring: str, parameters: Sequence[Parameter], meanings: Mapping[str, str] = {}, title: str = "Parameters"
) -> str:
    """meanings: of parameters of which the docstring says nothing."""
    said = found(docstring, [each.name for each in parameters])
    blocks = list(said.text)
    if parameters:
        blocks.append(f"**{title}**")
        blocks.append("\n".join(_entry(each, {**meanings, **said.meanings}) for each in parameters))
    if said.errors:
        blocks.append("**Errors**")
        blocks.append("\n".join(f"- {linked(each)}" for each in said.errors))
    return "\n\n".join(blocks)


def _entry(parameter: Parameter, meanings: Mapping[str, str]) -> str:
    meaning = meanings.get(parameter.name.lstrip("*"), "")
    kind = f" `{parameter.kind}`" if parameter.kind else ""
    default = "" if parameter.default is None else f", by default `{parameter.default}`"
    return f"- `{parameter.name}`{kind}{default}{': ' + linked(meaning) if meaning else ''}".rstrip()
