"""What every use case has at hand.

Job: bundle the ports and the law that the composition root wires once.

Not here: wiring (storage.desk).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from counterseal.broker.ports import Broker
from counterseal.desk.ports import Store
from counterseal.desk.recorder import Recorder
from counterseal.identity.credentials import Credentials
from counterseal.kernel.ids import IdSource
from counterseal.market.contracts import ContractTable
from counterseal.market.ports import MarketFeed
from counterseal.market.trading_days import TradingCalendar
from counterseal.policy.bundle import PolicyBundle


@dataclass(frozen=True, slots=True)
class Bench:
    """Ports and law of one desk.

    Attributes:
        calendar: Gives the trading days, loaded when first asked.
        bundle: The policy in force.
        credentials: Where the secrets of accounts lie.
        trading_mode, live_trading_enabled, broker_provider: From checked settings.
    """

    store: Store
    recorder: Recorder
    ids: IdSource
    feed: MarketFeed
    broker: Broker
    contracts: ContractTable
    calendar: Callable[[], TradingCalendar]
    bundle: PolicyBundle
    credentials: Credentials
    origin: str
    trading_mode: str = "paper"
    live_trading_enabled: bool = False
    broker_provider: str = "paper"

    def over(self, store: Store) -> Self:
        """The same over another store, such as one of a batch."""
        return replace(self, store=store, recorder=self.recorder.over(store))
