"""`counterseal notices`: tell people what waits for them, by the channels of the home."""

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.options import AsJson, Home
from ui.cli.render import answer, table
from ui.cli.session import CLOCK, settings_for

if TYPE_CHECKING:
    from counterseal.kernel.canonical import Json
    from storage.notifying import Notifying, NotifyReport

app = typer.Typer(no_args_is_help=True)
_BLOCKS = "prefect"


@app.callback()
def _notices() -> None:
    """Tell people what waits for them, by the channels of the home."""


@app.command()
def send(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is new; keep and send nothing.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """One round: find what is new, and hand everything due to the log file and to mail.

    A channel that fails is tried again later, by this command or by the flow `notify`. Exit status
    0 also then; the counts say what waits.
    """
    from storage.notifiers.channels import channel_settings, notifiers  # noqa: PLC0415 - only this
    from storage.notifying import Notifying  # noqa: PLC0415 - the same

    settings = settings_for(home)
    told = channel_settings(settings)
    elsewhere = () if told.prefect_block is None else (_BLOCKS,)
    notifying = Notifying(settings, CLOCK, notifiers(settings, told), elsewhere)
    if dry_run:
        _shown(notifying, as_json=as_json)
        return
    report = notifying.round()
    answer({"report": report.json_value()}, _lines(report), as_json=as_json)


def _shown(notifying: "Notifying", *, as_json: bool) -> None:
    pending = notifying.pending()
    rows = [(n.kind.value, n.person_id, channel, n.headline) for n, channel in pending]
    value: list[Json] = [{**n.json_value(), "channel": channel} for n, channel in pending]
    heads = ("KIND", "PERSON", "CHANNEL", "HEADLINE")
    answer({"notices": value}, table(rows, *heads), as_json=as_json)


def _lines(report: "NotifyReport") -> list[str]:
    if report.busy:
        return ["another round is under way"]
    rows = [
        (c.channel, c.told, c.postponed, c.refused, c.lapsed, c.code or None)
        for c in report.channels
    ]
    heads = ("CHANNEL", "TOLD", "POSTPONED", "REFUSED", "LAPSED", "LAST FAILURE")
    return [f"new: {report.fresh}", *table(rows, *heads)]
