"""The two demos without a store against their stated numbers, played again and watched."""

from typing import Final

from counterseal.desk.demo.evidence import evidence_of, evidence_text, restored
from counterseal.desk.demo.flags import flags_of
from counterseal.desk.demo.holdings import portfolio_of
from counterseal.desk.demo.markets import quotes_at, signal_on
from counterseal.desk.demo.model import Act, Click, DemoMarket, DemoOrder, DemoSession
from counterseal.desk.demo.play import played
from counterseal.kernel.model import Refusal
from ui.checklist.checked import Checked, equal, none
from ui.web.demo_watch import look_at

_TICK, _SIGNAL = Click(act=Act.TICK), Click(act=Act.SIGNAL)
_TMF: Final = (
    *("19997.90/19998.10 FLAT", "20002.49/20002.77 LONG", "20002.54/20002.80 FLAT"),
    *("20014.49/20015.01 LONG", "19996.29/19997.16 SHORT", "19996.57/19997.27 FLAT"),
    *("20000.85/20001.10 LONG", "20012.88/20013.43 LONG", "20003.07/20003.33 SHORT"),
)
"""TX-C7 and TX-C8: bid, ask and direction of TMF at ticks 0 to 8."""
_WAVES: Final = (
    "20000 20004 20007.5 20003 19997.5 19995 20001.5 20005.5 20009 20004.5 19999 19996.5 20003"
)
"""TX-D2: last of TX at ticks 0 to 12."""
_ELSEWHERE: Final = ("browser_only",)
"""The flag that says where the demo runs; a server is no browser."""


def browser_only() -> list[Checked]:
    """TX-C4 to TX-C19: the market of regimes."""
    market = DemoMarket.REGIMES
    quotes = tuple(_line(market, tick) for tick in range(len(_TMF)))
    return [
        equal("quotes and directions of ticks 0 to 8", quotes, _TMF),
        equal("tick 1, buy 1 TMF", _filled(market, 1, 1), "1 at 20002.82, 0 left"),
        equal("tick 3, buy 5 TMF", _filled(market, 3, 5), "4 at 20015.25, 1 left"),
        equal("tick 4, sell 1 TMF", _filled(market, 4, 1), "0 at none, 1 left"),
        *_played_again(market, _ELSEWHERE),
    ]


def mock_backend() -> list[Checked]:
    """TX-D1 to TX-D5: the market of waves."""
    market = DemoMarket.WAVES
    lasts = " ".join(str(quotes_at(market, tick)[0].last) for tick in range(13))
    portfolio = portfolio_of(_session(market, 1, 5))
    books = f"open profit {portfolio.unrealized_pnl:.2f}, equity {portfolio.equity:.2f}"
    return [
        equal("last of TX at ticks 0 to 12", lasts, _WAVES),
        equal("tick 1, buy 5 TMF", _filled(market, 1, 5), "4 at 20002.60, 1 left"),
        equal("books after it", books, "open profit -4.00, equity 999996.00"),
        *_played_again(market, ()),
    ]


def _line(market: DemoMarket, tick: int) -> str:
    quote = quotes_at(market, tick)[2]
    return f"{quote.bid:.2f}/{quote.ask:.2f} {signal_on(market, tick, quote).direction.value}"


def _session(market: DemoMarket, tick: int, quantity: int) -> DemoSession:
    order = Click(act=Act.ORDER, quantity=quantity)
    session = played(market, (*[_TICK] * tick, _SIGNAL, order))
    if isinstance(session, Refusal):
        raise SystemExit(f"the demo refused its clicks: {session.code}")
    return session


def _filled(market: DemoMarket, tick: int, quantity: int) -> str:
    order: DemoOrder | None = _session(market, tick, quantity).order
    if order is None:
        return "no order"
    price = "none" if order.fill_price is None else f"{order.fill_price:.2f}"
    return f"{order.filled_quantity} at {price}, {order.remaining_quantity} left"


def _played_again(market: DemoMarket, unkept: tuple[str, ...]) -> list[Checked]:
    """The same clicks twice, the flags of what ran, and the evidence read back."""
    session = _session(market, 1, 5)
    seen = look_at(session)
    flags = flags_of(session, seen)
    evidence = evidence_of(session, flags, seen)
    back = restored(evidence_text(evidence).encode())
    stored = [name for name in ("persisted", "uploaded") if evidence[name] is not False]
    return [
        equal("played again, the same session", seen.same, True),
        equal("flags other than promised", tuple(f.name for f in flags if not f.safe), unkept),
        none("stored or sent", stored),
        equal("its evidence, read back", back == session, True),
    ]
