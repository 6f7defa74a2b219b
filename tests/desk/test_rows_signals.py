"""Contracts, signals and intents as asked: every field, every bound, deterministic references."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.desk.orders import Submission
from counterseal.desk.views.contracts import contract_rows
from counterseal.market.contracts import allocate_exposure
from counterseal.signals.intent import (
    IntentReference,
    PaperOrderIntent,
    Side,
    exposure,
    intent_reference,
)
from counterseal.signals.model import Direction, SignalReason, SignalRecord, StrategySignal
from tests.world import World

SIGNAL = StrategySignal(
    signal_id="s1",
    strategy_id="trend",
    strategy_version="0.1.0",
    timestamp=datetime(2026, 1, 5, 1, 0, tzinfo=UTC),
    direction=Direction.LONG,
    target_tx_equivalent=Decimal("0.05"),
    confidence=Decimal("0.72"),
    reason=SignalReason(signals_only=True),
)
FACTS: Mapping[str, object] = {
    "signal_id": "s1",
    "strategy_id": "trend",
    "strategy_version": "0.1.0",
    "approval_id": "apr_1",
    "symbol": "TMF202601",
    "side": Side.BUY,
    "quantity": Decimal(1),
    "tx_equivalent_exposure": Decimal("0.05"),
    "paper_only": True,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_three_contracts_and_what_they_are_worth_in_each_other(world: World) -> None:
    """TX-A4: 200, 50, 10 TWD per point; 1 TX = 4 MTX = 20 TMF, 1 MTX = 5 TMF; one symbol group."""
    rows = contract_rows(world.desk.bench.contracts)
    told = {
        row.contract_root: " ".join(
            map(str, (row.multiplier, row.tx_equivalent, row.in_tx, row.in_mtx, row.in_tmf))
        )
        for row in rows
    }

    assert told == {
        "TX": "200 1 1 4 20",
        "MTX": "50 0.25 0.25 1 5",
        "TMF": "10 0.05 0.05 0.2 1",
    }
    assert {row.symbol_group for row in rows} == {"TAIEX_FUTURES"}
    assert [row.trading_code for row in rows] == ["TXF", "MXF", "TMF"]


@pytest.mark.parametrize(
    ("target", "split", "residual"),
    [
        ("0.30", (0, 1, 1), "0"),
        ("1.3", (1, 1, 1), "0"),
        ("0.05", (0, 0, 1), "0"),
        ("0.2499", (0, 1, 0), "-0.0001"),
        ("0.025", (0, 0, 0), "0.025"),
        ("0.0251", (0, 0, 1), "-0.0249"),
        ("0.075", (0, 0, 2), "-0.025"),
        ("1", (1, 0, 0), "0"),
    ],
)
def test_an_exposure_is_split_in_units_of_one_twentieth(
    target: str, split: tuple[int, int, int], residual: str
) -> None:
    """TX-A5: target x 20 rounded, half to even; TX, then MTX, then TMF; the rest is told."""
    found = allocate_exposure(Decimal(target))

    assert (found.tx, found.mtx, found.tmf) == split
    assert found.residual == Decimal(residual)
    assert found.actual == Decimal(target) - Decimal(residual)


@pytest.mark.parametrize(
    "changes",
    [
        {"target_tx_equivalent": 0},
        {"confidence": 0},
        {"confidence": 1},
        {"stop_distance_points": None},
        {"stop_distance_points": "0.5"},
        {"direction": Direction.FLAT},
    ],
)
def test_a_signal_at_its_bounds_is_taken(changes: dict[str, object]) -> None:
    """TX-E1: the passing side of each bound; no stop is allowed, the group is TAIEX futures."""
    assert SIGNAL.amended(**changes).symbol_group == "TAIEX_FUTURES"


@pytest.mark.parametrize(
    "changes",
    [
        {"target_tx_equivalent": "-0.01"},
        {"confidence": "-0.01"},
        {"confidence": "1.01"},
        {"stop_distance_points": "-1"},
        {"direction": "UP"},
        {"timestamp": "2026-01-05T01:00:00"},
        {"signal_id": ""},
        {"strategy_id": ""},
        {"strategy_version": ""},
    ],
)
def test_a_signal_beyond_its_bounds_is_refused(changes: dict[str, object]) -> None:
    """TX-E1: the failing side of each bound, named."""
    [field] = changes
    with pytest.raises(ValidationError) as caught:
        SIGNAL.amended(**changes)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_a_signal_has_exactly_the_asked_fields() -> None:
    """TX-E1: ten fields; what is not named is refused."""
    assert list(StrategySignal.model_fields) == [
        *("signal_id", "strategy_id", "strategy_version", "timestamp", "symbol_group"),
        *("direction", "target_tx_equivalent", "confidence", "stop_distance_points", "reason"),
    ]
    with pytest.raises(ValidationError, match="extra_forbidden"):
        SIGNAL.amended(order_id="o1")


GUARD = ("order_created", "broker_api_called", "risk_engine_called", "oms_called")


@pytest.mark.parametrize("name", GUARD)
def test_a_signal_that_says_it_acted_is_refused(name: str) -> None:
    """TX-E2: each of the four may be absent or false, never true."""
    assert SignalReason.model_validate({"signals_only": True, name: False}).signals_only
    with pytest.raises(ValidationError, match=name):
        SignalReason.model_validate({"signals_only": True, name: True})


@pytest.mark.parametrize("told", [{}, {"signals_only": False}, {"signals_only": "true"}])
def test_a_signal_says_that_it_is_only_a_signal(told: dict[str, object]) -> None:
    """TX-E2: absent, false and text are no true."""
    with pytest.raises(ValidationError, match="signals_only"):
        SignalReason.model_validate(told)


def test_the_platform_makes_the_intent_with_every_asked_field(world: World) -> None:
    """TX-E3: stored under the order, found by its reference; the quote's age is computed."""
    request_id = world.approved(quantity=4)
    quote = world.quote(age_seconds=2)
    order_id = world.done(world.submitted(request_id, quantity=4))
    with world.store.reader() as reader:
        intent = reader.get(PaperOrderIntent, order_id)
        [signal] = reader.find(SignalRecord)
    assert intent is not None

    told = intent.json_value()
    asked = {
        "symbol": "TMF202601",
        "side": "BUY",
        "quantity": "4",
        "tx_equivalent_exposure": "0.2",
        "quote_age_seconds": "2",
        "order_price": None,
        "reference_price": str(quote.last),
        "paper_only": True,
        "source_signal_id": signal.signal_id,
        "strategy_id": "mean-reversion",
        "strategy_version": "1.0.0",
        "approval_id": request_id,
        "order_id": order_id,
    }
    assert {name: told[name] for name in asked} == asked
    assert told["idempotency_key"] == world.order(order_id).idempotency_key


@pytest.mark.parametrize(
    "name", ["quote_age_seconds", "order_id", "idempotency_key", "tx_equivalent_exposure", "side"]
)
def test_nobody_hands_in_what_the_platform_computes(name: str) -> None:
    """TX-E3: a submission has no field for it."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Submission.model_validate({"approval_request_id": "a", "quantity": Decimal(1), name: "x"})


def reference(**changes: object) -> IntentReference:
    return intent_reference(**{**FACTS, **changes})  # type: ignore[arg-type]  # nine named facts


def test_references_are_the_hash_of_nine_facts() -> None:
    """TX-E4: recomputed without our code: canonical JSON, SHA-256, first and next 16 digits."""
    facts = {name: str(value) for name, value in FACTS.items()} | {"paper_only": True}
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    digits = hashlib.sha256(text.encode()).hexdigest()

    assert reference().order_id == f"paper-order-{digits[:16]}"
    assert reference().idempotency_key == f"paper-idem-{digits[16:32]}"
    assert reference() == reference(quantity=Decimal("1.0"))


@pytest.mark.parametrize("name", FACTS)
def test_one_changed_fact_gives_other_references(name: str) -> None:
    """TX-E4: each of the nine, alone."""
    others: dict[str, object] = {
        "side": Side.SELL,
        "quantity": Decimal(2),
        "tx_equivalent_exposure": Decimal("0.1"),
        "paper_only": False,
    }
    changed = reference(**{name: others.get(name, "other")})

    assert changed.order_id != reference().order_id
    assert changed.idempotency_key != reference().idempotency_key


def test_the_reference_is_stored_unique_and_searchable(world: World) -> None:
    """TX-E4: two orders, two references, each found by its own."""
    for _ in range(2):
        world.done(world.submitted(world.approved(quantity=1), quantity=1))
        world.quote()
    with world.store.reader() as reader:
        intents = reader.find(PaperOrderIntent)
        found = [
            reader.find(PaperOrderIntent, intent_reference=i.intent_reference) for i in intents
        ]

    assert found == [(intent,) for intent in intents]
    assert len({intent.intent_reference for intent in intents}) == 2


@pytest.mark.parametrize(
    ("direction", "side"), [(Direction.LONG, Side.BUY), (Direction.SHORT, Side.SELL)]
)
def test_a_direction_becomes_its_side(world: World, direction: Direction, side: Side) -> None:
    """TX-E5: LONG buys, SHORT sells, in the stored order; FLAT opens no request."""
    request_id = world.approved(quantity=1, direction=direction)
    assert world.order(world.done(world.submitted(request_id, quantity=1))).side is side
    flat = world.payload(world.signal(direction=Direction.FLAT, target="0"))
    refused = world.desk.approvals.request(flat, world.actor("quant"), key=world.key()).refusal
    assert refused is not None
    assert "FLAT_SIGNAL" in refused.codes


@pytest.mark.parametrize(
    ("quantity", "ratio", "expected"), [(20, "0.05", "1"), (1, "1", "1"), (5, "0.05", "0.25")]
)
def test_exposure_is_quantity_times_ratio(quantity: int, ratio: str, expected: str) -> None:
    """TX-E6: 20 TMF and 1 TX are one TX-equivalent, whatever a signal says."""
    assert exposure(Decimal(quantity), Decimal(ratio)) == Decimal(expected)
