"""`counterseal audit`: show, events, status, run, verify, prove, checkpoint, stats, reconcile."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from pydantic import ValidationError

from counterseal.audit.note import parse_vkey
from counterseal.audit.signer import SignerState
from counterseal.audit.verdict import Verdict
from counterseal.audit.verify import (
    Evidence,
    RememberedHead,
    head_of_note,
    head_of_signer,
    verify_log,
)
from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import AdapterError, CountersealError, InputError
from counterseal.kernel.model import Refusal
from storage.home_reader import read_home
from storage.settings import Settings
from ui.cli.audit_keys import keys, recover
from ui.cli.options import AsJson, Home
from ui.cli.proofs import checkpoint, prove, stats
from ui.cli.render import answer, leave, refused, reject, table
from ui.cli.session import content_of, settings_for, text_of
from ui.cli.verified_state import Told, verified_onward

if TYPE_CHECKING:
    from counterseal.desk.views.integrity import IntegrityPanel, IntegrityView

app = typer.Typer(no_args_is_help=True)
Vkey = Annotated[str | None, typer.Option(help="The log's public key, or a file with it.")]
Expect = Annotated[Path | None, typer.Option(help="A checkpoint kept elsewhere.")]
SignerStateFile = Annotated[Path | None, typer.Option(help="The signer's state file.")]
Incremental = Annotated[
    Path | None,
    typer.Option(help="File with the state of the last run; only newer records are read."),
]
Signatures = Annotated[
    int | None,
    typer.Option(min=1, help="Verify that many of the newest signatures only; all by default."),
]
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
        rows = [
            row
            for row in reader.records()
            if (seq is None or row.seq == seq) and (stream is None or row.stream == stream)
        ]
        checkpoints = reader.checkpoints()
    if not rows and (seq is not None or stream is not None):
        reject("NOT_FOUND", "no such record", got=stream if seq is None else seq)
    lines = table(
        [(r.seq, r.recorded_at, r.type, r.stream, r.leaf_hash[:16]) for r in rows],
        *("SEQ", "RECORDED", "TYPE", "STREAM", "LEAF"),
    )
    newest = checkpoints[-1].note if checkpoints else None
    value: dict[str, Json] = {"records": [_body(row.body) for row in rows], "checkpoint": newest}
    answer(value, lines, as_json=as_json)


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
    panel = _panel(settings_for(home), _evidence(vkey, expect, signer_state))
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

    evidence = _evidence(vkey, expect, signer_state)
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


@app.command()
def verify(
    vkey: Vkey = None,
    expect: Expect = None,
    signer_state: SignerStateFile = None,
    incremental_state: Incremental = None,
    signatures: Signatures = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the log and compare it with what was kept outside this home.

    Exit status 0 verified, 1 tampered, 3 inconclusive (not enough evidence), 4 unreadable.
    """
    evidence = _evidence(vkey, expect, signer_state)
    with read_home(settings_for(home)) as reader:
        if incremental_state is not None:
            verdict = verified_onward(reader, evidence, incremental_state, signatures).verdict
        else:
            verdict = verify_log(
                reader.records(),
                reader.checkpoints(),
                evidence,
                signatures=signatures,
                progress=Told(),
            )
    answer({"verdict": verdict.json_value()}, _lines(verdict), as_json=as_json)
    leave(verdict.exit_status)


app.command()(prove)
app.command()(checkpoint)
app.command()(stats)
app.command()(keys)
app.command()(recover)


@app.command()
def reconcile(home: Home = None, as_json: AsJson = False) -> None:
    """Rebuild every table from the log and name each row that differs."""
    from storage.reconcile import reconcile as compare  # noqa: PLC0415 - only this command needs it

    settings = settings_for(home)
    with read_home(settings):
        report = compare(settings.database)
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
    from counterseal.desk.views import integrity as views  # noqa: PLC0415 - only looking at them

    facts = views.IntegrityFacts(
        backend="sqlite",
        local_only=settings.database.is_file(),
        live_trading_enabled=settings.enable_live_trading,
    )
    try:
        with read_home(settings) as reader:
            return views.integrity_status(reader.records(), reader.checkpoints(), evidence, facts)
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


def _body(body: bytes) -> Json:
    try:
        value: Json = orjson.loads(body)
    except (orjson.JSONDecodeError, TypeError):
        return {"error": "NOT_JSON"}
    return value


def _evidence(vkey: str | None, expect: Path | None, state: Path | None) -> Evidence:
    key = None
    if vkey is not None:
        is_file = "+" not in vkey or Path(vkey).is_file()
        key = parse_vkey((_text(vkey, "--vkey") if is_file else vkey).strip())
    heads: list[RememberedHead] = []
    if expect is not None:
        heads.append(head_of_note(_text(str(expect), "--expect"), key))
    if state is not None:
        try:
            told = SignerState.model_validate_json(_text(str(state), "--signer-state"))
        except ValidationError:
            raise InputError(
                "SIGNER_STATE_UNREADABLE", "no signer state", field="--signer-state", got=state
            ) from None
        heads.append(head_of_signer(told))
    return Evidence(log_key=key, heads=tuple(heads))


def _text(source: str, option: str) -> str:
    return text_of(content_of(source, option), source, option)


def _lines(verdict: Verdict) -> list[str]:
    totals = verdict.totals
    rows = [
        (v.attacker.value, v.verdict.value, v.bound_seq, "; ".join(v.because))
        for v in verdict.attackers
    ]
    found = [f"{f.code.value} at {f.seq} ({f.layer}): {f.message}" for f in verdict.findings]
    size = f"{totals.size} records, {totals.unsealed} unsealed, read from {totals.read_from}"
    seals = f"{totals.checkpoints_seen} checkpoints, {totals.checkpoints_valid} valid"
    return [
        f"outcome  {verdict.outcome.value}",
        f"log      {verdict.origin or '-'}: {size}",
        f"seals    {seals}, {totals.signatures_verified} signatures verified",
        *table(rows, "ATTACKER", "VERDICT", "UP TO", "BECAUSE"),
        *found,
    ]
