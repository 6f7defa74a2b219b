"""`counterseal records outlook`, `plan`, `purges`, `purge`: what may go, and who agrees."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.audit.retention import CaseOutlook, CaseState, Purge, PurgeStatus
from counterseal.audit.retention import outlook as outlook_of
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Refusal
from storage.home_reader import HomeReader, read_home
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home, Key
from ui.cli.render import answer, notice, refused, reject, table
from ui.cli.session import CLOCK, all_logged_in, command_key, desk_at, settings_for

if TYPE_CHECKING:
    from counterseal.desk.desk import Desk
    from counterseal.desk.purging import Purging
    from counterseal.kernel.model import Actor, Signature
    from storage.settings import Settings

APPROVERS = 2


def outlook(home: Home = None, as_json: AsJson = False) -> None:
    """Every case by its schedule: which may go now, which is held, which has to stay, until when.

    Nothing is written. What the policy in force says counts.
    """
    with read_home(settings_for(home)) as reader:
        found = _outlook(reader)
    counts = {state.value: sum(one.state is state for one in found) for state in CaseState}
    rows = [
        (
            one.stream,
            one.state.value,
            one.records,
            one.rule if one.years is None else f"{one.rule} {one.years} years",
            None if one.until is None else utc_text(one.until)[:10],
            ",".join(one.holds) or None,
        )
        for one in found
    ]
    value: dict[str, Json] = {"counts": {**counts}, "cases": [one.json_value() for one in found]}
    lines = table(rows, "CASE", "STATE", "RECORDS", "RULE", "UNTIL", "HOLDS")
    answer(value, [*lines, ", ".join(f"{n} {s}" for s, n in counts.items())], as_json=as_json)


@acting
def plan(act: Act) -> None:
    """Write down what may go now, for two people to agree to. Nothing goes by a plan."""
    actor, taken = act.actor, act.key
    outcome = _purging(act.settings, act.desk).plan(actor, key=taken)
    act.settled(outcome, what="planned as")


def purges(home: Home = None, as_json: AsJson = False) -> None:
    """Plans and purges: what they name, who agreed, and how far they are."""
    with read_home(settings_for(home)) as reader:
        found = reader.find(Purge)
    rows = [
        (
            one.purge_id,
            one.status.value,
            len(one.streams),
            _records_of(one),
            utc_text(one.planned_at),
            ",".join(given.person_id for given in one.approvals) or None,
        )
        for one in found
    ]
    lines = table(rows, "PURGE", "STATUS", "CASES", "RECORDS", "PLANNED", "AGREED")
    answer({"purges": [one.json_value() for one in found]}, lines, as_json=as_json)


def purge(
    purge_id: Annotated[str, typer.Argument(help="A plan, as `records purges` shows it.")],
    approver: Annotated[
        list[str] | None, typer.Option(help="Who agrees, with their own key; two people in all.")
    ] = None,
    passphrase_file: Annotated[
        list[Path] | None, typer.Option(help="Passphrase of each approver, in the same order.")
    ] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Agree to a plan. When a second person does, the bodies go; every leaf hash stays.

    Two people at one terminal, or one after the other. A purge that a crash cut short is completed
    by the same command, without anybody agreeing again.
    """
    settings, people = settings_for(home), approver or []
    with read_home(settings) as reader:
        named = reader.get(Purge, purge_id)
    if named is None:
        reject("NOT_FOUND", "no such plan", field="PURGE_ID", got=purge_id)
    consents: list[tuple[Actor, Signature]] = []
    if named.status is not PurgeStatus.PURGED:
        consents = _consents(settings, named, people, passphrase_file or [])
    taken = command_key(key)
    purging = _purging(settings, desk_at(settings))
    for actor, signature in consents:
        outcome = purging.approve(purge_id, signature, actor, key=f"{taken}:{actor.id}")
        if outcome.refusal is not None:
            refused(outcome.refusal, as_json=as_json, more={"person": actor.id})
    _tell(settings, purging, purge_id, as_json=as_json)


def _consents(
    settings: "Settings", named: Purge, people: Sequence[str], files: Sequence[Path]
) -> list[tuple["Actor", "Signature"]]:
    """Signatures over the plan, all made before any is recorded.

    Raises:
        InputError: `TWO_PEOPLE_NEEDED`, `PASSPHRASE_FILES_DIFFER`; those of `logged_in`.
    """
    from counterseal.desk.purging import KIND, purge_statement  # noqa: PLC0415 - only signing

    if not 1 <= len(people) <= APPROVERS or len(set(people)) != len(people):
        reject("TWO_PEOPLE_NEEDED", "one or two different people agree", field="--approver")
    if files and len(files) != len(people):
        reject("PASSPHRASE_FILES_DIFFER", "one passphrase file for each approver")
    return [
        (actor, opened.sign(KIND, purge_statement(named, actor.id, opened.key_id)))
        for actor, opened in all_logged_in(settings, people, files)
    ]


def _tell(settings: "Settings", purging: "Purging", purge_id: str, *, as_json: bool) -> None:
    """How far the purge is; one that is in the log is completed first."""
    with read_home(settings) as reader:
        now = reader.get(Purge, purge_id)
    if now is not None and now.status is PurgeStatus.PURGED:
        done = purging.complete(purge_id)
        if isinstance(done, Refusal):
            refused(done, as_json=as_json)
        value: dict[str, Json] = {"ok": True, "purged": True, "purge": done.json_value()}
        line = f"purged: {_records_of(done)} records of {len(done.streams)} cases"
        answer(value, [line], as_json=as_json)
    elif now is not None:
        notice("counterseal: agreed; another person has to agree before anything goes")
        value = {"ok": True, "purged": False, "purge": now.json_value()}
        answer(value, [f"agreed: {now.approvals[-1].person_id}"], as_json=as_json)


def _records_of(purge: Purge) -> int:
    return sum(part.last - part.first + 1 for part in purge.ranges)


def _outlook(reader: HomeReader) -> tuple[CaseOutlook, ...]:
    from counterseal.audit.retention import Hold  # noqa: PLC0415 - only here
    from counterseal.desk.archive import logged, versions_of  # noqa: PLC0415 - the same
    from storage.law import law_in_force  # noqa: PLC0415 - the same

    now = CLOCK.now()
    bundle = law_in_force(reader, now).bundle
    rows = (logged(row) for row in reader.records())
    schedule, holds = bundle.retention.keep_years, reader.find(Hold)
    return outlook_of(rows, schedule, holds, now, versions_of(reader))


def _purging(settings: "Settings", desk: "Desk") -> "Purging":
    from counterseal.desk.purging import Purging  # noqa: PLC0415 - looking loads no desk
    from storage.archive import SqlArchive  # noqa: PLC0415 - the same
    from storage.data_keys import data_keys  # noqa: PLC0415 - the same

    return Purging(desk.bench, SqlArchive(settings.database, data_keys(settings)))
