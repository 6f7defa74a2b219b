"""What the facts of an order are read from.

Job: name what risk needs beside documents, and what an order must tell to be judged.

Not here: reading the facts (desk.exposure, desk.risk_facts), the ports themselves (their rooms).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from counterseal.broker.ports import Broker
from counterseal.market.contracts import ContractTable
from counterseal.market.ports import MarketFeed
from counterseal.market.trading_days import TradingCalendar
from counterseal.signals.intent import Side


class Ground(Protocol):
    """What the checks need beside documents; every `Bench` offers it.

    MUST come from checked settings, the active policy and a market feed, never from a caller.
    """

    @property
    def feed(self) -> MarketFeed:
        """Quotes."""

    @property
    def broker(self) -> Broker:
        """The paper broker, asked for its sign of life only."""

    @property
    def contracts(self) -> ContractTable:
        """Contract terms."""

    @property
    def calendar(self) -> Callable[[], TradingCalendar]:
        """Gives the trading days, loaded when first asked."""

    @property
    def trading_mode(self) -> str:
        """`paper`, or what else the settings say."""

    @property
    def live_trading_enabled(self) -> bool:
        """The live flag of the settings."""

    @property
    def broker_provider(self) -> str:
        """`paper`, or what else the settings say."""


class Asked(Protocol):
    """An order that is judged: an intent, or a question about one."""

    @property
    def order_id(self) -> str:
        """Its id; working orders of this id are not counted beside it."""

    @property
    def account_id(self) -> str:
        """Whose facts count."""

    @property
    def idempotency_key(self) -> str:
        """Its key; blank when it has none."""

    @property
    def symbol(self) -> str:
        """What it trades."""

    @property
    def side(self) -> Side:
        """Which side of the quote it takes."""

    @property
    def quantity(self) -> Decimal:
        """Contracts."""
