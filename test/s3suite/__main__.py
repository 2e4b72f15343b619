"""Run a copy of ceph/s3-tests against a server of its own, and compare what passes with expected.txt.

python -m test.s3suite DIR --python PYTHON [--update] [--only WORDS]

DIR is the copy; PYTHON has what its requirements.txt asks for.  The tests are those of tier 1 (`suite` in
test/data/s3-vectors.json).  expected.txt has the names of those that must pass: exit code 1 if one of them does not.
--update writes that file anew.  --only narrows the selection, as pytest's -k does.
"""

from __future__ import annotations

import argparse
import configparser
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from test import patience
from test.s3.s3_server import S3Server, client, start_s3_server
from test.server_fixture import ROOT

EXPECTED = Path(__file__).with_name("expected.txt")
SUITE = json.loads((ROOT / "test" / "data" / "s3-vectors.json").read_text("utf-8"))["suite"]
FILES = ("s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py")
#: The sections of the suite's configuration: those that need a key pair, and those that no selected test uses.
OWNERS = ("s3 main", "s3 alt", "s3 tenant")
UNUSED = ("iam", "iam root", "iam alt root")


def configuration(server: S3Server, folder: Path) -> Path:
    """The file that tells the suite where the server is and who its three users are; each has an account of its own."""
    address = urlsplit(server.url)
    made = configparser.RawConfigParser()
    made["DEFAULT"] = {
        "host": str(address.hostname),
        "port": str(address.port),
        "is_secure": "False",
        "ssl_verify": "False",
    }
    made["fixtures"] = {"bucket prefix": "x-{random}-"}
    for section in OWNERS + UNUSED:
        account = section.split()[-1] + "s"
        public, private = add_pair(server, account, folder) if section in OWNERS else ("unused", "unused")
        made[section] = {"access_key": public, "secret_key": private, "email": f"{account}@example.com"}
        made[section].update(user_id=account, display_name=account)
        if section in OWNERS:
            owner = client(server.url, public, private).list_buckets()["Owner"]
            made[section].update(user_id=owner["ID"], display_name=owner["DisplayName"])
    made["s3 tenant"]["tenant"] = "tenants"
    path = folder / "s3tests.conf"
    with open(path, "w") as file:
        made.write(file)
    return path


def add_pair(server: S3Server, account: str, folder: Path) -> tuple[str, str]:
    """The key pair of a new account."""
    path = folder / f"{account}.json"
    command = [sys.executable, "-m", "uvideo", "admin", "add-key", str(server.server.dir)]
    command += ["--account", account, "--key-file", str(path)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=patience.SECONDS)
    pair = json.loads(path.read_text())
    return pair["public_key"], pair["private_key"]


def outcomes(report: Path) -> dict[str, tuple[str, str]]:
    """(passed, failed or skipped; the last line of why) by the name of each test, of pytest's JUnit report."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        outcome, why = "passed", ""
        for each in case:
            if each.tag in ("failure", "error", "skipped"):
                outcome = "skipped" if each.tag == "skipped" else "failed"
                why = (each.get("message") or "").strip().partition("\n")[0]
        name = case.get("name", "").removeprefix("test_")
        if found.get(name, ("passed", ""))[0] != "failed":  # an error of the teardown is a second entry
            found[name] = outcome, why
    return found


def run(folder: Path, python: Path, only: str) -> dict[str, tuple[str, str]]:
    """What came of each selected test."""
    words = f"({SUITE['k_tier1']}) and ({only})" if only else SUITE["k_tier1"]
    with (
        tempfile.TemporaryDirectory(prefix="s3suite-") as name,
        start_s3_server(Path(name) / "data", "--s3-form-v2") as server,
    ):
        scratch = Path(name)
        report = scratch / "report.xml"
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", "--junitxml", str(report)]
        command += ["-m", SUITE["m"], "-k", words, *FILES]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "UVIDEO_"))}
        environment |= {
            "S3TEST_CONF": str(configuration(server, scratch)),
            "AWS_MAX_ATTEMPTS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_PROXY": "127.0.0.1",
        }
        subprocess.run(command, cwd=folder, env=environment, timeout=2 * patience.SUITE_SECONDS, check=False)
        if not report.exists():
            raise SystemExit(f"the suite in {folder} did not run")
        return outcomes(report)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m test.s3suite", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    expected = set(EXPECTED.read_text().split())
    found = run(given.folder, given.python.absolute(), given.only)
    if not found:
        raise SystemExit("no test was selected")
    print()
    for name, (outcome, why) in sorted(found.items()):
        if outcome != "passed":
            print(f"{outcome}: {name}: {why}")
    passed = {name for name, (outcome, _) in found.items() if outcome == "passed"}
    lost, gained = sorted(expected & found.keys() - passed), sorted(passed - expected)
    if not given.only:
        lost = sorted(expected - passed)
    print(*(f"FAILED, and passed before: {name}" for name in lost), sep="\n", end="\n" if lost else "")
    print(*(f"passes now: {name}" for name in gained), sep="\n", end="\n" if gained else "")
    if given.update:
        EXPECTED.write_text("".join(f"{name}\n" for name in sorted(expected - set(lost) | passed)))
    elif gained:
        print(f"{len(gained)} more pass than {EXPECTED.relative_to(ROOT)} has: add --update")
    count = Counter(outcome for outcome, _ in found.values())
    print(f"s3-tests, tier 1: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 0 if given.update or not lost else 1


if __name__ == "__main__":
    sys.exit(main())
