"""The resident loop: rounds by time, rounds by growth, and what an approved order waits for.

Workflow part 5 (rule "resident loop"), workflow 7 (missed, late and refused work), TX-F18.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import NoReturn

import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.batches import Batch
from counterseal.desk.dispatch import LEASE_SECONDS
from counterseal.kernel.errors import AdapterError, IntegrityError
from flows.blocks import tell
from flows.dispatching import PAUSE_FIRST, Dispatching, Execute
from flows.evidence import keep_alive, stamp
from flows.gateway_work import deliver_messages
from flows.resident import Resident, Round, Turn
from flows.waiting import sweep_all
from flows.work import carry_out
from flows.workplace import Workplace
from storage.engines import reading_engine
from storage.schedules import ROUND_SECONDS, deployed_seconds
from storage.sealed_log import SealedLog
from tests.world import World

DAY_SECONDS = 24 * 3600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


class Heard:
    """What a loop told."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    def __call__(self, turn: Turn) -> None:
        self.turns.append(turn)

    @property
    def errors(self) -> list[Exception]:
        return [turn.error for turn in self.turns if turn.error is not None]

    @property
    def counts(self) -> Counter[str]:
        return Counter(turn.name for turn in self.turns)


def loop(world: World, heard: Heard, *rounds: Round) -> Resident:
    place = Workplace(world.settings, clock=world.clock, feed=world.feed, service_id="dispatch")
    head = SealedLog(reading_engine(world.settings.database_file)).newest
    desk = partial(place.at_desk, world.log_key)
    return Resident(world.clock, desk, rounds, head, heard, place.ids)


def at_once(place: Workplace) -> Execute:
    """Executes without an engine."""
    return lambda batch_id, attempt: carry_out(place, batch_id, attempt, "run")


def dispatching(executor: Callable[[Workplace], Execute] = at_once) -> Round:
    return Round("dispatch", Dispatching(executor).round, grown=True)


def requests(world: World) -> dict[str, RequestStatus]:
    with world.store.reader() as reader:
        return {one.approval_request_id: one.status for one in reader.find(ApprovalRequest)}


def refusals(world: World) -> int:
    return sum(row.type == "command.refused" for row in world.log())


def test_what_two_approved_and_a_mandate_covers_is_filled_at_the_next_look(world: World) -> None:
    """TX-F18: nobody starts anything; and a look at a log that stands still does nothing."""
    heard = Heard()
    resident = loop(world, heard, dispatching())
    resident.look()
    assert heard.counts == {"dispatch": 1}
    assert resident.look() == ()
    request, _ = world.approved(quantity=2), world.mandate()
    resident.look()
    assert requests(world)[request] is RequestStatus.CONSUMED
    [fill] = world.fills()
    assert fill.last_quantity == 2
    size = len(world.log())
    resident.look()
    assert resident.look() == ()
    assert len(world.log()) == size
    assert heard.errors == []
    assert world.verdict().outcome == "ok"


def test_without_a_mandate_in_force_approved_requests_wait_for_the_operator(world: World) -> None:
    """Workflow 3, "who submits": none signed, one not begun, one over, one withdrawn."""
    heard = Heard()
    resident = loop(world, heard, dispatching())
    request, now = world.approved(quantity=2), world.clock.now()
    world.mandate(valid_from=now + timedelta(hours=1))
    resident.look()
    ended = world.mandate()
    actor = world.actor("operator")
    world.done(world.desk.mandates.revoke(ended, actor, key=world.key()))
    resident.look()
    assert requests(world)[request] is RequestStatus.APPROVED_FOR_PAPER
    assert not any(row.type.startswith("batch.") for row in world.log())


def test_a_refused_request_is_tried_again_after_pauses_that_double(world: World) -> None:
    """Dispatching I2: time heals what was refused, and the log does not fill with it meanwhile."""
    heard = Heard()
    resident = loop(world, heard, dispatching())
    request = world.approved(quantity=2)
    world.feed.quotes.clear()
    world.mandate()
    resident.look()
    assert refusals(world) == 1
    first = PAUSE_FIRST.total_seconds()
    tries = []
    for _ in range(0, 8 * int(first), 15):
        world.after(15)
        before = refusals(world)
        resident.look()
        resident.look()
        tries += [refusals(world) - before]
    assert [at for at, tried in enumerate(tries, 1) if tried] == [4, 12, 28]
    assert set(tries) == {0, 1}
    world.quote()
    other = world.approved(quantity=2)
    resident.look()
    assert requests(world)[other] is RequestStatus.CONSUMED, "a fresh request waits for no pause"
    assert requests(world)[request] is RequestStatus.APPROVED_FOR_PAPER
    for _ in range(40):
        world.after(15)
        world.quote()
        resident.look()
    assert requests(world)[request] is RequestStatus.CONSUMED


def test_an_attempt_that_died_is_gone_on_with_when_its_lease_lapses(world: World) -> None:
    """Workflow 3: crash anywhere; the next attempt orders nothing twice."""
    request, mandate = world.approved(quantity=2), world.mandate()
    batch_id = world.done(world.desk.dispatch.claim(mandate, world.service(), key=world.key()))
    heard = Heard()
    resident = loop(world, heard, dispatching())
    resident.look()
    assert requests(world)[request] is RequestStatus.APPROVED_FOR_PAPER
    world.after(LEASE_SECONDS)
    world.quote()
    resident.look()
    assert requests(world)[request] is RequestStatus.CONSUMED
    with world.store.reader() as reader:
        batch = reader.get(Batch, batch_id)
    assert batch is not None
    assert batch.attempt == 2
    assert len(world.fills()) == 1


def test_growth_never_puts_off_what_time_makes_due(world: World) -> None:
    """Twenty rounds because the log grew: the next by time comes a period behind the last."""
    heard = Heard()
    resident = loop(world, heard, dispatching())
    for _ in range(20):
        world.signal()
        resident.look()
    assert heard.counts == {"dispatch": 20}
    world.after(ROUND_SECONDS["dispatch"] - 1)
    assert resident.look() == ()
    world.after(1)
    assert len(resident.look()) == 1


def test_a_mandate_that_is_used_up_claims_nothing_more(world: World) -> None:
    """TX-F18: its bound ends it quietly; what it does not cover waits for the operator."""
    resident = loop(world, Heard(), dispatching())
    world.mandate(orders_max=1)
    first = world.approved(quantity=2)
    resident.look()
    assert requests(world)[first] is RequestStatus.CONSUMED
    other = world.approved(quantity=2)
    resident.look()
    assert requests(world)[other] is RequestStatus.APPROVED_FOR_PAPER
    assert refusals(world) == 0


def test_nothing_is_claimed_while_no_engine_answers(world: World) -> None:
    """Workflow, invariant 7: the backlog waits and shows; it is found again when one is there."""
    away = [AdapterError("ENGINE_UNREACHABLE", "no workflow server answers", retriable=True)]

    def executor(place: Workplace) -> Execute:
        if away:
            raise away[0]
        return at_once(place)

    heard = Heard()
    resident = loop(world, heard, dispatching(executor))
    request, _ = world.approved(quantity=2), world.mandate()
    size = len(world.log())
    [turn] = resident.look()
    assert turn.said == "ENGINE_UNREACHABLE"
    assert len(world.log()) == size
    away.clear()
    assert resident.look() == (), "it comes again at its time"
    world.after(ROUND_SECONDS["dispatch"])
    world.quote()
    resident.look()
    assert requests(world)[request] is RequestStatus.CONSUMED


def test_a_round_that_fails_is_told_and_holds_up_no_other(world: World) -> None:
    """Resident I1: broken evidence, a foreign error and a home that cannot be opened alike."""
    broken: list[Exception] = [IntegrityError("LOG_TAMPERED", "changed"), ValueError("foreign")]

    def fails(place: Workplace, run: str) -> object:
        del place, run
        raise broken[0]

    heard = Heard()
    resident = loop(world, heard, Round("sweep", fails), Round("heartbeat", keep_alive))
    told = [resident.look()]
    broken.pop(0)
    world.after(60)
    told += [resident.look()]
    moved = world.settings.database_file.rename(world.settings.database_file.with_suffix(".away"))
    world.after(60)
    told += [resident.look()]
    moved.rename(world.settings.database_file)
    world.after(60)
    told += [resident.look()]
    said = [[turn.said for turn in turns] for turns in told]
    assert said[:2] == [["LOG_TAMPERED", "done"], ["ROUND_FAILED", "done"]]
    assert said[2:] == [["DATABASE_MISSING"] * 2, ["ROUND_FAILED", "done"]]
    assert len(heard.errors) == 5


def test_every_round_comes_as_often_as_its_period_says_through_a_whole_day(world: World) -> None:
    """24 virtual hours: what no deployment schedules, the loop does; readiness relies on both."""
    heard = Heard()
    done = Counter[str]()

    def counted(name: str, place: Workplace, run: str) -> object:
        del place, run
        done[name] += 1
        return None

    rounds = tuple(Round(name, partial(counted, name)) for name in ROUND_SECONDS)
    place = Workplace(world.settings, clock=world.clock)
    resident = Resident(
        world.clock, lambda: nullcontext(place), rounds, lambda: None, heard, place.ids
    )
    for _ in range(0, DAY_SECONDS, 5):
        resident.look()
        world.after(5)
    assert done == {name: DAY_SECONDS // seconds for name, seconds in ROUND_SECONDS.items()}
    assert ROUND_SECONDS.keys().isdisjoint(deployed_seconds())


def test_the_rounds_of_a_home_leave_it_whole(world: World) -> None:
    """Every real round, again and again at one clock; an idle log gets its heartbeats."""
    heard = Heard()

    async def no_block(name: str) -> NoReturn:
        raise AssertionError(name)

    resident = loop(
        world,
        heard,
        dispatching(),
        Round("deliver", deliver_messages, grown=True),
        Round("sweep", sweep_all),
        Round("heartbeat", lambda place, run: keep_alive(place, run).checked()),
        Round("notify", lambda place, _: asyncio.run(tell(place, no_block))),
        Round("time_stamp", lambda place, _: stamp(place)),
    )
    for _ in range(60):
        resident.look()
        world.after(10)
    assert heard.errors == []
    beats = [row for row in world.log() if row.type == "log.heartbeat"]
    assert 5 <= len(beats) <= 10
    assert world.verdict().outcome == "ok"


def test_a_loop_that_is_stopped_ends(world: World) -> None:
    """The stop comes between two looks; what is under way is ended first."""
    stopped, heard = Event(), Heard()

    def last(place: Workplace, run: str) -> object:
        del place, run
        stopped.set()
        return None

    loop(world, heard, Round("sweep", last)).run(stopped)
    assert heard.counts == {"sweep": 1}
