"""How pages of the repository become pages of the site; `make docs` looks at the built site (test/site.py)."""

from __future__ import annotations

from pathlib import Path

import uvideo
from docs.site import described, pages
from test import site

PAGES = ["index.md", "guide.md", "guide.zh.md", "howto/a.md", "howto/a.zh.md", "howto/b.md", "new.md", "readme.zh.md"]


def test_a_pattern_stands_for_the_pages_that_no_other_line_names_and_a_line_without_a_page_is_left_out() -> None:
    nav = ["index.md", {"Guides": ["later.md", "howto/b.md", "howto/*.md"]}, {"None": ["none/*.md"]}, "*.md", "*.zh.md"]
    expected = [
        "index.md",
        {"Guides": ["howto/b.md", "howto/a.md"]},
        "guide.md",
        "new.md",
        "guide.zh.md",
        "readme.zh.md",
    ]
    assert pages.navigation(nav, PAGES) == expected


def test_a_page_leads_to_its_twin_and_one_without_to_the_first_page_of_the_other_language() -> None:
    assert pages.twins("howto/a.zh.md", PAGES) == {"en": "howto/a.md", "zh": "howto/a.zh.md"}
    assert pages.twins("howto/b.md", PAGES) == {"en": "howto/b.md", "zh": "readme.zh.md"}
    assert pages.twins("readme.zh.md", PAGES)["en"] == "index.md"
    head = "---\nlanguage: en\nen: b.html\nzh: ../readme.zh.html\n---\n\n"
    assert pages.staged("howto/b.md", "# B\n", PAGES) == head + "# B\n"
    assert "exclude: true" in pages.staged("changelog.md", "# C\n", PAGES)  # from the search


def test_links_are_those_of_the_site_and_blocks_stay_as_they_are() -> None:
    text = "[a](../README.md#x) [b](../uvideo/errors.py) [c](tutorial.md)\n```\n[d](../README.md)\n```\n"
    linked = "[a](readme.md#x) b [c](tutorial.md)\n```\n[d](../README.md)\n```\n"
    assert pages.linked("network.md", text) == linked


def test_a_docstring_becomes_text_and_lists_of_parameters_and_errors_and_examples() -> None:
    docstring = """Store an object.  data: bytes or a path.  Text is refused.
    start, end: bytes of it; NotFound is raised, too.
    AlreadyExists if it exists.  Raises TypeError for text.

    The end.

        client.put("movies", "a")
    """.replace("\n    ", "\n")
    given = [
        described.Parameter("data", "Content"),
        described.Parameter("start", "int", "0"),
        described.Parameter("end"),
    ]
    assert described.markdown(docstring, given, {"data": "not shown", "space": "not shown"}).split("\n") == [
        "Store an object.",
        "",
        "The end.",
        "",
        "```python",
        'client.put("movies", "a")',
        "```",
        "",
        "**Parameters**",
        "",
        "- `data` `Content`: bytes or a path. Text is refused.",
        "- `start` `int`, by default `0`: bytes of it; [NotFound][uvideo.errors.NotFound] is raised, too.",
        "- `end`: bytes of it; [NotFound][uvideo.errors.NotFound] is raised, too.",
        "",
        "**Errors**",
        "",
        "- [AlreadyExists][uvideo.errors.AlreadyExists] if it exists.",
        "- Raises TypeError for text.",
    ]


def reading(root: Path, name: str, text: str) -> dict[Path, site.Reading]:
    return {root / name: site.Reading(text)}


def test_a_reference_without_a_public_name_or_with_a_private_one_is_wrong(tmp_path: Path) -> None:
    shown = '<h2 id="uvideo.Client.put"></h2><pre>put(<b>a</b>=_UNSET)</pre>_FINE'
    said = list(site.undocumented(reading(tmp_path / "reference", "client.html", shown)))
    assert "client.html shows _UNSET in code" in said
    assert sum("in code" in each for each in said) == 1
    missing = {each.removeprefix("the reference lacks ") for each in said}
    assert {"uvideo.Client", "uvideo.Client.get", "uvideo.AsyncClient.put", "uvideo.models.Stored"} <= missing
    assert {f"uvideo.errors.{name}" for name in uvideo.errors.__all__} <= missing
    assert "uvideo.Client.put" not in missing


def test_a_page_that_does_not_lead_to_its_twin_is_wrong(tmp_path: Path) -> None:
    twin = '<html lang="{}"><a hreflang="{}" href="{}"></a></html>'
    both = {
        **reading(tmp_path, "a.html", twin.format("en", "zh", "a.zh.html")),
        **reading(tmp_path, "a.zh.html", twin.format("zh", "en", "a.html")),
    }
    assert list(site.untranslated(tmp_path, both)) == []
    other = {
        **both,
        **reading(tmp_path, "b.zh.html", ""),
        **reading(tmp_path, "b.html", twin.format("en", "zh", "a.zh.html")),
    }
    assert list(site.untranslated(tmp_path, other)) == [
        "b.zh.html says that its language is ",
        "b.zh.html has no switch to its page in the other language",
        "b.html has no switch to its page in the other language",
    ]
    assert any("dark mode" in each for each in site.unframed(both))
