"""Books without a broker: trades in, everything that they leave behind out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from counterseal.kernel.money import Currency
from counterseal.portfolio.books import Books, Posting, post_trade
from counterseal.portfolio.costs import CostRates, fee_lines
from counterseal.portfolio.lots import Lot, LotClosing, lot_id, lot_numbers
from counterseal.portfolio.model import Account, DailyPnl, InstrumentKind, LedgerEntry, Position
from counterseal.portfolio.positions import open_position
from counterseal.portfolio.settlement import Settlement, SettlementPrice, settle_daily
from counterseal.portfolio.terms import BookTerms, LotMethod
from counterseal.portfolio.trades import BookedTrade, costs_told

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
DAY = "2026-01-05"
SYMBOL = "MTX202601"
MTX = CostRates(
    transaction=Decimal("7.5"),
    clearing=Decimal(5),
    settlement=Decimal(5),
    tax_rate=Decimal("0.00002"),
    rule_date="2024-07-29",
)
FREE = MTX.amended(transaction=0, clearing=0, settlement=0, tax_rate=0)
OPENING = Account(
    account_id="acc_1",
    tenant="t",
    currency=Currency.TWD,
    opening_cash=Decimal(1_000_000),
    cash=Decimal(1_000_000),
    updated_at=NOW,
)
Step = tuple[int, object]
steps = st.lists(
    st.tuples(st.integers(-4, 4).filter(bool), st.integers(19_990, 20_010)), max_size=8
)


def seen(*values: object) -> tuple[object, ...]:
    """Values side by side, to be compared with plain numbers."""
    return values


def trade(
    quantity: object,
    price: object,
    number: int = 1,
    rates: CostRates = MTX,
    multiplier: object = 50,
) -> BookedTrade:
    """The numbered trade; each is a minute after the one before."""
    signed, paid = Decimal(str(quantity)), Decimal(str(price))
    terms = Decimal(str(multiplier))
    lines = fee_lines(rates, quantity=abs(signed), price=paid, multiplier=terms)
    return BookedTrade(
        cause_id=f"fil_{number}",
        account_id="acc_1",
        symbol=SYMBOL,
        quantity=signed,
        price=paid,
        multiplier=terms,
        tx_equivalent=Decimal("0.25"),
        currency=Currency.TWD,
        costs=costs_told(lines),
        trading_day=DAY,
        at=NOW + timedelta(minutes=number),
    )


@dataclass
class Room:
    """One account with one symbol."""

    terms: BookTerms = field(default_factory=BookTerms)
    kind: InstrumentKind = InstrumentKind.FUTURE
    rates: CostRates = MTX
    multiplier: object = 50
    cash: object = 1_000_000
    lots: dict[str, Lot] = field(default_factory=dict)
    closings: list[LotClosing] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    trades: list[BookedTrade] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    realized: list[Decimal] = field(default_factory=list)
    read: int = 0

    def __post_init__(self) -> None:
        cash = Decimal(str(self.cash))
        self.account = OPENING.amended(opening_cash=cash, cash=cash, books=self.terms)
        flat = trade(1, 1, rates=FREE, multiplier=self.multiplier)
        self.position: Position = open_position(flat, NOW, self.kind)
        self.day: DailyPnl | None = None

    def ran(self, *rows: Step) -> "Room":
        for quantity, price in rows:
            number = len(self.trades) + 1
            self.book(trade(quantity, price, number, self.rates, self.multiplier))
        return self

    def book(self, one: BookedTrade) -> Posting:
        self.trades.append(one)
        return self.keep(post_trade(self.books(), one, one.at))

    def settle(self, told: SettlementPrice) -> Settlement:
        settled = settle_daily(self.books(), told, NOW + timedelta(hours=len(self.settlements) + 5))
        self.settlements.append(settled.settlement)
        if settled.posting is not None:
            self.keep(settled.posting)
        return settled.settlement

    def books(self) -> Books:
        return Books(self.account, self.position, self.in_order(), self.day)

    def in_order(self, method: LotMethod | None = None) -> Iterable[Lot]:
        for number in lot_numbers(self.position, method or self.terms.lot_method):
            self.read += 1
            yield self.lots[lot_id(self.position.position_id, number)]

    def keep(self, posting: Posting) -> Posting:
        self.account, self.position, self.day = posting.account, posting.position, posting.day
        self.lots |= {lot.lot_id: lot for lot in posting.lots}
        self.closings += posting.closings
        self.entries += posting.entries
        self.realized.append(posting.realized_pnl)
        return posting

    def open_lots(self) -> Sequence[tuple[int, Decimal, Decimal]]:
        """Number, signed contracts and carried price of what is open."""
        return [
            (lot.number, lot.remaining_quantity, lot.carry_price)
            for lot in self.lots.values()
            if lot.remaining_quantity
        ]
