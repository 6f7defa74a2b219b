"""`counterseal inbox`: what waits for a person, since when, until when, and what to type."""

from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.model import Refusal
from storage.home_reader import read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, refused, table
from ui.cli.session import CLOCK, settings_for

if TYPE_CHECKING:
    from counterseal.desk.views.duties import Duties

app = typer.Typer(invoke_without_command=True)


@app.callback()
def inbox(
    about: Annotated[str, typer.Option("--as", help="Whose work; nothing is proved.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What waits for a person, what ends first first. Looking asks for no passphrase."""
    from counterseal.desk.views.duties import duties  # noqa: PLC0415 - help needs no room
    from storage.law import law_in_force  # noqa: PLC0415 - the same

    now = CLOCK.now()
    with read_home(settings_for(home)) as reader:
        told = duties(reader, law_in_force(reader, now).bundle, about, now)
    if isinstance(told, Refusal):
        refused(told, as_json=as_json)
    answer(told.json_value(), _lines(told), as_json=as_json)


def _lines(told: "Duties") -> list[str]:
    lines = [f"{told.label}: {len(told.duties)} to do for {told.person_id}"]
    for duty in told.duties:
        late = ", over the limit" if duty.late else ""
        lines += [
            "",
            f"{duty.kind.value}  {duty.sentence}",
            f"  since {duty.since:%Y-%m-%d %H:%M:%SZ}{late}, until {duty.until:%Y-%m-%d %H:%M:%SZ}",
            f"  {duty.command}",
        ]
    rows = [(s.session_id, s.issuer, f"{s.until:%Y-%m-%d %H:%M:%SZ}") for s in told.sessions]
    return [*lines, *(("", *table(rows, "OPEN LOGIN", "ISSUER", "UNTIL")) if rows else ())]
