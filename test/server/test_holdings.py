"""What accounts and spaces hold: the same numbers in the metrics, in `uvideo admin stats` and in the console."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

from test import patience
from test.server.test_console import Visitor
from test.server.test_exposition import seen
from test.server.test_maintenance import inside, told
from test.server.wire import BLOCK, Peer, pattern
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation, signature
from uvideo.server.ops import storage_totals as holdings
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.prometheus_text import openmetrics
from uvideo.server.ops.storage_totals import COUNTS, REST, Holdings, by_account
from uvideo.storage.base import Holding

NAMES = ("objects", "stored_bytes", "uploads", "uploads_stored_bytes", "sent_bytes", "received_bytes")


def test_all_three_say_the_same(tmp_path: Path) -> None:
    def shown(kind: str, **labels: str) -> tuple[float, ...]:
        found, key = seen(server), tuple(sorted(labels.items()))
        return tuple(found.get((f"uvideo_{kind}_{name}", key), -1) for name in NAMES)

    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        owner, films = Peer(server), Peer(server)
        pair = tmp_path.with_name("films.json")
        assert inside("add-key", tmp_path, "--account", "films", "--key-file", pair).returncode == 0
        key = json.loads(pair.read_text())
        films.credentials = signature.Credentials(key["public_key"], key["private_key"])
        mine, theirs = owner.space(), films.space()
        owner.do(operation.PutObject(mine, "a"), pattern(1000))
        owner.do(operation.PutObject(mine, "b"), pattern(20_000))
        assert owner.call(operation.GetObject(mine, "a")).status == 200
        refused = films.call(operation.PutObject(mine, "c"), pattern(500))
        assert refused.status == 403
        films.upload(theirs, "film", pattern(BLOCK + 9))
        upload = films.do(operation.InitiateUpload(theirs, "given up"))
        films.do(operation.UploadPart(theirs, "given up", upload.upload_id, 0), pattern(70))
        server.stop()  # what was sent and received is written then
    with start_server(tmp_path, "--no-fsync") as server:
        received = BLOCK + 9 + 70
        patience.until(lambda: shown("account", account="films")[0] == 1)
        account = shown("account", account="films")
        assert account[:4] == (1, BLOCK + 9, 1, 70) and received <= account[5] <= received + 1000
        assert shown("space", account="films", space=theirs) == account
        visitor = Visitor(server)
        assert visitor.sign_in(**key).status == 200
        (row,) = visitor.get("dashboard").json()["spaces"]
        assert row == [theirs, *account, 0, 0, 0, 0]
        stats = told(inside("stats", tmp_path, "--json"))
        by_name = {each["account"]: each for each in stats["accounts"]}
        assert tuple(by_name["films"][name] for name in COUNTS) == account
        (space,) = by_name["films"]["spaces"]
        assert space["space"] == theirs and tuple(space[name] for name in COUNTS) == account
        own = next(each for name, each in by_name.items() if name != "films")
        assert (own["objects"], own["stored"], own["uploads"], own["received"]) == (2, 21_000, 0, 21_000)
        assert own["sent"] == 1000 + len(refused.body)
        assert stats["objects"] == 3 and stats["stored"] == 21_000 + BLOCK + 9
        table = inside("stats", tmp_path).stdout.splitlines()
        assert [line.split() for line in table if line.startswith("films ")] == [
            ["films", *map(str, map(int, account))],
            ["films", theirs, *map(str, map(int, account))],
        ]


def test_the_metrics_have_a_bound() -> None:
    """However many accounts and spaces there are."""
    many = [Holding(f"account{number:04}", f"space{number:04}", 1, number, 0, 0, 2, 3) for number in range(1000)]

    class Catalog:
        async def holdings(self) -> list[Holding]:
            return many

    metrics = Metrics(0)
    made = Holdings(Catalog(), metrics, lambda: 5.0)  # type: ignore[arg-type]
    asyncio.run(made.look())
    families = {each.name: each for each in read_openmetrics(openmetrics(metrics.families(), 0.0))}
    for kind in ("account", "space"):
        samples = {each.labels[kind]: each.value for each in families[f"uvideo_{kind}_stored_bytes"].samples}
        assert len(samples) == holdings.SHOWN + 1 and f"{kind}0999" in samples and f"{kind}0000" not in samples
        assert samples[REST] == sum(range(1000 - holdings.SHOWN)) and sum(samples.values()) == sum(range(1000))
    assert made.latest == many and made.counted == 5
    assert len(by_account(many)) == 1000
