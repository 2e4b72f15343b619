"""docs/operate.md as somebody on call follows it: every block, from top to bottom, on a machine with systemd."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import PurePosixPath

from test import patience
from test.operate.machine import Machine
from test.pages import Block, Page, is_shown

PAGE = Page("docs/operate.md")
_NAMED = re.compile(r"(?:#!.*\n)?# (/[\w./-]+)(?::.*)?\n")


class Operator:
    """Somebody with a shell on the machine, and with a look at what the sections promise."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.shell = machine.run
        self.printed = ""

    def do(self, block: Block) -> None:
        """Do one block: save a file that begins with its name, or run it.  AssertionError if that fails."""
        named = _NAMED.match(block.text)
        if named:
            self.save(named.group(1), block.text)
        elif block.kind == "sh":
            self.printed = self.shell(block.text)
        elif block.kind == "output":
            assert is_shown(self.printed, block.text), f"printed was\n{self.printed}"
        else:
            raise AssertionError(f"what is to be done with this block of kind {block.kind!r}?\n{block.text}")

    def save(self, path: str, text: str) -> None:
        """As an editor saves it: in root's home unless the path says another place."""
        name, folder = shlex.quote(path), shlex.quote(str(PurePosixPath(path).parent))
        self.shell(f"mkdir -p {folder}\ncat >{name} <<'END OF FILE'\n{text}END OF FILE\n")

    def prints(self, command: str, expected: str) -> None:
        """Run a command; it must print this, "..." standing for anything."""
        printed = self.shell(command)
        assert is_shown(printed, expected), f"{command} printed\n{printed}"


def sections() -> list[tuple[str, list[Block]]]:
    """The runbook's: title and blocks of each."""
    titles = [title for level, title in PAGE.headings if level == 2]
    numbers = [number for number, (level, _) in enumerate(PAGE.headings, 1) if level == 2]
    found: list[tuple[str, list[Block]]] = []
    for title, first, after in zip(titles, numbers, [*numbers[1:], 10**6], strict=True):
        found.append((title, [each for each in PAGE.blocks if first <= each.section < after]))
    return found


# What the page takes for granted, and what its sections promise

LIVE = "/etc/letsencrypt/live/video.example.com"
DATA = "/var/lib/uvideo"
ADMIN = "runuser -u uvideo -- uvideo admin"
CLIENT = "192.0.2.10"  # what a client of video.example.com has for its own address


def ready(on: Operator) -> None:
    on.prints("curl -sk https://127.0.0.1:9001/readyz", "ok")


def pid(on: Operator) -> str:
    return on.shell("systemctl show --property MainPID --value uvideo").strip()


def lines(printed: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def certificate(machine: Machine) -> None:
    """One for the server, where an ACME client keeps it, by an authority that the machine trusts."""
    machine.run(f"""
    mkdir -p {LIVE} ~/ca
    cd ~/ca
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


class Install:
    def before(self, on: Operator) -> None:
        """A machine with a name, a certificate and a second disk."""
        on.shell(f"""
        ip address add {CLIENT}/32 dev lo
        printf '%s\\n' '{CLIENT} video.example.com' '127.0.0.1 backup.example.com' >>/etc/hosts
        mkdir -p /mnt/backup
        mount -t tmpfs -o mode=755 tmpfs /mnt/backup
        """)
        certificate(on.machine)

    def after(self, on: Operator) -> None:
        assert on.shell("systemctl is-active uvideo; systemctl is-enabled uvideo").split() == ["active", "enabled"]
        names = f"{DATA}/credentials.json /etc/uvideo/tls.key /etc/uvideo/settings"
        assert (
            on.shell(f"stat -c '%U:%G %a' {names}").split()
            == "uvideo:uvideo 600 root:uvideo 640 root:uvideo 640".split()
        )
        assert on.shell("ss -Hltn 'sport = :9001'").split()[3] == "127.0.0.1:9001"


class Settings:
    def after(self, on: Operator) -> None:
        patience.until(lambda: "read again: rate = 500" in on.shell("journalctl -u uvideo --no-pager"))
        ready(on)


class Certificate:
    def before(self, on: Operator) -> None:
        self.pid = pid(on)
        certificate(on.machine)

    def after(self, on: Operator) -> None:
        served = "openssl s_client -connect video.example.com:9000 </dev/null 2>/dev/null"
        serial = on.shell(f"openssl x509 -noout -serial <{LIVE}/cert.pem")
        patience.until(lambda: on.shell(f"{served} | openssl x509 -noout -serial") == serial)
        assert pid(on) == self.pid


class Proxy:
    def before(self, on: Operator) -> None:
        on.shell("cp -p /etc/uvideo/settings ~/settings")

    def after(self, on: Operator) -> None:
        """The sender is known; and back to the server by itself, which the other sections are about."""
        recorded = lines(on.shell(f"{ADMIN} audit {DATA} --key proxied.txt --json"))
        assert recorded and {line["address"] for line in recorded} == {CLIENT}
        assert "Signature" not in on.shell("cat /var/log/nginx/uvideo.log")
        on.shell("cp -p ~/settings /etc/uvideo/settings; systemctl stop nginx; systemctl restart uvideo")
        ready(on)


class Rotation:
    def before(self, on: Operator) -> None:
        """The owner's pair, one of another account, and one more that nobody takes away."""
        on.shell(f"cp {DATA}/credentials.json ~/old.json")
        pair = {"public_key": "UVIDEOfilms1", "private_key": "a-private-key-of-films-0123456789abcdefgh"}
        on.shell(f"install -o uvideo -m 600 /dev/null {DATA}/films.json; echo '{json.dumps(pair)}' >{DATA}/films.json")
        on.shell(f"{ADMIN} add-key {DATA} --account films --pair {DATA}/films.json; mv {DATA}/films.json ~")
        on.shell(f"{ADMIN} add-key {DATA} --account music --key-file {DATA}/music.json; mv {DATA}/music.json ~")

    def after(self, on: Operator) -> None:
        for name in ("old", "films", "films-new", "music"):
            on.shell(
                f"uvideo config init --profile {name} --provider local --endpoint https://video.example.com:9000 "
                f"--key-file ~/{name}.json --no-check --yes && uvideo config set --profile {name} ca_bundle "
                "/etc/ssl/certs/ca-certificates.crt"
            )
        accepted = "for each in old films films-new music; do"
        accepted += " if uvideo ls --profile $each >/dev/null 2>&1; then echo $each; fi; done"
        assert on.shell(accepted).split() == ["films-new", "music"]
        on.prints("uvideo cat uvideo://films/hello.txt", "hello")
        on.shell(f"install -m 0600 {DATA}/credentials.json ~/credentials.json")


class Audit:
    def before(self, on: Operator) -> None:
        on.shell("head -c 300000 /dev/urandom >~/cut.mp4; uvideo cp ~/cut.mp4 uvideo://films/2026/cut.mp4")
        on.shell("uvideo rm uvideo://films/2026/cut.mp4; uvideo cp ~/cut.mp4 uvideo://films/2026/cut.mp4")

    def after(self, on: Operator) -> None:
        assert on.shell("ls /var/log/uvideo").split() == ["audit.log.1"]
        asked = "--space films --key 2026/cut.mp4 --operation DeleteObject --json"
        (line,) = lines(on.shell(f"{ADMIN} audit {DATA} {asked}"))
        own = json.loads(on.shell(f"cat {DATA}/credentials.json"))["public_key"]
        assert (line["public_key"], line["address"], line["ret_code"]) == (own, CLIENT, 0)


class Backup:
    def before(self, on: Operator) -> None:
        """backup.example.com is another machine that root reaches by ssh; a backup of long ago is there."""
        on.shell("""
        systemctl start ssh
        mkdir -p -m 700 ~/.ssh
        ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
        cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
        sed 's/^/backup.example.com /' /etc/ssh/ssh_host_ed25519_key.pub >~/.ssh/known_hosts
        mkdir /mnt/backup/video.2026-01-01
        touch -d '40 days ago' /mnt/backup/video.2026-01-01
        """)

    def after(self, on: Operator) -> None:
        when = float(on.shell("curl -sk https://127.0.0.1:9001/metrics | grep ^uvideo_backup_last_seconds").split()[1])
        assert abs(float(on.shell("date +%s")) - when) < 3600
        assert "uvideo-backup.timer" in on.shell("systemctl list-timers --no-pager")
        today = on.shell("date +video.%F").strip()
        assert on.shell("diff -r /mnt/backup ~/backup; ls /mnt/backup").split() == ["video", today]


class Restore:
    def before(self, on: Operator) -> None:
        """Somebody deleted a film; what was stored after the backup is not in it."""
        on.shell("uvideo rm uvideo://films/2026/cut.mp4; echo later | uvideo cp - uvideo://films/later.txt")

    def after(self, on: Operator) -> None:
        on.shell("uvideo cat uvideo://films/2026/cut.mp4 | cmp - ~/cut.mp4")
        assert "later.txt" not in on.shell("uvideo ls uvideo://films/")
        on.shell(f"{ADMIN} fsck --rehash {DATA}; rm -r {DATA}.broken")


class Restart:
    def before(self, on: Operator) -> None:
        self.pid = pid(on)

    def after(self, on: Operator) -> None:
        assert pid(on) != self.pid
        on.shell("uvideo cat uvideo://films/2026/cut.mp4 | cmp - ~/cut.mp4")


class Move:
    def before(self, on: Operator) -> None:
        """A disk with btrfs, and the folder to be as a subvolume of it."""
        on.shell("""
        mknod /dev/loop-control c 10 237
        for each in {0..31}; do mknod /dev/loop$each b 7 $each; done
        truncate -s 8G ~/disk
        mkfs.btrfs -q ~/disk
        mkdir /mnt/new
        mount -o loop ~/disk /mnt/new
        btrfs subvolume create /mnt/new/uvideo
        """)

    def after(self, on: Operator) -> None:
        ready(on)
        assert on.shell(f"findmnt -no FSTYPE {DATA}").strip() == "btrfs"
        on.shell("uvideo cat uvideo://films/2026/cut.mp4 | cmp - ~/cut.mp4; uvideo rm uvideo://films/hello.txt")
        on.shell(f"{ADMIN} fsck --rehash {DATA}; rm -r {DATA}.old")


class Snapshot:
    def after(self, on: Operator) -> None:
        """What was deleted since is in the snapshot."""
        folder = on.shell("date +/mnt/new/uvideo.%F").strip()
        on.shell("uvideo rm uvideo://films/2026/cut.mp4")
        on.shell(f"find {folder}/blobs -type f -size +200k -exec cmp {{}} ~/cut.mp4 ';' -print | grep .")


class Grow:
    def after(self, on: Operator) -> None:
        ask = "curl -sk https://127.0.0.1:9001/metrics || true"
        patience.until(lambda: "uvideo_workers 2\n" in on.shell(ask))  # for a moment the old server answers too


class Watch:
    def after(self, on: Operator) -> None:
        asked = "'query=up{job=\"uvideo\"}'"
        ask = f"curl -s -G http://127.0.0.1:9090/api/v1/query --data-urlencode {asked} || true"
        patience.until(lambda: '"1"]' in on.shell(ask), patience.SUITE_SECONDS)  # one scrape or more later
        assert "UvideoBackupNever" in on.shell("curl -s http://127.0.0.1:9090/api/v1/rules")


class Paged:
    after = staticmethod(ready)


SECTIONS: dict[str, type] = {
    "Install": Install,
    "Settings": Settings,
    "Renew the certificate": Certificate,
    "Behind a proxy": Proxy,
    "Rotate the keys": Rotation,
    "Who did it": Audit,
    "Back up and verify": Backup,
    "Restore": Restore,
    "Restart and upgrade": Restart,
    "Move": Move,
    "Snapshot": Snapshot,
    "Grow": Grow,
    "Watch it": Watch,
    "You were paged": Paged,
}


def test_every_block_of_the_runbook_does_what_its_section_promises(machine: Machine) -> None:
    found = sections()
    assert [title for title, blocks in found if blocks] == list(SECTIONS)
    operator = Operator(machine)
    for title, blocks in found:
        if blocks:
            stage = SECTIONS[title]()
            if hasattr(stage, "before"):
                stage.before(operator)
            for block in blocks:
                operator.do(block)
            stage.after(operator)
