"""docs/operate.md as somebody on call follows it: every block, from top to bottom, on a machine with systemd."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import PurePosixPath

from test.interpreters import ROOT
from test.operate.machine import Machine
from test.pages import Block, Page

PAGE = Page("docs/operate.md")
END = "The parts"  # from here on the page is no runbook
_NAMED = re.compile(r"(?:#!.*\n)?# (/[\w./@-]+)(?::.*)?\n")

Look = Callable[["Operator"], None]


class Operator:
    """Somebody with a shell on the machine, and with a look at what the sections promise."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.shell = machine.run

    def do(self, block: Block) -> None:
        """Do one block: save a file that begins with its name, or run it.  AssertionError if that fails."""
        named = _NAMED.match(block.text)
        if named:
            self.save(named.group(1), block.text)
        elif block.kind == "sh":
            self.shell(block.text)
        elif block.kind == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                self.prints(command, expected)
        else:
            raise AssertionError(f"what is to be done with this block of kind {block.kind!r}?\n{block.text}")

    def save(self, path: str, text: str) -> None:
        """As an editor saves it: below /root unless the path says another place."""
        name, folder = shlex.quote(path), shlex.quote(str(PurePosixPath(path).parent))
        self.shell(f"mkdir -p {folder}\ncat >{name} <<'END OF FILE'\n{text}END OF FILE\n")

    def prints(self, command: str, expected: str) -> None:
        """Run a command; it must print this, "..." standing for anything."""
        printed = self.shell(command)
        pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*")
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{command} printed\n{printed}"


def sections() -> list[tuple[str, list[Block]]]:
    """The runbook's: title and blocks of each."""
    titles = [title for level, title in PAGE.headings if level == 2]
    numbers = [number for number, (level, _) in enumerate(PAGE.headings, 1) if level == 2]
    found: list[tuple[str, list[Block]]] = []
    for title, first, after in zip(titles, numbers, [*numbers[1:], 10**6], strict=True):
        found.append((title, [each for each in PAGE.blocks if first <= each.section < after]))
    return found[: titles.index(END)]


# What the page takes for granted

LIVE = "/etc/letsencrypt/live/video.example.com"
UVIDEO = "runuser -u uvideo -- uvideo"
DATA = "/var/lib/uvideo"


def certificate(machine: Machine) -> None:
    """One for the server, where an ACME client keeps it, by an authority that the machine trusts."""
    machine.run(f"""
    mkdir -p {LIVE} /root/ca
    cd /root/ca
    new="req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    if [ ! -e ca.pem ]; then
        openssl $new -x509 -days 30 -subj '/CN=An authority' -addext keyUsage=critical,keyCertSign \\
            -keyout ca.key -out ca.pem
        cat ca.pem >>/etc/ssl/certs/ca-certificates.crt
    fi
    umask 077
    openssl $new -subj /CN=video.example.com -keyout {LIVE}/privkey.pem -out new.csr
    openssl x509 -req -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -out {LIVE}/cert.pem \\
        -extfile <(echo subjectAltName=DNS:video.example.com)
    cat {LIVE}/cert.pem ca.pem >{LIVE}/fullchain.pem
    """)


def prepare_install(on: Operator) -> None:
    on.shell("""
    echo '127.0.0.1 video.example.com backup.example.com' >>/etc/hosts
    for each in backup new; do mkdir -p /mnt/$each; mount -t tmpfs -o mode=755 tmpfs /mnt/$each; done
    """)
    certificate(on.machine)
    on.save("uvideo.service", (ROOT / "packaging" / "uvideo.service").read_text())


def promise_install(on: Operator) -> None:
    assert on.shell("systemctl is-active uvideo; systemctl is-enabled uvideo").split() == ["active", "enabled"]
    assert on.shell(f"stat -c '%U %a' {DATA}/credentials.json /etc/uvideo/tls.key /etc/uvideo/uvideo.env").split("\n")[
        :3
    ] == [
        "uvideo 600",
        "root 640",
        "root 600",
    ]
    assert "uvideo.service" in on.shell("systemctl --no-pager list-units --state=running")
    assert on.shell("ss -Hltn 'sport = :9001'").split()[3] == "127.0.0.1:9001"


def prepare_audit(on: Operator) -> None:
    on.shell("head -c 300000 /dev/urandom >/root/cut.mp4; uvideo cp /root/cut.mp4 uvideo://films/2026/cut.mp4")
    on.shell("uvideo rm uvideo://films/2026/cut.mp4 && uvideo cp /root/cut.mp4 uvideo://films/2026/cut.mp4")


def promise_audit(on: Operator) -> None:
    assert on.shell("ls /var/log/uvideo").split() == ["audit.log.1"]
    lines = on.shell(
        f"{UVIDEO} admin audit {DATA} --space films --key 2026/cut.mp4 --operation DeleteObject --json"
    ).splitlines()
    own = json.loads(on.shell(f"cat {DATA}/credentials.json"))["public_key"]
    assert [(each["public_key"], each["address"], each["ret_code"]) for each in map(json.loads, lines)] == [
        (own, "127.0.0.1", 0)
    ]


def prepare_backup(on: Operator) -> None:
    """backup.example.com is another machine that root reaches by ssh."""
    on.shell("""
    systemctl start ssh
    mkdir -p -m 700 /root/.ssh
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
    cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
    sed 's/^/backup.example.com /' /etc/ssh/ssh_host_ed25519_key.pub >/root/.ssh/known_hosts
    """)
    on.shell(f"install -m 0600 {DATA}/credentials.json /root/credentials.json")


def promise_backup(on: Operator) -> None:
    when = float(on.shell("curl -sk https://127.0.0.1:9001/metrics | grep ^uvideo_backup_last_seconds").split()[1])
    assert abs(float(on.shell("date +%s")) - when) < 600
    assert "uvideo-backup.timer" in on.shell("systemctl list-timers --no-pager")
    on.shell("diff -r /mnt/backup/video /root/video")
    assert on.shell("ls /mnt/backup").split() == ["video"]


def prepare_restore(on: Operator) -> None:
    """Somebody deleted a film, and one that was stored after the backup is not in it."""
    on.shell("uvideo rm uvideo://films/2026/cut.mp4; echo later | uvideo cp - uvideo://films/later.txt")


def promise_restore(on: Operator) -> None:
    on.shell("uvideo cp uvideo://films/2026/cut.mp4 /root/again.mp4 && cmp /root/cut.mp4 /root/again.mp4")
    assert on.shell("uvideo ls uvideo://films/").split() != []
    assert "later.txt" not in on.shell("uvideo ls uvideo://films/")
    on.shell(f"{UVIDEO} admin fsck --rehash {DATA}")


def promise_paged(on: Operator) -> None:
    on.prints("curl -sk https://127.0.0.1:9001/readyz", "ok")


def promise_move(on: Operator) -> None:
    on.prints("curl -sk https://127.0.0.1:9001/readyz", "ok")
    assert on.shell(f"findmnt -no FSTYPE {DATA}").strip() == "tmpfs"
    on.shell("uvideo cat uvideo://films/2026/cut.mp4 | cmp - /root/cut.mp4; uvideo rm uvideo://films/hello.txt")
    on.shell(f"{UVIDEO} admin fsck --rehash {DATA}; rm -r {DATA}.old")


SECTIONS: dict[str, tuple[Look | None, Look]] = {
    "Install": (prepare_install, promise_install),
    "Who did it": (prepare_audit, promise_audit),
    "Back up and verify": (prepare_backup, promise_backup),
    "Restore": (prepare_restore, promise_restore),
    "Move": (None, promise_move),
    "You were paged": (None, promise_paged),
}


def test_every_block_of_the_runbook_does_what_its_section_promises(machine: Machine) -> None:
    found = sections()
    assert [title for title, blocks in found if blocks] == list(SECTIONS)
    operator = Operator(machine)
    for title, blocks in found:
        before, after = SECTIONS.get(title, (None, None))
        if before is not None:
            before(operator)
        for block in blocks:
            operator.do(block)
        if after is not None:
            after(operator)
