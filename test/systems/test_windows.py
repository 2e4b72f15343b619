"""Large transfers, locks, the journal and the SDK on python.org's CPython for Windows, 3 and 2.7, below Wine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from test import interpreters
from test.fakes import FaultProxy
from test.server_fixture import start_server
from test.systems import plugin, windows

REQUIRE = "UVIDEO_REQUIRE_SYSTEMS"  # set by .ci/run: nothing may be missing
pytestmark = [
    pytest.mark.systems,
    pytest.mark.skipif(
        bool(windows.MISSING) and not os.environ.get(REQUIRE),
        reason=f"not here: {' '.join(windows.MISSING)} (Debian: wine64 wine gcc-mingw-w64-x86-64-win32)",
    ),
]

#: A version that this machine has and that the wheel is there for.
MODERN = next(
    (each for each in ((3, 11), (3, 12), (3, 13), (3, 10)) if each in [one.version for one in interpreters.find()]),
    (3, 11),
)
#: cryptography: the lowest that we allow; later ones ask for a DLL that Wine 8 does not have.
PACKAGES = ["requests", "pytest", "hypothesis", "h11", "colorama", "tzdata", "click", "tomlkit"]
SERVER = ["aiohttp>=3.14.4", "cryptography==42.0.8"]
FILES = [
    "test/systems/test_transfers.py",
    "test/test_localfile.py",
    "test/client/test_journal.py",
    "test/client/test_profiles.py",
]
MODULES = ["test.sdk.test_filefaults", "test.sdk.test_handlers", "test.sdk.test_input"]
#: Runs modules of unittest without what windows.txt lists.
RUNNER = """
import sys, unittest
modules, listed = sys.argv[1].split(","), set(sys.argv[2].split(","))
def each(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            for one in each(test):
                yield one
        else:
            yield test
tests = list(each(unittest.defaultTestLoader.loadTestsFromNames(modules)))
stale = listed - set(test.id() for test in tests)
assert not stale, stale
chosen = unittest.TestSuite(test for test in tests if test.id() not in listed)
sys.exit(not unittest.TextTestRunner(verbosity=2).run(chosen).wasSuccessful())
"""


def test_the_list_of_what_is_left_out_has_reasons_and_files() -> None:
    listed = plugin.left_out()
    assert 0 < len(listed) < 20
    for test in listed:
        path = test.partition("::")[0] if "::" in test else test.rsplit(".", 2)[0].replace(".", "/") + ".py"
        assert (interpreters.ROOT / path).is_file(), test
        assert test.startswith(tuple([*FILES, *MODULES])), f"{test} is not run at all"


def test_transfers_the_journal_and_locks_on_python_3() -> None:
    python = windows.prepare(MODERN, [*PACKAGES, *SERVER])
    done = python.run(
        ["-m", "pytest", "-p", "no:cacheprovider", "-p", "test.systems.plugin", "-m", "not long", *FILES], {}
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    assert passed is not None and int(passed.group(1)) >= 40, done.stdout[-2000:]


def test_the_sdk_on_python_2_7(tmp_path: Path) -> None:
    if not any(each.version == (2, 7) for each in interpreters.find()):
        pytest.skip("there is no Python 2.7, whose standard library is needed")
    python = windows.prepare((2, 7), interpreters.of_setup((2, 7)))
    listed = [test for test in plugin.left_out() if "::" not in test]
    with start_server(tmp_path / "server", "--no-fsync") as server, FaultProxy("127.0.0.1", server.port) as proxy:
        environment = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "UVIDEO_TEST_ENDPOINT": server.host,
            "UVIDEO_TEST_FAULTS": proxy.endpoint.rpartition("/")[2],
            "UVIDEO_TEST_CONTROL": proxy.control.rpartition("/")[2],
            "UVIDEO_TEST_PUBLIC_KEY": server.public_key,
            "UVIDEO_TEST_PRIVATE_KEY": server.private_key,
        }
        done = python.run(["-c", RUNNER, ",".join(MODULES), ",".join(listed)], environment)
        proxy.reset()
    count = re.search(r"^Ran (\d+) tests", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout[-6000:]
    assert count is not None and int(count.group(1)) >= 60, done.stdout[-2000:]
