"""Exports on record (design part "evidence pack", governance action `export`)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from counterseal.audit.snapshots import read_snapshot, snapshot_of
from counterseal.audit.stream_map import StreamMap
from counterseal.desk.exports import ExportScope
from counterseal.identity.people import Role
from counterseal.kernel.errors import AdapterError
from evidence.statement import ExportKey
from tests.desk.keeping import code
from tests.evidence.pack_room import ALL, AUDITOR, PackWorld, of_case


@pytest.fixture
def world(tmp_path: Path) -> PackWorld:
    """A world with an auditor and a case."""
    made = PackWorld(tmp_path / "home")
    made.audited()
    made.requested()
    return made


def facts(body: bytes) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(body)["after"]["facts"]
    return told


def test_i1_only_an_auditor_exports_and_a_refusal_is_on_record(world: PackWorld) -> None:
    """Exports I1: operators, reviewers and administrators are refused, too."""
    for name in ("operator", "compliance", "officer-1", "quant"):
        asked = world.asked(ALL, ExportKey(), by=name)
        assert (code(asked.outcome), asked.snapshot_id) == ("ROLE", None)
    last = world.log()[-1]
    assert (last.type, last.stream) == ("command.refused", "evidence")
    assert all(row.type != "streams.snapshot" for row in world.log())


def test_i1_somebody_unknown_or_disabled_exports_nothing(world: PackWorld) -> None:
    """Exports I1."""
    assert code(world.asked(ALL, ExportKey(), by="nobody").outcome) == "NOT_FOUND"
    world.done(world.granted("quant", Role.AUDITOR))
    gone = world.desk.leaving.disable("quant", world.actor("officer-1"), key=world.key())
    world.done(gone)
    assert code(world.asked(ALL, ExportKey(), by="quant").outcome) == "PERSON_DISABLED"


def test_i1_the_rules_in_force_are_asked_and_their_answer_is_on_record(world: PackWorld) -> None:
    """Exports I1: rule `export.auditor` of the policy bundle."""
    world.asked(ALL, ExportKey())
    [judged] = json.loads(world.log()[-1].body)["after"]["documents"]["policy_evaluations"]
    assert (judged["action"], judged["verdict"]) == ("export", "allow")
    assert judged["rule_ids"] == ["export.auditor"]


def test_i2_snapshot_and_export_are_in_the_log_under_one_checkpoint(world: PackWorld) -> None:
    """Exports I2, I3: the export names scope, key, snapshot and who asked."""
    size, key = len(world.log()), ExportKey()

    exported = world.asked(of_case("apr_1"), key, openings=True)

    taken, told = world.log()[size:]
    assert (taken.type, told.type) == ("streams.snapshot", "evidence.exported")
    assert {taken.stream, told.stream} == {"evidence"}
    assert exported.snapshot_id == taken.event_id
    assert exported.outcome.event_id == told.event_id
    assert exported.outcome.sealed_size == world.notes()[-1].size == size + 2
    assert facts(told.body) == {
        "scope_kind": "case",
        "scope_value": "apr_1",
        "scope_since": "",
        "scope_until": "",
        "export_key": key.public,
        "snapshot": taken.event_id,
        "asked_by": AUDITOR,
        "openings": "granted",
    }


def test_i2_the_snapshot_is_the_map_of_everything_before_it(world: PackWorld) -> None:
    """Exports I2: an auditor of the whole log finds no other map."""
    world.asked(ALL, ExportKey())
    taken = world.log()[-2]
    ends = world.archive.stream_ends(taken.seq)
    assert read_snapshot(taken) == snapshot_of(StreamMap(ends), taken.seq)
    assert world.verdict().findings == ()
    assert world.differences == ()


def test_i2_when_the_second_record_fails_there_is_no_first(
    world: PackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports I2: one transaction."""
    size = len(world.log())

    def fails(*_: object, **__: object) -> None:
        raise AdapterError("DATABASE_FAILED", "no more")

    monkeypatch.setattr("counterseal.desk.exports._exported", fails)
    with pytest.raises(AdapterError):
        world.asked(ALL, ExportKey())
    monkeypatch.undo()
    world.asked(ALL, ExportKey())
    assert [row.type for row in world.log()[size:]] == ["streams.snapshot", "evidence.exported"]


def test_the_same_command_again_is_answered_and_another_key_conflicts(world: PackWorld) -> None:
    """Commands I1: nothing is recorded twice, and no second pack gets under a recorded export."""
    key = ExportKey()
    first = world.asked(ALL, key, command="once")
    size = len(world.log())

    again = world.asked(ALL, key, command="once")
    other = world.asked(ALL, ExportKey(), command="once")

    assert again.outcome.replayed
    assert (again.snapshot_id, again.outcome.event_id) == (
        first.snapshot_id,
        first.outcome.event_id,
    )
    assert code(other.outcome) == "IDEMPOTENCY_KEY_CONFLICT"
    assert other.snapshot_id is None
    assert len(world.log()) == size


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "case"},
        {"kind": "all", "value": "x"},
        {"kind": "account", "value": "two words"},
        {"kind": "period"},
        {"kind": "period", "since": "2026-01-05T00:00:00Z"},
        {"kind": "period", "since": "2026-01-06T00:00:00Z", "until": "2026-01-06T00:00:00Z"},
        {"kind": "case", "value": "x", "since": "2026-01-05T00:00:00Z"},
        {"kind": "tenant", "value": "x"},
    ],
)
def test_a_scope_that_says_too_little_or_too_much_is_refused(told: dict[str, str]) -> None:
    """Exports: one thing is asked for."""
    with pytest.raises(ValidationError):
        ExportScope.model_validate_json(json.dumps(told))
