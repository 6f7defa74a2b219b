"""A governed world whose market is a tape, and whose policy asks a model of prints or bars."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterseal.broker.model import Fill
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.market.derived import DerivedRule
from counterseal.market.sessions import TAIPEI
from counterseal.market.ticks import Print
from counterseal.oms.model import Order
from counterseal.policy.execution import BarFillRule, ExecutionRules, TapeFillRule
from storage.market_feeds import TapeFeed
from tests.world import SYMBOL, World

TAPE = TapeFillRule(participation_cap=Decimal(1), slippage_ticks=0)
BARS = BarFillRule(participation_cap=Decimal(1), slippage_ticks=0)


def printed(at: datetime, *path: tuple[int, int, int]) -> tuple[Print, ...]:
    """Prints from (seconds after `at`, price, contracts)."""
    return tuple(
        Print(
            product="TMF",
            month=SYMBOL[3:],
            at=(at + timedelta(seconds=seconds)).astimezone(TAIPEI),
            price=Decimal(price),
            contracts=contracts,
            auction=False,
            row=row,
        )
        for row, (seconds, price, contracts) in enumerate(path, 2)
    )


class TapeWorld(World):
    """Prints of the stated seconds after now; the first stands before every order."""

    def show(self, *path: tuple[int, int, int], rule: TapeFillRule | BarFillRule = TAPE) -> None:
        """Let these prints be the market from now on."""
        bench = self.desk.bench
        prints = printed(self.clock.now(), (-2, 20_000, 1), *path)
        feed = TapeFeed({bench.contracts.future(SYMBOL): prints}, DerivedRule(), "test-tape")
        bundle = bench.bundle.amended(execution=ExecutionRules(default=rule))
        self.desk = Desk(replace(bench, feed=feed, bundle=bundle))

    def sent(self, quantity: int = 4) -> Order:
        """A market order of the approved quantity, sent now; the tape has nothing for it yet."""
        request_id = self.approved(quantity=quantity)
        return self.order(self.done(self.submitted(request_id, quantity=quantity)))

    def passed(self) -> tuple[Outcome, ...]:
        """What time and the tape did, by the platform's own service."""
        return self.desk.expiry.expire_session_orders(self.service())

    def fills_of(self, order: Order) -> Sequence[Fill]:
        """Fills of an order, by the time in the world."""
        own = (fill for fill in self.fills() if fill.order_id == order.order_id)
        return sorted(own, key=lambda fill: (fill.occurred_at, fill.fill_id))
