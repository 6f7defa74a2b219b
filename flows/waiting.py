"""What a round over waiting cases and orders does, in a plain function that knows no engine.

Job: record every reminder, escalation and expiry that is due, follow the market, look at losses and
at orders that waited too long, and report what came of it.

Invariants
  I1  The same round again is harmless: each step of a case or an order is recorded once.
  I2  A look that finds nothing new is no step; it is on record now and then (desk.rounds).
  I3  After a long silence orders take their steps in the world's order, each at its own instant.

Not here: what is due (desk.waiting, desk.closing, desk.market_watch, desk.loss_watch,
desk.timeout_scans), when to look (resident).
Source: governance rules 2.4 and 2.6; trading reference parts 1.3 and 1.5.
"""

from flows.work import RoundReport
from flows.workplace import Workplace


def sweep_all(place: Workplace, run: str) -> RoundReport:
    """One round at the present time; `run` is the run's id, for tracing.

    Its steps are cases by id, orders in the world's order, then marks and losses.

    Raises:
        IntegrityError: sealing failed.
        InputError: `CALENDAR_RANGE`: an order rests, or a position is held, beyond the calendar;
            the cases are recorded.
        AdapterError: the desk's; the same call may be repeated when it says so.
    """
    desk, actor = place.opened(), place.actor(run)
    cases = desk.waiting.sweep(actor, now=place.clock.now())
    orders = desk.expiry.expire_session_orders(actor)
    scan = desk.timeout_scans.scan(actor, run=run)
    refused = () if scan is None or scan.accepted else (scan,)
    marks = desk.market_watch.look(actor, run=run)
    losses = desk.loss_watch.look(actor, run=run)
    return RoundReport.of((*cases, *orders, *refused, *marks, *losses))
