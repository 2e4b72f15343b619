"""Keys that a client may write differently in a URL, in a header or in XML, or take for something else."""

from __future__ import annotations

__all__ = ["ODD_KEYS"]

ODD_KEYS = (
    # What a URL writes with other characters, or reads as more than a character.
    *("with blank.txt", " at the start", "at the end ", "a+b.txt", "100%25.txt", "100%", "%2F", "%zz", "a?b#c&d=e;f"),
    *("what?.txt", "a#b.txt", "a&b.txt", "a:b.txt", "a,b.txt", "a@b.txt", "a$b.txt", "a!b.txt", "a*b.txt", "a(b).txt"),
    *("a'b.txt", 'a"b.txt', "a<b>.txt", "a\\b.txt", "a^b.txt", "a`b.txt", "a{b}.txt", "a|b.txt", "a~b.txt", "a[b].txt"),
    # What a client may take for a folder, a path or an address.
    *("a//b.txt", "//", "/leading", "trailing/", "/leading and trailing/", ".", "..", "a/../b/./c.txt"),
    *("../../etc/passwd", ".hidden", "-dash", "--", "null", "a?versionId=null", "http://other.host/key"),
    # Paths of UFile's own.
    *("uvideoUploads/x", "init/uvideoUploads/x", "finish/uvideoUploads/uvideoUploads/y"),
    # Characters beyond ASCII, and two ways to write one.
    *("视频/中文 文件.mp4", "emoji \U0001f3ac.mp4", "caf\xe9", "cafe\u0301", "a\u2028b", "\ufeffbom", "\uffff"),
    # What XML writes as a reference or cannot hold.
    *("line\nbreak", "carriage\rreturn", "tab\there", "\x01control\x7f"),
    # The longest.
    *("k" * 1023, "\u89c6" * 341),
)
