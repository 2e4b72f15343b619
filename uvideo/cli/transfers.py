"""uvideo transfers: the unfinished transfers in this machine's journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from uvideo.cli.address import remote
from uvideo.cli.context import Context
from uvideo.cli.copy_item import Mover, Task, sides
from uvideo.cli.cp import RateOptions, mover_options, rates
from uvideo.cli.duration import DURATION
from uvideo.cli.i18n import say
from uvideo.cli.progress import display
from uvideo.cli.report import Kind, moment, size
from uvideo.cli.verb_command import Example, ListingGroup, family, option, verb
from uvideo.errors import InvalidArgument, UVideoError
from uvideo.models import TransferRecord

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["transfers"]

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
        "would abort {id}, {target}" if record["dry_run"] else "aborted {id}, {target}",
        id=record["id"],
        target=record["target"],
    ),
)

transfers = family(
    "transfers",
    text=(
        "Each large transfer has a record while it runs (in ~/.local/state/uvideo). After a crash or a reboot the "
        "same command, or resume, transfers only the missing parts.",
        "Without a verb it lists them.",
    ),
    examples=[Example("List what is unfinished:", "uvideo transfers")],
    kind=ListingGroup,
)


def _records(context: Context) -> tuple[TransferRecord, ...]:
    """The unfinished transfers of this machine, which need no keys.  The oldest is first."""
    from uvideo.transfer.journal import Journal

    return Journal(context.settings.state() / "transfers").entries()


def _chosen(context: Context, ids: tuple[str, ...], everything: bool) -> list[TransferRecord]:
    """The records of these ids, or all that no process works on.  InvalidArgument for an unknown id."""
    found = _records(context)
    if everything == bool(ids):
        raise InvalidArgument(say("give the ids of transfers, or --all; uvideo transfers ls lists the ids"))
    if everything:
        return [record for record in found if not record.active]
    known = {record.id: record for record in found}
    for each in ids:
        if each not in known:
            raise InvalidArgument(say("there is no transfer {id}; uvideo transfers ls lists them", id=each))
    return [known[each] for each in dict.fromkeys(ids)]


@verb(
    "ls",
    summary="List unfinished transfers.",
    examples=[Example("As JSON:", "uvideo transfers ls --json")],
)
def ls(context: Context) -> None:
    for record in _records(context):
        source, target = sides(record)
        context.report.result(TRANSFER, record, source=source, target=target, bytes=record.size)


@verb(
    "resume",
    summary="Resume unfinished transfers.",
    examples=[Example("Resume all of them:", "uvideo transfers resume --all")],
    changes=True,
)
@click.argument("ids", nargs=-1, metavar="[ID...]")
@option("--all", "everything", is_flag=True, help="All transfers that are not running.")
@rates
def resume(context: Context, ids: tuple[str, ...], everything: bool, **options: Unpack[RateOptions]) -> int:
    records = _chosen(context, ids, everything)
    context.goes_on = True
    with display(context) as shown:
        one_space = len({record.space for record in records}) == 1
        mover = Mover(context, mover_options(context, options), shown, one_space=one_space, one_disk=False)
        mover.carry([Task(None, sides(record)[1], record) for record in records])
    mover.summary()
    return context.report.finish(mover.done)


@verb(
    "abort",
    summary="Abort unfinished transfers, and delete their stored parts.",
    examples=[Example("Abort all of them:", "uvideo transfers abort --all")],
    changes=True,
)
@click.argument("ids", nargs=-1, metavar="[ID...]")
@option("--all", "everything", is_flag=True, help="All transfers that are not running.")
def abort(context: Context, ids: tuple[str, ...], everything: bool) -> int:
    done = 0
    for record in _chosen(context, ids, everything):
        target = sides(record)[1]
        try:
            if not context.dry_run:
                context.client.abort(record.id)
        except (UVideoError, OSError) as error:
            context.report.fail(error, target)
            continue
        done += 1
        context.report.item(ABORTED, id=record.id, target=target, dry_run=context.dry_run)
    return context.report.finish(done)


@verb(
    "clean",
    summary="Abort old unfinished uploads of a space that this machine has no record of.",
    text=(
        "The parts of an unfinished upload stay at the service and cost money. This aborts uploads that are older "
        "than --older-than and have no record on this machine. Check first with --dry-run that no other machine "
        "is still sending them."
    ),
    examples=[Example("Uploads older than a week:", "uvideo transfers clean uvideo://demo --older-than 7d --dry-run")],
    changes=True,
)
@click.argument("address", metavar="ADDRESS")
@option(
    "--older-than", type=DURATION, default="7d", metavar="TIME", help="Least age of the uploads: 36h, 7d and so on."
)
def clean(context: Context, address: str, older_than: float) -> None:
    where = remote(address)
    found = context.client.clean_uploads(where.space, where.key, older_than=older_than, dry_run=context.dry_run)
    for each in found:
        target = f"uvideo://{each.space}/{each.key}"
        context.report.item(ABORTED, id=each.upload_id, target=target, dry_run=context.dry_run)


for each in (ls, resume, abort, clean):
    transfers.add_command(each)
