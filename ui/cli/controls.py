"""`counterseal controls`: what the log has for each control, and signed words about them.

Every answer says that execution is simulated and that this is evidence of a design, nothing more.
"""

from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.desk.views.controls import (
    NOTICE,
    ControlStatus,
    ControlsView,
    ControlView,
    controls_at,
)
from counterseal.identity.attestations import ControlClaim, Stating, attestation_statement
from counterseal.identity.people import Person
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.kernel.errors import InputError
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, notice, reject, table
from ui.cli.session import CLOCK, settings_for

if TYPE_CHECKING:
    from counterseal.policy.controls import Control
    from storage.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Controls: what the log has for each.")

DAYS_VALID = 365
At = Annotated[
    str | None, typer.Option(help="As of this instant (UTC, RFC 3339); the machine's by default.")
]


@app.command("list")
def list_controls(
    status: Annotated[ControlStatus | None, typer.Option(help="Only these.")] = None,
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Every control with its status and why; one pass over the log, which is not verified here."""
    seen = _seen(settings_for(home), at)
    shown = [one for one in seen.controls if status is None or one.status is status]
    rows = [(one.id, one.status.value, one.count, one.owner.value, one.because) for one in shown]
    lines = [
        seen.notice,
        *table(rows, "CONTROL", "STATUS", "RECORDS", "OWNER", "BECAUSE"),
        *_foot(seen),
    ]
    value = seen.amended(controls=tuple(shown)).json_value()
    answer({"ok": True, **value}, lines, as_json=as_json)


@app.command()
def show(
    control_id: Annotated[str, typer.Argument(metavar="ID")],
    at: At = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """One control: what is asked for, what the log has, and how to prove each record."""
    control = _control(control_id)
    seen = _seen(settings_for(home), at)
    view = seen.control(control.id)
    if view is None:
        reject("CONTROL_UNKNOWN", "no such control", field="ID", got=control_id)
    value: dict[str, Json] = {"ok": True, "control": view.json_value()}
    value |= {"notice": seen.notice, "as_of": utc_text(seen.as_of)}
    value |= {"size": seen.size, "newest": seen.newest}
    answer(value, [seen.notice, *_lines(view), *_foot(seen)], as_json=as_json)


@app.command()
@acting
def attest(
    control_id: Annotated[str, typer.Argument(metavar="ID")],
    act: Act,
    kind: Annotated[Stating, typer.Option(help="What you say of the control.")],
    reason: Annotated[str, typer.Option(help="Words for the log; no personal data.")],
    file: Annotated[
        Path | None, typer.Option(help="A report that it speaks of; only its digest is kept.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="For how long it counts.")] = DAYS_VALID,
) -> None:
    """Sign a word about a control: that it was carried out, or does not apply here.

    A compliance reviewer signs, with the own key. Where records of the platform evidence a control,
    only `not_applicable` can be said.
    """
    from storage.control_file import read_controls  # noqa: PLC0415 - help needs no catalogue

    catalogue, control = read_controls(), _control(control_id)
    digest, until = None if file is None else _digest_of(file), CLOCK.now() + timedelta(days=days)
    notice(NOTICE)
    notice(f"{control.id}  {control.citation}: {control.requirement}")
    notice(f"signing: {kind.value} until {utc_text(until)} as {act.person_id}")
    claim = _claim(act, control, kind, reason, digest, until)
    signature = act.sign("attest", attestation_statement(claim))
    outcome = act.desk.attestations.attest(claim, signature, catalogue, act.actor, key=act.key)
    act.settled(outcome, what=f"{control.id} {kind.value}", more={"notice": NOTICE})


def _claim(
    act: Act,
    control: "Control",
    kind: Stating,
    reason: str,
    digest: str | None,
    valid_until: datetime,
) -> ControlClaim:
    with read_home(act.settings) as reader:
        own = reader.get(Person, act.person_id)
    tenant = "none" if own is None else own.tenant
    return ControlClaim(
        terms=act.desk.people.terms(tenant, CLOCK.now(), key=act.key),
        control_id=control.id,
        control_digest=control.digest,
        states=kind,
        reason=reason,
        file_digest=digest,
        valid_until=valid_until,
    )


def _control(control_id: str) -> "Control":
    from storage.control_file import read_controls  # noqa: PLC0415 - help needs no catalogue

    found = read_controls().control(control_id)
    if found is None:
        reject("CONTROL_UNKNOWN", "no such control", field="ID", got=control_id)
    return found


def _seen(settings: "Settings", at: str | None) -> ControlsView:
    """The controls as of an instant: later records are left out.

    Raises:
        InputError: `BAD_TIME`.
    """
    from storage.control_file import read_controls  # noqa: PLC0415 - help needs no catalogue

    try:
        now = CLOCK.now() if at is None else parse_utc(at)
    except ValueError as error:
        raise InputError("BAD_TIME", str(error), field="--at", got=at) from None
    until = utc_text(now)
    with read_home(settings) as reader:
        rows = reader.records()
        told = rows if at is None else (row for row in rows if row.recorded_at <= until)
        return controls_at(read_controls(), told, now)


def _digest_of(path: Path) -> str:
    """The digest of a file's bytes.

    Raises:
        InputError: `FILE_MISSING`.
    """
    try:
        with path.open("rb") as stream:
            return f"sha256:{file_digest(stream, 'sha256').hexdigest()}"
    except OSError as error:
        raise InputError(
            "FILE_MISSING", f"cannot read: {error.strerror}", field="--file", got=path
        ) from None


def _lines(view: ControlView) -> list[str]:
    parts = [
        (
            one.part,
            "-" if one.newest is None else one.newest.seq,
            _age(one.newest is None, one.fresh),
        )
        for one in view.parts
    ]
    rows = [
        (one.seq, one.type, utc_text(one.recorded_at), "refused attempt" if one.refusal else "")
        for one in view.rows
    ]
    against = [
        (one.seq, one.type, utc_text(one.recorded_at), "open" if one.open else "over")
        for one in view.exceptions
    ]
    lines = [
        f"{view.id}  {view.citation}",
        view.requirement,
        f"status  {view.status.value}: {view.because}",
        f"owner   {view.owner.value}",
        "",
        *table(parts, "PART", "NEWEST", ""),
        "",
        f"{view.count} records; the newest, each proved by: counterseal audit prove SEQ",
        *table(rows, "SEQ", "TYPE", "RECORDED", ""),
    ]
    if against:
        lines += ["", "spoken against by", *table(against, "SEQ", "TYPE", "RECORDED", "")]
    return lines + _word(view)


def _age(missing: bool, fresh: bool) -> str:
    return "nothing on record" if missing else "fresh" if fresh else "too old"


def _word(view: ControlView) -> list[str]:
    word = view.word
    if word is None:
        return []
    state = "counts" if view.word_counts else "counts no longer"
    told = f"{word.states.value} until {utc_text(word.valid_until)}, {state}: {word.reason}"
    file = [] if word.file_digest is None else [f"over a file with {word.file_digest}"]
    return ["", f"signed by {word.attested_by}: {told}", *file]


def _foot(seen: ControlsView) -> list[str]:
    return [
        "",
        f"as of {utc_text(seen.as_of)} over {seen.size} records, the last of {seen.newest or '-'};",
        "whether they hold: counterseal audit verify",
    ]
