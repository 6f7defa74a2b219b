"""The flows `deliver` and `reconcile`: what a round records on a real home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.oms.model import OutboxEntry, OutboxStatus
from counterseal.oms.states import OrderState
from flows.gateway_work import deliver_messages, reconcile_accounts
from flows.work import RoundReport
from flows.workplace import Workplace
from storage.desk import open_desk
from storage.settings import Settings
from tests.world import ACCOUNT, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def place(world: World) -> Workplace:
    """The same home, told to have the paper gateway."""
    ids = world.desk.bench.ids
    world.store.close()
    told = Settings(**{**dict(world.settings), "counterseal_gateway": "paper"})
    world.desk = open_desk(told, world.log_key, clock=world.clock, ids=ids, feed=world.feed)
    return Workplace(told, clock=world.clock, desk=world.desk)


def test_a_round_hands_over_what_is_due_and_the_next_one_nothing(world: World) -> None:
    """TX-I6: with a gateway, a submit ends at the message; a worker does the rest."""
    here = place(world)
    order_id = world.done(world.submitted(world.approved()))
    with world.store.reader() as reader:
        [waiting] = reader.find(OutboxEntry)
    round_one, round_two = deliver_messages(here, "run-1"), deliver_messages(here, "run-2")
    compared = reconcile_accounts(here, "run-3")

    assert waiting.status is OutboxStatus.PENDING
    assert [step.codes for step in round_one.steps if step.codes] == []
    assert (round_one.exit_status, round_one.subject != "0") == (0, True)
    assert round_two == RoundReport()
    assert [row.type for row in world.log()].count("duty.round") == 1
    assert world.order(waiting.order_id).state is OrderState.FILLED
    assert order_id
    assert (compared.critical, compared.warnings, compared.exit_status) == (0, 0, 0)


def test_a_home_without_a_gateway_fills_where_it_submits(world: World) -> None:
    """TX-G8: as ever; there is nothing to deliver, and the books are compared all the same."""
    here = Workplace(world.settings, clock=world.clock, desk=world.desk)
    order_id = world.done(world.submitted(world.approved()))

    assert world.order(order_id).state is OrderState.FILLED
    assert deliver_messages(here, "run-1") == RoundReport()
    assert reconcile_accounts(here, "run-2").critical == 0


def test_a_changed_table_is_a_critical_difference_and_locks(world: World) -> None:
    """TX-I11: the log is one of the four records."""
    here = Workplace(world.settings, clock=world.clock, desk=world.desk)
    world.done(world.submitted(world.approved()))
    world.forge("UPDATE accounts SET cash = '1' WHERE account_id = ?", ACCOUNT)
    told = reconcile_accounts(here, "run-1")

    assert told.kinds == ("CASH_DIFFERS", "LOG_DIFFERS")
    assert told.exit_status == 1
    refused = world.submitted(world.approved(quantity=1), quantity=1)
    assert refused.refusal is not None
    assert refused.refusal.code == "TRADING_ACCOUNT_LOCKED"
