"""Markup in everything that somebody else may have written, and other pages that try to use a session."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from test.browser.conftest import Console, problems, until
from test.server.wire import pattern
from ucloud.uvideo.protocol import operation

PAYLOADS = (
    "<img src=x onerror=evil()>",
    "<script>evil()</script>",
    '"><svg onload=evil()>',
    "javascript:evil()",
    "'-evil()-'",
    "${evil()}{{evil()}}",
    "<iframe srcdoc='<script>parent.evil()</script>'>",
    "\u202egnp.exe",
    "a\tb\nc<b>",
)
WATCH = """
window.evil = () => { window.hurt = true; };
window.addEventListener("securitypolicyviolation", event => { (window.broken ||= []).push(event.blockedURI); });
"""


def unhurt(page: Page) -> None:
    assert page.evaluate("window.hurt") is None
    assert page.evaluate("window.broken") is None
    foreign = "img[src='x'], script:not([src]), iframe[srcdoc], .main svg[onload], [onerror], a[href^='javascript']"
    assert page.locator(foreign).count() == 0


def hostile(console: Console) -> str:
    space = console.peer.space()
    for number, text in enumerate(PAYLOADS):
        key = f"{text.replace('/', '|')}-{number}.txt"
        one_line = text.replace("\n", " ").encode("ascii", "replace").decode()
        metadata = ((f"m{number}", one_line),)
        console.peer.do(operation.PutObject(space, key, mime="text/plain", metadata=metadata), text.encode())
        console.peer.do(operation.PutObject(space, f"{key}/inner"), b"")
        console.peer.do(operation.InitiateUpload(space, key))
    console.peer.do(operation.PutObject(space, "mime", mime="text/html;<img src=x onerror=evil()>"), b"<b>")
    console.peer.do(operation.PutTags(space, "mime", (("a tag", "evil:/@"),)))
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='evil()'><script>evil()</script></svg>"
    console.peer.do(operation.PutObject(space, "picture.svg", mime="image/svg+xml"), svg)
    console.peer.do(
        operation.PutObject(space, "page.pdf", mime="application/pdf"), b"<html><script>parent.evil()</script>"
    )
    return space


def test_markup_in_keys_metadata_and_types(console: Console) -> None:
    space = hostile(console)
    page = console.page()
    page.add_init_script(WATCH)
    page.goto(console.link())
    page.wait_for_selector(".side")
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    page.wait_for_selector(".rows .row")
    count = 2 * len(PAYLOADS) + 3
    expect(page.get_by_text(f"{count} items")).to_be_visible()
    shown = set(page.locator(".rows .label").all_text_contents())
    for index in range(count):
        page.evaluate("() => document.querySelector('.grid').focus()")
        page.keyboard.press("Home") if index == 0 else page.keyboard.press("ArrowDown")
        shown |= set(page.locator(".rows .row:visible .label").all_text_contents())
        if page.locator(".rows .row.active .cell.act button:visible").count():
            page.keyboard.press("i")
            page.wait_for_selector(".panel .facts")
            page.evaluate("() => document.querySelector('.grid').focus()")
            page.keyboard.press("Enter")
            page.wait_for_selector(".viewer[open] .stage > :not(.stage-note)")
            page.keyboard.press("Escape")
            page.wait_for_selector(".viewer", state="detached")
        unhurt(page)
    for number, text in enumerate(PAYLOADS):
        assert f"{text.replace('/', '|')}-{number}.txt" in shown
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.wait_for_selector("dialog[open]")
    unhurt(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show as tiles").click()
    page.wait_for_timeout(200)
    unhurt(page)
    page.get_by_label("Search names").fill(PAYLOADS[0] + "nothing")
    expect(page.get_by_role("heading", name="No matching names")).to_be_visible()
    unhurt(page)
    page.evaluate("location.hash = '#/dashboard'")
    expect(page.locator("table").filter(has_text="<script>").first).to_be_visible()
    unhurt(page)


@pytest.mark.parametrize("language", ("en", "zh"))
def test_marks_of_direction_are_shown(console: Console, language: str) -> None:
    """invoice-\u202egpj.exe looks like invoice-exe.jpg, wherever a page shows it, unless the mark is seen."""
    space, name = console.peer.space(), "invoice-\u202egpj.exe"
    console.peer.do(operation.PutObject(space, name, metadata=(("by", "a"),)), b"x")
    console.peer.do(operation.PutObject(space, f"{name}/{name}"), b"x")
    console.peer.do(operation.InitiateUpload(space, name))
    page = console.open(f"#/s/{space}/", language=language)
    page.wait_for_selector(".rows .row")

    def shown() -> None:
        """Each mark has an element of its own, which is seen, and no text beside it is turned around."""
        found = page.evaluate(
            """() => {
                const marks = [...document.querySelectorAll("bdi.mark")].filter(each => each.checkVisibility());
                const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                const loose = [];
                while (walker.nextNode()) {
                    const { data, parentNode } = walker.currentNode;
                    if (data.includes("\\u202e") && !parentNode.matches("bdi.mark")) loose.push(data);
                }
                for (const each of document.querySelectorAll("[title],[aria-label],[alt]"))
                    for (const { value } of each.attributes) if (value.includes("\\u202e")) loose.push(value);
                if (document.title.includes("\\u202e")) loose.push(document.title);
                return {
                    loose,
                    count: marks.length,
                    said: marks.every(each => getComputedStyle(each, "::before").content === '"U+202E"'),
                    wide: marks.every(each => each.getBoundingClientRect().width > 20),
                    alone: marks.every(each => getComputedStyle(each).unicodeBidi === "isolate"),
                };
            }"""
        )
        assert found["loose"] == [] and found["count"] > 0 and found["said"] and found["wide"] and found["alone"], found
        assert problems(page) == []

    shown()
    page.locator(".rows .row .cell.act button:visible").click()
    page.wait_for_selector(".panel .facts")
    shown()
    page.locator(".rows .row:has(.cell.act button:visible) .label").click()
    page.wait_for_selector(".viewer[open] .empty")
    shown()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.wait_for_selector("dialog[open]")
    shown()
    page.keyboard.press("Escape")
    page.evaluate("([space, name]) => { location.hash = `#/s/${space}/${encodeURIComponent(name)}/`; }", [space, name])
    page.wait_for_selector(".crumbs h1 .mark")
    page.wait_for_selector(".rows .row")
    shown()
    page.evaluate("location.hash = '#/dashboard'")
    page.wait_for_selector("td .mark")
    shown()


def test_markup_in_addresses(console: Console) -> None:
    console.allowed.append("400")
    page = console.page()
    page.add_init_script(WATCH)
    page.goto(console.link())
    page.wait_for_selector(".side")
    for text in PAYLOADS:
        page.evaluate(
            "text => { location.hash = `#/s/${encodeURIComponent(text)}/${encodeURIComponent(text)}/`; }", text
        )
        page.wait_for_selector(".blank:not([hidden]) .empty")
        page.evaluate("text => { location.hash = text; }", text)
        page.wait_for_timeout(50)
        unhurt(page)
    page.evaluate("location.hash = '#/s/%E0%A4%A/'")
    page.wait_for_selector(".cards")
    unhurt(page)


def test_markup_in_file_names_and_errors(console: Console, tmp_path: Path) -> None:
    console.allowed.append("400")
    space = console.peer.space()
    names = [text.replace("/", "|").replace("\n", " ") for text in PAYLOADS]
    for name in names:
        (tmp_path / name).write_bytes(pattern(10))
    page = console.page()
    page.add_init_script(WATCH)
    page.goto(console.link())
    page.wait_for_selector(".side")
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    page.wait_for_selector(".blank:not([hidden])")
    bad = {"RetCode": -1, "ErrMsg": "<img src=x onerror=evil()><script>evil()</script>"}
    headers = {"Access-Control-Allow-Origin": console.server.admin}
    page.route("**/*evil*?**", lambda route: route.fulfill(status=400, json=bad, headers=headers))
    page.locator("#files").set_input_files([tmp_path / name for name in names])
    page.get_by_role("link", name="Transfers").click()
    expect(page.locator(".task[data-state=failed]").first).to_contain_text("<img src=x onerror=evil()>")
    expect(page.locator(".task[data-state=done]").first).to_be_visible()
    assert page.locator(".task").count() == len(names)
    unhurt(page)
    page.route(
        "**/api/objects?**", lambda route: route.fulfill(status=400, json={"error": "<b>", "message": PAYLOADS[0]})
    )
    page.evaluate("space => { location.hash = `#/s/${space}/x/`; }", space)
    expect(page.locator(".blank .empty")).to_contain_text(PAYLOADS[0])
    unhurt(page)


@contextmanager
def other_site(pages: dict[str, str]) -> Iterator[str]:
    """Another server on this host: of the same site as the console, but of another origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "<title>nothing</title>").encode())

        def log_message(self, *_: object) -> None:
            return None

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}"
    finally:
        served.shutdown()
        served.server_close()


ATTACK = """<title>trying</title><script type="module">
const admin = "ADMIN";
const found = [];
const body = '{"space":"made-by-another","type":"public"}';
for (const [name, options] of [
    ["session", {}],
    ["spaces", {}],
    ["spaces/create", {method: "POST", body}],
    ["spaces/create", {method: "POST", body, mode: "no-cors"}],
    ["spaces/create", {method: "POST", headers: {"Content-Type": "application/json"}, body}],
    ["sign-out", {method: "POST", body: "{}", mode: "no-cors"}],
]) {
    try {
        const answer = await fetch(`${admin}/api/${name}`, {credentials: "include", ...options});
        found.push(`${name} ${answer.type} ${await answer.text()}`);
    } catch (failure) {
        found.push(`${name} failed`);
    }
}
document.title = JSON.stringify(found);
</script>"""


def test_other_pages_cannot_use_the_session(console: Console) -> None:
    console.allowed += ["CORS", "ERR_FAILED", "403", "frame", "refused"]
    page = console.open()
    admin = console.server.admin
    fields = """<input name='{"space":"made-by-another","type":"public","x":"' value='"}'>"""
    action = f'method="post" enctype="text/plain" action="{admin}/api/spaces/create"'
    form = f"<form {action}>{fields}</form><script>document.forms[0].submit()</script>"
    frame = f'<iframe id="framed" src="{admin}/"></iframe>'
    with other_site({"/": ATTACK.replace("ADMIN", admin), "/form": form, "/frame": frame}) as site:
        second = page.context.new_page()
        for address in (site, site.replace("127.0.0.1", "localhost")):
            second.goto(address)
            until(second, "document.title.startsWith('[')")
            assert "signed_in" not in second.title() and "made-by-another" not in second.title()
        second.goto(f"{site}/form")
        second.wait_for_url(f"{admin}/**")
        assert "OtherOrigin" in second.inner_text("body") or "415" in second.inner_text("body")
        second.goto(f"{site}/frame")
        second.wait_for_timeout(300)
        assert "signin" not in second.frames[-1].content()
    page.reload()
    expect(page.get_by_role("heading", name="Spaces")).to_be_visible()  # still signed in
    assert page.get_by_text("made-by-another").count() == 0


def test_a_page_stored_as_an_object_cannot_use_the_session(console: Console) -> None:
    console.allowed += ["CORS", "ERR_FAILED", "403"]
    public = console.peer.space("public")
    attack = ATTACK.replace("ADMIN", console.server.admin).encode()
    console.peer.do(operation.PutObject(public, "page.html", mime="text/html"), attack)
    page = console.open()
    second = page.context.new_page()
    second.goto(f"{console.server.endpoint}/{public}/page.html")
    until(second, "document.title.startsWith('[')")
    assert "signed_in" not in second.title()
    page.reload()
    expect(page.get_by_role("heading", name="Spaces")).to_be_visible()
    assert page.get_by_text("made-by-another").count() == 0


def test_a_stolen_page_address_signs_nobody_in(console: Console) -> None:
    """Neither the address nor what is kept on the computer is enough: only the cookie, which no script reads."""
    page = console.open("#/dashboard")
    kept = page.evaluate("({...localStorage})")
    thief = console.page()
    thief.add_init_script(f"for (const [name, value] of Object.entries({kept!r})) localStorage[name] = value;")
    thief.goto(page.url)
    expect(thief.get_by_label("Private key")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
