"""The safety badges that stand beside every panel.

Job: read mode, live flag, provider, paper only and broker calls from settings and documents.

Invariants
  I1  A badge repeats a fact that was read; none is a constant.

Not here: what a badge is (views.marks), what a window makes of it (ui).
Source: TX-A1, TX-G13, TX-H17.
"""

from counterseal.desk.exposure import Ground
from counterseal.desk.ports import Reader
from counterseal.desk.views.marks import Badge, flag
from counterseal.oms.model import ExecutionReport, Order


def broker_was_called(reader: Reader) -> bool:
    """Whether any stored order or report says that a real broker was called."""
    return any(reader.find(kind, broker_api_called=True) for kind in (Order, ExecutionReport))


def all_paper(reader: Reader, ground: Ground) -> bool:
    """Whether mode and provider are `paper` and no stored order or report is for more."""
    told = ground.trading_mode == "paper" and ground.broker_provider == "paper"
    return told and not any(reader.find(k, paper_only=False) for k in (Order, ExecutionReport))


def safety_badges(reader: Reader, ground: Ground) -> tuple[Badge, ...]:
    """Mode, live flag, provider, paper only and broker calls, in this order."""
    return (
        Badge(name="TRADING_MODE", value=ground.trading_mode),
        Badge(name="ENABLE_LIVE_TRADING", value=flag(ground.live_trading_enabled)),
        Badge(name="BROKER_PROVIDER", value=ground.broker_provider),
        Badge(name="PAPER_ONLY", value=flag(all_paper(reader, ground))),
        Badge(name="BROKER_API_CALLED", value=flag(broker_was_called(reader))),
    )
