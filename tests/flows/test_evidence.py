"""What the flows about outside evidence do, without an engine."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.audit.snapshots import TAKEN
from counterseal.desk.heartbeats import BEAT
from counterseal.kernel.errors import AdapterError, IntegrityError
from flows.evidence import SNAPSHOT_EVERY, keep_alive, stamp
from flows.workplace import Workplace
from tests.storage.outside_room import W1, Room, a_witness, an_authority, scripted
from tests.world import World


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    world = World(tmp_path / "home")
    yield Room(world)
    world.store.close()


def place(room: Room, **more: object) -> Workplace:
    world = room.world
    return Workplace(room.settings(**more), clock=world.clock, feed=world.feed, desk=world.desk)


def beats(room: Room) -> int:
    return sum(row.type == BEAT for row in room.world.log())


def test_an_idle_log_is_kept_alive_and_witnessed(room: Room) -> None:
    """Heartbeats: a record when idle, and a fresh cosignature in any case."""
    with a_witness(room.world) as url:
        room.policy((W1, url))
        first = keep_alive(place(room), "run-1")
        room.world.clock.move_to(room.world.clock.now() + timedelta(seconds=61))
        idle = keep_alive(place(room), "run-2")
        again = keep_alive(place(room), "run-3")
    assert (first.beaten, idle.beaten, again.beaten, beats(room)) == (False, True, False, 1)
    assert [answer.code for answer in idle.answers] == [None, None]
    assert idle.checked() is idle
    assert idle.subject == str(len(room.world.log()))
    assert idle.rows[0] == {"who": "heartbeat", "size": 0, "said": "True"}
    assert idle.rows[1] == {"who": "snapshot", "size": 0, "said": "False"}
    latest = room.view().latest
    assert latest is not None
    assert latest.size == len(room.world.log())


def test_where_streams_end_is_fixed_once_a_day_and_witnessed(room: Room) -> None:
    """Before anybody asks about a case: the cosignature covers the snapshot as well."""
    clock = room.world.clock
    with a_witness(room.world) as url:
        room.policy((W1, url))
        first, again = keep_alive(place(room), "run-1"), keep_alive(place(room), "run-2")
        clock.move_to(clock.now() + SNAPSHOT_EVERY - timedelta(seconds=1))
        early = keep_alive(place(room), "run-3")
        clock.move_to(clock.now() + timedelta(seconds=1))
        due = keep_alive(place(room), "run-4")
    reports = (first, again, early, due)
    assert [report.mapped for report in reports] == [True, False, False, True]
    taken = [row.seq for row in room.world.log() if row.type == TAKEN]
    assert len(taken) == 2
    latest = room.view().latest
    assert latest is not None
    assert latest.size == taken[-1] + 1
    assert room.world.verdict().exit_status == 0


def test_a_home_without_outsiders_is_kept_alive_all_the_same(room: Room) -> None:
    """Nobody is asked, and nothing fails."""
    room.world.clock.move_to(room.world.clock.now() + timedelta(minutes=5))
    report = keep_alive(place(room, counterseal_outside=None), "run-1")
    assert (report.beaten, report.answers, report.exit_status) == (True, (), 0)
    assert stamp(place(room)).answers == ()


def test_one_interval_has_one_time_stamp(room: Room) -> None:
    """I1: a run that is repeated stamps nothing; after half an interval one is due again."""
    room.world.clock.move_to(room.world.clock.now().replace(year=2100))
    with an_authority(room) as url:
        first = stamp(place(room, counterseal_stamp_url=url))
        [token] = room.folder.stamps.glob("*.tsr")
        now = room.world.clock.now().timestamp()
        os.utime(token, (now, now))
        again = stamp(place(room, counterseal_stamp_url=url))
        room.world.clock.move_to(room.world.clock.now() + timedelta(minutes=5))
        due = stamp(place(room, counterseal_stamp_url=url))
    assert [len(report.answers) for report in (first, again, due)] == [1, 0, 1]
    assert [report.exit_status for report in (first, again, due)] == [0, 0, 0]


def test_a_bad_day_and_a_contradiction_fail_a_run_differently(room: Room) -> None:
    """I2: only a contradiction is an integrity matter; either report is there to be shown."""
    with scripted(lambda *_: (503, b"")) as url:
        room.policy((W1, url))
        away = keep_alive(place(room), "run-1")
    with pytest.raises(AdapterError) as failed:
        away.checked()
    assert (failed.value.code, away.exit_status) == ("EVIDENCE_FAILED", 4)
    with scripted(lambda *_: (422, b"")) as url:
        room.policy((W1, url))
        forked = keep_alive(place(room), "run-2")
    with pytest.raises(IntegrityError) as alarmed:
        forked.checked()
    assert (alarmed.value.code, forked.exit_status) == ("EVIDENCE_CONTRADICTS", 1)
    assert {row["said"] for row in forked.rows} == {"False", "WITNESS_CONTRADICTS", "ok"}


def test_a_lost_folder_is_an_alarm_and_stops_no_desk(room: Room) -> None:
    """A3b: the signer's side remembers the anchor that lay there."""
    keep_alive(place(room), "run-1")
    shutil.rmtree(room.folder.path)
    room.world.requested()
    report = keep_alive(place(room), "run-2")
    assert [answer.code for answer in report.answers] == ["ANCHOR_SHORTER"]
