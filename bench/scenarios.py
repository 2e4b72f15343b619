"""The situations in which data, time or secrets are at stake, with every client: what became of each, and what it took.

python -m bench.scenarios [--write] [NUMBER...]

Each run is a process of its own behind a fault proxy of its own, before one `uvideo serve`: test.regressions has the
scenarios and what each must find.  sent, got: bytes of bodies each way that passed the proxy.  left: bytes of
unfinished uploads that are on the account afterwards.  s: seconds of the scenario, without the start of the process.
--write records all of it, and renders docs/why.md anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from test.fakes import FaultProxy
from test.regressions import table
from test.regressions.place import run, start_place
from test.regressions.scenarios import DEFECTS, SITUATIONS
from test.server_fixture import Server
from uvideo import Client

SUBJECTS = ("ufile", "ucloud", "Client", "AsyncClient", "uvideo")
SPACE = "localhost"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.scenarios", description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="only these situations")
    parser.add_argument("--write", action="store_true", help="record the figures and write docs/why.md")
    options = parser.parse_args()
    if options.write and options.numbers:
        parser.error("--write records all situations")
    folder = Path(tempfile.mkdtemp(prefix="uvideo-scenarios-"))
    try:
        with start_place(folder) as server:
            rows = measured(server, folder, options.numbers or sorted(SITUATIONS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.write:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        record = {"date": str(datetime.date.today()), "machine": machine, "rows": rows}
        table.FIGURES.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        table.main([])
    return int(any(row["findings"] for row in rows if row["subject"] != "ufile"))


def measured(server: Server, folder: Path, numbers: list[int]) -> list[dict[str, Any]]:
    """A row for each run, printed as it comes."""
    print(f"{'':22}{'':12}{'':>16}{'sent':>12}{'got':>12}{'left':>11}{'s':>7}")
    rows = []
    for number in numbers:
        name = SITUATIONS[number].name
        for subject in SUBJECTS:
            if subject in SITUATIONS[number].without:
                continue
            place = folder / name / subject
            place.mkdir(parents=True)
            row = {"number": number, "subject": subject, **one(number, subject, server, place)}
            shutil.rmtree(place, ignore_errors=True)
            verdict = f"{len(row['findings'])} broken" if row["findings"] else "kept"
            print(
                f"{name[:21]:22}{subject:12}{verdict:>16}{row['sent']:>12,}{row['got']:>12,}{row['left']:>11,}"
                f"{row['seconds']:>7.2f}",
                flush=True,
            )
            rows.append(row)
    return rows


def one(number: int, subject: str, server: Server, folder: Path) -> dict[str, Any]:
    name = next(each.name for each in DEFECTS.values() if each.number == number)
    with FaultProxy("127.0.0.1", server.port) as proxy:
        found, _ = run(name, subject, server, proxy, folder)
        log = proxy.log()
        proxy.reset()  # a scenario that was killed leaves faults
    return {
        "findings": found["findings"],
        "sent": sum(seen.body_bytes for seen in log),
        "got": sum(seen.answer_bytes for seen in log),
        "left": left(server),
        "seconds": round(found["seconds"], 2),
    }


def left(server: Server) -> int:
    """Bytes of the unfinished uploads, which are then aborted."""
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        total = 0
        for upload in list(client.list_uploads(SPACE)):
            total += sum(part.size or 0 for part in client.list_parts(SPACE, upload.upload_id))
            client.abort_upload(SPACE, upload.key, upload.upload_id)
    return total


if __name__ == "__main__":
    sys.exit(main())
