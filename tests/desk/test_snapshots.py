"""Where every stream ends is fixed daily, before anybody asks about one (evidence packs)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.audit.record import StoredRow
from counterseal.audit.snapshots import STREAM, TAKEN, snapshot_of
from counterseal.audit.stream_map import StreamMap, check_absence, check_entry
from counterseal.desk.approvals import case_stream
from counterseal.desk.commands import Outcome
from counterseal.desk.services import own_record
from counterseal.desk.snapshots import Snapshots, newest_snapshot, snapshot_event
from counterseal.kernel.model import Actor
from tests.desk.keeping import KeptWorld

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[KeptWorld]:
    world = KeptWorld(tmp_path / "home")
    yield world
    world.store.close()


def asked(world: KeptWorld, actor: Actor | None = None) -> Outcome | None:
    snapshots = Snapshots(world.desk.bench, world.archive)
    return snapshots.take(actor or world.service(), now=world.clock.now(), every=DAY)


def took(world: KeptWorld) -> bool:
    outcome = asked(world)
    return outcome is not None and outcome.accepted and not outcome.replayed


def taken(world: KeptWorld) -> list[StoredRow]:
    return [row for row in world.log() if row.type == TAKEN]


def later(world: KeptWorld, by: timedelta) -> None:
    world.clock.move_to(world.clock.now() + by)


def test_a_snapshot_states_where_every_stream_ends(world: KeptWorld) -> None:
    """I1: over the records before it, all of them signed."""
    world.requested()
    before = world.log()
    assert took(world)
    [row] = taken(world)
    body = json.loads(row.body)
    built = StreamMap(world.archive.stream_ends(len(before)))
    stated = {
        "covers": str(len(before)),
        "root": built.root.hex(),
        "streams": str(len({row.stream for row in before})),
    }
    assert (row.seq, row.stream, body["after"]["facts"]) == (len(before), STREAM, stated)
    assert world.verdict().exit_status == 0


def test_a_case_is_proved_to_end_where_it_does_and_another_not_to_be(world: KeptWorld) -> None:
    """Completeness 2 and 4, by the root that the snapshot states."""
    case = case_stream(world.requested())
    rows = world.log()
    built = StreamMap(world.archive.stream_ends(len(rows)))
    ends = {end.stream: end for end in world.archive.stream_ends(len(rows))}
    last = [row for row in rows if row.stream == case][-1]

    assert (ends[case].stream_seq, ends[case].head) == (last.stream_seq, last.leaf_hash)
    assert check_entry(ends[case], built.present(case), built.size, built.root)
    assert check_absence("case:none", built.absent("case:none"), built.size, built.root)


def test_the_next_one_is_taken_when_the_last_is_old_enough(world: KeptWorld) -> None:
    assert took(world)
    world.requested()
    later(world, DAY - timedelta(microseconds=1))
    assert not took(world)
    later(world, timedelta(microseconds=1))
    assert took(world)
    assert not took(world)
    assert len(taken(world)) == 2


def test_a_log_in_which_nothing_happened_since_gets_no_other(world: KeptWorld) -> None:
    """I3: an idle log does not grow by snapshots of itself."""
    assert took(world)
    size = len(world.log())
    later(world, 3 * DAY)
    assert asked(world) is None
    assert len(world.log()) == size
    world.requested()
    assert took(world)


def test_two_who_find_the_same_one_missing_record_it_once(world: KeptWorld) -> None:
    """I2: the key follows from the snapshot before."""
    assert took(world)
    event = snapshot_event(StreamMap(()), 0, world.desk.bench.origin)
    again = own_record(world.desk.bench, event, world.service(), key="snapshot:none", rule="")
    assert (again.replayed, len(taken(world))) == (True, 1)


def test_what_else_stands_in_the_stream_delays_no_snapshot(world: KeptWorld) -> None:
    """SERVICE_ONLY: a person takes none; the refusal is on the record, and is no snapshot."""
    outcome = asked(world, world.actor("operator"))
    assert outcome is not None
    assert outcome.refusal is not None
    assert outcome.refusal.code == "SERVICE_ONLY"
    assert [row.type for row in world.archive.newest_in(STREAM)] == ["command.refused"]
    assert newest_snapshot(world.archive) is None
    later(world, DAY)
    assert asked(world, world.service()) is not None


def test_the_event_for_an_export_is_the_same(world: KeptWorld) -> None:
    """An export records its own snapshot beside itself, in one transaction."""
    built = StreamMap(world.archive.stream_ends(5))
    event = snapshot_event(built, 5, "an/origin")
    assert (event.type, event.stream, event.subject.id) == (TAKEN, STREAM, "an/origin")
    stated = {one.name: one.value for one in event.facts}
    assert stated == {k: str(v) for k, v in snapshot_of(built, 5)._asdict().items()}
