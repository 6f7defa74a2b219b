"""What a home comes to in numbers, counted where it lies.

Job: count drafts, requests, messages, orders, locks, switches and statements by queries, and tell
the ages of what should be fresh.

Invariants
  I1  No document is loaded that can be counted; what is read in full is few by its nature.
  I2  A gauge's labels are members of closed lists: no id, no name, no symbol.

Not here: their text (gauge_text), what of it makes a house unfit for work (readiness.running).
Source: issue "Always on", point 4.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from counterseal.approvals.model import UNDER_REVIEW, ApprovalRequest, RequestStatus
from counterseal.audit.drafts import read_draft
from counterseal.desk.batches import Batch, BatchStatus
from counterseal.desk.discrepancies import AccountLock
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document
from counterseal.oms.model import WAITING, Order, OutboxEntry, OutboxStatus
from counterseal.oms.states import OrderState
from counterseal.risk.model import RiskState
from counterseal.risk.switches import RiskScope, RiskSwitch
from storage.attesting import folder_of, newest_stamp_age
from storage.settings import Settings
from storage.tables import table

_OPEN: Final = tuple(sorted(status.value for status in UNDER_REVIEW))


class Gauge(NamedTuple):
    """One family of numbers.

    Attributes:
        name: Behind `counterseal_`, with its unit.
        told: What it is, in a sentence.
        values: By the value of the one label; under the empty text where there is none.
        label: Its name; empty for none.
        counts: Whether it only grows, for as long as who counts it lives.
    """

    name: str
    told: str
    values: Mapping[str, float]
    label: str = ""
    counts: bool = False


class LogEnd(NamedTuple):
    """The end of a log.

    Attributes:
        size, sealed: Records, and those under the newest checkpoint.
        newest_at, sealed_at: When the newest of them was recorded (UTC); None without any.
        waiting: Drafts that no stored checkpoint covers.
        waits_since: When the oldest of them came about (UTC); None without any.
    """

    size: int
    sealed: int
    newest_at: datetime | None
    sealed_at: datetime | None
    waiting: int
    waits_since: datetime | None


def log_end(work: Connection) -> LogEnd:
    """The end of a home's log; few rows are read, however long it is."""
    size = int(work.execute(select(table("audit_head").c.size)).scalar_one_or_none() or 0)
    checkpoint = select(func.max(table("audit_checkpoints").c.size))
    sealed = int(work.execute(checkpoint).scalar_one_or_none() or 0)
    outbox = table("audit_outbox").c
    waiting = int(
        work.execute(select(func.count()).select_from(table("audit_outbox"))).scalar_one()
    )
    oldest = select(outbox.draft).order_by(outbox.position).limit(1)
    draft = work.execute(oldest).scalar_one_or_none()
    return LogEnd(
        size=size,
        sealed=sealed,
        newest_at=_recorded_at(work, size - 1),
        sealed_at=_recorded_at(work, sealed - 1),
        waiting=waiting,
        waits_since=None if draft is None else _came_about(draft),
    )


def _recorded_at(work: Connection, seq: int) -> datetime | None:
    cells = table("audit_records").c
    told = work.execute(select(cells.recorded_at).where(cells.seq == seq)).scalar_one_or_none()
    return None if told is None else parse_utc(told)


def _came_about(draft: bytes) -> datetime | None:
    """When a draft came about; None for bytes that no sequencer will place."""
    try:
        return parse_utc(read_draft(draft).occurred_at)
    except (InputError, ValueError):
        return None


def home_gauges(work: Connection, now: datetime) -> Iterator[Gauge]:
    """Everything that is counted in a home's database, as of one moment."""
    yield from _of_log(log_end(work), now)
    yield from _of_requests(work, now)
    yield from _of_orders(work, now)
    locked = _counted(work, AccountLock, _cell(AccountLock, "locked") == 1)
    yield Gauge("accounts_locked", "Accounts that reconciliation keeps orders from.", {"": locked})
    killed = {
        scope.value: _counted(
            work,
            RiskSwitch,
            _cell(RiskSwitch, "kill_switch_active") == 1,
            _cell(RiskSwitch, "scope") == scope.value,
        )
        for scope in RiskScope
    }
    own = _counted(work, RiskState, _cell(RiskState, "kill_switch_active") == 1)
    killed[RiskScope.ACCOUNT.value] += own
    yield Gauge("kill_switches", "Kill switches that are on.", killed, "scope")


def outside_gauges(settings: Settings, now: datetime) -> Iterator[Gauge]:
    """How fresh is what those outside gave; nothing without a folder of outside evidence."""
    if settings.counterseal_outside is None:
        return
    folder = folder_of(settings)
    stamp = newest_stamp_age(folder, now)
    if stamp is not None:
        told = "Age of the newest time-stamp, by its file."
        yield Gauge("time_stamp_age_seconds", told, {"": stamp.total_seconds()})
    newest = _newest_file(folder.cosigned)
    if newest is not None:
        told = "Age of the newest cosignature of a witness, by its file."
        yield Gauge("cosignature_age_seconds", told, {"": now.timestamp() - newest})


def _newest_file(folder: Path) -> float | None:
    return max((path.stat().st_mtime for path in folder.glob("*.note")), default=None)


def _of_log(end: LogEnd, now: datetime) -> Iterator[Gauge]:
    yield Gauge("log_records", "Records of the log.", {"": end.size})
    yield Gauge("log_sealed_records", "Records under the newest checkpoint.", {"": end.sealed})
    yield Gauge("drafts_waiting", "Drafts that no checkpoint covers yet.", {"": end.waiting})
    yield from _age("checkpoint", "the newest record under a checkpoint", end.sealed_at, now)
    yield from _age("record", "the newest record", end.newest_at, now)
    yield from _age("oldest_draft", "the oldest draft that waits", end.waits_since, now)


def _of_requests(work: Connection, now: datetime) -> Iterator[Gauge]:
    status = _cell(ApprovalRequest, "status")
    found = _by(work, ApprovalRequest, "status", RequestStatus)
    yield Gauge("requests", "Approval requests by where they stand.", found, "status")
    late = _counted(
        work,
        ApprovalRequest,
        status.in_(_OPEN),
        _cell(ApprovalRequest, "escalated_at").is_not(None)
        | (_cell(ApprovalRequest, "review_expires_at") <= utc_text(now)),
    )
    told = "Requests under review that escalated, or whose time is over."
    yield Gauge("requests_late", told, {"": late})
    approved = status == RequestStatus.APPROVED_FOR_PAPER.value
    since = _least(work, ApprovalRequest, "last_approval_at", approved)
    yield from _age("oldest_approved", "the oldest approval that nobody used yet", since, now)
    claimed = _counted(work, Batch, _cell(Batch, "status") == BatchStatus.CLAIMED.value)
    yield Gauge("batches_claimed", "Batches that an attempt works through.", {"": claimed})


def _of_orders(work: Connection, now: datetime) -> Iterator[Gauge]:
    messages = _by(work, OutboxEntry, "status", OutboxStatus)
    yield Gauge(
        "messages", "Messages to the paper gateway by where they stand.", messages, "status"
    )
    dead = messages[OutboxStatus.FAILED.value]
    yield Gauge("messages_dead", "Messages that were given up.", {"": dead})
    since = _least(work, OutboxEntry, "created_at", _cell(OutboxEntry, "status").in_(WAITING))
    yield from _age("oldest_message", "the oldest message that waits", since, now)
    orders = _by(work, Order, "state", OrderState)
    yield Gauge("orders", "Simulated orders by their state.", orders, "state")
    unknown = orders[OrderState.UNKNOWN_NEEDS_RECONCILIATION.value]
    yield Gauge("orders_unknown", "Orders of which nobody knows what became.", {"": unknown})


def _age(name: str, what: str, since: datetime | None, now: datetime) -> Iterator[Gauge]:
    if since is not None:
        age = (now - since).total_seconds()
        yield Gauge(f"{name}_age_seconds", f"Age of {what}.", {"": age})


def _cell(kind: type[Document], name: str) -> ColumnElement[object]:
    return table(kind.KIND).c[name]


def _by(
    work: Connection, kind: type[Document], name: str, members: Iterable[StrEnum]
) -> dict[str, float]:
    """How many documents have each member of a list; a word of another list counts nowhere."""
    cell = _cell(kind, name)
    found = {row[0]: row[1] for row in work.execute(select(cell, func.count()).group_by(cell))}
    return {one.value: found.get(one.value, 0) for one in members}


def _counted(work: Connection, kind: type[Document], *asked: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(table(kind.KIND)).where(*asked)
    return int(work.execute(query).scalar_one())


def _least(
    work: Connection, kind: type[Document], name: str, *asked: ColumnElement[bool]
) -> datetime | None:
    """The earliest time of a column among some documents (UTC); None without any."""
    query = select(func.min(_cell(kind, name))).where(*asked)
    told = work.execute(query).scalar_one_or_none()
    return None if told is None else parse_utc(told)
