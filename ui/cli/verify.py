"""`counterseal audit verify`: the log against everything that was kept outside."""

import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.canonical import Json
from storage.home_reader import read_home
from storage.verification import Asked, Workers, compared, verify_home
from ui.cli.given import (
    Expect,
    Fresh,
    Latest,
    Named,
    Outside,
    Policy,
    Receipts,
    Require,
    Roots,
    SignerStateFile,
    Stamps,
    Vkey,
    required,
)
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, table
from ui.cli.session import CLOCK, settings_for
from ui.cli.verified_state import Told, verified_onward

if TYPE_CHECKING:
    from counterseal.audit.evidence import TablesCompared
    from counterseal.audit.verdict import Verdict
    from storage.settings import Settings

SCHEMA = "counterseal.verify/1"
Incremental = Annotated[
    Path | None,
    typer.Option(help="File with the state of the last run; only newer records are read."),
]
Reconcile = Annotated[
    bool, typer.Option("--reconcile", help="Rebuild the tables from the log and compare.")
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Processes; as many as a long log is worth by default."),
]
Deep = Annotated[
    bool,
    typer.Option("--deep", help="Check every snapshot of the streams; the newest by default."),
]
Signatures = Annotated[
    int | None,
    typer.Option(min=1, help="Verify that many of the newest signatures only; all by default."),
]


def verify(
    vkey: Vkey = None,
    expect: Expect = None,
    signer_state: SignerStateFile = None,
    outside: Outside = None,
    policy: Policy = None,
    witness_latest: Latest = None,
    stamps: Stamps = None,
    tsa_roots: Roots = None,
    receipts: Receipts = None,
    reconcile: Reconcile = False,
    require: Require = None,
    fresh: Fresh = None,
    incremental_state: Incremental = None,
    signatures: Signatures = None,
    jobs: Jobs = None,
    deep: Deep = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the log and compare it with what was kept outside this home.

    Exit status 0 verified, 1 tampered, 3 inconclusive (not enough evidence), 4 unreadable.
    """
    started = time.monotonic()
    settings = settings_for(home)
    asked = Asked(required(require), None, signatures, Told(), Workers(settings, jobs), deep)
    files = (outside, policy, tuple(witness_latest or ()), stamps, tsa_roots, receipts)
    named = Named(vkey, expect, signer_state, *files, fresh=fresh)
    evidence = named.evidence()
    with read_home(settings) as reader:
        if reconcile:
            evidence = replace(evidence, tables=_tables(settings))
        if incremental_state is not None:
            found = verified_onward(reader, evidence, asked, incremental_state)
        else:
            found = verify_home(reader, evidence, asked)
    verdict = found.verdict
    seconds = round(time.monotonic() - started, 3)
    answer(_told(verdict, named, seconds), _lines(verdict), as_json=as_json)
    leave(verdict.exit_status)


def _tables(settings: "Settings") -> "TablesCompared":
    from storage.data_keys import data_keys  # noqa: PLC0415 - only a comparison needs them
    from storage.reconcile import reconcile  # noqa: PLC0415 - the same

    return compared(reconcile(settings.database, data_keys(settings)))


def _told(verdict: "Verdict", named: Named, seconds: float) -> dict[str, Json]:
    """The machine's view: what was looked at, with what, and what came of it."""
    seen = verdict.evidence_at
    age = None if seen is None else str((CLOCK.now() - seen).total_seconds())
    return {
        "schema": SCHEMA,
        "tool": f"counterseal {version('counterseal')}",
        "inputs": [{"kind": kind, "sha256": digest} for kind, digest in named.inputs()],
        "verdict": verdict.json_value(),
        "evidence_age_s": age,
        "seconds": str(seconds),
        "exit": verdict.exit_status,
    }


def _accounts(verdict: "Verdict") -> list[str]:
    """What became of records and personal data, where that was counted."""
    records, pii = verdict.records, verdict.pii
    lines: list[str] = []
    if records is not None:
        lines.append(
            f"records  {records.present} present, {records.purged} purged, {records.held} held,"
            f" {records.lost} lost, {records.missing} missing"
        )
        if pii is None:
            lines.append("personal not compared: what opens it is not here, or was read before")
    if pii is not None:
        lines.append(
            f"personal {pii.opened} opened, {pii.withheld} withheld, {pii.erased} erased,"
            f" {pii.missing} missing"
        )
    return lines


def _maps(verdict: "Verdict") -> list[str]:
    """What became of the snapshots of the streams, where they were looked at."""
    maps = verdict.maps
    if maps is None:
        return []
    return [f"streams  {maps.checked} of {maps.taken} snapshots made anew from the records"]


def _lines(verdict: "Verdict") -> list[str]:
    totals = verdict.totals
    rows = [
        (v.attacker.value, v.verdict.value, v.bound_seq, "; ".join(v.because))
        for v in verdict.attackers
    ]
    lost = [
        f"lost     {r.first}..{r.end - 1} of {r.origin}, see {r.declared}" for r in verdict.lost
    ]
    found = [f"{f.code.value} at {f.seq} ({f.layer}): {f.message}" for f in verdict.findings]
    size = f"{totals.size} records, {totals.unsealed} unsealed, read from {totals.read_from}"
    seals = f"{totals.checkpoints_seen} checkpoints, {totals.checkpoints_valid} valid"
    return [
        f"outcome  {verdict.outcome.value}",
        f"log      {verdict.origin or '-'}: {size}",
        f"seals    {seals}, {totals.signatures_verified} signatures verified",
        *_accounts(verdict),
        *_maps(verdict),
        *lost,
        *(f"short    {code.value}" for code in verdict.shortfalls),
        *table(rows, "ATTACKER", "VERDICT", "UP TO", "BECAUSE"),
        *found,
    ]
