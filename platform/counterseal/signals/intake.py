"""Take signals in from text.

Job: read the rows of a text as signals; decide a signal's admission.

Invariants
  I1  A number is read only where one is wanted.
  I2  The same id with the same content is a duplicate; with other content a conflict.
  I3  A signal from the future or too old is refused (age limit inclusive).

Not here: lines and columns (signals.text_rows), files (storage), FLAT, which is refused when a
request is made (approvals.decide).
Source: features TX-E1, TX-E2, TX-E7.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.signals.model import Provenance, SignalRecord, StrategySignal, signal_of
from counterseal.signals.text_rows import LineError, NumberText, TextFormat, read_rows

__all__ = ["LineError", "Parsed", "TextFormat", "decide_intake", "parse_signals"]

_GUARD: Final = frozenset(
    {"signals_only", "order_created", "broker_api_called", "risk_engine_called", "oms_called"}
)

_NUMBERS: Final = frozenset({"target_tx_equivalent", "confidence", "stop_distance_points"})
"""Fields that a JSON number may fill; all others are text."""


class Parsed(DomainModel):
    """Signals in the order of the text, and the errors."""

    signals: tuple[StrategySignal, ...]
    errors: tuple[LineError, ...]


def parse_signals(text: str, layout: TextFormat, *, keep_good: bool = False) -> Parsed:
    """Parse a text; with any error no signal is given unless `keep_good`.

    Raises:
        InputError: `TEXT_TOO_LONG` beyond 10 million characters or 10,000 signals.
    """
    signals, errors = read_rows(text, layout, _signal, invalid="SIGNAL_INVALID")
    kept = tuple(signals) if keep_good or not errors else ()
    return Parsed(signals=kept, errors=tuple(errors))


def decide_intake(
    signal: StrategySignal,
    known: SignalRecord | None,
    provenance: Provenance,
    *,
    age_max_seconds: int,
    now: datetime,
    future_max_seconds: int = 0,
) -> SignalRecord | Refusal:
    """Admit a signal; `known` is the stored record of the same id, or None.

    Returns:
        A record, or `SIGNAL_CONFLICT`, `SIGNAL_DUPLICATE`, `SIGNAL_FROM_FUTURE` or `SIGNAL_STALE`.
    """
    content = signal.digest
    if known is not None and known.payload_digest != content:
        return refuse("SIGNAL_CONFLICT", "this id has other content", signal_id=signal.signal_id)
    if known is not None:
        return refuse("SIGNAL_DUPLICATE", "taken in already", signal_id=signal.signal_id)
    if signal.timestamp > now + timedelta(seconds=future_max_seconds):
        return refuse("SIGNAL_FROM_FUTURE", "the signal is from the future", at=signal.timestamp)
    if now - signal.timestamp > timedelta(seconds=age_max_seconds):
        return refuse("SIGNAL_STALE", "the signal is too old", at=signal.timestamp)
    return SignalRecord(**dict(signal), **dict(provenance), received_at=now, payload_digest=content)


def content_changed(record: SignalRecord) -> bool:
    """Whether a stored record no longer has the content that its digest covers."""
    return signal_of(record).digest != record.payload_digest


def _signal(row: object) -> StrategySignal | InputError | ValidationError:
    if not isinstance(row, dict):
        return InputError("NOT_AN_OBJECT", "a signal is an object", got=type(row).__name__)
    for name, value in row.items():
        if isinstance(value, NumberText) and name not in _NUMBERS:
            return InputError("SIGNAL_INVALID", "a number is no text", field=name, got=value)
    try:
        return StrategySignal.model_validate_json(canonical_bytes(_with_notes(row)))
    except (InputError, ValidationError) as error:
        return error


def _with_notes(row: dict[str, Json]) -> dict[str, Json]:
    reason = row.get("reason")
    if not isinstance(reason, Mapping) or "notes" in reason:
        return row
    guard = {k: v for k, v in reason.items() if k in _GUARD}
    notes: list[Json] = [
        {"name": k, "value": v if isinstance(v, str) else canonical_bytes(v).decode()}
        for k, v in reason.items()
        if k not in _GUARD
    ]
    return {**row, "reason": {**guard, "notes": notes}}
