"""What risk shows: limits, rules, live state, and an order judged without being placed."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.desk.views.badges import all_paper
from counterseal.desk.views.risk import (
    AccountRisk,
    OrderQuestion,
    RiskPanel,
    contract_limits,
    evaluate_question,
    risk_panel,
)
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.oms.model import Order
from counterseal.risk.model import CheckName, RiskEvaluation
from counterseal.signals.intent import OrderType, Side
from storage.trading_calendar import COPY
from tests.household import FadingBroker
from tests.world import ACCOUNT, SYMBOL, World

QUESTION = OrderQuestion(account_id=ACCOUNT, symbol=SYMBOL, side=Side.BUY, quantity=Decimal(4))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def panel(world: World) -> RiskPanel:
    bench = world.desk.bench
    with world.store.reader() as reader:
        return risk_panel(reader, bench, bench.bundle.limits, world.clock.now())


def state(world: World) -> AccountRisk:
    [found] = panel(world).accounts
    return found


def asked(world: World, **changes: object) -> RiskEvaluation | Refusal:
    bench = world.desk.bench
    question = QUESTION.amended(**changes)
    with world.store.reader() as reader:
        return evaluate_question(reader, bench, bench.bundle.limits, question, world.clock.now())


def judged(world: World, **changes: object) -> RiskEvaluation:
    found = asked(world, **changes)
    assert isinstance(found, RiskEvaluation), found
    return found


def files(world: World) -> dict[Path, bytes]:
    """Everything on disk but SQLite's index of readers and the desk's copy of session dates."""
    found = (path for path in world.home.parent.rglob("*") if path.is_file())
    beside = ("-shm", COPY)
    return {path: path.read_bytes() for path in found if not path.name.endswith(beside)}


def badges(world: World) -> list[str]:
    return [badge.text for badge in panel(world).badges]


def test_an_account_that_never_traded_shows_zero_and_when_it_was_opened(world: World) -> None:
    """TX-H16: loss 0 TWD, position 0, keys 0, updated; every asked field is there."""
    shown = state(world)

    assert shown.json_value() | {"heartbeat_age_seconds": "0"} == {
        "account_id": ACCOUNT,
        "seen_idempotency_keys": 0,
        "daily_realized_loss_twd": "0",
        "trading_day": None,
        "current_position_tx_equivalent": "0",
        "kill_switch_active": False,
        "broker_heartbeat_healthy": True,
        "heartbeat_age_seconds": "0",
        "paper_only": True,
        "live_trading_enabled": False,
        "broker_api_called": False,
        "updated_at": "2026-01-05T00:45:00.000000Z",
    }


def test_after_a_fill_the_state_shows_the_real_values_also_after_a_restart(world: World) -> None:
    """TX-H16, TX-G14: position 0.20, one key, the costs of the fill as loss, a later time."""
    world.after(5)
    world.quote()
    world.done(world.submitted(world.approved(quantity=4), quantity=4))
    shown = state(world)

    assert shown.current_position_tx_equivalent == Decimal("0.2")
    assert shown.seen_idempotency_keys == 1
    assert shown.daily_realized_loss_twd == sum(f.amount for f in world.fills()[0].fees) > 0
    assert shown.trading_day == "2026-01-05"
    assert shown.updated_at == world.clock.now()
    world.reopen()
    assert state(world) == shown


def test_what_one_account_did_is_not_told_of_another(world: World) -> None:
    """TX-H16: keys, loss, position and time are the account's own."""
    opened = world.clock.now()
    setup, operator = world.desk.setup, world.actor("operator")
    cash = Decimal(1_000_000)
    world.done(
        setup.open_account("acct-2", "tenant-1", Currency.TWD, cash, operator, key=world.key())
    )
    world.after(5)
    world.quote()
    world.done(world.submitted(world.approved()))
    accounts = {account.account_id: account for account in panel(world).accounts}
    other = accounts["acct-2"]

    assert accounts[ACCOUNT].seen_idempotency_keys == 1
    assert other.seen_idempotency_keys == 0
    assert other.daily_realized_loss_twd == other.current_position_tx_equivalent == 0
    assert other.updated_at == opened


def test_a_new_trading_day_starts_without_the_loss_of_the_last_one(world: World) -> None:
    """TX-H16: the loss is of the trading day; the position stays."""
    world.done(world.submitted(world.approved(quantity=4), quantity=4))
    world.clock.move_to(datetime(2026, 1, 6, 1, 0, tzinfo=UTC))
    shown = state(world)

    assert shown.trading_day == "2026-01-06"
    assert shown.daily_realized_loss_twd == 0
    assert shown.current_position_tx_equivalent == Decimal("0.2")


POLICY = {
    "max_tx_equivalent_exposure": "0.25",
    "stale_quote_seconds": "3",
    "price_deviation_max": "0.02",
    "margin_max_twd": "50000",
    "position_max_tx_equivalent": "0.25",
    "daily_loss_max_twd": "5000",
}


def test_the_panel_shows_the_policy_the_contracts_the_notes_and_the_checks(world: World) -> None:
    """TX-H17: 0.25, 3 s, 2 %, 50000 TWD, 0.25, 5000 TWD; TX 1, MTX 4, TMF 20; 6 notes; 14 names."""
    config = panel(world).config
    limits = config.limits.json_value()

    assert {name: limits[name] for name in POLICY} == POLICY
    assert {c.contract_root: int(c.quantity_max) for c in config.contracts} == {
        "TX": 1,
        "MTX": 4,
        "TMF": 20,
    }
    assert [rule.name for rule in config.checks] == list(CheckName)
    assert [r.limit for r in config.checks if r.limit] == [
        *("0.25", "3", "0.02", "50000", "5000", "0.25", "30"),
    ]
    assert len(set(config.guardrail_notes)) == 6
    assert config.policy_digest == config.limits.digest


def test_a_contract_shows_its_terms_beside_proxy_and_real_margin(world: World) -> None:
    """TX-A4, TX-H9: ratios 1, 1/4, 1/20; the exchange's margin only on days that are known."""
    bench = world.desk.bench
    known = contract_limits(bench.contracts, bench.bundle.limits, date(2025, 11, 4))
    other = contract_limits(bench.contracts, bench.bundle.limits, date(2025, 11, 5))

    rows = [" ".join(map(str, (c.multiplier, c.tx_equivalent, c.proxy_margin_twd))) for c in known]
    assert rows == ["200 1 200000", "50 0.25 50000", "10 0.05 10000"]
    assert [c.initial_margin_twd for c in known] == [338_000, 84_500, 16_900]
    assert [c.initial_margin_twd for c in other] == [None, None, None]


def test_the_badges_follow_switch_and_heartbeat(world: World) -> None:
    """TX-H17: `KILL_SWITCH=false` and `BROKER_HEARTBEAT=true`, until the facts say otherwise."""
    paper = [
        "TRADING_MODE=paper",
        "ENABLE_LIVE_TRADING=false",
        "BROKER_PROVIDER=paper",
        "PAPER_ONLY=true",
        "BROKER_API_CALLED=false",
    ]
    assert badges(world) == [*paper, "KILL_SWITCH=false", "BROKER_HEARTBEAT=true"]
    operator = world.actor("operator")
    world.done(
        world.desk.setup.switch(ACCOUNT, operator, active=True, reason="halt", key=world.key())
    )
    assert "KILL_SWITCH=true" in badges(world)
    world.done(
        world.desk.setup.switch(ACCOUNT, operator, active=False, reason="on", key=world.key())
    )
    assert "KILL_SWITCH=false" in badges(world)
    stopped = world.desk.bench.bundle.limits.amended(kill_switch=True)
    with world.store.reader() as reader:
        shown = risk_panel(reader, world.desk.bench, stopped, world.clock.now()).badges
    assert "KILL_SWITCH=true" in [badge.text for badge in shown]
    world.broker(FadingBroker(world.clock.now()))
    world.after(30)
    assert "BROKER_HEARTBEAT=true" in badges(world)
    world.after(1)
    assert "BROKER_HEARTBEAT=false" in badges(world)
    world.broker(FadingBroker(None))
    assert "BROKER_HEARTBEAT=false" in badges(world)


@pytest.mark.parametrize(("name", "word"), [("trading_mode", "shadow"), ("broker_provider", "sim")])
def test_paper_only_is_read_from_the_settings_too(world: World, name: str, word: str) -> None:
    """TX-H17, TX-L8: the probe's other side."""
    bench = world.desk.bench
    ground = type(bench)(**{**{n: getattr(bench, n) for n in bench.__slots__}, name: word})
    with world.store.reader() as reader:
        assert not all_paper(reader, ground)
        assert all_paper(reader, bench)


@pytest.mark.parametrize("change", ["broker_api_called = 1", "paper_only = 0"])
def test_a_forged_flag_stops_the_reading_instead_of_becoming_a_badge(
    world: World, change: str
) -> None:
    """TX-H16, TX-L8: no stored order may say so; a row that does is no document any more."""
    world.done(world.submitted(world.approved()))
    world.forge(f"UPDATE orders SET {change}")

    with pytest.raises(ValidationError, match=change.partition(" ")[0]):
        panel(world)


def test_the_panel_repeats_the_last_verdict_on_each_check(world: World) -> None:
    """TX-H17: nothing before the first order, then the checks of the newest evaluation."""
    assert panel(world).last_checks == ()
    world.done(world.submitted(world.approved(quantity=5), quantity=5))
    assert all(check.passed for check in panel(world).last_checks)
    world.after(1)
    world.quote()
    world.submitted(world.approved(quantity=5), quantity=5)
    last = panel(world).last_checks

    assert [check.name for check in last if check.failed] == [CheckName.POSITION_LIMIT]


def test_a_question_is_answered_with_all_numbers_and_leaves_no_trace(world: World) -> None:
    """TX-H15: fourteen checks, each with its facts; database, log and signer stay as they are."""
    before = files(world)
    size = len(world.log())
    found = judged(world)
    facts = {check.name: {d.name: d.value for d in check.details} for check in found.checks}

    assert found.approved
    assert [check.name for check in found.checks] == list(CheckName)
    assert all(facts[name] for name in CheckName)
    assert facts[CheckName.MAX_EXPOSURE]["exposure_tx_equivalent"] == "0.20"
    assert facts[CheckName.MARGIN_PROXY] == {"margin_twd": "40000.00", "limit_twd": "50000"}
    assert facts[CheckName.STALE_QUOTE] == {"quote_age_seconds": "0", "limit_seconds": "3"}
    assert files(world) == before
    assert len(world.log()) == size
    assert panel(world).last_checks == ()


@pytest.mark.parametrize("quantity", [4, 5])
def test_a_question_is_judged_like_the_order_that_follows(world: World, quantity: int) -> None:
    """TX-H15: preview and real path run one function on the same facts."""
    world.done(world.submitted(world.approved(quantity=1), quantity=1))
    world.quote()
    request_id = world.approved(quantity=quantity)
    question = judged(world, quantity=Decimal(quantity), approved_target=Decimal("0.25"))
    order = world.submitted(request_id, quantity=quantity)
    with world.store.reader() as reader:
        orders = reader.find(Order, approval_request_id=request_id)
        [real] = reader.find(RiskEvaluation, order_id=orders[0].order_id)

    shown = [(c.name, c.passed, c.message) for c in question.checks]
    assert shown == [(c.name, c.passed, c.message) for c in real.checks]
    assert question.approved == order.accepted == (quantity == 4)
    asked = {"strategy": None, "signal_used_by": None, "approval_breaches": None}
    same = real.snapshot.further.amended(**asked)
    assert question.snapshot.amended(key_seen=False) == real.snapshot.amended(
        key_seen=False, further=same
    )


CASES: Mapping[str, tuple[dict[str, object], str]] = {
    "an unknown contract": ({"symbol": "XYZ"}, "MAX_ORDER_SIZE_BY_CONTRACT"),
    "a blank key": ({"idempotency_key": "  "}, "IDEMPOTENCY_KEY_PRESENT"),
    "no key": ({"idempotency_key": ""}, "IDEMPOTENCY_KEY_PRESENT"),
    "not on paper": ({"paper_only": False}, "PAPER_ONLY_INTENT"),
    "beyond the approval": ({"approved_target": Decimal("0.05")}, "MAX_EXPOSURE"),
    "21 TMF": ({"quantity": Decimal(21)}, "MAX_ORDER_SIZE_BY_CONTRACT"),
    "a price far away": (
        {"order_type": OrderType.LIMIT, "order_price": Decimal(21_000)},
        "PRICE_REASONABILITY",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_breaks_a_rule_fails_its_check(world: World, name: str) -> None:
    """TX-A6, TX-H3, TX-H4, TX-H5, TX-H7, TX-H8: asked as a question, without an order."""
    changes, check = CASES[name]
    world.quote(symbol="XYZ")
    found = judged(world, **changes)

    assert not found.approved
    assert check in found.failed


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"account_id": "nobody"}, "NOT_FOUND"), ({"quantity": "1.5"}, "QUANTITY_NOT_WHOLE")],
)
def test_a_question_that_cannot_be_judged_is_refused(
    world: World, changes: dict[str, object], code: str
) -> None:
    """TX-H15: refused before any check."""
    refused = asked(world, **changes)

    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_nobody_resets_what_follows_from_the_log_and_the_attempt_is_recorded(world: World) -> None:
    """TX-H15, TX-G14: a reset would let a used key, a lost day or a full position pass again."""
    world.done(world.submitted(world.approved(quantity=4), quantity=4))
    before, size = state(world), len(world.log())
    outcome = world.desk.setup.reset_state(ACCOUNT, world.actor("operator"), key=world.key())

    assert outcome.refusal is not None
    assert outcome.refusal.code == "STATE_FOLLOWS_LOG"
    assert state(world) == before
    assert [row.type for row in world.log()[size:]] == ["command.refused"]
    other = world.desk.setup.reset_state("nobody", world.actor("operator"), key=world.key())
    assert other.refusal is not None
    assert other.refusal.code == "NOT_FOUND"
