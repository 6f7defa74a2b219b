"""`counterseal sessions`: list, revoke."""

from typing import Annotated

import typer

from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.kernel.clock import utc_text
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, reject, table
from ui.cli.session import settings_for

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_sessions(
    everything: Annotated[bool, typer.Option("--all", help="Ended ones as well.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Logins that were not ended, or all; one whose time is over is ended at the next look."""
    with read_home(settings_for(home)) as reader:
        found = reader.find(LoginSession)
    shown = [s for s in found if everything or s.status is SessionStatus.OPEN]
    rows = [
        (
            s.session_id,
            s.person_id,
            s.status.value,
            s.issuer,
            ",".join(s.amr),
            utc_text(s.opened_at),
            utc_text(s.expires_at),
            s.ended_reason or "-",
        )
        for s in shown
    ]
    heads = ("SESSION", "PERSON", "STATUS", "ISSUER", "BY", "OPENED", "UNTIL", "ENDED FOR")
    answer({"sessions": [s.json_value() for s in shown]}, table(rows, *heads), as_json=as_json)


@app.command()
@acting
def revoke(
    act: Act,
    reason: Annotated[str, typer.Option(help="Why, in words; it is recorded.")],
    session: Annotated[str | None, typer.Argument(help="As `sessions list` shows it.")] = None,
    person: Annotated[str | None, typer.Option(help="All logins of this person instead.")] = None,
) -> None:
    """End a login, or all of a person, at once: one's own, or as an administrator."""
    if (session is None) == (person is None):
        reject("SESSION_UNCLEAR", "either a session or --person", field="--person")
    sessions, actor, taken = act.desk.sessions, act.actor, act.key
    if session is not None:
        outcome = sessions.revoke(session, reason, actor, key=taken)
    else:
        outcome = sessions.revoke_all(person or "", reason, actor, key=taken)
    act.settled(outcome, what="ended")
