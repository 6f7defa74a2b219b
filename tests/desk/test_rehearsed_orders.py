"""Rehearsed orders, doubts and restarts: as they are, and with one thing broken at a time."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from counterseal.desk import (
    account_reconciling,
    delivery,
    execution_case,
    rehearsed_orders,
    replacing,
)
from counterseal.desk.bookkeeping import Bookkeeping
from counterseal.desk.commands import Outcome
from counterseal.desk.delivery import DeadLetters, Delivery
from counterseal.desk.exposure import risk_snapshot
from counterseal.desk.ingesting import Ingesting
from counterseal.desk.lifecycle import Lifecycle
from counterseal.desk.orders import Orders
from counterseal.desk.readiness import Rehearsal
from counterseal.desk.reconciling import Reconciling
from counterseal.desk.rehearsed_doubts import DOUBTED, DoubtsRehearsal
from counterseal.desk.rehearsed_orders import RESUMED, WORKED, OrdersRehearsal
from counterseal.desk.replacing import Replacing
from counterseal.desk.scratch import ScratchHouse
from counterseal.kernel.model import refuse
from counterseal.oms.model import OutboxEntry
from counterseal.readiness.model import Exercise, Exercised
from storage import scratch
from storage.paper_gateway import PaperGateway
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state
from storage.store import create_database

E = Exercise
NOTHING = Outcome(subject_id="nothing", sealed_size=0)
REFUSED = NOTHING.amended(refusal=refuse("NOT_FOUND", "no"))
Rooms = tuple[ScratchHouse, PaperGateway]
TAKE, AFTER = Ingesting.take, PaperGateway.reports_after


def _files() -> dict[str, bytes]:
    return dict(read_policy_files(Settings().counterseal_policies, POLICY_VERSION))


def _placed(folder: Path) -> Settings:
    return scratch._settings(Settings(), folder)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch home with one filled and one resting order, and one that a worker left."""
    folder = tmp_path_factory.mktemp("scratch")
    settings = _placed(folder)
    create_database(settings.database_file, scratch._ORIGIN)
    create_state(settings.counterseal_signer_state, scratch._ORIGIN)
    with scratch._desk(settings) as desk:
        house = ScratchHouse(desk, _files(), scratch.AT)
        Rehearsal(house).run()
    shutil.copytree(folder, folder.parent / "stopped")
    settings = _placed(folder.parent / "stopped")
    with scratch._desk(settings) as desk:
        house = ScratchHouse(desk, _files(), scratch.AT, start=3_000)
        rehearsal = OrdersRehearsal(house, scratch._gateway(settings, desk))
        assert rehearsal.stop_halfway()
    return folder


@pytest.fixture
def rooms(founded: Path, tmp_path: Path) -> Iterator[Rooms]:
    shutil.copytree(founded, tmp_path / "copy")
    settings = _placed(tmp_path / "copy")
    with scratch._desk(settings) as desk:
        house = ScratchHouse(desk, _files(), scratch.AT, start=5_000)
        yield house, scratch._gateway(settings, desk)


@pytest.fixture
def later(founded: Path, tmp_path: Path) -> Iterator[Rooms]:
    """The home that a worker left, opened a minute after."""
    shutil.copytree(founded.parent / "stopped", tmp_path / "copy")
    settings, at = _placed(tmp_path / "copy"), scratch.AT + timedelta(minutes=1)
    with scratch._desk(settings, at) as desk:
        house = ScratchHouse(desk, _files(), at, start=5_000)
        yield house, scratch._gateway(settings, desk)


def told(found: tuple[Exercised, ...]) -> dict[Exercise, bool | None]:
    return {one.name: one.passed for one in found}


def resumed(later: Rooms) -> dict[Exercise, bool | None]:
    house, gateway = later
    with house.desk.bench.store.reader() as reader:
        left = next(e for e in reader.find(OutboxEntry) if e.lease_owner is not None)
    return told(OrdersRehearsal(house, gateway).resume(left.order_id))


def given(answer: object) -> Callable[..., object]:
    def give(*_: object, **__: object) -> object:
        return answer

    return give


def test_orders_go_as_they_should(rooms: Rooms) -> None:
    """TX-L2, TX-L3, TX-L4, TX-I11: accepted, worked, reported, added up, replaced, sent once."""
    assert told(OrdersRehearsal(*rooms).run()) == dict.fromkeys(WORKED, True)
    assert told(DoubtsRehearsal(*rooms).run()) == dict.fromkeys(DOUBTED, True)


def test_a_stopped_worker_is_followed_by_another(later: Rooms) -> None:
    """TX-L4:distributed_durable_queue_enabled, TX-I11: once, after a restart."""
    assert resumed(later) == dict.fromkeys(RESUMED, True)


def _without_group(*told: object) -> object:
    further = risk_snapshot(*told).further  # type: ignore[arg-type]  # handed through
    return SimpleNamespace(further=further.amended(group=None))


def _always_new(self: Ingesting, reports: object, actor: object, **_: object) -> object:
    done = TAKE(self, reports, actor)  # type: ignore[arg-type]  # handed through
    return done or (NOTHING,)


def _twice(self: PaperGateway, sequence: int, limit: int) -> object:
    return AFTER(self, sequence, limit) * 2


@pytest.mark.parametrize(
    ("place", "name", "broken", "exercise"),
    [
        (Delivery, "deliver", given(()), E.WORKER_DRAINS),
        (Ingesting, "take", given(()), E.REPORTS_INGESTED),
        (Ingesting, "take", _always_new, E.REPORTS_REPEATED),
        (rehearsed_orders, "risk_snapshot", _without_group, E.ACCOUNTS_ADD_UP),
        (Replacing, "_judged", given(None), E.AMENDED_UNDER_RISK),
        (Replacing, "_judged", given(None), E.AMEND_REFUSED_BY_RISK),
        (replacing, "changed", lambda change: (change.order,), E.CHANGES_ARE_EVENTS),
        (DeadLetters, "replay", given(NOTHING), E.DEAD_LETTER_REPLAYED),
        (PaperGateway, "reports_after", _twice, E.MESSAGE_SENT_ONCE),
    ],
)
def test_a_rehearsal_of_orders_sees_what_is_broken(
    rooms: Rooms,
    monkeypatch: pytest.MonkeyPatch,
    place: object,
    name: str,
    broken: object,
    exercise: Exercise,
) -> None:
    """TX-L2, TX-L3, TX-L4, TX-I11: the false side of each; break the thing and the flag is off."""
    monkeypatch.setattr(place, name, broken)

    assert told(OrdersRehearsal(*rooms).run())[exercise] is False


def test_an_order_that_is_worked_at_once_was_not_only_accepted(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L4:asynchronous_order_processing_enabled, false side: a submit that does it all."""
    enqueue, submit = Orders.enqueue, Orders.submit
    inside: list[bool] = []

    def at_once(self: Orders, *asked: object, **named: object) -> object:
        way = enqueue if inside else submit
        inside.append(True)
        return way(self, *asked, **named)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(Orders, "enqueue", at_once)

    assert told(OrdersRehearsal(*rooms).run())[E.ACCEPTED_BEFORE_PROCESSED] is False


@pytest.mark.parametrize(
    ("place", "name", "broken", "exercise"),
    [
        (Ingesting, "take", given(()), E.CONTRADICTION_MARKED),
        (execution_case, "check_not_blocked", given(None), E.UNKNOWN_BLOCKS),
        (Reconciling, "ask", given(REFUSED), E.DOUBT_ENDED),
        (Bookkeeping, "reverse", given(NOTHING), E.FILL_TAKEN_BACK),
        (account_reconciling, "locked_by", given(None), E.MISMATCH_LOCKS),
        (account_reconciling, "unlocked", lambda lock, *_: lock, E.MISMATCH_RESOLVED),
    ],
)
def test_a_rehearsal_of_doubts_sees_what_is_broken(
    rooms: Rooms,
    monkeypatch: pytest.MonkeyPatch,
    place: object,
    name: str,
    broken: object,
    exercise: Exercise,
) -> None:
    """TX-L4, TX-I11: the false side of each."""
    OrdersRehearsal(*rooms)._worked()
    monkeypatch.setattr(place, name, broken)

    assert told(DoubtsRehearsal(*rooms).run())[exercise] is False


def test_a_message_that_nobody_takes_up_did_not_survive(
    later: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L4:distributed_durable_queue_enabled, false side."""
    monkeypatch.setattr(Delivery, "deliver", given(()))

    found = resumed(later)
    assert (found[E.MESSAGE_SURVIVES], found[E.SECOND_WORKER_REFUSED]) == (False, False)


def test_a_message_that_is_claimed_again_and_again_is_seen(
    later: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-I11, second worker, false side: no lease, no end."""
    everything = lambda reader, _: reader.find(OutboxEntry)  # noqa: E731 - one broken thing
    monkeypatch.setattr(delivery, "_due", everything)
    monkeypatch.setattr(delivery, "claim", lambda entry, *_: entry)

    assert resumed(later)[E.SECOND_WORKER_REFUSED] is False


def test_a_mark_without_a_key_of_its_own_is_seen(
    later: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-I11, time-out actions are idempotent, false side."""
    mark = Lifecycle.mark_timeout
    keys = iter(("one", "two"))

    def keyless(self: Lifecycle, *told: object, **named: object) -> object:
        return mark(self, *told, **{**named, "key": next(keys)})  # type: ignore[arg-type]  # same

    monkeypatch.setattr(Lifecycle, "mark_timeout", keyless)

    assert resumed(later)[E.TIMEOUT_MARKED_ONCE] is False


def test_a_refusal_without_a_record_is_seen(rooms: Rooms) -> None:
    """TX-I11, duplicate attempts are in the log, false side."""
    rehearsal = Rehearsal(rooms[0])
    rehearsal._logged(NOTHING)

    assert told(tuple(rehearsal._told)) == {E.DUPLICATE_LOGGED: False}
