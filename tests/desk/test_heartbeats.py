"""A sign of life of an idle log, and none of a busy one."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.heartbeats import BEAT, STREAM, Heartbeats
from counterseal.desk.services import own_record
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Event, Subject
from tests.world import World

QUIET = timedelta(seconds=60)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def beat(world: World) -> bool:
    now = world.clock.now()
    outcome = Heartbeats(world.desk.bench).beat(world.service(), now=now, quiet=QUIET)
    return outcome is not None and outcome.accepted


def beats(world: World) -> list[str]:
    return [str(row.recorded_at) for row in world.log() if row.type == BEAT]


def later(world: World, by: timedelta) -> None:
    world.clock.move_to(world.clock.now() + by)


def test_an_idle_log_gets_one_record_for_each_interval(world: World) -> None:
    """Heartbeats: at the interval, not before it; the record says since when it was quiet."""
    world.requested()
    since = utc_text(world.clock.now())
    later(world, QUIET - timedelta(microseconds=1))
    assert not beat(world)
    later(world, timedelta(microseconds=1))
    assert beat(world)
    assert not beat(world)
    later(world, QUIET)
    assert beat(world)
    assert len(beats(world)) == 2
    first = next(row for row in world.log() if row.type == BEAT)
    body = json.loads(first.body)
    assert (body["stream"], body["after"]["facts"]) == (STREAM, {"since": since})
    assert world.verdict(world.remembered()).exit_status == 0


def test_a_busy_log_gets_none(world: World) -> None:
    """I1: whatever is recorded is a sign of life."""
    for _ in range(4):
        world.requested()
        later(world, QUIET / 2)
        assert not beat(world)
    assert beats(world) == []


def again_for(world: World, occasion: str) -> Outcome:
    """The answer to a second service that saw the same silence."""
    about = Subject(type="log", id=world.desk.bench.origin)
    event = Event(type=BEAT, stream=STREAM, subject=about, action="heartbeats.beat")
    return own_record(world.desk.bench, event, world.service(), key=occasion, rule="")


def test_one_silence_has_one_heartbeat(world: World) -> None:
    """I2: two who see the same silence record it once."""
    later(world, QUIET)
    with world.store.transaction() as work:
        last = work.last_time()
    assert last is not None
    assert beat(world)
    size = len(world.log())
    again = again_for(world, f"heartbeat:{utc_text(last)}")
    assert (again.replayed, len(world.log())) == (True, size)


def test_a_person_is_no_heart(world: World) -> None:
    """SERVICE_ONLY: heartbeats are the platform's own; the attempt is on the record."""
    later(world, QUIET)
    hearts = Heartbeats(world.desk.bench)
    outcome = hearts.beat(world.actor("operator"), now=world.clock.now(), quiet=QUIET)
    assert outcome is not None
    assert outcome.refusal is not None
    assert outcome.refusal.code == "SERVICE_ONLY"
    assert beats(world) == []


def test_the_policy_says_how_often(world: World) -> None:
    """Design 5: T 60 s, N 10 min, stale after 3 T, as policies/audit says."""
    rules = world.desk.bench.bundle.evidence
    told = (rules.heartbeat, rules.stamp, rules.fresh)
    assert told == (timedelta(seconds=60), timedelta(minutes=10), timedelta(minutes=3))
