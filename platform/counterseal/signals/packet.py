"""A packet of research that can be done again.

Job: state what a strategy said of which data under which parameters, and check each by doing it.

Invariants
  I1  A packet holds signals and no orders, is paper only, and claims no performance: by its types.
  I2  What is checked is made anew from what the packet names, never read from the packet itself.

Not here: the file (the pages), taking signals in (signals.intake), evidence of a case (audit).
Source: features TX-B11, TX-B2 (Strategy Research), TX-E2.
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from counterseal.kernel.canonical import digest, parse_json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import (
    AlwaysFalse,
    AlwaysTrue,
    Detail,
    DomainModel,
    Name,
    Sha256,
    Text,
    details,
)
from counterseal.kernel.money import Exact, NonNegative
from counterseal.market.regimes import RegimeQuote, regime_quote
from counterseal.market.replay import Moment, Tick
from counterseal.signals.hearing import Ear, Listener, hear, listening
from counterseal.signals.model import SignalReason, StrategySignal
from counterseal.signals.strategies import S, Strategy
from counterseal.signals.strategies_samples import SAMPLES

PACKET_BYTES_MAX: Final = 500_000
TICKS_MAX: Final = 1000
UNKNOWN: Final = "unknown"
"""Stands for the identity of a strategy that is none of ours."""
STATED_MARKET: Final = "counterseal-regimes"
"""The source of quotes that follow from their tick alone."""


class PacketData(DomainModel):
    """The quotes that a strategy heard: of one contract root, from tick to tick, both inclusive.

    Attributes:
        begins_at: Time of tick 0 (UTC); each tick is a second.
        data_version: Digest of the quotes.
    """

    source: Literal["counterseal-regimes"] = STATED_MARKET
    symbol: Name
    first_tick: int = Field(ge=0, le=1_000_000)
    last_tick: int = Field(ge=0, le=1_000_000)
    begins_at: UtcDatetime
    data_version: Sha256


class ResearchPacket(DomainModel):
    """What a strategy said of some data, with everything that is needed to do it again.

    Attributes:
        parameters_hash: Digest of the strategy's name, version and parameters.
        confidence, target_tx_equivalent: Of each signal; the strategy leaves them to its user.
        limits: What the research does not show.
    """

    packet_id: Name
    packet_type: Literal["strategy_research"] = "strategy_research"
    strategy_id: Name
    strategy_version: Name
    code_version: Name
    parameters: tuple[Detail, ...] = Field(default=(), max_length=40)
    parameters_hash: Sha256
    hypothesis: Text
    method: Text
    limits: tuple[Text, ...] = Field(min_length=1, max_length=20)
    data: PacketData
    confidence: Annotated[Exact, Field(ge=0, le=1)]
    target_tx_equivalent: NonNegative
    signals: tuple[StrategySignal, ...] = Field(max_length=TICKS_MAX)
    paper_only: AlwaysTrue = True
    deterministic_data: AlwaysTrue = True
    live_trading_enabled: AlwaysFalse = False
    broker_api_called: AlwaysFalse = False
    real_order_created: AlwaysFalse = False
    external_market_data_downloaded: AlwaysFalse = False
    performance_claim: AlwaysFalse = False


class PacketCheck(StrEnum):
    """What is done again: the strategy is found, the data made, the signals said."""

    STRATEGY = "strategy"
    DATA = "data"
    SIGNALS = "signals"


class PacketVerdict(DomainModel):
    """One check; `told` is what the packet says, `found` what doing it again gave."""

    check: PacketCheck
    same: bool
    told: Name
    found: Name


def read_packet(content: bytes) -> ResearchPacket:
    """A packet from the bytes of its file.

    Raises:
        InputError: `PACKET_TOO_LONG` beyond 500,000 bytes, `NOT_JSON` and `DUPLICATE_KEY` of the
            parser, `PACKET_INVALID` with the path of the first field that does not hold.
    """
    if len(content) > PACKET_BYTES_MAX:
        raise InputError("PACKET_TOO_LONG", "too many bytes for a packet", got=len(content))
    parse_json(content)
    try:
        return ResearchPacket.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise InputError(
            "PACKET_INVALID",
            first["msg"],
            field=".".join(str(part) for part in first["loc"]),
            got=first["input"],
        ) from None


def checked(packet: ResearchPacket) -> tuple[PacketVerdict, ...]:
    """Do everything again that a packet tells of, and compare.

    Raises:
        InputError: `TICK_RANGE` when it names more than 1000 ticks, or none; `SYMBOL_UNKNOWN`.
    """
    known = _identity(packet)
    quotes = _quotes(packet.data)
    said = _signals(packet, quotes)
    return (
        _verdict(PacketCheck.STRATEGY, packet.parameters_hash, known),
        _verdict(PacketCheck.DATA, packet.data.data_version, _version(quotes)),
        _verdict(PacketCheck.SIGNALS, _all(packet.signals), _all(said)),
    )


def made_anew(packet: ResearchPacket) -> ResearchPacket:
    """The same research done now: digests and signals as they come out, words as they were.

    Raises:
        InputError: as `checked`; `STRATEGY_UNKNOWN`.
    """
    identity, quotes = _identity(packet), _quotes(packet.data)
    if identity == UNKNOWN:
        raise InputError("STRATEGY_UNKNOWN", "no such strategy here", got=packet.strategy_id)
    return packet.amended(
        parameters_hash=identity,
        data=packet.data.amended(data_version=_version(quotes)),
        signals=_signals(packet, quotes),
    )


def _identity(packet: ResearchPacket) -> str:
    asked = (packet.strategy_id, packet.strategy_version)
    known = {(one.name, one.version): one.identity for one in SAMPLES}
    return known.get(asked, UNKNOWN)


def _quotes(data: PacketData) -> tuple[RegimeQuote, ...]:
    ticks = range(data.first_tick, data.last_tick + 1)
    if not 0 < len(ticks) <= TICKS_MAX:
        raise InputError("TICK_RANGE", "1 to 1000 ticks", field="data", got=len(ticks))
    return tuple(regime_quote(data.symbol, tick) for tick in ticks)


def _version(quotes: tuple[RegimeQuote, ...]) -> str:
    return digest([quote.json_value() for quote in quotes])


def _all(signals: tuple[StrategySignal, ...]) -> str:
    return digest([signal.json_value() for signal in signals])


def _verdict(check: PacketCheck, told: str, found: str) -> PacketVerdict:
    return PacketVerdict(check=check, same=told == found, told=told, found=found)


def _signals(packet: ResearchPacket, quotes: tuple[RegimeQuote, ...]) -> tuple[StrategySignal, ...]:
    """What the packet's strategy says of the quotes; nothing when it is unknown here."""
    return tuple(_spoken(packet, quotes))


def _spoken(packet: ResearchPacket, quotes: tuple[RegimeQuote, ...]) -> Iterator[StrategySignal]:
    symbol, begins_at = packet.data.symbol, packet.data.begins_at
    momentum, reversion, opening = SAMPLES
    listeners: tuple[Listener, ...] = (
        *_ears(packet, momentum),
        *_ears(packet, reversion),
        *_ears(packet, opening),
    )
    for tick, quote in enumerate(quotes, packet.data.first_tick):
        at = begins_at + timedelta(seconds=tick)
        heard = Tick(symbol=symbol, at=at, price=quote.last, contracts=0)
        listeners, spoken = hear(listeners, Moment(at=at, ticks=(heard,)))
        for one in spoken:
            yield StrategySignal(
                signal_id=f"{packet.strategy_id}-{symbol}-{tick}",
                strategy_id=packet.strategy_id,
                strategy_version=packet.strategy_version,
                timestamp=at,
                direction=one.proposal.direction,
                target_tx_equivalent=packet.target_tx_equivalent,
                confidence=packet.confidence,
                reason=SignalReason(
                    signals_only=True, notes=details(tick=tick, regime=quote.regime.value)
                ),
            )


def _ears(packet: ResearchPacket, strategy: Strategy[S]) -> list[Ear[S]]:
    """The strategy on the packet's symbol, if it is the packet's."""
    if (strategy.name, strategy.version) != (packet.strategy_id, packet.strategy_version):
        return []
    return listening(strategy, [packet.data.symbol], timedelta(0))
