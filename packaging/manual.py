"""Write what is made of the command's parser, below packaging/share: the man page in two languages, and completions.

python packaging/manual.py [--out DIR].  setup.py installs these files; a test compares them with the parser.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import click  # noqa: E402

from uvideo.cli.completion import script  # noqa: E402
from uvideo.cli.i18n import language, say  # noqa: E402
from uvideo.cli.program import commands  # noqa: E402
from uvideo.cli.verb_command import VerbCommand, VerbGroup  # noqa: E402

SHARE = ROOT / "packaging" / "share"
#: When the words that stand in this file were last changed; man shows it.
DATE = "2026-11-25"
WIDTH = 72
SCRIPTS = {
    "bash": "bash-completion/completions/uvideo",
    "zsh": "zsh/site-functions/_uvideo",
    "fish": "fish/vendor_completions.d/uvideo.fish",
}
PAGES = {"en": "man/man1/uvideo.1", "zh": "man/zh_CN/man1/uvideo.1"}
#: Heading or text, and its Chinese; the rest is translated by the command itself.
CHINESE = {
    "NAME": "名称",
    "SYNOPSIS": "概要",
    "DESCRIPTION": "描述",
    "VERBS": "命令",
    "GENERAL OPTIONS": "通用选项",
    "ENVIRONMENT": "环境变量",
    "FILES": "文件",
    "client, command and server for UVideo / UFile (US3) object storage": (
        "UVideo / UFile (US3) 对象存储的客户端、命令和服务端"
    ),
    "VERB": "命令",
    "Every verb takes these, before or after its name.": "每个命令都接受这些选项，写在命令名之前或之后均可。",
    "Key pair. A private key is never given on a command line.": "密钥对。私钥不会出现在命令行里。",
    "Host or URL of the service; instead of it, a provider: auto-ai, ucloud, us3 or local.": (
        "服务的主机名或 URL；也可以改为给出服务商：auto-ai、ucloud、us3 或 local。"
    ),
    "Profile and configuration file to use.": "使用哪个配置（profile）和哪个配置文件。",
    "en or zh: language of messages, instead of that of the locale.": (
        "en 或 zh：消息的语言，不设置时取系统区域的语言。"
    ),
    "The options of serve.": "serve 的选项。",
    "Profiles; uvideo config writes them. Readable by its owner only.": (
        "各个配置（profile），由 uvideo config 写入。只有所有者可读。"
    ),
    "The journal of unfinished transfers; uvideo transfers lists them.": (
        "未完成传输的日志，用 uvideo transfers 查看。"
    ),
}
ENVIRONMENT = (
    ("UVIDEO_PUBLIC_KEY, UVIDEO_PRIVATE_KEY", "Key pair. A private key is never given on a command line."),
    (
        "UVIDEO_ENDPOINT, UVIDEO_PROVIDER",
        "Host or URL of the service; instead of it, a provider: auto-ai, ucloud, us3 or local.",
    ),
    ("UVIDEO_PROFILE, UVIDEO_CONFIG", "Profile and configuration file to use."),
    ("UVIDEO_LANG", "en or zh: language of messages, instead of that of the locale."),
    ("UVIDEO_SERVE_NAME", "The options of serve."),
)
FILES = (
    ("~/.config/uvideo/config.toml", "Profiles; uvideo config writes them. Readable by its owner only."),
    ("~/.local/state/uvideo", "The journal of unfinished transfers; uvideo transfers lists them."),
)


def word(text: str) -> str:
    return CHINESE[text] if language() == "zh" else text


def filled(text: str) -> str:
    """Text in lines that a diff shows well; Chinese has no blanks to break a line at."""
    if language() != "zh":
        text = "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))
    return plain(text)


def plain(text: str) -> str:
    """Text as roff takes it: nothing in it is a request, and a hyphen stays one when it is copied."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in lines)


def entries(records: list[tuple[str, str]]) -> Iterator[str]:
    for name, text in records:
        yield from (".TP", f".B {plain(name)}", filled(text) or "\\&")


def paragraphs(command: VerbCommand | VerbGroup) -> Iterator[str]:
    """What its help says besides the options, examples last."""
    texts = [command.english, *command.paragraphs]
    for number, text in enumerate(text for text in texts if text):
        if number:
            yield ".PP"
        yield filled(say(text))
    for example in command.examples:
        yield from (".PP", filled(say(example.text)), ".PP", ".RS 4", ".EX", plain(example.command), ".EE", ".RE")


def options(command: click.Command, context: click.Context, shared: bool) -> list[tuple[str, str]]:
    """(flags, help) of its own options, or of those that every verb has."""
    found = []
    for parameter in command.params:
        if isinstance(parameter, click.Option) and getattr(parameter, "common", False) == shared:
            record = parameter.get_help_record(context)
            if record is not None:
                found.append((record[0].replace(" RANGE", ""), record[1].replace("[default: ", say("[default: "))))
    return found


def verbs(command: VerbGroup, context: click.Context) -> Iterator[tuple[VerbCommand | VerbGroup, click.Context]]:
    """Every verb below a command, those of a family after it."""
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert isinstance(found, (VerbCommand, VerbGroup)), name
        inner = click.Context(found, info_name=name, parent=context)
        yield found, inner
        if isinstance(found, VerbGroup):
            yield from verbs(found, inner)


def page() -> str:
    """The man page in the language of this process."""
    top = click.Context(commands, info_name="uvideo")
    lines = [
        '.\\" Made by packaging/manual.py.',
        f'.TH UVIDEO 1 "{DATE}" "uvideo"',
        f".SH {word('NAME')}",
        "uvideo \\- " + plain(word("client, command and server for UVideo / UFile (US3) object storage")),
        f".SH {word('SYNOPSIS')}",
        ".B uvideo",
        f"{plain(word('VERB'))} ...",
        f".SH {word('DESCRIPTION')}",
        *paragraphs(commands),
        f".SH {word('VERBS')}",
    ]
    for command, context in verbs(commands, top):
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        lines += [f".SS {plain(usage)}", *paragraphs(command), *entries(options(command, context, False))]
    lines += [f".SH {word('GENERAL OPTIONS')}", filled(word("Every verb takes these, before or after its name."))]
    lines += [*entries(options(commands, top, True))]
    for heading, table in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        lines += [f".SH {word(heading)}", *entries([(name, word(text)) for name, text in table])]
    return "\n".join(lines) + "\n"


def write(out: Path) -> None:
    for shell, name in SCRIPTS.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(script(shell), encoding="utf-8")
    for spoken, name in PAGES.items():  # options have their language from the import on
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "UVIDEO_LANG": spoken, "LC_ALL": "C.UTF-8"}
        command = [sys.executable, __file__, "--print"]
        made = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True).stdout
        (out / name).write_bytes(made)


def main() -> None:
    parser = argparse.ArgumentParser(prog="packaging/manual.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=SHARE, metavar="DIR")
    parser.add_argument("--print", action="store_true", help="the man page in the language of the environment")
    given = parser.parse_args()
    if given.print:
        sys.stdout.buffer.write(page().encode())
    else:
        write(given.out)


if __name__ == "__main__":
    main()
