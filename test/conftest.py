"""What every test run says about the interpreters, and the rule that the important ones are not left out."""

from __future__ import annotations

import gc
import importlib.util
import os
import re
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from test import interpreters
from test.cluster.fixtures import bucket as bucket  # fixtures, these six
from test.cluster.fixtures import database as database
from test.cluster.fixtures import object_store as object_store
from test.cluster.fixtures import postgres as postgres
from test.forked import commands as commands
from test.marks import is_slow, leaves_out
from test.server_fixture import SECRETS
from test.server_fixture import server as server

collect_ignore = ["sdk"]  # run by test_sdk.py on every interpreter, with an environment of its own
if importlib.util.find_spec("playwright") is None:  # what make test-browser installs
    collect_ignore.append("browser")

if importlib.util.find_spec("hypothesis"):
    import hypothesis

    # How long an example takes, or is made, says how busy the machine is.
    hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.load_profile("busy")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of a background job of a shell; children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.umask(0o022)  # whatever the shell's: programs that run as nobody read what tests write


def pytest_configure(config: pytest.Config) -> None:
    interpreters.hand_on()
    if sys.version_info < (3, 11):  # its start_tls forgets the transport whose handshake fails, and gives it to nobody
        config.addinivalue_line("filterwarnings", r"ignore:unclosed transport <asyncio\.sslproto:ResourceWarning")


REQUIRE = "UVIDEO_REQUIRE_INTERPRETERS"  # set by .ci/run: 2.7 and the newest 3, where present, must have been used


def left_out() -> list[str]:
    """Return the names of the important interpreters that are here but that no test prepared."""
    found = interpreters.important().values()
    return [each.name for each in found if each is not None and each.version not in interpreters.prepared]


#: The files that take longest, the longest at the front.  They come first, so that no process is left alone with one.
FIRST = """
test_sdk release/test_install fuzz/test_exchanges test_docs e2e/test_soak cli/test_examples server/test_restart
release/test_dist e2e/test_bad_network e2e/test_large test_namespace e2e/test_many_keys testing/test_plugin
overload/test_full e2e/test_first_hour contract/test_clients client/test_targets server/test_backup
test_protocol_properties server/test_carriers server/test_identity client/test_leftovers server/test_process
server/test_exposition server/test_endings server/test_reload client/test_loops overload/test_disk
server/test_bad_input crash/test_power cli/test_interrupt client/test_download client/test_aioconnection
contract/test_store server/test_console server/test_rotation regressions/test_regressions client/test_clocks
interop/test_ufile causes/test_rows server/test_quarantine test_privates
""".split()


SHARED = {"server", "s3_server"}  # the fixtures with the servers that may stand behind a front


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow, and order the files.  And behind a front run what talks to the shared server.

    `make test` runs the rest, which would be the same here.
    """
    for each in items:
        if is_slow(each.nodeid.partition("[")[0]):
            each.add_marker("slow")
    place = {f"test/{name}.py": number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))
    if os.environ.get("UVIDEO_TEST_FRONT"):
        fronted, others = list[pytest.Item](), list[pytest.Item]()
        for each in items:
            (others if SHARED.isdisjoint(getattr(each, "fixturenames", ())) else fronted).append(each)
        config.hook.pytest_deselected(items=others)
        items[:] = fronted


#: The tests of code that needs no other package, and of the server under kills, load and hostile input: what uses other
#: packages is tried by the tests that are about it.
OURS = """
client crash e2e fuzz hostile interop linear mutants overload protocol regressions samples systems
test_architecture test_chance test_class_names test_docs test_forked test_privates test_protocol_doc
test_protocol_interpreters test_protocol_properties test_reprs test_rooms test_types test_wire_properties
""".split()
#: In the source of a test: it imports one of the packages that users choose a version of.
IMPORTS = re.compile(
    r"\b(?:import|from|importorskip\(.)\s*(?:aiohttp|asyncpg|click|cryptography|fsspec|socks|uvloop)\b"
)


def independent(path: Path) -> bool:
    """Whether the tests of a file are the same with any version of what we depend on."""
    parts = path.relative_to(interpreters.ROOT / "test").parts
    return parts[0].removesuffix(".py") in OURS and not IMPORTS.search(path.read_text("utf-8"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file whose marks ``-m`` leaves out is not even imported, unless somebody named it.

    With the lowest versions neither is one that is independent of them.
    """
    named = {Path(each.partition("::")[0]).absolute() for each in config.args}
    if collection_path.suffix != ".py" or not collection_path.is_file() or collection_path in named:
        return None
    if interpreters.LOWEST and independent(collection_path):
        return True
    name = collection_path.relative_to(interpreters.ROOT).as_posix()
    return leaves_out(config.option.markexpr, collection_path.read_text("utf-8"), name) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing that collection makes is garbage, and looking for some takes long."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # the thousands of items stay: no collection needs to look at them


#: What asyncio logs where a callback raises or a task's exception is never read: nobody else hears of it.
CALLBACK = re.compile(r"^ERROR +asyncio:", re.MULTILINE).search


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that prints or logs the private key of a server fails, whatever else it does.

    So does one in which asyncio logs an error.
    """
    report = yield
    said = "".join(text for _, text in report.sections)
    if report.passed and any(secret in said for secret in SECRETS):
        report.outcome, report.longrepr = "failed", f"{item.nodeid}: a private key was printed or logged"
    if report.passed and CALLBACK(said):
        report.outcome, report.longrepr = (
            "failed",
            f"{item.nodeid}: a callback of asyncio's loop raised\n{said[-3000:]}",
        )
    return report


@pytest.fixture(autouse=True)
def filesystems_of_its_own() -> Generator[None]:
    """fsspec keeps filesystems by their options: a test gets none that another one filled."""
    yield
    loaded = sys.modules.get("uvideo.fs.filesystem")
    if loaded is not None:
        loaded.UVideoFileSystem.clear_instance_cache()


def pytest_report_header() -> str:
    return interpreters.describe()


def pytest_sessionfinish(session: pytest.Session) -> None:
    worker = getattr(session.config, "workeroutput", None)
    if worker is not None:  # one of pytest-xdist's processes: the one that started it judges
        worker["prepared"] = sorted(interpreters.prepared)
        return
    if os.environ.get(REQUIRE) and left_out() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    interpreters.prepared.update(tuple(version) for version in getattr(node, "workeroutput", {}).get("prepared", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    used = " ".join("{}.{}".format(*version) for version in sorted(interpreters.prepared))
    terminalreporter.write_line(f"interpreters the SDK was tested on: {used or 'none'}")
    if os.environ.get(REQUIRE) and left_out():
        terminalreporter.write_line(f"ERROR: present but not used: {' '.join(left_out())}", red=True)
