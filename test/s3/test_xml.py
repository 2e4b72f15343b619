"""The XML of a request's body, and the texts that documents are written of."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from datetime import datetime, timezone
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvideo.s3 import xml, xml_text
from uvideo.s3.errors import S3Error

DELETE = (
    b"<Delete%s><Object><Key>a</Key></Object> <Object><Key>b&amp;c&#13;</Key><VersionId/></Object>"
    b"<Quiet>true</Quiet></Delete>"
)


@pytest.mark.parametrize(
    "start",
    [b"", b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', b' xmlns="http://other/"', b' xmlns=""', b" a='b'"],
)
@pytest.mark.parametrize("before", [b"", b'<?xml version="1.0" encoding="UTF-8"?>\n', b"\xef\xbb\xbf", b"<!-- x -->"])
def test_a_document_in_any_namespace(before: bytes, start: bytes) -> None:
    root = xml.read(before + DELETE % start, "Delete")
    first, second = root.all("Object")
    assert (first.get("Key"), first.get("VersionId")) == ("a", None)
    assert (second.get("Key"), second.get("VersionId")) == ("b&c\r", "")
    assert root.get("Quiet") == root.need("Quiet") == "true" and len(list(root)) == 3


def test_a_prefix_of_a_namespace_does_not_count() -> None:
    root = xml.read(
        b'<s:Grantee xmlns:s="a" xmlns:xsi="b" xsi:type="Group"><s:URI>u</s:URI></s:Grantee>', "Other", "Grantee"
    )
    assert (root.name, dict(root.attributes), root.get("URI")) == ("Grantee", {"type": "Group"}, "u")


LAUGHS = b'<!DOCTYPE Delete [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Delete>&b;</Delete>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"text",
        b"<Delete>",
        b"<Delete/><Delete/>",
        b"<Other/>",
        b"<delete/>",
        LAUGHS,
        b"<!DOCTYPE Delete><Delete/>",
        b'<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete/>',
        b"<Delete>&unknown;</Delete>",
        b"<Delete>&#0;</Delete>",
        b"<Delete>\x01</Delete>",
        b"<Delete>\xff</Delete>",
        b"<s:Delete/>",
        b"<Delete a='1' a='2'/>",
        '<?xml version="1.0" encoding="UTF-16"?><Delete/>'.encode("utf-16"),
        b" <?xml version='1.0'?><Delete/>",
        b"<Delete>" + b"<a>" * 16 + b"</a>" * 16 + b"</Delete>",
        b"<Delete>" + b"<a/>" * 150_000 + b"</Delete>",
        b"<Delete>" + b" " * (1 << 20) + b"</Delete>",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_everything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        xml.read(body, "Delete")
    assert (caught.value.code, caught.value.status) == ("MalformedXML", 400)


def test_a_limit_may_be_larger() -> None:
    body = b"<Delete>" + b" " * (1 << 20) + b"</Delete>"
    assert xml.read(body, "Delete", limit=xml.BULK).text.isspace()


@pytest.mark.parametrize("body", [b"<a><b>1</b><b>2</b></a>", b"<a><b><c/></b></a>", b"<a/>"])
def test_what_must_be_there_once_as_text(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        xml.read(body, "a").need("b")
    assert caught.value.code == "MalformedXML"


def test_an_element_does_not_show_its_texts() -> None:
    assert "hidden" not in repr(xml.read(b"<a>hidden</a>", "a"))


PLAIN = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\ufffe\uffff", min_codepoint=32))


@given(PLAIN | st.text("&<>\"'\r\n\t]abc"))
def test_a_text_comes_back_as_it_was(text: str) -> None:
    document = xml_text.root("Root", xml_text.element("Key", text))
    assert xml.read(document, "Root").get("Key") == text
    (found,) = ElementTree.fromstring(document)
    assert (found.tag, found.text or "") == (f"{{{xml_text.NAMESPACE}}}Key", text)


@pytest.mark.parametrize(
    "value,written",
    [
        ("a<b>&\"'\r\n", "<N>a&lt;b&gt;&amp;&quot;'&#13;\n</N>"),
        ("\x01\x1f\x0b\ufffe", "<N>&#x1;&#x1F;&#xB;&#xFFFE;</N>"),
        (True, "<N>true</N>"),
        (False, "<N>false</N>"),
        (12, "<N>12</N>"),
        ("", "<N></N>"),
        (None, ""),
    ],
)
def test_an_element(value: str | int | bool | None, written: str) -> None:
    assert xml_text.element("N", value) == written


@given(st.integers(0, 4_000_000_000))
def test_a_time_is_of_the_second(seconds: int) -> None:
    expected = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert xml_text.time(seconds) == expected


some_texts = st.lists(
    st.text(st.characters(blacklist_categories=["Cs"])) | st.text('ab/%&<>"\r\n\0\x01\ufffe\uff01\u3000\u00e9\u89c6~')
)


@given(some_texts)
def test_many_texts_are_escaped_as_each_of_them(texts: list[str]) -> None:
    escaped = xml_text.escape_all(texts)
    assert [xml_text.bytes_of([text]).decode() for text in escaped] == [xml_text.escape(text) for text in texts]
    assert list(escaped) == [xml_text.byte_text(xml_text.escape(text)) for text in texts]
    assert list(xml_text.quote_all(texts)) == [quote(text, safe="/-_.~") for text in texts]


def test_every_byte_is_quoted_as_its_two_digits() -> None:
    text = "".join(map(chr, [*range(1, 0x800), *range(0x800, 0xD800, 64), *range(0xE000, 0x110000, 64)]))
    assert len(set(text.encode())) == 255 - 13  # all that UTF-8 has but NUL
    assert list(xml_text.quote_all([text, ""])) == [quote(text, safe="/-_.~"), ""]


def test_half_of_a_surrogate_pair_is_escaped_among_others() -> None:
    assert list(xml_text.escape_all(["a", "\ud800", "\u00e9&"])) == ["a", "&#xD800;", "\u00c3\u00a9&amp;"]
