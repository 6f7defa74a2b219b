"""What the demo touched, as flags that follow from what was seen.

Job: the thirteen flags of the first market and the ten of the second, each with what it rests on.

Every function that ran while the clicks were played again is known by its module. A module that is
none of the engine's is a stranger; a stranger that is nobody known counts as everything bad.

Invariants
  I1  No flag is a constant: each is a function of `DemoSeen`.
  I2  A stranger that no list names makes every flag about outside acts true.
  I3  `browser_only` is true only where the engine ran in a browser.

Not here: watching (the shell that shows the demo), the evidence that carries them.
Source: features TX-C17, TX-D5.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from counterseal.desk.demo.markets import STRATEGIES
from counterseal.desk.demo.model import Click, DemoMarket, DemoSession
from counterseal.kernel.model import DomainModel, Name

BROWSER: Final = "emscripten"
"""What a process that runs in a browser is called."""
ENGINE: Final = (
    *("counterseal.desk.demo", "counterseal.kernel", "counterseal.market.regimes"),
    *("counterseal.market.waves", "counterseal.market.contracts", "counterseal.market.instruments"),
    *("counterseal.signals.intent", "counterseal.risk", "counterseal.policy.limits"),
    *("counterseal.broker.model", "counterseal.broker.paper", "counterseal.broker.verdict"),
    *("counterseal.oms.model", "counterseal.portfolio", "counterseal.policy.execution"),
    *("pydantic", "pydantic_core", "orjson", "builtins", "decimal", "_decimal", "datetime"),
    *("_datetime", "_operator", "_hashlib", "_sre", "hashlib", "json", "_json", "enum", "types"),
    *("functools", "_functools", "itertools", "collections", "typing", "re", "math", "abc"),
    *("_abc", "_collections_abc", "numbers", "operator", "annotated_types", "typing_extensions"),
)
"""Modules that the engine is made of, those below them included; none reaches outside."""
_DATABASE: Final = ("sqlite3", "_sqlite3", "sqlalchemy", "sqlmodel", "psycopg", "storage")
_FILES: Final = ("io", "_io", "os", "posix", "nt", "pathlib", "shutil", "tempfile")
_NETWORK: Final = ("socket", "_socket", "ssl", "_ssl", "http", "urllib", "httpx", "requests")
_BROKER: Final = ("counterseal.broker", "flows")
_ORDERS: Final = ("counterseal.desk", "counterseal.oms")
_GROUPS: Final = (_DATABASE, _FILES, _NETWORK, _BROKER, _ORDERS)


class Host(StrEnum):
    """Where the engine runs."""

    BROWSER = "browser"
    SERVER = "server"


class DemoSeen(DomainModel):
    """What was seen while the clicks of a session were played again.

    Attributes:
        host: Where they were played.
        modules: Those whose functions ran.
        same: Whether playing twice gave the bytes that are shown.
        live_trading_enabled: As this installation is set.
        kept: What is kept of the visitor, by name.
    """

    host: Host
    modules: tuple[Name, ...]
    same: bool
    live_trading_enabled: bool
    kept: tuple[Name, ...]


class DemoFlag(DomainModel):
    """One flag.

    Attributes:
        safe: Whether it has the value that the demo promises.
        found: What it rests on: modules, names or a word.
    """

    name: Name
    value: bool
    safe: bool
    found: tuple[Name, ...]


def host_of(platform: str) -> Host:
    """Where a process of this platform runs."""
    return Host.BROWSER if platform == BROWSER else Host.SERVER


def kept_of(clicks: Iterable[object]) -> tuple[str, ...]:
    """What clicks keep of whoever clicked: the names of their fields, or of a foreign type."""
    names = {
        name
        for click in clicks
        for name in (Click.model_fields if isinstance(click, Click) else (type(click).__name__,))
    }
    return tuple(sorted(names))


def strangers(seen: DemoSeen) -> tuple[str, ...]:
    """Modules that ran and are none of the engine's."""
    return tuple(name for name in seen.modules if not _under(name, ENGINE))


def _under(name: str, roots: Iterable[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def _of(seen: DemoSeen, *groups: tuple[str, ...]) -> tuple[str, ...]:
    """Strangers of these groups, and those of no group."""
    roots = [root for group in groups for root in group]
    every = [root for group in _GROUPS for root in group]
    return tuple(n for n in strangers(seen) if _under(n, roots) or not _under(n, every))


def database_touched(seen: DemoSeen) -> tuple[str, ...]:
    """Modules through which something may have been stored."""
    return _of(seen, _DATABASE, _FILES)


def network_touched(seen: DemoSeen) -> tuple[str, ...]:
    """Modules through which something may have come or gone."""
    return _of(seen, _NETWORK)


def _sources(seen: DemoSeen) -> tuple[str, ...]:
    """The simulated markets that quotes came from."""
    return tuple(n for n in seen.modules if n in {f"{_MARKET}regimes", f"{_MARKET}waves"})


_MARKET: Final = "counterseal.market."


def flags_of(session: DemoSession, seen: DemoSeen) -> tuple[DemoFlag, ...]:
    """Thirteen flags for the first market, ten for the second, in the asked order."""
    names = _THIRTEEN if session.market is DemoMarket.REGIMES else _TEN
    return tuple(_flag(name, session, seen) for name in names)


def _flag(name: str, session: DemoSession, seen: DemoSeen) -> DemoFlag:
    value, found = _PROBES[name](session, seen)
    return DemoFlag(name=name, value=value, safe=value is (name in PROMISED), found=found)


_Said = tuple[bool, tuple[str, ...]]


def _paper_only(session: DemoSession, seen: DemoSeen) -> _Said:
    ran = _of(seen, _BROKER, _ORDERS, _NETWORK)
    return not ran and all(order.paper_only for order in session.orders), ran


def _browser_only(_: DemoSession, seen: DemoSeen) -> _Said:
    return seen.host is Host.BROWSER, (seen.host.value,)


def _mock_backend(_: DemoSession, seen: DemoSeen) -> _Said:
    sources = _sources(seen)
    return bool(sources) and not strangers(seen), sources


def _deterministic(_: DemoSession, seen: DemoSeen) -> _Said:
    return seen.same, ()


def _live(_: DemoSession, seen: DemoSeen) -> _Said:
    return seen.live_trading_enabled, ()


def _credentials(_: DemoSession, seen: DemoSeen) -> _Said:
    return bool(set(seen.kept) - set(Click.model_fields)), seen.kept


def _outside(*groups: tuple[str, ...]) -> Callable[[DemoSession, DemoSeen], _Said]:
    def look(_: DemoSession, seen: DemoSeen) -> _Said:
        ran = _of(seen, *groups)
        return bool(ran), ran

    return look


def _real(session: DemoSession, seen: DemoSeen) -> _Said:
    """Whether anything shown rests on a market that is not simulated."""
    simulated, sources = _mock_backend(session, seen)
    return not simulated, sources


def _advice(session: DemoSession, seen: DemoSeen) -> _Said:
    """Whether any signal is of another strategy than the demo's, or on a real price."""
    said = session.signal
    foreign = said is not None and said.strategy_id != STRATEGIES[session.market]
    real, sources = _real(session, seen)
    return foreign or real, sources


_PROBES: Final[dict[str, Callable[[DemoSession, DemoSeen], _Said]]] = {
    "paper_only": _paper_only,
    "browser_only": _browser_only,
    "mock_backend": _mock_backend,
    "deterministic_data": _deterministic,
    "live_trading_enabled": _live,
    "broker_api_called": _outside(_BROKER, _NETWORK),
    "external_market_data_downloaded": _outside(_NETWORK, _FILES),
    "real_order_created": _outside(_ORDERS, _DATABASE, _NETWORK),
    "credentials_collected": _credentials,
    "production_trading_ready": _real,
    "investment_advice": _advice,
    "database_written": _outside(_DATABASE, _FILES),
    "performance_claim": _real,
}
_THIRTEEN: Final = tuple(_PROBES)
_TEN: Final = tuple(
    name
    for name in _PROBES
    if name not in {"browser_only", "database_written", "performance_claim"}
)
PROMISED: Final = frozenset({"paper_only", "browser_only", "mock_backend", "deterministic_data"})
"""Flags that are true where the demo keeps every promise; all others are false there."""
