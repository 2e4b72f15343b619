"""--header and --cache-control: headers that are stored with objects and come with downloads."""

from __future__ import annotations

import pytest
import requests

from test.cli.inside import Inside
from test.cli.shell import Shell


def test_headers_are_stored_and_returned(shell: Shell, inside: Inside) -> None:
    space, other = shell.space(), shell.space()
    (shell.folder / "t").mkdir()
    (shell.folder / "t" / "a").write_text("1")
    (shell.folder / "t" / "large").write_bytes(b"x" * (9 << 20))
    words = ("--cache-control", "max-age=3600, public", "--header", "content-language: de")
    expected = {"Cache-Control": "max-age=3600, public", "Content-Language": "de"}
    assert inside("cp", "-r", "t", f"uvideo://{space}/", *words).code == 0
    assert inside("sync", "t", f"uvideo://{space}/s", *words).code == 0
    for key in ("a", "large", "s/a", "s/large"):
        assert shell.client.stat(space, key).headers == expected
    found = requests.get(shell.client.presign(space, "a"), timeout=30).headers
    assert {name: found[name] for name in expected} == expected
    assert inside("cp", f"uvideo://{space}/a", f"uvideo://{other}/a", "--meta", "x=y").code == 0
    assert shell.client.stat(other, "a").headers == expected
    assert inside("mv", f"uvideo://{other}/a", f"uvideo://{other}/b", "--header", "Expires:0").code == 0
    moved = shell.client.stat(other, "b")
    assert moved.headers == {"Expires": "0"} and moved.metadata["x"] == "y" and "mtime" in moved.metadata
    assert inside("cp", f"uvideo://{space}/a", "got", *words).code == 0
    name = "Content-Disposition: attachment; filename=\u7535\u5f71.mp4"
    assert inside("cp", "got", f"uvideo://{space}/named", "--header", name).code == 0
    assert shell.client.stat(space, "named").headers == {"Content-Disposition": name.partition(": ")[2]}


@pytest.mark.parametrize(
    "words, text",
    [
        (["--header", "X-Own:1"], "is not stored with an object"),
        (["--header", "Authorization: x"], "is not stored with an object"),
        (["--header", "Content-Length:1"], "is not stored with an object"),
        (["--header", "Content-Type:a/b"], "use --mime"),
        (["--header", "X-Ufile-Meta-A:b"], "use --meta"),
        (["--header", "x-ufile-storage-class:IA"], "use --class"),
        (["--header", "Cache-Control"], "write name:value"),
        (["--header", ":x"], "write name:value"),
        (["--cache-control", " "], "write name:value"),
        (["--cache-control", "a\nX-Other: b"], "control characters"),
        (["--header", "Expires: a\x00"], "control characters"),
        (["--cache-control", "a", "--header", "cache-control:b"], "given twice"),
    ],
)
def test_other_headers_are_refused_before_anything_is_sent(
    shell: Shell, inside: Inside, words: list[str], text: str
) -> None:
    (shell.folder / "a").write_text("1")
    for verb in (["cp", "a"], ["mv", "a"], ["sync", "."]):
        done = inside(*verb, "uvideo://there-is-no-space/", *words, "--endpoint", "127.0.0.1:1")
        assert done.code == 2 and text in done.err, done
    assert (shell.folder / "a").exists()
