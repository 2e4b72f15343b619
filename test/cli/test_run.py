"""run: many commands in one process."""

from __future__ import annotations

from test.cli.records import check
from test.cli.shell import Shell


def keys(shell: Shell, space: str) -> list[str]:
    return [each.key for each in shell.client.list(space)]


def test_lines_are_run_and_those_that_fail_are_said(shell: Shell) -> None:
    space = shell.space(x="1")
    (shell.folder / "a b").write_text("1")
    (shell.folder / "todo").write_text(
        f"""# a comment
        cp 'a b' "uvideo://{space}/c d"   # and one behind
        uvideo cp none uvideo://{space}/

        frobnicate
        cp 'a b
        run todo
        cp --recursiv x y
        rm uvideo://{space}/x
        """
    )
    done = shell("run", "todo", "--json")
    assert done.code == 1 and keys(shell, space) == ["c d"]
    ran = [check(line) for line in done.lines if '"kind":"ran"' in line]
    assert [(each["line"], each["exit"]) for each in ran] == [(2, 0), (3, 4), (5, 2), (6, 2), (7, 2), (8, 2), (9, 0)]
    errors = [check(line) for line in done.err.splitlines() if '"kind":"error"' in line]
    assert [each["line"] for each in errors] == [3, 5, 6, 7, 8]
    text = shell("run", "todo")
    assert "line 3: error: none: No such file" in text.err and "7 lines failed" in text.err


def test_many_lines_from_a_pipe_at_a_time(shell: Shell) -> None:
    space = shell.space()
    (shell.folder / "a").write_text("1")
    lines = "".join(f"cp a uvideo://{space}/{number:03}\n" for number in range(100))
    done = shell("run", "-", "--jobs", "8", "-q", stdin=lines.encode())
    assert (done.code, done.out, done.err) == (0, "", "")
    assert keys(shell, space) == [f"{number:03}" for number in range(100)]
    dry = shell("run", "-", "--dry-run", stdin=f"rm -r uvideo://{space}/0\nrm uvideo://{space}/001\n".encode())
    assert "would delete" in dry.out and len(keys(shell, space)) == 100
    assert shell("run", "none").code == 4


def test_a_line_may_go_elsewhere_than_the_others(shell: Shell) -> None:
    space = shell.space(a="1")
    (shell.folder / "todo").write_text(
        f"cp uvideo://{space}/a one\n"
        f"cp uvideo://{space}/a two --endpoint 127.0.0.1:1\n"
        f"--endpoint 'not a host' cp uvideo://{space}/a three\n"
        f"cp uvideo://{space}/a four --no-verify\n"
    )
    done = shell("run", "todo", "--json", UVIDEO_RETRIES="0")
    records = [check(line) for line in done.lines]
    assert [each["exit"] for each in records if each["kind"] == "ran"] == [0, 1, 2, 0]
    assert [each["verified"] for each in records if each["kind"] == "done"] == [True, False]


def test_a_file_from_an_editor_of_windows(shell: Shell) -> None:
    space = shell.space(a="1", b="2")
    lines = f"rm uvideo://{space}/a\r\n"
    (shell.folder / "todo").write_bytes(lines.encode("utf-8-sig"))
    assert shell("run", "todo").code == 0 and keys(shell, space) == ["b"]
    piped = shell("run", "-", stdin=f"\ufeffrm uvideo://{space}/b\n".encode())
    assert piped.code == 0 and keys(shell, space) == []
    for encoding in ("utf-16-le", "utf-16-be"):
        (shell.folder / "todo").write_bytes(f"\ufeff{lines}".encode(encoding))
        done = shell("run", "todo")
        assert done.code == 2 and done.err == "error: the commands are in UTF-16: save them as UTF-8\n"
