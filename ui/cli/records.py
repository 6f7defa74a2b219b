"""`counterseal records`: holds, erasures, purges, `backup` and `transfer`."""

from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.audit.retention import EVERYTHING, Hold
from counterseal.kernel.clock import utc_text
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.backup import backup, transfer
from ui.cli.options import AsJson, Home
from ui.cli.purges import outlook, plan, purge, purges
from ui.cli.render import answer, notice, table
from ui.cli.session import settings_for

if TYPE_CHECKING:
    from counterseal.desk.records import Records
    from storage.settings import Settings

app = typer.Typer(no_args_is_help=True)


@app.command()
@acting
def hold(
    streams: Annotated[
        list[str], typer.Argument(help="Such as case:ID, people, privacy; * for the whole log.")
    ],
    reason: Annotated[str, typer.Option(help="The matter, in words; it is recorded.")],
    act: Act,
) -> None:
    """Keep records, and what will be added to them, whatever their schedule says."""
    actor = act.actor
    for stream in _unknown(act.settings, streams):
        notice(f"counterseal: nothing is recorded under {stream} yet; it is held from now on")
    taken = act.key
    act.settled(_records(act).hold(streams, reason, actor, key=taken), what="held under")


@app.command()
@acting
def release(
    hold_id: Annotated[str, typer.Argument(help="As `records holds` shows it.")],
    act: Act,
) -> None:
    """End a hold; what it kept follows its schedule again."""
    actor, taken = act.actor, act.key
    act.settled(_records(act).release(hold_id, actor, key=taken), what="released")


@app.command()
def holds(
    every: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Holds that count: what they keep, why, and who placed them."""
    with read_home(settings_for(home)) as reader:
        found = [one for one in reader.find(Hold) if every or one.active]
    rows = [
        (
            one.hold_id,
            " ".join(one.streams),
            one.placed_by,
            utc_text(one.placed_at),
            None if one.released_at is None else f"{one.released_by} {utc_text(one.released_at)}",
            one.matter,
        )
        for one in found
    ]
    lines = table(rows, "HOLD", "KEEPS", "PLACED BY", "AT", "RELEASED", "MATTER")
    answer({"holds": [one.json_value() for one in found]}, lines, as_json=as_json)


@app.command()
@acting
def erase(
    person: Annotated[str, typer.Argument(help="Whose personal data.")],
    basis: Annotated[str, typer.Option(help="Why it is right to erase; it is recorded.")],
    act: Act,
) -> None:
    """Destroy everything that opens a person's data, with its keys. No byte of the log changes.

    Backups forget with it: the keys lie outside them. It cannot be undone.
    """
    actor, taken = act.actor, act.key
    act.settled(_records(act).erase(person, basis, actor, key=taken), what="erased by")


app.command()(outlook)
app.command()(plan)
app.command()(purges)
app.command()(purge)
app.command()(backup)
app.command()(transfer)


def _records(act: Act) -> "Records":
    from counterseal.desk.records import Records  # noqa: PLC0415 - looking loads no desk
    from storage.archive import SqlArchive  # noqa: PLC0415 - the same
    from storage.data_keys import data_keys  # noqa: PLC0415 - the same

    return Records(act.desk.bench, SqlArchive(act.settings.database, data_keys(act.settings)))


def _unknown(settings: "Settings", streams: list[str]) -> list[str]:
    """Streams without any record, such as a mistyped one."""
    with read_home(settings) as reader:
        known = {EVERYTHING} | {row.stream for row in reader.records()}
    return [stream for stream in streams if stream not in known]
