"""`counterseal audit`: show, verify, reconcile."""

from pathlib import Path
from typing import Annotated

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
from counterseal.kernel.errors import InputError
from storage.homes import read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, reject, table
from ui.cli.session import settings_for, text_of

app = typer.Typer(no_args_is_help=True)


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
def verify(
    vkey: Annotated[
        str | None, typer.Option(help="The log's public key, or a file with it.")
    ] = None,
    expect: Annotated[Path | None, typer.Option(help="A checkpoint kept elsewhere.")] = None,
    signer_state: Annotated[Path | None, typer.Option(help="The signer's state file.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the log and compare it with what was kept outside this home.

    Exit status 0 verified, 1 tampered, 3 inconclusive (not enough evidence), 4 unreadable.
    """
    evidence = _evidence(vkey, expect, signer_state)
    with read_home(settings_for(home)) as reader:
        verdict = verify_log(reader.records(), reader.checkpoints(), evidence)
    answer({"verdict": verdict.json_value()}, _lines(verdict), as_json=as_json)
    leave(verdict.exit_status)


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
        key = parse_vkey((text_of(vkey) if is_file else vkey).strip())
    heads: list[RememberedHead] = []
    if expect is not None:
        heads.append(head_of_note(text_of(str(expect)), key))
    if state is not None:
        try:
            told = SignerState.model_validate_json(text_of(str(state)))
        except ValidationError:
            raise InputError(
                "SIGNER_STATE_UNREADABLE", "no signer state", field="--signer-state", got=state
            ) from None
        heads.append(head_of_signer(told))
    return Evidence(log_key=key, heads=tuple(heads))


def _lines(verdict: Verdict) -> list[str]:
    totals = verdict.totals
    rows = [
        (v.attacker.value, v.verdict.value, v.bound_seq, "; ".join(v.because))
        for v in verdict.attackers
    ]
    found = [f"{f.code.value} at {f.seq} ({f.layer}): {f.message}" for f in verdict.findings]
    return [
        f"outcome  {verdict.outcome.value}",
        f"log      {verdict.origin or '-'}: {totals.size} records, {totals.unsealed} unsealed",
        *table(rows, "ATTACKER", "VERDICT", "UP TO", "BECAUSE"),
        *found,
    ]
