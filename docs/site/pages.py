"""What MkDocs asks while it builds the site: pages beside docs/, links that leave it, patterns in the navigation."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
#: Pages of the site -> the files at the root that they are made of.
BESIDE = {"readme.md": "README.md", "readme.zh.md": "README.zh.md", "changelog.md": "CHANGELOG.md"}
_BLOCK = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\!)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
#: What the theme's script would load from elsewhere, for things that are not used here.
_FOREIGN = re.compile(r"https://(?:unpkg\.com|api\.github\.com)/[^\"`$]*")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages in the place of the navigation's patterns."""
    docs = Path(config.docs_dir)
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} | set(BESIDE)
    named = set(_names(config.nav))
    config.nav = _expanded(config.nav, sorted(pages - named), set())
    return config


def _names(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [name for each in (nav.values() if isinstance(nav, dict) else nav) for name in _names(each)]


def _expanded(nav: list[Any], pages: list[str], taken: set[str]) -> list[Any]:
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, dict):
            ((title, below),) = entry.items()
            below = _expanded(below, pages, taken) if isinstance(below, list) else below
            found += [{title: below}] if below else []
        elif "*" in entry:
            fitting = [page for page in pages if _fits(page, entry) and page not in taken]
            taken.update(fitting)
            found += fitting
        else:
            found.append(entry)
    return found


def _fits(page: str, pattern: str) -> bool:
    """A pattern without .zh takes no Chinese pages."""
    same = posixpath.dirname(page) == posixpath.dirname(pattern)
    return same and fnmatch.fnmatch(page, pattern) and page.endswith(".zh.md") == pattern.endswith(".zh.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, source in BESIDE.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the site needs them.  Those to sources lose their link: the site holds pages only."""
    name = page.file.src_uri
    here = posixpath.dirname(BESIDE.get(name, "docs/" + name))
    sites = {source: target for target, source in BESIDE.items()}

    def target(link: str) -> str | None:
        path = posixpath.normpath(posixpath.join(here, link.replace("\\_", "_")))
        if not (ROOT / path).exists():
            return link  # MkDocs says which
        inside = sites.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        return inside and posixpath.relpath(inside, posixpath.dirname(name) or ".")

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


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """The language of Chinese pages, for browsers and readers of screens."""
    return output.replace('<html lang="en"', '<html lang="zh"', 1) if page.file.src_uri.endswith(".zh.md") else output


def on_post_build(config: MkDocsConfig) -> None:
    """Take what speaks of other hosts out of the theme's scripts, and the files that nobody needs."""
    site = Path(config.site_dir)
    for pattern in ("*.map", "tinyseg.js", "wordcut.js"):  # those two divide Japanese and Thai
        for path in site.rglob(pattern):
            path.unlink()
    for path in site.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_FOREIGN.sub("data:text/javascript,", text), encoding="utf-8")
