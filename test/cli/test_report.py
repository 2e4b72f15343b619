"""What is printed, and which exit code an error has."""

from __future__ import annotations

import errno
import io
import json
import pickle
import re
from datetime import datetime, timezone

import pytest

from test.cli.records import check, kinds
from test.interpreters import ROOT
from uvideo import errors, models
from uvideo.cli import failure
from uvideo.cli.escaping import AS_BYTES, shown
from uvideo.cli.report import SUMMARY, Kind, Report, size, span
from uvideo.transfer import fatal_errors

NAME = Kind("name", {"name": "string", "when": "time?"}, lambda record: str(record["name"]))


def report(**options: bool) -> tuple[Report, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Report(out=out, err=err, **options), out, err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestNames:
    BAD = "a\x1b[2Jb\x9b\u202e\u2066\u2028\udcff\ud800\n\t\x7fc"
    SHOWN = r"a\x1b[2Jb\u009b\u202e\u2066\u2028\xff\ud800\n\t\x7fc"

    def test_what_moves_the_cursor_or_the_direction_is_escaped_on_a_terminal(self) -> None:
        assert shown(self.BAD) == self.SHOWN
        out = Terminal()
        Report(out=out, err=io.StringIO()).result(NAME, name="x\x1b[31m\ny", when=None)
        assert out.getvalue() == "x\\x1b[31m\\ny\n"

    @pytest.mark.parametrize(
        "usual", ["视频/é.mp4", "全角\u3000空格", "10\u202fkg", "\u200eA", "a\u00a0b", "👩\u200d🎤", r"C:\Users\x"]
    )
    def test_what_is_usual_or_harmless_is_not(self, usual: str) -> None:
        assert shown(usual) == usual

    def test_bytes_that_are_not_utf_8_are_printed_to_a_pipe_as_they_are(self) -> None:
        assert "é\udcff\ud800".encode("utf-8", AS_BYTES) == b"\xc3\xa9\xff\\ud800"
        assert "é\udcff\ud800".encode("ascii", AS_BYTES) == b"\\xe9\xff\\ud800"
        with pytest.raises(UnicodeDecodeError):
            b"\xff".decode("utf-8", AS_BYTES)

    def test_escapes_are_not_ambiguous(self) -> None:
        texts = [
            "\x1b",
            r"\x1b",
            r"\\x1b",
            "\\\x1b",
            "\\\\\x1b",
            "\n",
            r"\n",
            "\\\n",
            "\\",
            "\\\\",
            "ÿ",
            "\udcff",
            r"\xff",
            "\xff",
            "\x9b",
            "\udc9b",
        ]
        assert len({shown(text) for text in texts}) == len(set(texts))

    def test_in_a_pipe_names_come_out_as_they_are(self) -> None:
        made, out, err = report()
        made.result(NAME, name=self.BAD, when=None)
        assert out.getvalue() == self.BAD + "\n"
        made.fail(errors.LocalFailure("x"), self.BAD)
        assert err.getvalue() == f"error: {self.SHOWN}: x\n"  # a log is read on a terminal

    def test_a_zero_byte_may_end_each(self) -> None:
        made, out, err = report()
        made.null = True
        made.result(NAME, name="a\nb", when=None)
        made.tell("c")
        assert (out.getvalue(), err.getvalue()) == ("a\nb\0", "c\n")

    def test_json_is_one_line_of_ascii_where_a_name_has_controls(self) -> None:
        made, out, _ = report(json=True)
        made.result(NAME, name=self.BAD, when=datetime(2026, 1, 2, tzinfo=timezone.utc))
        assert out.getvalue().isascii() and out.getvalue()[:-1].isprintable()
        assert json.loads(out.getvalue()) == {"kind": "name", "name": self.BAD, "when": "2026-01-02T00:00:00Z"}


@pytest.mark.parametrize(
    "number, text",
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1048524, "1023.9 KiB"),
        (1048575, "1.0 MiB"),
        (40 << 30, "40.0 GiB"),
        (1 << 80, "1048576.0 EiB"),
        (None, "?"),
    ],
)
def test_sizes_are_for_people(number: int | None, text: str) -> None:
    assert size(number) == text


def test_times_are_for_people() -> None:
    assert [span(each) for each in (0.04, 59.94, 61, 3723)] == ["0.0 s", "59.9 s", "1:01", "1:02:03"]


def test_a_record_has_the_fields_of_its_kind() -> None:
    made, _, _ = report()
    with pytest.raises(TypeError, match="has the fields"):
        made.result(NAME, name="x")
    with pytest.raises(TypeError, match="has the fields"):
        made.result(NAME, datetime, name="x", when=None, more=1)


def test_fields_that_are_not_given_are_attributes() -> None:
    made, out, _ = report(json=True)
    kind = Kind("k", {"space": "string", "class": "string?", "size": "integer", "etag": "string?"}, lambda record: None)
    made.result(kind, models.ObjectInfo("s", "k", 3, "e", storage_class="IA"), size=4)
    assert out.getvalue() == '{"kind":"k","space":"s","class":"IA","size":4,"etag":"e"}\n'
    with pytest.raises(AttributeError):
        made.result(NAME, models.ObjectInfo("s", "k", 3, "e"), when=None)


def test_quiet_leaves_results_and_errors() -> None:
    made, out, err = report(quiet=True)
    made.item(NAME, name="item", when=None)
    made.result(NAME, name="result", when=None)
    made.summary(done=1, seconds=1)
    made.tell("told")
    made.fail(errors.NotFound(space="s", key="k"), "uvideo://s/k")
    assert out.getvalue() == "result\n"
    assert err.getvalue() == "error: there is no object uvideo://s/k\n"


def test_many_failures_are_listed_again_and_have_one_code() -> None:
    made, _, err = report()
    for number in range(150):
        made.fail(errors.NotFound(space="s", key=f"k{number}"), f"uvideo://s/k{number}")
    assert made.finish(10) == failure.FAILED
    assert "150 of 160 failed:" in err.getvalue() and err.getvalue().endswith("and 50 more\n")
    assert made.finish(0) == failure.NOT_FOUND
    made.fail(errors.AccessDenied(), "x")
    assert made.finish(0) == failure.FAILED


def test_one_failure_is_not_listed_again() -> None:
    made, _, err = report()
    made.fail(errors.NotFound(space="s", key="k"), "uvideo://s/k")
    told = err.getvalue()
    assert made.finish(2) == failure.FAILED and err.getvalue() == told


def test_an_error_in_json() -> None:
    made, out, err = report(json=True)
    code = made.error(errors.AccessDenied(space="s", key="k", status=403, ret_code=-1, request_id="r"), "uvideo://s/k")
    found = check(err.getvalue())
    assert (code, found["exit"], found["error"], found["status"]) == (3, 3, "AccessDenied", 403)
    assert "doctor" in found["hint"] and out.getvalue() == ""


@pytest.mark.parametrize(
    "error, code",
    [
        (errors.InvalidArgument("x"), 2),
        (errors.ConfigurationError(), 2),
        (errors.NoCredentials(), 3),
        (errors.SignatureMismatch(), 3),
        (errors.AccessDenied(), 3),
        (errors.NotFound(), 4),
        (errors.SpaceNotFound(), 4),
        (FileNotFoundError(errno.ENOENT, "x"), 4),
        (errors.IntegrityError(), 5),
        (errors.Cancelled(), 130),
        (KeyboardInterrupt(), 130),
        (errors.NoAnswer(), 1),
        (errors.LocalFailure("x"), 1),
        (PermissionError(errno.EACCES, "x"), 1),
        (RuntimeError(), 1),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert failure.code(error) == code
    assert failure.text(error)


def test_what_the_system_said_of_a_file_counts() -> None:
    def local(number: int) -> errors.LocalFailure:
        try:
            try:
                raise OSError(number, "x", "file")
            except OSError:
                raise errors.LocalFailure("file: x")  # noqa: B904 as the core does, for 2.7
        except errors.LocalFailure as error:
            return error

    assert failure.code(local(errno.ENOENT)) == failure.NOT_FOUND
    assert fatal_errors.is_full(local(errno.ENOSPC)) and "free some space" in str(failure.hint(local(errno.ENOSPC)))
    assert pickle.loads(pickle.dumps(errors.LocalFailure("x"))).message == "x"


def test_every_error_of_the_toolkit_is_said_in_one_line() -> None:
    for name in errors.__all__:
        if name == "SomeFailed":
            continue
        made = getattr(errors, name)(space="s", key="k")
        assert "\n" not in failure.text(made) and failure.text(made)
        assert failure.code(made) in range(1, 6) or failure.code(made) == 130


def test_every_kind_is_documented() -> None:
    """docs/cli.md has a table for each kind: `field` | type | what it is."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    documented = {}
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        match = re.match(r"`(\w+)`", section)
        if match:
            documented[match[1]] = dict(re.findall(r"^\| `(\w+)` \| (\w+\??) \|", section, re.MULTILINE))
    assert documented == {name: dict(kind.fields) for name, kind in kinds().items()}


def test_the_codes_are_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == ["0", "1", "2", "3", "4", "5", "130", "141"]
    assert SUMMARY.name in kinds()
