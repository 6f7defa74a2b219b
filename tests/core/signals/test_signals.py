"""Signals: guard, intake and deterministic references."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.signals.intake import (
    Parsed,
    TextFormat,
    content_changed,
    decide_intake,
    parse_signals,
)
from counterseal.signals.intent import Side, exposure, intent_reference, side_of
from counterseal.signals.model import Direction, Provenance, SignalRecord

NOW = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
HASH = "sha256:" + "a" * 64
ORIGIN = Provenance(
    source="file", source_digest=HASH, data_version="d", code_version="c", parameters_hash=HASH
)
GOOD: dict[str, object] = {
    "signal_id": "s1",
    "strategy_id": "trend",
    "strategy_version": "0.1.0",
    "timestamp": "2026-01-05T01:00:00Z",
    "direction": "LONG",
    "target_tx_equivalent": 0.05,
    "confidence": 0.72,
    "stop_distance_points": 20,
    "reason": {"signals_only": True, "model": "ma"},
}


def parse(value: object, **options: bool) -> Parsed:
    return parse_signals(json.dumps(value), TextFormat.JSON, **options)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("direction", "UP"),
        ("target_tx_equivalent", -1),
        ("confidence", 1.01),
        ("confidence", -0.01),
        ("stop_distance_points", 0),
        ("timestamp", "2026-01-05T01:00:00"),
        ("signal_id", ""),
        ("surprise", 1),
    ],
)
def test_a_bad_field_is_named(field: str, value: object) -> None:
    """TX-E1: 422 for each bad bound, with line and field."""
    (error,) = parse({**GOOD, field: value}).errors
    assert (error.line, error.field, error.code) == (1, field, "SIGNAL_INVALID")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signals_only", False),
        ("order_created", True),
        ("broker_api_called", True),
        ("risk_engine_called", True),
        ("oms_called", True),
    ],
)
def test_i1_the_signals_only_guard(name: str, value: bool) -> None:
    """TX-E2: one negative per key."""
    (error,) = parse({**GOOD, "reason": {"signals_only": True, name: value}}).errors
    assert error.field == f"reason.{name}"


def test_i1_numbers_keep_their_text() -> None:
    """TX-E1: 0.72 stays exactly 0.72, and notes survive."""
    (signal,) = parse(GOOD).signals
    assert signal.confidence == Decimal("0.72")
    assert [(n.name, n.value) for n in signal.reason.notes] == [("model", "ma")]


def test_lines_and_columns_say_where_the_error_is() -> None:
    """TX-E1: keep the good ones only when asked to."""
    text = json.dumps(GOOD) + "\n\n{broken\n" + '{"a": 1, "a": 2}'
    strict = parse_signals(text, TextFormat.JSON_LINES)
    assert strict.signals == ()
    assert [(e.line, e.code) for e in strict.errors] == [(3, "NOT_JSON"), (4, "DUPLICATE_KEY")]
    assert len(parse_signals(text, TextFormat.JSON_LINES, keep_good=True).signals) == 1
    head = ",".join(k for k in GOOD if k != "reason") + ",reason.signals_only\n"
    row = ",".join(str(v) for k, v in GOOD.items() if k != "reason") + ",true\n"
    parsed = parse_signals(head + row + "short\n", TextFormat.CSV, keep_good=True)
    assert (len(parsed.signals), parsed.errors[0].line) == (1, 3)


def test_i2_intake_tells_duplicate_conflict_stale_and_future_apart() -> None:
    """TX-E1: each with its code; the age limit is inclusive."""
    (signal,) = parse(GOOD).signals
    record = decide_intake(signal, None, ORIGIN, age_max_seconds=60, now=NOW)
    assert isinstance(record, SignalRecord)
    assert not content_changed(record)
    other = signal.amended(confidence=Decimal("0.1"))
    limit, past = NOW + timedelta(seconds=60), NOW + timedelta(seconds=61)
    for told, known, now, code in (
        (signal, record, NOW, "SIGNAL_DUPLICATE"),
        (other, record, NOW, "SIGNAL_CONFLICT"),
        (signal, None, past, "SIGNAL_STALE"),
        (signal, None, NOW - timedelta(seconds=1), "SIGNAL_FROM_FUTURE"),
    ):
        outcome = decide_intake(told, known, ORIGIN, age_max_seconds=60, now=now)
        assert isinstance(outcome, Refusal)
        assert outcome.code == code
    edge = decide_intake(signal, None, ORIGIN, age_max_seconds=60, now=limit)
    assert isinstance(edge, SignalRecord)


def test_i3_flat_has_no_side() -> None:
    """TX-E5: three cases."""
    assert (side_of(Direction.LONG), side_of(Direction.SHORT)) == (Side.BUY, Side.SELL)
    with pytest.raises(InputError, match="FLAT_SIGNAL"):
        side_of(Direction.FLAT)


@given(st.integers(min_value=1, max_value=1000))
def test_i1_exposure_is_quantity_times_ratio(quantity: int) -> None:
    """TX-E6: 20 TMF are one TX."""
    assert exposure(Decimal(quantity), Decimal("0.05")) * 20 == quantity


def test_i2_references_are_deterministic() -> None:
    """TX-E4: one field changed, other ids."""

    def made(symbol: str = "TMF", quantity: str = "1") -> tuple[str, str]:
        reference = intent_reference(
            signal_id="s",
            strategy_id="t",
            strategy_version="1",
            approval_id="a",
            symbol=symbol,
            side=Side.BUY,
            quantity=Decimal(quantity),
            tx_equivalent_exposure=Decimal("0.05"),
        )
        return reference.order_id, reference.idempotency_key

    order, key = made()
    assert (len(order), len(key)) == (len("paper-order-") + 16, len("paper-idem-") + 16)
    assert made() == made(quantity="1.0") == (order, key)
    assert made("MTX")[0] != order
    assert made(quantity="2")[1] != key


@pytest.mark.parametrize("field", ["signal_id", "strategy_id", "strategy_version", "symbol_group"])
@pytest.mark.parametrize("number", ["7", "0.1", "1e3", "NaN"])
def test_i1_a_number_is_never_made_a_name(field: str, number: str) -> None:
    """TX-E1: an id that two programs would write differently is refused; its text is taken."""
    text = json.dumps({**GOOD, field: "@"})

    (error,) = parse_signals(text.replace('"@"', number), TextFormat.JSON).errors
    assert (error.line, error.field, error.code) == (1, field, "SIGNAL_INVALID")
    (signal,) = parse_signals(text.replace("@", number), TextFormat.JSON).signals
    assert getattr(signal, field) == number


def test_i1_numbers_in_notes_keep_their_text() -> None:
    """TX-E2: a strategy's own notes are text, alone or within each other."""
    (signal,) = parse({**GOOD, "reason": {"signals_only": True, "a": 1.50, "b": [2]}}).signals
    assert [(n.name, n.value) for n in signal.reason.notes] == [("a", "1.5"), ("b", '["2"]')]


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"], ids=ascii)
def test_a_line_ends_at_a_line_feed_only(mark: str) -> None:
    """TX-E1: JSON text may hold other separators; lines and their numbers stay as they are."""
    row = {**GOOD, "reason": {"signals_only": True, "model": f"a{mark}b"}}
    text = json.dumps(row, ensure_ascii=False) + "\r\n\r\n{broken\n"

    parsed = parse_signals(text, TextFormat.JSON_LINES, keep_good=True)
    (signal,) = parsed.signals
    assert signal.reason.notes[0].value == f"a{mark}b"
    assert [(e.line, e.code) for e in parsed.errors] == [(3, "NOT_JSON")]

    names = [name for name in GOOD if name != "reason"]
    head = ",".join([*names, "reason.signals_only", "reason.model"])
    cells = ",".join([*(str(GOOD[name]) for name in names), "true", f'"a{mark}b\nc"'])
    (signal,) = parse_signals(f"{head}\r\n{cells}\r\n", TextFormat.CSV).signals
    assert signal.reason.notes[0].value == f"a{mark}b\nc"
