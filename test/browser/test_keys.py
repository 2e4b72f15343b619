"""The page of keys: the pair that signed in, tokens from their creation to their end, and temporary keys."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import expect

from test import patience
from test.browser.conftest import Console, problems
from test.browser.test_phone import PHONE, SIDEWAYS, SMALL
from test.server.test_keys import peer_of
from test.server.test_maintenance import inside
from ucloud.uvideo.protocol import operation

WORDS = {
    "en": {
        "keys": "Keys",
        "heading": "Keys and tokens",
        "own": "credentials.json in the folder of the server",
        "added": "uvideo admin add-key",
        "new": "New token",
        "name": "Name",
        "no right": "Choose at least one permission.",
        "no space": "Choose at least one space.",
        "read": "Read",
        "list": "List",
        "prefixes": "Beginnings of keys",
        "from": "Allowed addresses",
        "valid": "Valid for",
        "week": "7 days",
        "create": "Create",
        "public": "Public key",
        "private": "Private key",
        "copy": "Copy: Private key",
        "close": "Close",
        "change": "Change {name}",
        "save": "Save",
        "delete": "Delete {name}",
        "sure": "Delete",
        "temporary": "New temporary keys",
    },
    "zh": {
        "keys": "密钥",
        "heading": "密钥与令牌",
        "own": "服务端目录的 credentials.json",
        "added": "uvideo admin add-key",
        "new": "新建令牌",
        "name": "名称",
        "no right": "请至少选择一项权限。",
        "no space": "请至少选择一个空间。",
        "read": "读取",
        "list": "列举",
        "prefixes": "对象名前缀",
        "from": "允许的地址",
        "valid": "有效期",
        "week": "7 天",
        "create": "创建",
        "public": "公钥",
        "private": "私钥",
        "copy": "复制私钥",
        "close": "关闭",
        "change": "修改 {name}",
        "save": "保存",
        "delete": "删除 {name}",
        "sure": "删除",
        "temporary": "新建临时密钥",
    },
}


def account(console: Console, name: str, folder: Path) -> dict[str, str]:
    """The key pair of a new account.  The command has a loop of its own, so it runs in another thread."""
    path = folder / f"{name}.json"
    given = ("add-key", console.server.dir, "--account", name, "--key-file", path)
    with ThreadPoolExecutor() as pool:
        assert pool.submit(inside, *given).result(patience.SECONDS).returncode == 0
    pair: dict[str, str] = json.loads(path.read_text())
    return pair


@pytest.mark.parametrize(("language", "phone"), (("en", False), ("zh", True)), ids=("en", "zh-phone"))
def test_a_token(console: Console, language: str, phone: bool) -> None:
    words, name = WORDS[language], f"player <b> {language}"
    space, other = console.peer.space(), console.peer.space()
    for key in ("films/a", "b"):
        console.peer.do(operation.PutObject(space, key), b"x")
    page = console.page(language, **(PHONE if phone else {}))
    page.goto(console.link())
    page.wait_for_selector(".side")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    def look() -> None:
        assert problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if phone:
            assert page.evaluate(SMALL) == page.evaluate(SIDEWAYS) == []

    page.get_by_role("link", name=words["keys"], exact=True).click()
    expect(page.get_by_role("heading", name=words["heading"])).to_be_visible()
    expect(page.get_by_text(words["own"])).to_be_visible()
    expect(page.get_by_text(console.server.public_key).last).to_be_visible()
    look()

    page.get_by_role("button", name=words["new"]).click()
    dialog = page.get_by_role("dialog")
    create = dialog.get_by_role("button", name=words["create"], exact=True)
    dialog.get_by_label(words["name"], exact=True).fill(name)
    create.click()
    expect(dialog.get_by_role("alert")).to_have_text(words["no right"])
    for right in ("read", "list"):
        dialog.get_by_label(words[right], exact=True).check()
    create.click()
    expect(dialog.get_by_role("alert")).to_have_text(words["no space"])
    dialog.get_by_label(space, exact=True).check()
    dialog.get_by_label(words["prefixes"]).fill("films/\n\nmore/")
    look()
    create.click()

    secret = dialog.get_by_label(words["private"], exact=True)
    pair = {
        "public_key": dialog.get_by_label(words["public"], exact=True).input_value(),
        "private_key": secret.input_value(),
    }
    look()
    dialog.get_by_role("button", name=words["copy"]).click()
    assert page.evaluate("navigator.clipboard.readText()") == pair["private_key"]
    dialog.locator(".dialog-foot").get_by_role("button", name=words["close"]).click()
    expect(dialog).to_have_count(0)
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, location, document.documentElement.outerHTML])")
    values = page.evaluate("[...document.querySelectorAll('input, textarea')].map(each => each.value)")
    assert pair["private_key"] not in kept and pair["private_key"] not in values
    page.reload()

    row = page.locator("tr", has_text=pair["public_key"])
    expect(row).to_contain_text(name)
    expect(row).to_contain_text(f"{words['read']}, {words['list']}")
    expect(row).to_contain_text("films/, more/")
    look()
    holder = peer_of(console.server, pair)
    assert holder.call(operation.GetObject(space, "films/a")).status == 200
    assert holder.call(operation.GetObject(space, "b")).status == 403
    assert holder.call(operation.PutObject(space, "films/a"), b"y").status == 403
    assert holder.call(operation.ListObjects(other, "films/")).status == 403

    row.get_by_role("button", name=words["change"].format(name=name)).click()
    expect(dialog.get_by_label(space, exact=True)).to_be_checked()
    expect(dialog.get_by_label(words["prefixes"])).to_have_value("films/\nmore/")
    dialog.get_by_label(words["prefixes"]).fill("")
    dialog.get_by_label(words["from"]).fill("not an address")
    dialog.get_by_label(words["valid"]).select_option(words["week"])
    console.allowed.append("400")
    dialog.get_by_role("button", name=words["save"]).click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label(words["from"]).fill("127.0.0.0/8\n::1")
    dialog.get_by_role("button", name=words["save"]).click()
    expect(row).to_contain_text("127.0.0.0/8, ::1")
    assert holder.call(operation.GetObject(space, "b")).status == 200

    row.get_by_role("button", name=words["delete"].format(name=name)).click()
    expect(dialog.get_by_role("button").nth(1)).to_be_focused()  # Enter deletes nothing
    dialog.get_by_role("button", name=words["sure"], exact=True).click()
    expect(row).to_have_count(0)
    assert holder.call(operation.GetObject(space, "b")).status == 403


@pytest.mark.parametrize("language", ("en", "zh"))
def test_temporary_keys(console: Console, language: str) -> None:
    words, space = WORDS[language], console.peer.space()
    page = console.open("#/keys", language=language)
    page.get_by_role("button", name=words["temporary"]).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=words["create"], exact=True).click()
    label = dialog.get_by_label("SecurityToken", exact=True)
    expect(label).to_be_visible()
    assert problems(page) == []
    public, private = (dialog.get_by_label(words[each], exact=True).input_value() for each in ("public", "private"))
    holder = peer_of(console.server, {"public_key": public, "private_key": private})
    given = [("SecurityToken", label.input_value())]
    assert holder.ask("PUT", space, "/k", "k", given, b"x").status == 200
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert private not in page.content()


def test_the_page_of_another_account(console: Console, tmp_path: Path) -> None:
    """It says how the operator changes this pair, and shows no token of another account."""
    pair = account(console, "films", tmp_path)
    made = console.peer.manage(operation.CreateToken("of the server's account"))
    page = console.page()
    page.goto(console.address)
    page.get_by_label("Public key").fill(pair["public_key"])
    page.get_by_label("Private key").fill(pair["private_key"])
    page.keyboard.press("Enter")
    page.wait_for_selector(".side")
    page.evaluate("location.hash = '#/keys'")
    expect(page.get_by_text("The account has no tokens.")).to_be_visible()
    added = "uvideo admin add-key DIR --account films --key-file new.json"
    removed = f"uvideo admin remove-key DIR {pair['public_key']}"
    expect(page.get_by_role("textbox", name="Rotation")).to_have_value(f"{added}\n{removed}")
    assert made.public_key not in page.content() and console.server.public_key not in page.content()
    console.peer.manage(operation.DeleteToken(made.token_id))
