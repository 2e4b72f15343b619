"""The raw requests of the C# SDK on Mono, through an HTTP proxy.

Source: ufile-csharpsdk at 8b3e5e6 (Proxy/Proxy.cs, Http/Http.cs), as its Program.cs runs it.
"""

from __future__ import annotations

from test.interop.replay import (
    BIG,
    BIG_ETAG,
    FINISHED,
    HELLO,
    HELLO_ETAG,
    INITIATED,
    PARTS,
    Client,
    conforms,
    empty,
    stored,
)

MIME = ["Content-Type: application/octet-stream"]


def test_csharp_puts_reads_and_deletes_a_key_with_escapes_in_small_letters(csharp: Client) -> None:
    target = f"http://{csharp.host}/dir%2fc%20sharp%3f.bin"
    sign = "$verb\n\n$mime\n\n/$space/dir/c sharp?.bin"
    stored(csharp.ask(f"PUT {target}", sign, MIME, HELLO, verb="PUT", mime=MIME[0][14:]), HELLO_ETAG)
    got = csharp.ask(f"GET {target}", sign, verb="GET", mime="")
    assert (got.status, got.body) == (200, HELLO)
    empty(csharp.ask(f"DELETE {target}", sign, verb="DELETE", mime=""), 204)
    absent = csharp.ask(f"GET {target}", sign, verb="GET", mime="")
    absent.refusal(404, -148654, "file not exist")


def test_csharp_uploads_in_parts_after_an_initiate_without_a_length(csharp: Client) -> None:
    target, key = f"http://{csharp.host}/dir%2fc%20sharp.bin", "/$space/dir/c sharp.bin"
    begun = csharp.ask(f"POST {target}?uploads", f"POST\n\n\n\n{key}").json()
    conforms(begun, INITIATED)
    upload, etags = begun["UploadId"], list[str]()
    for number, part in enumerate(PARTS):
        line = f"PUT {target}?uploadId={upload}&partNumber={number}"
        got = csharp.ask(line, f"PUT\n\n{MIME[0][14:]}\n\n{key}", MIME, part)
        conforms(got.json(), {"PartNumber": int})
        etags.append(got.header("ETag"))
    got = csharp.ask(f"POST {target}?uploadId={upload}", f"POST\n\n\n\n{key}", body=",".join(etags).encode())
    conforms(got.json(), FINISHED)
    assert got.header("ETag") == f'"{BIG_ETAG}"' and csharp.get("dir/c sharp.bin").body == BIG
