"""`counterseal audit`: look at the log, verify it, prove from it, keep its keys and witnesses."""

from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.audit.evidence import Evidence
from counterseal.audit.record import StoredRow
from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import AdapterError, CountersealError
from counterseal.kernel.model import Refusal
from storage.home_reader import HomeReader, read_home
from storage.settings import Settings
from ui.cli.absence import told_records
from ui.cli.audit_keys import keys, recover
from ui.cli.given import Expect, Named, SignerStateFile, Vkey
from ui.cli.log_keys import revoke_key, rotate
from ui.cli.options import AsJson, Home
from ui.cli.outside import serve_witness, witness
from ui.cli.proofs import checkpoint, prove, stats
from ui.cli.render import answer, leave, refused, reject, table
from ui.cli.session import settings_for
from ui.cli.verify import verify

if TYPE_CHECKING:
    from counterseal.desk.views.integrity import IntegrityPanel, IntegrityView

app = typer.Typer(no_args_is_help=True)
_EXIT = {"verified": 0, "broken": 1, "nothing_to_verify": 3, "could_not_check": 3}


@app.command()
def show(
    seq: Annotated[int | None, typer.Option(help="One record.")] = None,
    stream: Annotated[str | None, typer.Option(help="One stream, such as case:ID.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Records as stored. Looking proves nothing: see `audit verify`."""
    with read_home(settings_for(home)) as reader:
        rows = _shown(reader, seq, stream)
        value, left = told_records(reader, rows)
    if not rows and (seq is not None or stream is not None):
        reject("NOT_FOUND", "no such record", got=stream if seq is None else seq)
    lines = table(
        [(r.seq, r.recorded_at, r.type, r.stream, r.leaf_hash[:16], left[r.seq]) for r in rows],
        *("SEQ", "RECORDED", "TYPE", "STREAM", "LEAF", "STATE"),
    )
    answer(value, lines, as_json=as_json)


def _shown(reader: HomeReader, seq: int | None, stream: str | None) -> list[StoredRow]:
    if seq is None:
        return list(reader.records() if stream is None else reader.in_streams(stream))
    row = reader.record(seq)
    return [row] if row is not None and stream in {None, row.stream} else []


@app.command()
def events(
    limit: Annotated[int, typer.Option(help="Newest records, 1 to 500.")] = 100,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The newest records as people read them."""
    from counterseal.desk.views.records import audit_events  # noqa: PLC0415 - only looking at them

    with read_home(settings_for(home)) as reader:
        view = audit_events(reader.records(), limit)
    rows = [(e.seq, e.timestamp, e.action, e.resource, e.actor) for e in view.events]
    lines = table(rows, "SEQ", "TIME", "ACTION", "ABOUT", "WHO")
    answer(view.json_value(), lines, as_json=as_json)


@app.command()
def status(
    vkey: Vkey = None,
    expect: Expect = None,
    signer_state: SignerStateFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The state of the log, its totals, the flags and the gaps.

    Exit status 0 verified, 1 broken, 3 nothing to verify or not enough evidence, 4 unreadable.
    """
    panel = _panel(settings_for(home), Named(vkey, expect, signer_state).evidence())
    if isinstance(panel, CountersealError):
        from counterseal.desk.views.integrity import could_not_check  # noqa: PLC0415 - only here

        view = could_not_check(panel)
        answer({"integrity": view.json_value()}, _told(view), as_json=as_json)
        leave(panel.exit_status)
    flags = [f"flag     {name} {value}" for name, value in panel.flags.json_value().items()]
    gaps = [f"gap      {gap}" for gap in panel.gaps]
    lines = [*_told(panel.integrity), *flags, *gaps]
    answer(panel.json_value(), lines, as_json=as_json)
    leave(_EXIT[panel.integrity.state.value])


@app.command()
def run(
    run_id: Annotated[str, typer.Argument(help="Such as paper-workflow-0123456789abcdef.")],
    vkey: Vkey = None,
    expect: Expect = None,
    signer_state: SignerStateFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Every record of one workflow run against what it should be; exit status as `status`."""
    from counterseal.desk.views.integrity import run_integrity  # noqa: PLC0415 - only looking at it

    evidence = Named(vkey, expect, signer_state).evidence()
    with read_home(settings_for(home)) as reader:
        view = run_integrity(reader.records(), reader.checkpoints(), evidence, run_id)
    if isinstance(view, Refusal):
        refused(view, as_json=as_json)
    rows = [
        (e.seq, e.audit_id, e.event_hash_valid, e.previous_hash_valid, e.verified)
        for e in view.events
    ]
    heads = ("SEQ", "RECORD", "HASH", "PREVIOUS", "VERIFIED")
    answer({"integrity": view.json_value()}, [*_told(view), *table(rows, *heads)], as_json=as_json)
    leave(_EXIT[view.state.value])


app.command()(verify)
app.command()(prove)
app.command()(checkpoint)
app.command()(stats)
app.command()(keys)
app.command()(rotate)
app.command()(revoke_key)
app.command()(recover)
app.command()(witness)
app.command()(serve_witness)


@app.command()
def reconcile(home: Home = None, as_json: AsJson = False) -> None:
    """Rebuild every table from the log and name each row that differs."""
    from storage.data_keys import data_keys  # noqa: PLC0415 - only this command needs it
    from storage.reconcile import reconcile as compare  # noqa: PLC0415 - only this command needs it

    settings = settings_for(home)
    with read_home(settings):
        report = compare(settings.database, data_keys(settings))
    rows = [(d.table, d.key, d.column, d.problem) for d in report.differences]
    lines = table(rows, "TABLE", "KEY", "COLUMN", "PROBLEM") if rows else ["tables equal the log"]
    value: dict[str, Json] = {"clean": report.clean, "report": report.json_value()}
    answer(value, lines, as_json=as_json)
    if not report.clean:
        leave(1)


def _panel(settings: Settings, evidence: Evidence) -> "IntegrityPanel | AdapterError":
    """The panel, or why the log cannot be read.

    Raises:
        AdapterError: `DATABASE_MISSING`.
    """
    from storage.home_integrity import home_integrity  # noqa: PLC0415 - only looking at it

    try:
        with read_home(settings) as reader:
            return home_integrity(reader, settings, evidence).panel
    except AdapterError as error:
        if error.code == "DATABASE_MISSING":
            raise
        return error


def _told(view: "IntegrityView") -> list[str]:
    counts = (
        f"{view.audit_events_count} records, {view.broken_chain_count} broken,"
        f" {view.missing_hash_count} without hash, {view.duplicate_audit_ids_count} repeated ids"
    )
    return [
        f"state    {view.state.value} ({view.label})",
        f"log      {counts}, {view.workflows_checked} cases",
        *(f"because  {words}" for words in view.because),
    ]
