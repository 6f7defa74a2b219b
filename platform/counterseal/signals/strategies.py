"""What a strategy is.

Job: the interface that a strategy implements, and what it may say.

A strategy subclasses `Strategy`, names itself, and answers to bars, to ticks, or to both:

    class Rising(Strategy[Last]):
        name, version, parameters = "rising", "1.0.0", NoParameters()

        def start(self) -> Last:
            return Last()

        def on_bar(self, bar: Bar, state: Last) -> Said[Last]:
            rose = state.close is not None and bar.close > state.close
            says = (Proposal(direction=Direction.LONG),) if rose else ()
            return Said(Last(close=bar.close), says)

Invariants
  I1  A strategy is handed a market event and its own state, and nothing else: no order, no clock,
      no desk. It answers with its next state and with proposals.
  I2  A state is a frozen model. The same events give the same states, so that a state is never
      stored: whoever resumes plays the events again.
  I3  A strategy is asked of each instrument apart, with a state of its own for each.

Not here: samples (signals.strategies_samples), who calls a strategy (signals.hearing), what becomes
of a proposal (desk).
Source: features TX-C8, TX-E1.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Generic, NamedTuple, TypeVar

from pydantic import Field

from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Detail, DomainModel, Name, Sha256
from counterseal.kernel.money import Exact, NonNegative, Quantity
from counterseal.market.quotes import Bar
from counterseal.market.replay import Tick
from counterseal.signals.model import Direction

S = TypeVar("S", bound=DomainModel)


class NoParameters(DomainModel):
    """The parameters of a strategy that has none."""


class Proposal(DomainModel):
    """What a strategy says of the instrument that it heard.

    Attributes:
        target_tx_equivalent: Wanted size in TX-equivalents, unsigned.
        confidence: 0..1.
        stop_distance_points: Distance in index points.
        notes: What the strategy saw, for reviewers.

    Size, confidence and stop are None where the strategy leaves them to whoever follows it.
    """

    direction: Direction
    target_tx_equivalent: NonNegative | None = None
    confidence: Annotated[Exact, Field(ge=0, le=1)] | None = None
    stop_distance_points: Quantity | None = None
    notes: tuple[Detail, ...] = Field(default=(), max_length=40)


class Said(NamedTuple, Generic[S]):
    """The answer to one event: the next state, and what is proposed."""

    state: S
    proposals: tuple[Proposal, ...] = ()


class Strategy(ABC, Generic[S]):
    """A rule over bars and ticks, with a frozen state for each instrument.

    MUST answer equal events and states equally, and MUST NOT keep anything outside its state, read
    a clock, files or the network. MUST NOT change name, version or parameters once it was heard.

    Attributes:
        name: Signals carry it as their strategy id; a mandate names it.
        version: Raised with every change of the rule.
        parameters: Everything that a user may set; recorded with each signal by its digest.
    """

    name: Name
    version: Name
    parameters: DomainModel
    hears_ticks: bool = False
    """Whether `on_tick` does anything; a day without such a strategy makes no ticks."""

    @abstractmethod
    def start(self) -> S:
        """The state before the first event of an instrument."""

    def on_bar(self, bar: Bar, state: S) -> Said[S]:  # noqa: ARG002 - strategies that hear bars use it
        """Answer a one-minute bar, once its minute is over."""
        return Said(state)

    def on_tick(self, tick: Tick, state: S) -> Said[S]:  # noqa: ARG002 - strategies that hear ticks use it
        """Answer a print, once its second is over."""
        return Said(state)

    @property
    def identity(self) -> Sha256:
        """Digest of name, version and parameters."""
        told = {"name": self.name, "version": self.version}
        return digest({**told, "parameters": self.parameters.json_value()})
