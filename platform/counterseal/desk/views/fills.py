"""A fill explained from what it met.

Job: tell in lines which model filled an order, with which numbers, and by which prints of the tape.

Invariants
  I1  Everything told comes from the stored fill; the model is run again on what it stores.

Not here: the models (broker), the order itself (ui).
Source: trading reference 5.2; features TX-J11.
"""

from counterseal.broker.model import Fill
from counterseal.broker.models import answer_of
from counterseal.broker.windows import BarWindow, PrintUse, TapeWindow
from counterseal.kernel.clock import utc_text
from counterseal.kernel.money import exact_text


def reproduced(fill: Fill) -> bool:
    """Whether the model, run again on the stored inputs, gives the stored result."""
    return answer_of(fill.request) == fill.result


def explained(fill: Fill) -> tuple[str, ...]:
    """The fill in lines: what filled, by which model, at what, and what was assumed.

    Prices in quote units, times in UTC.
    """
    again = "the same" if reproduced(fill) else "ANOTHER RESULT"
    share = f"{exact_text(fill.last_quantity)} at {exact_text(fill.last_price)}"
    numbers = (p for p in fill.model_parameters if p.name != "model_version")
    stated = ", ".join(f"{p.name}={p.value}" for p in numbers) or "no parameters"
    slipped = f"{exact_text(fill.slippage_ticks)} ticks ({fill.slippage_reason})"
    return (
        f"fill     {fill.fill_id} {fill.side.value} {share}, {utc_text(fill.occurred_at)}",
        f"  model    {fill.model_version}: {stated}",
        f"  why      {fill.result.reason}; run again on its inputs: {again}",
        *_met(fill),
        f"  cost     slippage {slipped}, latency {fill.latency_ms} ms",
        f"  left     {exact_text(fill.remaining_quantity)} of the order",
        f"  modelled {', '.join(fill.result.modelled)}; not: {', '.join(fill.not_modelled)}",
    )


def _met(fill: Fill) -> tuple[str, ...]:
    window, quote = fill.request.window, fill.quote
    if isinstance(window, TapeWindow):
        return (*_place(fill, window), *(_print(use) for use in fill.uses))
    if isinstance(window, BarWindow):
        span = f"{utc_text(window.starts_at)}, {window.seconds} s"
        prices = (window.open, window.high, window.low, window.close)
        shown = "/".join(exact_text(price) for price in prices)
        return (f"  bar      {span}: {shown}, {exact_text(window.volume)} contracts",)
    shown = f"{exact_text(quote.bid)} / {exact_text(quote.ask)}"
    return (f"  quote    {quote.quote_id} ({quote.basis}): {shown}",)


def _place(fill: Fill, window: TapeWindow) -> tuple[str, ...]:
    arrived = fill.request.arrived_at
    since = "-" if arrived is None else utc_text(arrived)
    queue = "not modelled"
    if fill.queue_ahead is not None:
        ahead = exact_text(window.queue_ahead)
        queue = f"{exact_text(fill.queue_ahead)} assumed ahead, {ahead} when this second began"
    return (f"  place    since {since}; queue: {queue}",)


def _print(use: PrintUse) -> str:
    deal = f"{use.printed} printed at {exact_text(use.price)}"
    taken = f"{exact_text(use.contracts)} {use.how}"
    return f"  tick     row {use.row}, {utc_text(use.at)}: {deal}, {taken}"
