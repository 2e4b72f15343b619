"""What `make lint` finds in prose, and what it leaves out."""

from __future__ import annotations

import pytest

pytest.importorskip("proselint", reason="make lint installs it")

from test import prose


def rules(text: str) -> list[str]:
    return [line.split(": ")[1] for line in prose.found("page.md", prose.hidden(text), prose.config())]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Any of them, say, the first.", "plain"),
        ("It was told in order to stop.", "plain"),
        ("It is in the the list.", "plain.repeated"),
        ("One " + "and one more " * 14 + "thing.", "plain.long"),
        ("It goes on for ever.", "archaism"),
    ],
)
def test_a_rule_finds_what_it_is_for(text: str, rule: str) -> None:
    assert rules(f"# A page\n\nThis sentence is well.\n{text}\n") == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "`in order to`",
        "```sh\necho the the\n```",
        "[a page](https://example.com/in order to)",
        "- " + "one more word of it\n- " * 20,
        "| one | two |\n" * 30,
        "# Parts\n\nParts are sent.",
    ],
)
def test_code_links_lists_and_tables_are_no_sentences(text: str) -> None:
    assert rules(text) == []


def test_a_finding_is_at_its_line() -> None:
    source = prose.docstrings('"""One.\n\nTwo."""\n\ndef f():\n    """It stops.\n\n    It is the the end.\n    """\n')
    assert list(prose.found("a.py", prose.hidden(source), prose.config())) == [
        "a.py:8: plain.repeated: 'the' is written twice"
    ]
