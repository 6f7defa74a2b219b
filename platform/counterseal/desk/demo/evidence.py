"""The evidence file of a demo session, and the way back from it.

Job: write a session as JSON and as a summary, and read one that proves to be what it says.

Invariants
  I1  The same clicks give the same bytes.
  I2  A file is believed only if its clicks, played again, give what it shows; its flags are
      judged, never believed.
  I3  Every figure in it stands under `simulated`.

Not here: where it is kept (nowhere: the visitor may copy or download it).
Source: features TX-C1, TX-C18, TX-C19.
"""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from counterseal.desk.demo.flags import DemoFlag, DemoSeen, database_touched, network_touched
from counterseal.desk.demo.holdings import portfolio_of
from counterseal.desk.demo.model import CLICKS_MAX, SEED, Click, DemoMarket, DemoSession
from counterseal.desk.demo.play import played
from counterseal.kernel.canonical import Json, parse_json
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.market.regimes import Regime

STORAGE_KEYS: Final = {
    DemoMarket.REGIMES: "taifex-browser-only-mock-demo-session-v1",
    DemoMarket.WAVES: "taifex-mock-backend-demo-session-v1",
}
"""Under which a page session keeps the clicks."""
SESSION_IDS: Final = {
    DemoMarket.REGIMES: "browser-only-mock-demo-session",
    DemoMarket.WAVES: "mock-backend-demo-session",
}
BYTES_MAX: Final = 500_000
"""Largest evidence file that is read (M5)."""
REALISM_MODEL: Final = "deterministic_spread_liquidity_v1"
WARNINGS: Final = (
    "Every price, order, fill and profit in this file is simulated by a fixed rule.",
    "No broker, external market data, database, credential, real order or live path is used.",
    "Simulated profit shows a workflow; it is no investment advice and no performance claim.",
)
_MUST_BE_TRUE: Final = ("paper_only", "deterministic_data")
_MUST_NOT_BE_TRUE: Final = (
    "live_trading_enabled",
    "broker_api_called",
    "real_order_created",
    "performance_claim",
)
_REALISM_FLAGS: Final = ("external_market_data_downloaded", "production_execution_model")
_REALISM_FROM: Final = ("external_market_data_downloaded", "production_trading_ready")
"""Two parts of the realism, and the flags that they repeat; a flag nobody told counts as true."""
_JUDGED: Final = frozenset({"safety_flags", "persisted", "uploaded", "local_storage_only"})
"""Parts that tell where the file was made, which playing it again elsewhere need not repeat."""


class _Clicks(DomainModel):
    market: DemoMarket
    clicks: tuple[Click, ...]


def evidence_of(
    session: DemoSession, flags: tuple[DemoFlag, ...], seen: DemoSeen
) -> dict[str, Json]:
    """The evidence of a session as JSON (TX-C18); decimals are text."""
    stored, sent = bool(database_touched(seen)), bool(network_touched(seen))
    told = {flag.name: flag.value for flag in flags}
    made_of = dict(zip(_REALISM_FLAGS, _REALISM_FROM, strict=True))
    return {
        **_shown(session),
        "market_realism": {
            **_realism(session),
            **{name: told.get(flag, True) for name, flag in made_of.items()},
        },
        "safety_flags": told,
        "persisted": stored,
        "uploaded": sent,
        "local_storage_only": not (stored or sent),
    }


def _shown(session: DemoSession) -> dict[str, Json]:
    """What follows from the clicks."""
    portfolio = portfolio_of(session)
    made = "browser-only" if session.market is DemoMarket.REGIMES else "mock-backend"
    return {
        "evidence_id": f"{made}-evidence-{session.tick}",
        "evidence_type": session.market.value,
        "session_id": SESSION_IDS[session.market],
        "mock_seed": SEED,
        "simulated": True,
        "current_tick": session.tick,
        "selected_symbol": session.symbol,
        "market_realism": _realism(session),
        "market_data": [quote.json_value() for quote in session.quotes],
        "latest_signal": None if session.signal is None else session.signal.json_value(),
        "latest_order": None if session.order is None else session.order.json_value(),
        "portfolio": portfolio.json_value(),
        "performance": {
            "simulated": portfolio.simulated,
            "performance_claim": portfolio.performance_claim,
            "realized_pnl": str(portfolio.realized_pnl),
            "unrealized_pnl": str(portfolio.unrealized_pnl),
            "equity": str(portfolio.equity),
        },
        "timeline": [event.json_value() for event in session.timeline],
        "clicks": [click.json_value() for click in session.clicks],
        "warnings": list(WARNINGS),
    }


def _realism(session: DemoSession) -> dict[str, Json]:
    if session.market is DemoMarket.WAVES:
        return {}
    order = session.order
    return {
        "model": REALISM_MODEL,
        "supported_regimes": [regime.value for regime in Regime],
        "selected_snapshot": session.quote.json_value(),
        "latest_order_realism": None
        if order is None
        else {
            "reason": order.reason,
            "filled_quantity": order.filled_quantity,
            "remaining_quantity": order.remaining_quantity,
        },
    }


def evidence_text(evidence: Mapping[str, Json]) -> str:
    """The evidence as people read it; the same session gives the same text."""
    return json.dumps(evidence, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def restored(content: bytes) -> DemoSession | Refusal:
    """The session of an evidence file, played again from its clicks.

    Refused with `DEMO_EVIDENCE_UNREADABLE`, `DEMO_EVIDENCE_UNSAFE` or `DEMO_EVIDENCE_DIFFERS`, with
    the path of the first field that failed.
    """
    if len(content) > BYTES_MAX:
        return _unreadable("$", f"{len(content)} bytes, at most {BYTES_MAX}")
    try:
        told = parse_json(content)
    except InputError as error:
        return _unreadable("$", error.message)
    if not isinstance(told, dict):
        return _unreadable("$", "no object")
    return _unsafe(told) or _replayed(told)


def _unreadable(path: str, why: str) -> Refusal:
    return refuse(
        "DEMO_EVIDENCE_UNREADABLE", "this is no evidence file of the demo", path=path, why=why
    )


def _unsafe(told: Mapping[str, object]) -> Refusal | None:
    flags = told.get("safety_flags")
    known = flags if isinstance(flags, dict) else {}
    wrong = [name for name in _MUST_BE_TRUE if known.get(name) is not True]
    wrong += [name for name in _MUST_NOT_BE_TRUE if known.get(name, False) is not False]
    if not wrong:
        return None
    return refuse(
        "DEMO_EVIDENCE_UNSAFE",
        "the evidence says of itself that it is not safe",
        path=f"safety_flags.{wrong[0]}",
        got=known.get(wrong[0], "absent"),
    )


def _replayed(told: Mapping[str, object]) -> DemoSession | Refusal:
    if told.get("mock_seed") != SEED:
        return _differs("mock_seed")
    clicks = told.get("clicks")
    if isinstance(clicks, list) and len(clicks) > CLICKS_MAX:
        return _unreadable("clicks", f"more than {CLICKS_MAX}")
    try:
        source = json.dumps({"market": told.get("evidence_type"), "clicks": clicks})
        asked = _Clicks.model_validate_json(source)
    except ValidationError as error:
        return _unreadable("clicks", f"{error.error_count()} of its values are none of ours")
    session = played(asked.market, asked.clicks)
    if isinstance(session, Refusal):
        return _differs("clicks")
    shown = _shown(session)
    names = sorted(({*shown} | {*told}) - _JUDGED)
    wrong = [n for n in names if n not in told or n not in shown or _plain(n, told) != shown[n]]
    return _differs(wrong[0]) if wrong else session


def _plain(name: str, told: Mapping[str, object]) -> object:
    """A part of a file without the flags inside it."""
    part = told[name]
    if name != "market_realism" or not isinstance(part, dict):
        return part
    return {key: value for key, value in part.items() if key not in _REALISM_FLAGS}


def _differs(path: str) -> Refusal:
    return refuse(
        "DEMO_EVIDENCE_DIFFERS", "played again, the clicks lead to something else", path=path
    )


def summary_of(session: DemoSession, flags: tuple[DemoFlag, ...]) -> str:
    """The session in a few lines of text, to be copied."""
    portfolio, signal, order = portfolio_of(session), session.signal, session.order
    held = "none" if not portfolio.position else f"{portfolio.position} {portfolio.symbol}"
    said = "none" if signal is None else f"{signal.direction.value} {signal.symbol}"
    unsafe = [flag.name for flag in flags if not flag.safe]
    lines = [
        f"Simulated demo, {SESSION_IDS[session.market]}, seed {SEED}",
        f"Tick {session.tick}, {session.symbol} last {session.quote.last} (simulated)",
        f"Signal: {said}",
        f"Order: {_order_line(session) if order is not None else 'none'}",
        f"Position: {held}",
        f"Simulated equity {portfolio.equity} TWD, open profit {portfolio.unrealized_pnl} TWD",
        f"Flags other than promised: {', '.join(unsafe) or 'none'}",
    ]
    return "\n".join(lines) + "\n"


def _order_line(session: DemoSession) -> str:
    order = session.order
    if order is None:
        return "none"
    price = "" if order.fill_price is None else f" at {order.fill_price}"
    return (
        f"{order.state.value}, {order.filled_quantity} of {order.quantity} {order.symbol}{price}"
        f" (simulated), {order.reason}"
    )
