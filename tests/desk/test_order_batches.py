"""Many orders in one commit: the same records, the same documents, all or nothing."""

import signal
import threading
from pathlib import Path

import pytest

from counterseal.desk.order_batches import OrderBatches
from counterseal.desk.orders import Orders
from counterseal.desk.ports import Wanted
from counterseal.kernel.model import Document
from counterseal.oms.model import Order, OutboxEntry, OutboxStatus
from storage.overlay import Overlay
from storage.unit_of_work import SqlReader
from tests.desk.batch_room import (
    answers,
    approved,
    ending,
    keyed,
    killed,
    of_all_kinds,
    one_by_one,
    together,
    told,
)
from tests.world import ORIGIN, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_i1_a_batch_leaves_what_as_many_submits_leave(tmp_path: Path) -> None:
    """Issue 5, speed; TX-G: records and documents are the same, byte for byte."""
    single, batched = World(tmp_path / "single" / "home"), World(tmp_path / "batched" / "home")
    alone = one_by_one(single, of_all_kinds(single))

    outcomes = together(batched, of_all_kinds(batched))

    assert answers(outcomes) == answers(alone)
    assert told(batched) == told(single)
    codes = [None if o.refusal is None else o.refusal.code for o in outcomes]
    assert {"NOT_FOUND", "IDEMPOTENCY_KEY_CONFLICT", "ALREADY_CONSUMED"} <= set(codes)
    assert codes[0] is codes[2] is codes[6] is None


def test_i2_a_batch_is_sealed_once_and_verifies(world: World) -> None:
    """Architecture part 2: nothing is answered before the seal covers it."""
    batch = [keyed(name, f"key-of-{name}") for name in approved(world, 3)]
    before, notes = len(world.log()), len(world.notes())

    outcomes = together(world, batch)

    assert {o.sealed_size for o in outcomes} == {before + 7 * len(batch)}
    assert len(world.notes()) == notes + 1
    assert world.verdict().outcome == "ok"


def test_parts_are_committed_one_after_the_other(world: World) -> None:
    """Issue 5, speed: commits of up to a stated number of orders."""
    batch = [keyed(name, f"key-of-{name}") for name in approved(world, 3)]
    before = len(world.log())
    world.desk.order_batches._part = 2

    outcomes = together(world, batch)

    assert [o.sealed_size - before for o in outcomes] == [14, 14, 21]


def test_a_batch_asks_the_database_as_often_however_many_orders_it_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches: what every order asks for is asked for once."""
    asked: list[str] = []
    find = SqlReader.find

    def counted(reader: SqlReader, kind: type[Document], **equal: Wanted) -> tuple[Document, ...]:
        asked.append(kind.KIND)
        return find(reader, kind, **equal)

    batches = [[keyed(name, f"key-of-{name}") for name in approved(world, n)] for n in (2, 2, 4)]
    monkeypatch.setattr(SqlReader, "find", counted)
    found = list[list[str]]()
    for batch in batches:
        asked.clear()
        assert all(outcome.accepted for outcome in together(world, batch))
        found.append(sorted(asked))

    assert found[1] == found[2]


def broken_off() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("left", [0, 2, 4, 8])
def test_i2_a_batch_that_breaks_off_leaves_nothing(world: World, left: int) -> None:
    """TX-G9: between two orders, and between two steps of one."""
    batch = [keyed(name, f"key-of-{name}") for name in approved(world, 3)]
    before = told(world)
    desk = ending(world, left, broken_off)

    with pytest.raises(KeyboardInterrupt):
        desk.order_batches.submit(batch, world.actor("operator"))

    assert told(world) == before
    assert all(o.accepted for o in together(world, batch))


def test_i2_a_process_killed_in_the_middle_of_a_batch_leaves_nothing(world: World) -> None:
    """TX-G9, AS-8: the next process finds every approval unused."""
    names = approved(world, 3)
    before = told(world)

    assert killed(world, 5, names) == -signal.SIGKILL

    world.reopen()
    assert told(world) == before
    assert all(o.accepted for o in together(world, [keyed(name, name) for name in names]))


def test_i2_a_batch_that_cannot_be_written_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-G9: the last statements of a commit belong to it, too."""
    batch = [keyed(name, f"key-of-{name}") for name in approved(world, 2)]
    before, flush = told(world), Overlay.flush

    def broken(overlay: Overlay) -> None:
        flush(overlay)
        raise KeyboardInterrupt

    monkeypatch.setattr(Overlay, "flush", broken)
    with pytest.raises(KeyboardInterrupt):
        together(world, batch)
    monkeypatch.undo()

    assert told(world) == before
    assert all(o.accepted and not o.replayed for o in together(world, batch))


def test_what_was_committed_and_not_sealed_is_sealed_when_the_desk_opens(world: World) -> None:
    """Architecture part 2: a crash behind the commit loses nothing."""
    batch = [keyed(name, f"key-of-{name}") for name in approved(world, 2)]

    def killed(step: str) -> None:
        if step == "recorded":
            raise KeyboardInterrupt

    world.reopen(killed)
    with pytest.raises(KeyboardInterrupt):
        together(world, batch)
    world.reopen()

    assert world.verdict().outcome == "ok"
    assert all(o.accepted and o.replayed for o in together(world, batch))
    assert len(world.fills()) == len(batch)


def test_a_key_gives_the_first_answer_within_a_batch_and_in_a_later_one(world: World) -> None:
    """TX-G9: idempotency."""
    (name,) = approved(world, 1)

    first, same = together(world, [keyed(name, "once"), keyed(name, "once")])
    (later,) = together(world, [keyed(name, "once")])

    assert not first.replayed
    assert same.replayed
    assert later.replayed
    assert first.subject_id == same.subject_id == later.subject_id
    assert len(world.fills()) == 1


def test_two_batches_never_use_one_approval_twice(tmp_path: Path) -> None:
    """TX-G7: whoever comes second finds it consumed."""
    here = World(tmp_path / "home")
    there = World.of(tmp_path / "home")
    there.feed.quotes.update(here.feed.quotes)
    names = approved(here, 4)
    batches = [
        [keyed(name, f"here-{name}") for name in names],
        [keyed(name, f"there-{name}") for name in reversed(names)],
    ]
    found: list[str | None] = []

    def submit(world: World, place: int) -> None:
        outcomes = together(world, batches[place])
        found.extend(None if o.refusal is None else o.refusal.code for o in outcomes)

    threads = [threading.Thread(target=submit, args=told) for told in ((here, 0), (there, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, found)) == [*["ALREADY_CONSUMED"] * 4, *["None"] * 4]
    with here.store.reader() as reader:
        used = [order.approval_request_id for order in reader.find(Order)]
    assert sorted(used) == sorted(names)
    assert here.store.seal() == len(here.log())
    assert ORIGIN in here.notes()[-1].note


def test_i1_orders_for_a_gateway_wait_as_messages_of_the_same_commit(tmp_path: Path) -> None:
    """TX-I6: nothing is handed over before the batch is committed; the messages are the same."""
    single, batched = World(tmp_path / "single" / "home"), World(tmp_path / "batched" / "home")
    operator = single.actor("operator")
    for one in of_all_kinds(single):
        Orders(single.desk.bench, by_message=True).submit(one.asked, operator, key=one.key)

    OrderBatches(batched.desk.bench, by_message=True).submit(of_all_kinds(batched), operator)

    assert told(batched) == told(single)
    with batched.store.reader() as reader:
        assert {entry.status for entry in reader.find(OutboxEntry)} == {OutboxStatus.PENDING}
