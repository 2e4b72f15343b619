"""docs/architecture.md names what there is: paths, the names in them, and every room."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from test.test_rooms import ROOMS_OF_THE_SERVER, ROOMS_OF_THE_TOOLKIT

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PICTURE = TEXT.split("```")[1]
FOLDERS = ("ucloud/", "uvideo/", "test/")


def missing(text: str) -> list[str]:
    """Paths that do not exist, and names that the module in front of them does not define."""
    found, defined = [], None
    for word in re.findall(r"`([^`\n]+)`|[|\n]", text):
        if word.startswith(FOLDERS):
            path = ROOT / word
            if not (path.is_dir() if word.endswith("/") else path.is_file()):
                found.append(word)
            defined = names(path) if path.suffix == ".py" and path.is_file() else None
        elif not word:
            defined = None
        elif defined is not None and word not in defined:
            found.append(word)
    return found


def names(path: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds)}


def test_what_is_named_is_there() -> None:
    assert missing(TEXT) == []
    assert missing("| a | `uvideo/gone.py` `run`; `uvideo/errors.py` `nobody` |\n") == ["uvideo/gone.py", "nobody"]
    assert len(re.findall(r"`[^`]+\.py` `\w+`", TEXT)) > 30


def test_every_room_is_named() -> None:
    named = set(re.findall(r"^\| `([^`]+)/` \|", TEXT, re.MULTILINE))
    # The server and the command have rooms of their own below; a language and the console's pages are no code.
    rooms = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("ucloud/uvideo", "uvideo")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert named == rooms - {"uvideo", "uvideo/server", "uvideo/cli/locale", "uvideo/cli/locale/zh"}


def test_the_picture_has_the_order_of_the_rooms() -> None:
    shown = re.findall(r"uvideo/server/(\w+)", PICTURE)
    assert shown == [room for room in reversed(ROOMS_OF_THE_SERVER) if room != "admin_commands"]
    assert {f"uvideo/{room}" for room in ROOMS_OF_THE_TOOLKIT} - {"uvideo/testing"} <= set(
        re.findall(r"uvideo/[a-z0-9]+", PICTURE)
    )
    assert re.findall(r"ucloud/uvideo/(\w+)", PICTURE) == ["engine", "http", "protocol"]


def test_the_steps_of_a_request_are_in_the_order_of_the_code() -> None:
    section = TEXT.partition("## The steps of a request")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    tree = ast.parse((ROOT / "uvideo/server/http/pipeline.py").read_text(encoding="utf-8"))
    (pipeline,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Pipeline")
    (run,) = (node for node in pipeline.body if isinstance(node, ast.AsyncFunctionDef) and node.name == "run")
    calls = [node for node in ast.walk(run) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    calls.sort(key=lambda node: (node.lineno, node.col_offset))
    done = [ast.unparse(node.func) for node in calls]
    assert told == [name.partition(".")[2] for name in done if re.fullmatch(r"call\.\w+|self\._\w+", name)]
