"""uvideo transfers: what the journal of this machine knows of unfinished transfers."""

from __future__ import annotations

import re
import threading
import time

import click

from uvideo.cli.address import remote
from uvideo.cli.carry import DONE
from uvideo.cli.context import Context
from uvideo.cli.cp import limit, rates
from uvideo.cli.progress import display
from uvideo.cli.report import Kind, moment, size
from uvideo.cli.verb import Example, family, option, verb
from uvideo.cli.words import say
from uvideo.errors import Cancelled, InvalidArgument, UVideoError
from uvideo.models import TransferRecord
from uvideo.pool import Pool

__all__ = ["transfers"]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

TRANSFER = Kind(
    "transfer",
    {
        "id": "string",
        "direction": "string",
        "source": "string",
        "target": "string",
        "endpoint": "string",
        "bytes": "integer?",
        "done": "integer",
        "started": "time",
        "updated": "time",
        "active": "boolean",
    },
    lambda record: (
        f"{record['id']}  {moment(record['updated'])}  {size(record['done'])} / {size(record['bytes'])}  "
        f"{record['source']} -> {record['target']}" + ("  " + say("(running)") if record["active"] else "")
    ),
)
ABORTED = Kind(
    "aborted",
    {"id": "string", "target": "string", "dry_run": "boolean"},
    lambda record: say(
        "would give up {id}, {target}" if record["dry_run"] else "gave up {id}, {target}",
        id=record["id"],
        target=record["target"],
    ),
)

transfers = family(
    "transfers",
    text=(
        "Every large transfer is noted while it goes on (in ~/.local/state/uvideo), so that after a crash or a reboot "
        "the same command, or resume, moves only what is missing."
    ),
    examples=[Example("What is unfinished:", "uvideo transfers ls")],
)


def _sides(record: TransferRecord) -> tuple[str, str]:
    sides = (record.path or "-", f"uvideo://{record.space}/{record.key}")
    return sides if record.direction == "upload" else (sides[1], sides[0])


def _chosen(context: Context, ids: tuple[str, ...], everything: bool) -> list[TransferRecord]:
    """The records of these ids, or of all that nobody is at.  InvalidArgument for an id that is none."""
    found = context.client.transfers()
    if everything == bool(ids):
        raise InvalidArgument(say("give the ids of transfers, or --all; uvideo transfers ls lists them"))
    if everything:
        return [record for record in found if not record.active]
    known = {record.id: record for record in found}
    for each in ids:
        if each not in known:
            raise InvalidArgument(say("there is no transfer {id}; uvideo transfers ls lists them", id=each))
    return [known[each] for each in dict.fromkeys(ids)]


@verb(
    "transfers ls",
    summary="List unfinished transfers.",
    examples=[Example("As JSON:", "uvideo transfers ls --json")],
)
def ls(context: Context) -> None:
    for record in context.client.transfers():
        source, target = _sides(record)
        context.report.result(
            TRANSFER,
            id=record.id,
            direction=record.direction,
            source=source,
            target=target,
            endpoint=record.endpoint,
            bytes=record.size,
            done=record.done,
            started=record.started,
            updated=record.updated,
            active=record.active,
        )


@verb(
    "transfers resume",
    summary="Go on with unfinished transfers.",
    examples=[Example("With all of them:", "uvideo transfers resume --all")],
    changes=True,
)
@click.argument("ids", nargs=-1, metavar="[ID...]")
@option("--all", "everything", is_flag=True, help="All that are not running.")
@rates
def resume(
    context: Context,
    ids: tuple[str, ...],
    everything: bool,
    jobs: int,
    part_jobs: int | None,
    bwlimit: str | None,
) -> int:
    began, report, rate = time.monotonic(), context.report, limit(bwlimit)
    records = _chosen(context, ids, everything)
    context.goes_on = True
    done = moved = 0
    lock = threading.Lock()
    with display(context) as shown:

        def one(record: TransferRecord) -> None:
            nonlocal done, moved
            source, target = _sides(record)
            line = None if context.dry_run else shown.begin(source)
            length = record.size or 0
            try:
                etag, verified = record.etag, False
                if not context.dry_run:
                    found = context.client.resume(
                        record.id, part_jobs=part_jobs, bandwidth=rate, progress=line, cancel=context.cancel
                    )
                    length, etag, verified = found.size or 0, found.etag, found.verified
                with lock:
                    done += 1
                    moved += length
            except (UVideoError, OSError) as error:
                if not (isinstance(error, Cancelled) and context.cancel.is_set()):
                    report.fail(error, source)
                return
            finally:
                shown.end(line, length)
            report.item(
                DONE,
                action=record.direction,
                source=source,
                target=target,
                bytes=length,
                etag=etag,
                verified=verified,
                removed=False,
                seconds=round(time.monotonic() - began, 3),
                dry_run=context.dry_run,
            )

        for record in records:
            shown.expect(record.size or 0)
        Pool(one, jobs, context.cancel).run(records)
    report.summary(done=done, size=moved, seconds=time.monotonic() - began, dry_run=context.dry_run)
    return report.finish(done)


@verb(
    "transfers abort",
    summary="Give unfinished transfers up, and free what is kept of them.",
    examples=[Example("All of them:", "uvideo transfers abort --all")],
    changes=True,
)
@click.argument("ids", nargs=-1, metavar="[ID...]")
@option("--all", "everything", is_flag=True, help="All that are not running.")
def abort(context: Context, ids: tuple[str, ...], everything: bool) -> int:
    done = 0
    for record in _chosen(context, ids, everything):
        target = _sides(record)[1]
        try:
            if not context.dry_run:
                context.client.abort(record.id)
        except (UVideoError, OSError) as error:
            context.report.fail(error, target)
            continue
        done += 1
        context.report.item(ABORTED, id=record.id, target=target, dry_run=context.dry_run)
    return context.report.finish(done)


def _age(text: str) -> float:
    """Seconds of text such as 36h or 7d."""
    match = re.fullmatch(r"(\d+)([smhdw])", text)
    if match is None:
        raise InvalidArgument(say("{text} is no time: write 36h, 7d and so on", text=text))
    return int(match[1]) * UNITS[match[2]]


@verb(
    "transfers clean",
    summary="Abort the old unfinished uploads of a space that nobody here can go on with.",
    text=(
        "Parts of an upload that was never finished stay at the service, and cost. This removes those that were begun "
        "longer ago and that no record of this machine names: look with --dry-run whether another machine is at them."
    ),
    examples=[Example("What is older than a week:", "uvideo transfers clean uvideo://demo --older-than 7d --dry-run")],
    changes=True,
)
@click.argument("address", metavar="ADDRESS")
@option("--older-than", default="7d", show_default=True, metavar="TIME", help="Begun so long ago: 36h, 7d and so on.")
def clean(context: Context, address: str, older_than: str) -> None:
    where = remote(address)
    found = context.client.clean_uploads(where.space, where.key, older_than=_age(older_than), dry_run=context.dry_run)
    for each in found:
        target = f"uvideo://{each.space}/{each.key}"
        context.report.item(ABORTED, id=each.upload_id, target=target, dry_run=context.dry_run)


for each in (ls, resume, abort, clean):
    assert each.name is not None
    transfers.add_command(each, each.name.rpartition(" ")[2])
