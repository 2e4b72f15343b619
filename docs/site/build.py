"""`python -m docs.site.build`: the documentation as a site, in .cache/site.  Needs Python 3.11.

Writes the pages into .cache/pages and mkdocs.yml, with its navigation's patterns filled in, into .cache/site.yml; lets
Zensical make the site of them, and takes out of its scripts what speaks of other hosts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

import uvideo
from docs.site import pages

WORK = pages.ROOT / ".cache"
SITE = WORK / "site"
#: Folders of docs/ that are not of the site.
HIDDEN = shutil.ignore_patterns("site", "__pycache__")
#: What the theme's scripts would load from elsewhere, for things that are not used here.
_FOREIGN = re.compile(r"https://(?:unpkg\.com|cdn\.jsdelivr\.net|api\.github\.com)/[^\"`$]*")


def stage() -> Path:
    """Write what the generator reads; the configuration's path."""
    shutil.rmtree(WORK / "pages", ignore_errors=True)
    shutil.copytree(pages.DOCS, WORK / "pages", ignore=HIDDEN)
    sources = pages.sources()
    for page, path in sources.items():
        text = pages.staged(page, path.read_text(encoding="utf-8"), sources)
        (WORK / "pages" / page).write_text(text, encoding="utf-8")
    head, _, nav = (pages.ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")
    added = {
        "nav": pages.navigation(yaml.safe_load(nav), sources),
        "extra": {
            "generator": False,
            "version": uvideo.__version__,
            "alternate": [
                {"name": name, "lang": language, "link": pages.landing(language, sources).removesuffix(".md") + ".html"}
                for language, name in (("en", "English"), ("zh", "中文"))
            ],
        },
    }
    config = WORK / "site.yml"
    config.write_text(head + "\n" + yaml.safe_dump(added, allow_unicode=True), encoding="utf-8")
    return config


def finish() -> None:
    for path in SITE.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_FOREIGN.sub("data:text/javascript,", text), encoding="utf-8")


def main() -> int:
    if sys.version_info < (3, 11):
        print("make docs needs Python 3.11 or newer, for Zensical.", file=sys.stderr)
        return 1
    WORK.mkdir(exist_ok=True)
    config = stage()
    shutil.rmtree(SITE, ignore_errors=True)
    program = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(config)]
    ended = subprocess.run(program, cwd=pages.ROOT, check=False).returncode  # noqa: S603
    if not ended:
        finish()
    return ended


if __name__ == "__main__":
    sys.exit(main())
