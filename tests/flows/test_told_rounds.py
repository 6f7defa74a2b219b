"""What the resident loop tells of its rounds, and what their records carry.

Issue "Always on", point 4: correlation ids; workflow part 5 (rule "resident loop").
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError
from flows.resident import Resident, Round
from flows.told_rounds import RoundsTold
from flows.waiting import sweep_all
from flows.workplace import Workplace
from storage.engines import reading_engine
from storage.last_rounds import read_last_rounds
from storage.schedules import ROUND_SECONDS
from storage.sealed_log import SealedLog
from tests.flows.hall import told_in
from tests.flows.test_resident import dispatching
from tests.world import ACCOUNT, PEOPLE, World


class Desk:
    """A loop over some rounds of a world, told into the world's home.

    Attributes:
        said: Lines at the terminal.
    """

    def __init__(self, world: World, *rounds: Round) -> None:
        place = Workplace(world.settings, clock=world.clock, feed=world.feed, service_id="dispatch")
        self.said: list[str] = []
        self.hear = RoundsTold(place, [one.name for one in rounds], self.said.append)
        head = SealedLog(reading_engine(world.settings.database_file)).newest
        self.loop = Resident(
            world.clock,
            lambda: place.at_desk(world.log_key),
            rounds,
            head,
            self.hear,
            place.ids,
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def events(world: World) -> list[object]:
    return [line["event"] for line in told_in(world.home)]


def test_a_round_and_what_it_recorded_carry_one_id(world: World) -> None:
    """From the round to its log line and to the trace of its records, without new authority."""
    request = world.requested()
    world.after(3_601)
    Desk(world, Round("sweep", sweep_all)).loop.look()
    lines = told_in(world.home)
    steps = [line for line in lines if line["event"] == "step_taken"]
    assert request in [str(line["subject_id"]).removeprefix("case:") for line in steps]
    assert {line["round"] for line in lines} == {"sweep"}
    [name] = {str(line["round_id"]) for line in lines}
    bodies = [json.loads(row.body) for row in world.log()]
    traced = [body for body in bodies if name in json.dumps(body)]
    assert traced
    assert {body["actor"]["id"] for body in traced} == {"dispatch"}
    [done] = [line for line in lines if line["event"] == "round_done"]
    assert done["log_size"] == steps[-1]["log_size"]
    assert done["steps"] == len(steps)


def test_an_order_that_the_loop_submits_is_told_by_its_ids_alone(world: World) -> None:
    """No name, account, price, quantity or comment of a day stands in any line of it."""
    world.approved(quantity=2)
    world.mandate()
    desk = Desk(world, dispatching())
    desk.loop.look()
    [fill] = world.fills()
    steps = [line for line in told_in(world.home) if line["event"] == "step_taken"]
    assert [line["codes"] for line in steps] == ["done"]
    text = "".join(path.read_text("utf-8") for path in (world.home / "log").iterdir())
    price = str(fill.last_price)
    said = "checked the evidence and agree with it"
    foreign = (*PEOPLE, ACCOUNT, price, said, "mean-reversion", "signal-1", "tenant-1")
    assert [word for word in foreign if word in text] == []


def test_a_refusal_is_told_by_its_codes(world: World) -> None:
    world.approved(quantity=2)
    world.feed.quotes.clear()
    world.mandate()
    Desk(world, dispatching()).loop.look()
    [step] = [line for line in told_in(world.home) if line["event"] == "step_taken"]
    refused = [json.loads(r.body) for r in world.log() if r.type == "command.refused"]
    assert step["codes"] == ",".join(refused[-1]["reason"]["code"].split(","))
    [done] = [line for line in told_in(world.home) if line["event"] == "round_done"]
    assert (done["steps"], done["refused"]) == (1, 1)


def test_idle_rounds_are_kept_and_not_written(world: World) -> None:
    """A day of nothing to do leaves no megabytes; who asks learns when it ran last."""
    desk = Desk(world, dispatching())
    for _ in range(5):
        desk.loop.look()
        world.after(ROUND_SECONDS["dispatch"])
    assert not (world.home / "log" / "rounds.log").exists()
    loop = read_last_rounds(world.home)
    assert loop is not None
    [kept] = loop.rounds
    assert (kept.made, kept.failed, kept.outcome) == (5, 0, "done")
    assert kept.began_at is not None
    assert (world.clock.now() - kept.began_at).total_seconds() == ROUND_SECONDS["dispatch"]


def test_a_failure_is_told_by_its_code_and_so_is_its_end(world: World) -> None:
    """Its words may hold anything: neither the log nor the terminal of the loop repeats them."""
    failing = [AdapterError("MAIL_FAILED", "smtp://desk:hunter2@mail.example refused ann", got="x")]

    def act(place: Workplace, run: str) -> object:
        del place, run
        if failing:
            raise failing[0]
        return None

    desk = Desk(world, Round("notify", act))
    desk.loop.look()
    world.after(ROUND_SECONDS["notify"])
    failing.clear()
    desk.loop.look()
    world.after(ROUND_SECONDS["notify"])
    desk.loop.look()
    failed, done = told_in(world.home)
    assert (failed["event"], failed["codes"], failed["level"]) == (
        "round_failed",
        "MAIL_FAILED",
        "error",
    )
    assert done["event"] == "round_done"
    assert desk.said == ["rounds    notify failed: AdapterError MAIL_FAILED"]
    text = "".join(path.read_text("utf-8") for path in (world.home / "log").iterdir())
    assert "hunter2" not in text + "".join(desk.said)
    loop = read_last_rounds(world.home)
    assert loop is not None
    assert (loop.rounds[0].made, loop.rounds[0].failed) == (3, 1)


def test_a_desk_that_cannot_be_opened_fails_every_round_of_a_look(world: World) -> None:
    desk = Desk(world, dispatching(), Round("sweep", sweep_all))
    file = world.settings.database_file
    moved = file.rename(file.with_suffix(".away"))
    desk.loop.look()
    moved.rename(file)
    codes = [(line["round"], line["codes"]) for line in told_in(world.home)]
    assert codes == [("dispatch", "DATABASE_MISSING"), ("sweep", "DATABASE_MISSING")]


def test_the_loop_tells_that_it_leads_and_that_it_left(world: World) -> None:
    desk = Desk(world, dispatching())
    with desk.hear.leading():
        desk.loop.look()
    assert events(world) == ["loop_leads", "loop_left"]
    assert desk.said == ["rounds    the resident loop leads"]
