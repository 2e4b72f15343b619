"""`python -m test.site FOLDER`: built documentation needs no other host, has no dead link, lacks no public name."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import uvideo
from test.interpreters import ROOT

#: What a browser fetches by itself for a page.
FETCHED = {
    ("audio", "src"),
    ("embed", "src"),
    ("iframe", "src"),
    ("img", "src"),
    ("link", "href"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("video", "src"),
}
PUBLISHED = ["config", "multipartuploaduvideo", "downloaduvideo", "deleteuvideo", "spacemanager", "filemanager"]
# What a script or a style could fetch.  The names of XML formats are no addresses to a browser.
_ADDRESS = re.compile(r"""(?:["'`(]|@import\s)(https?:)?//(?!www\.w3\.org/)[\w-]+\.[^\s"'`)]+""")


class Reading(HTMLParser):
    """What a page has: ``ids`` that links can lead to, ``links`` of people, ``fetched`` by browsers, ``scripts``.

    ``language``: of the page.  ``languages``: language -> the page in it.  ``blocks``: blocks of code.
    ``classes``: of all elements.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.scripts: list[str] = []
        self.language = ""
        self.languages: dict[str, str] = {}
        self.blocks: list[str] = []
        self.classes: set[str] = set()
        self._script = False
        self._block = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids.update(values[name] for name in ("id", "name") if name in values)
        self._script = tag == "script" and "src" not in values
        if tag == "html":
            self.language = values.get("lang", "")
        if tag == "pre":
            self._block = True
            self.blocks.append("")
        self.classes.update(values.get("class", "").split())
        if tag == "a" and "hreflang" in values:
            self.languages[values["hreflang"]] = values["href"]
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag != "link" or values.get("rel") not in ("canonical", "next", "prev"):
            self.fetched.update(value for name, value in values.items() if (tag, name) in FETCHED)

    def handle_endtag(self, tag: str) -> None:
        self._script = False
        if tag == "pre":
            self._block = False

    def handle_data(self, data: str) -> None:
        if self._block:
            self.blocks[-1] += data
        if self._script:
            self.scripts.append(data)


def foreign(site: Path, pages: dict[Path, Reading]) -> Iterator[str]:
    """What would be fetched from another host."""
    for path, page in pages.items():
        for url in page.fetched:
            if urlsplit(url).netloc:
                yield f"{path.name} fetches {url}"
        for address in _ADDRESS.finditer("".join(page.scripts)):
            yield f"a script in {path.name} names {address.group()}"
    for path in sorted([*site.rglob("*.css"), *site.rglob("*.js")]):
        for address in _ADDRESS.finditer(path.read_text(encoding="utf-8")):
            yield f"{path.name} names {address.group()}"
    for path in sorted([*site.rglob("*.woff*"), *site.rglob("*.ttf")]):
        yield f"a font: {path.name}"


def dead(site: Path, pages: dict[Path, Reading]) -> Iterator[str]:
    """Links within the site that lead nowhere."""
    for path, page in pages.items():
        for link in page.links | page.fetched:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_relative_to(site) or not target.is_file():
                yield f"{path.name}: {link} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                yield f"{path.name}: {link} leads to no place of its page"


def public() -> list[str]:
    """The names that the reference must have: of the toolkit, the fixture and the published SDK."""
    names = [f"uvideo.{name}" for name in uvideo.__all__ if name != "__version__"]
    return [*names, "uvideo.testing", "ucloud.logger", *(f"ucloud.uvideo.{name}" for name in PUBLISHED)]


def referred() -> list[object]:
    """What the pages of the reference are about."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "reference").glob("*.md")))
    return [resolved(name) for name in re.findall(r"^::: (\S+)$", text, re.MULTILINE)]


def undocumented(pages: dict[Path, Reading]) -> Iterator[str]:
    """Public names that the built reference lacks, and private ones that it has."""
    reference = {path: page for path, page in pages.items() if path.parent.name == "reference"}
    built = {each for page in reference.values() for each in page.ids}
    methods = [name for name in dir(uvideo.Client) if not name.startswith("_")]
    wanted = [f"uvideo.{client}.{name}" for client in ("Client", "AsyncClient") for name in methods]
    wanted += [*public(), *(f"uvideo.errors.{name}" for name in uvideo.errors.__all__)]
    models = vars(uvideo.models).values()
    wanted += [
        f"uvideo.models.{each.__name__}"
        for each in models
        if isinstance(each, type) and each.__module__ == "uvideo.models"
    ]
    for name in wanted:
        if name not in built:
            yield f"the reference lacks {name}"
    for path, page in reference.items():
        for block in page.blocks:
            for name in re.findall(r"\b_[A-Za-z]\w*", block):
                yield f"{path.name} shows {name} in code"


def unframed(pages: dict[Path, Reading]) -> Iterator[str]:
    """What a page lacks around its text.  One page is the first, and one the last."""
    real = {path: page for path, page in pages.items() if path.name != "404.html"}
    for name in ("prev", "next"):
        without = [path.name for path, page in real.items() if f"md-footer__link--{name}" not in page.classes]
        if len(without) > 1:
            yield f"no {name} link: {', '.join(without)}"
    for path, page in real.items():
        if not {"uvideo-version", "uvideo-language"} <= page.classes or "__palette_2" not in page.ids:
            yield f"{path.name} lacks its version, its switch of language or its dark mode"


def untranslated(site: Path, pages: dict[Path, Reading]) -> Iterator[str]:
    """Pages whose switch does not lead to the other language, or not to their own twin where there is one."""
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        if name == "404.html":
            continue
        chinese = name.endswith(".zh.html")
        other = "en" if chinese else "zh"
        twin = path.with_name(path.name.replace(".zh.html", ".html") if chinese else path.stem + ".zh.html")
        led = (path.parent / page.languages.get(other, "none")).resolve()
        if page.language != ("zh" if chinese else "en"):
            yield f"{name} says that its language is {page.language}"
        if led not in pages or (twin in pages and led != twin):
            yield f"{name} has no switch to its page in the other language"


def resolved(name: str) -> object:
    try:
        return importlib.import_module(name)
    except ImportError:
        home, _, last = name.rpartition(".")
        return getattr(resolved(home), last)


def main(folder: str) -> int:
    """Return 0 if nothing is wrong with the site in the folder, else 1, and say what."""
    site = Path(folder).resolve()
    pages = {path: Reading(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    wrong = [
        *foreign(site, pages),
        *dead(site, pages),
        *undocumented(pages),
        *untranslated(site, pages),
        *unframed(pages),
    ]
    if len(pages) < 20:
        wrong.append(f"{site} has {len(pages)} pages")
    for each in wrong:
        print(each)
    print(f"{len(pages)} pages, {sum(len(page.links) for page in pages.values())} links, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
