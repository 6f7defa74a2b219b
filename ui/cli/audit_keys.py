"""`counterseal audit keys`, `recover`: whose signatures count, and going on after a restore."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.audit.note import parse_vkey
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal
from storage.home_reader import read_home
from ui.cli.acknowledged import settled
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, refused, reject, table
from ui.cli.session import CLOCK, IDS, all_logged_in, settings_for

if TYPE_CHECKING:
    from counterseal.audit.rollback import Rollback
    from counterseal.kernel.model import Actor
    from storage.settings import Settings

APPROVERS = 2


def keys(home: Home = None, as_json: AsJson = False) -> None:
    """The log's keys since the first, from what its records say. Exit status 1 when a step fails.

    The first key must be the one that you kept outside this home.
    """
    from counterseal.audit.keys import walk_keys  # noqa: PLC0415 - only this command walks
    from counterseal.audit.rollback import Rollback  # noqa: PLC0415 - the same
    from counterseal.desk.archive import key_records  # noqa: PLC0415 - the same
    from counterseal.desk.installation import Installation  # noqa: PLC0415 - the same
    from storage.verification import KEY_STREAMS  # noqa: PLC0415 - the same

    with read_home(settings_for(home)) as reader:
        installed, rollbacks = reader.find(Installation), reader.find(Rollback)
        told = key_records(reader.in_streams(*KEY_STREAMS))
    if not installed:
        reject("NOT_INSTALLED", "the log names no first key")
    ring, broken = walk_keys(parse_vkey(installed[0].log_vkey), told)
    rows = [(s.after + 1, s.until, s.revoked, s.key.text) for s in ring.spans]
    names = [(r.epoch, r.restored.size, f"{r.lost[0]}..{r.lost[1] - 1}", r.vkey) for r in rollbacks]
    value: dict[str, Json] = {
        "keys": [dict(zip(("from", "until", "revoked", "vkey"), r, strict=True)) for r in rows],
        "names": [dict(zip(("epoch", "from", "lost", "vkey"), n, strict=True)) for n in names],
        "broken": [{"seq": one.seq, "code": one.code} for one in broken],
    }
    lines = table(rows, "FROM", "UNTIL", "REVOKED", "KEY")
    if names:
        lines += ["", *table(names, "EPOCH", "FROM", "LOST", "GOES ON AS")]
    answer(value, [*lines, *(f"{b.code} at {b.seq}: {b.message}" for b in broken)], as_json=as_json)
    if broken:
        leave(1)


def recover(
    reason: Annotated[str, typer.Option(help="What happened, in words; it is recorded.")],
    declare_rollback: Annotated[
        bool, typer.Option("--declare-rollback", help="Declare it; without this, only look.")
    ] = False,
    approver: Annotated[
        list[str] | None, typer.Option(help="One of two administrators; give twice.")
    ] = None,
    passphrase_file: Annotated[
        list[Path] | None, typer.Option(help="Passphrase of each approver, in the same order.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Go on after a restored backup: declare what is lost, under the log's next name.

    Stop everything that writes to this home before, and keep every copy of the old state. The same
    command again goes on where a crash cut it short.
    """
    from storage import recovery  # noqa: PLC0415 - only this command recovers
    from storage.home_keys import open_log_key  # noqa: PLC0415 - the same

    settings = settings_for(home)
    pending = recovery.pending_rollback(settings)
    plan = pending or recovery.plan_rollback(settings, open_log_key(settings), reason, CLOCK)
    if not declare_rollback:
        answer({"rollback": plan.json_value()}, _lines(plan), as_json=as_json)
        return
    signed, first = _approved(settings, plan, approver or [], passphrase_file or [])
    outcome = recovery.recover(settings, pending or signed, first, clock=CLOCK, ids=IDS)
    if isinstance(outcome, Refusal):
        refused(outcome, as_json=as_json)
    settled(settings, outcome, as_json=as_json, what="goes on as")


def _approved(
    settings: "Settings", plan: "Rollback", people: Sequence[str], files: Sequence[Path]
) -> tuple["Rollback", "Actor"]:
    """The plan under the signatures of two people, each with their own key; the first of them."""
    from counterseal.audit.rollback import (  # noqa: PLC0415 - only a declaration is signed
        RollbackApproval,
        rollback_statement,
    )

    if len(people) != APPROVERS:
        reject("TWO_PEOPLE_NEEDED", "two administrators declare it", field="--approver")
    if files and len(files) != len(people):
        reject("PASSPHRASE_FILES_DIFFER", "one passphrase file for each approver")
    signers = all_logged_in(settings, people, files)
    approvals = tuple(
        RollbackApproval(
            person_id=actor.id,
            signature=key.sign("rollback", rollback_statement(plan, actor.id, key.key_id)),
        )
        for actor, key in signers
    )
    first, _ = signers[0]
    return plan.amended(approvals=approvals), first


def _lines(plan: "Rollback") -> list[str]:
    first, end = plan.lost
    unsealed = plan.restored.size - plan.kept.size
    return [
        f"signed   {plan.signed.size} records as {plan.old_origin}",
        f"kept     {plan.kept.size}, and {unsealed} that were never acknowledged",
        f"lost     {first}..{end - 1}",
        f"goes on  as {plan.origin}",
        "Nothing was changed: add --declare-rollback and two --approver to declare it.",
    ]
