"""The pages of the site: files of the repository, with links and navigation as a site needs them."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Pages of the site -> the files at the root that they are made of.
BESIDE = {"readme.md": "README.md", "readme.zh.md": "README.zh.md", "changelog.md": "CHANGELOG.md"}
CHINESE = ".zh.md"
#: Pages that the search leaves out: they say what was, and would come before the page that says what is.
HISTORY = {"changelog.md", "decisions.md"}
_BLOCK = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\!)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def sources() -> dict[str, Path]:
    """Page -> the file that it is made of."""
    found = {path.relative_to(DOCS).as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
    return {**found, **{page: ROOT / source for page, source in BESIDE.items()}}


def navigation(nav: list[Any], pages: Collection[str]) -> list[Any]:
    """The navigation with pages in the place of its patterns.  A line without a page is left out."""
    named = set(_names(nav))
    return _expanded(nav, sorted(pages), named, set())


def _names(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [name for each in (nav.values() if isinstance(nav, dict) else nav) for name in _names(each)]


def _expanded(nav: list[Any], pages: list[str], named: set[str], taken: set[str]) -> list[Any]:
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, dict):
            ((title, below),) = entry.items()
            if isinstance(below, list):
                below = _expanded(below, pages, named, taken)
            elif below not in pages:
                below = None
            found += [{title: below}] if below else []
        elif "*" in entry:
            fitting = [page for page in pages if _fits(page, entry) and page not in taken | named]
            taken.update(fitting)
            found += fitting
        elif entry in pages:
            found.append(entry)
    return found


def _fits(page: str, pattern: str) -> bool:
    """A pattern without .zh takes no Chinese pages."""
    same = posixpath.dirname(page) == posixpath.dirname(pattern)
    return same and fnmatch.fnmatch(page, pattern) and page.endswith(CHINESE) == pattern.endswith(CHINESE)


def landing(language: str, pages: Collection[str]) -> str:
    """The page with which a language begins."""
    if language == "en":
        return "index.md"
    return "index.zh.md" if "index.zh.md" in pages else "readme.zh.md"


def twins(page: str, pages: Collection[str]) -> dict[str, str]:
    """Language -> the page in it, or the first page of that language where nobody has translated this one."""
    stem = page.removesuffix(CHINESE).removesuffix(".md")
    wanted = {"en": stem + ".md", "zh": stem + CHINESE}
    return {language: name if name in pages else landing(language, pages) for language, name in wanted.items()}


def staged(page: str, markdown: str, pages: Collection[str]) -> str:
    """A page as the site's generator takes it: its language, its twins and its links."""
    here = posixpath.dirname(page) or "."
    meta = {"language": "zh" if page.endswith(CHINESE) else "en"}
    for language, name in twins(page, pages).items():
        meta[language] = posixpath.relpath(name, here).removesuffix(".md") + ".html"
    head = "".join(f"{name}: {value}\n" for name, value in meta.items())
    head += "search:\n  exclude: true\n" if page in HISTORY else ""
    return f"---\n{head}---\n\n{linked(page, markdown)}"


def linked(page: str, markdown: str) -> str:
    """Links as the site needs them.  Those to sources lose their link: the site holds pages only."""
    here = posixpath.dirname(BESIDE.get(page, "docs/" + page))
    sites = {source: target for target, source in BESIDE.items()}

    def target(link: str) -> str | None:
        path = posixpath.normpath(posixpath.join(here, link.replace("\\_", "_")))
        if not (ROOT / path).exists():
            return link  # the generator says which
        inside = sites.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        return inside and posixpath.relpath(inside, posixpath.dirname(page) or ".")

    def link(match: re.Match[str]) -> str:
        text, where, anchor = match.groups()
        if "://" in where or where.startswith("mailto:"):
            return match.group(0)
        found = target(where)
        return f"[{text}]({found}{anchor or ''})" if found else text

    def image(match: re.Match[str]) -> str:
        return f"![{match.group(1)}]({target(match.group(2))})"

    parts = _BLOCK.split(markdown)
    parts[::2] = [_LINK.sub(link, _IMAGE.sub(image, part)) for part in parts[::2]]
    return "".join(parts)
