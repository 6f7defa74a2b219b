"""`counterseal records`: hold, release, holds, erase, outlook, plan, purges, purge."""

from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.audit.retention import EVERYTHING, Hold
from counterseal.kernel.clock import utc_text
from storage.home_reader import read_home
from ui.cli.acknowledged import settled
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile
from ui.cli.purges import outlook, plan, purge, purges
from ui.cli.render import answer, notice, table
from ui.cli.session import command_key, desk_at, logged_in, settings_for

if TYPE_CHECKING:
    from counterseal.desk.records import Records
    from storage.settings import Settings

app = typer.Typer(no_args_is_help=True)


@app.command()
def hold(
    streams: Annotated[
        list[str], typer.Argument(help="Such as case:ID, people, privacy; * for the whole log.")
    ],
    reason: Annotated[str, typer.Option(help="The matter, in words; it is recorded.")],
    acting_as: ActingAs,
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep records, and what will be added to them, whatever their schedule says."""
    settings = settings_for(home)
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    for stream in _unknown(settings, streams):
        notice(f"counterseal: nothing is recorded under {stream} yet; it is held from now on")
    taken = command_key(key)
    outcome = _records(settings).hold(streams, reason, actor, key=taken)
    settled(settings, outcome, as_json=as_json, what="held under")


@app.command()
def release(
    hold_id: Annotated[str, typer.Argument(help="As `records holds` shows it.")],
    acting_as: ActingAs,
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a hold; what it kept follows its schedule again."""
    settings = settings_for(home)
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    taken = command_key(key)
    settled(
        settings,
        _records(settings).release(hold_id, actor, key=taken),
        as_json=as_json,
        what="released",
    )


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
def erase(
    person: Annotated[str, typer.Argument(help="Whose personal data.")],
    basis: Annotated[str, typer.Option(help="Why it is right to erase; it is recorded.")],
    acting_as: ActingAs,
    passphrase_file: PassphraseFile = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Destroy everything that opens a person's data, with its keys. No byte of the log changes.

    Backups forget with it: the keys lie outside them. It cannot be undone.
    """
    settings = settings_for(home)
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    taken = command_key(key)
    outcome = _records(settings).erase(person, basis, actor, key=taken)
    settled(settings, outcome, as_json=as_json, what="erased by")


app.command()(outlook)
app.command()(plan)
app.command()(purges)
app.command()(purge)


def _records(settings: "Settings") -> "Records":
    from counterseal.desk.records import Records  # noqa: PLC0415 - looking loads no desk
    from storage.archive import SqlArchive  # noqa: PLC0415 - the same
    from storage.data_keys import data_keys  # noqa: PLC0415 - the same

    return Records(desk_at(settings).bench, SqlArchive(settings.database, data_keys(settings)))


def _unknown(settings: "Settings", streams: list[str]) -> list[str]:
    """Streams without any record, such as a mistyped one."""
    with read_home(settings) as reader:
        known = {EVERYTHING} | {row.stream for row in reader.records()}
    return [stream for stream in streams if stream not in known]
