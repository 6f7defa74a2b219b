"""Safety flags of an evidence document, computed from what it holds and where it is made.

Job: ten flags that follow from documents, settings, parts and the store; and the refusal of a
document in which one of them is not safe.

Invariants
  I1  No flag is a constant: each follows from a probe, from the store, or from what is told.
  I2  What could not be looked at counts as unsafe.

Not here: the documents (views.evidence_documents), files that somebody was given
(views.evidence_files), probes (readiness).
Source: TX-M1 to TX-M4, TX-M7; TX-L8.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from counterseal.desk.views.evidence_files import ALSO_FALSE
from counterseal.desk.views.marks import unsafe_flags
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.readiness.flags import PROBE_OF
from counterseal.readiness.model import Observation, PartsSeen, SettingsSeen

_PAPER: Final = "paper"
"""How the name of every gateway begins that is none of a market's."""

T = TypeVar("T", bound=DomainModel)


class Surroundings(DomainModel):
    """Where a document is made.

    Attributes:
        settings: In force, as told.
        parts: What this installation consists of.
        backend: What keeps the home, such as `sqlite`; `none` where no home is read.
        local_only: Nothing is kept on another machine.
        database: Where the home lies, as it was told; empty where no home is read.
    """

    settings: SettingsSeen
    parts: PartsSeen
    backend: Name
    local_only: bool
    database: str


class SafetyFlags(DomainModel):
    """What a document says of itself.

    Attributes:
        paper_broker_gateway_called: An order of it was handed to the paper broker.
        local_sqlite_only: It comes from a SQLite file on this machine alone.
        external_db_written: What it tells of lies in a store elsewhere.
    """

    paper_only: bool
    live_trading_enabled: bool
    broker_api_called: bool
    paper_broker_gateway_called: bool
    local_sqlite_only: bool
    external_db_written: bool
    broker_credentials_collected: bool
    real_order_created: bool
    approval_for_live: bool
    investment_advice: bool


class Handed(NamedTuple):
    """Where orders of a document went.

    Attributes:
        called: Whether any of them was handed over.
        gateways: Names of what they were handed to.
    """

    called: bool = False
    gateways: tuple[str, ...] = ()


NOT_HANDED: Final = Handed()
"""No order was handed to anything."""


def safety_flags(
    told: Iterable[Json], seen: Surroundings, now: datetime, handed: Handed = NOT_HANDED
) -> SafetyFlags:
    """The flags of a document that tells these parts and is made at `now` (UTC)."""
    names = {path.rpartition(".")[2] for path in unsafe_flags([*told], also_false=ALSO_FALSE)}
    real = any(not name.startswith(_PAPER) for name in handed.gateways)
    elsewhere = not seen.local_only
    return SafetyFlags(
        paper_only=_probed("paper_only", seen, now) is True and not names and not real,
        live_trading_enabled=_bad("live_trading_enabled", names, seen, now),
        broker_api_called=real or "broker_api_called" in names,
        paper_broker_gateway_called=handed.called,
        local_sqlite_only=seen.backend == "sqlite" and not elsewhere,
        external_db_written=elsewhere,
        broker_credentials_collected=_bad("broker_credentials_collected", names, seen, now),
        real_order_created=real or "real_order_created" in names,
        approval_for_live="approval_for_live" in names,
        investment_advice=_bad("investment_advice", names, seen, now),
    )


def _probed(name: str, seen: Surroundings, now: datetime) -> bool | None:
    return PROBE_OF[name].look(Observation(at=now, settings=seen.settings, parts=seen.parts)).value


def _bad(name: str, names: set[str], seen: Surroundings, now: datetime) -> bool:
    """Whether something told says so, or the probe does not say no."""
    return name in names or _probed(name, seen, now) is not False


def when_safe(document: T) -> T | Refusal:
    """The document, or `EVIDENCE_FLAGS_UNSAFE` with the path of the first flag that is not safe."""
    bad = unsafe_flags(document.json_value(), also_false=ALSO_FALSE)
    if not bad:
        return document
    return refuse(
        "EVIDENCE_FLAGS_UNSAFE", "what the evidence tells of does not say paper", path=bad[0]
    )
