"""What a strategy says.

Job: hold a signal, its provenance and its stored record.

Invariants
  I1  A signal that claims to have created an order or called a broker, risk or OMS is refused.
  I2  Confidence is within 0..1, target and stop are not negative.
  I3  The payload digest covers the signal's own fields only, not how it arrived.

Not here: parsing text (signals.intake), orders (signals.intent).
Source: features TX-E1, TX-E2.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Detail, Document, DomainModel, Name, Sha256
from counterseal.kernel.money import Exact, NonNegative, Quantity


class Direction(StrEnum):
    """Where the strategy wants to stand."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"


class SignalStatus(StrEnum):
    """What became of a signal at the door."""

    ACCEPTED = "accepted"
    USED = "used"


class SignalReason(DomainModel):
    """The signals-only guard, and the strategy's own notes as text."""

    signals_only: Literal[True]
    order_created: Literal[False] = False
    broker_api_called: Literal[False] = False
    risk_engine_called: Literal[False] = False
    oms_called: Literal[False] = False
    notes: tuple[Detail, ...] = Field(default=(), max_length=40)


class StrategySignal(DomainModel):
    """One signal.

    Attributes:
        timestamp: When the strategy made it (its own clock, UTC).
        target_tx_equivalent: Wanted size in TX-equivalents, unsigned.
        confidence: 0..1.
        stop_distance_points: Distance in index points, above zero, or None.
    """

    signal_id: Name
    strategy_id: Name
    strategy_version: Name
    timestamp: UtcDatetime
    symbol_group: Name = "TAIEX_FUTURES"
    direction: Direction
    target_tx_equivalent: NonNegative
    confidence: Annotated[Exact, Field(ge=0, le=1)]
    stop_distance_points: Quantity | None = None
    reason: SignalReason


class Provenance(DomainModel):
    """Where a signal came from and what it was computed with."""

    source: Name
    source_digest: Sha256
    data_version: Name
    code_version: Name
    parameters_hash: Sha256


class SignalRecord(StrategySignal, Document):
    """A signal as taken in."""

    KIND: ClassVar[str] = "signals"
    KEY: ClassVar[str] = "signal_id"

    received_at: UtcDatetime
    source: Name
    source_digest: Sha256
    data_version: Name
    code_version: Name
    parameters_hash: Sha256
    payload_digest: Sha256
    status: SignalStatus = SignalStatus.ACCEPTED


def signal_of(record: SignalRecord) -> StrategySignal:
    """The signal's own part of a record."""
    own = StrategySignal.model_fields
    return StrategySignal.model_validate({k: v for k, v in record if k in own})
