"""What reconciliation found, and the lock that follows from it.

Job: the record of one comparison, its differences, and whether an account takes new orders.

Invariants
  I1  A difference names the row, what one record says and what the other holds.
  I2  An account stays locked until a person accepted every critical difference that locked it.
  I3  A difference that was accepted locks nothing again; another one does.
  I4  What a person signs names the log, the account, the run and every open difference by its
      digest: it unlocks nothing else.

Not here: comparing (desk.comparing), when and by whom (desk.account_reconciling).
Source: TX-I11 (reconciliation_loop); design of reconciliation.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from counterseal.desk.ports import Reader
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import (
    Document,
    DomainModel,
    Name,
    Refusal,
    Sha256,
    Signature,
    Text,
    refuse,
)
from counterseal.policy.words import Meaning

KIND: Final = "resolution"
_HEAD: Final[Mapping[str, Json]] = {
    "schema_version": 1,
    "kind": KIND,
    "act": "resolve_differences",
    "meaning": Meaning.RESOLVED_DIFFERENCES.value,
}
KEPT_MAX: Final = 1000
"""Most differences that one run keeps; the counts tell of all."""


class DifferenceKind(StrEnum):
    """What differs, and between which records."""

    MISSING_AT_GATEWAY = "MISSING_AT_GATEWAY"
    MISSING_HERE = "MISSING_HERE"
    REPORTS_LOST = "REPORTS_LOST"
    REPORT_MISSING_HERE = "REPORT_MISSING_HERE"
    CUM_DIFFERS = "CUM_DIFFERS"
    LEAVES_DIFFER = "LEAVES_DIFFER"
    STATE_DIFFERS = "STATE_DIFFERS"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    QUANTITY_DIFFERS = "QUANTITY_DIFFERS"
    PRICE_DIFFERS = "PRICE_DIFFERS"
    FILL_MISSING_AT_GATEWAY = "FILL_MISSING_AT_GATEWAY"
    FILL_MISSING_HERE = "FILL_MISSING_HERE"
    FILL_NOT_BOOKED = "FILL_NOT_BOOKED"
    FILL_OF_NO_ORDER = "FILL_OF_NO_ORDER"
    POSITION_DIFFERS = "POSITION_DIFFERS"
    CASH_DIFFERS = "CASH_DIFFERS"
    LOTS_DIFFER = "LOTS_DIFFER"
    LEDGER_DIFFERS = "LEDGER_DIFFERS"
    LOG_DIFFERS = "LOG_DIFFERS"


class Severity(StrEnum):
    """CRITICAL locks the account; a WARNING is looked at."""

    CRITICAL = "critical"
    WARNING = "warning"


class Discrepancy(DomainModel):
    """One difference.

    Attributes:
        account_id: Whose it is; None when it may be everybody's.
        order_id: The order that it is about, if one.
        subject: Key of the row that differs.
        expected, got: As told by the first record, and as the second holds it.
    """

    kind: DifferenceKind
    severity: Severity
    account_id: Name | None = None
    order_id: Name | None = None
    subject: str = Field(max_length=400)
    expected: str = Field(default="", max_length=400)
    got: str = Field(default="", max_length=400)

    @property
    def is_critical(self) -> bool:
        """Whether it locks."""
        return self.severity is Severity.CRITICAL


class ReconciliationRun(Document):
    """One comparison of gateway, orders, books and log.

    Attributes:
        gateway: Which one was compared; None without one.
        read_to: Number of the last report that everything up to was taken in.
        orders, reports, fills, accounts: How many were compared.
        differences: The first ones, in the order of the comparison; `critical` and `warnings`
            count all.
        findings: Digest over all differences: the same facts give the same one.
    """

    KIND: ClassVar[str] = "reconciliation_runs"
    KEY: ClassVar[str] = "run_id"

    run_id: Name
    gateway: Name | None = None
    read_to: int = Field(default=0, ge=0)
    orders: int = Field(ge=0)
    reports: int = Field(ge=0)
    fills: int = Field(ge=0)
    accounts: int = Field(ge=0)
    critical: int = Field(ge=0)
    warnings: int = Field(ge=0)
    differences: tuple[Discrepancy, ...] = Field(default=(), max_length=KEPT_MAX)
    findings: Sha256
    started_by: Name
    at: UtcDatetime


class ResolutionTerms(DomainModel):
    """What a person signs to accept what differs.

    Attributes:
        run_id: The run that locked the account last.
        differences: Digest over the digests of everything open, in the lock's order.
        person: Who accepts it.
        issued_at: When this was shown to them (UTC).
    """

    log_origin: Name
    account_id: Name
    run_id: Name
    differences: Sha256
    reason: Text
    person: Name
    issued_at: UtcDatetime


class AccountLock(Document):
    """Whether reconciliation keeps new orders from an account.

    Attributes:
        open: Digests of the critical differences that nobody accepted yet.
        orders: Orders that these differences name.
        accepted: Digests of differences that a person accepted.
        resolved_by, resolution, resolved_at: The newest decision; None while it is locked.
        terms, signature: What the person signed for it.
    """

    KIND: ClassVar[str] = "account_locks"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    locked: bool
    run_id: Name
    open: tuple[Sha256, ...] = ()
    orders: tuple[Name, ...] = ()
    accepted: tuple[Sha256, ...] = ()
    locked_at: UtcDatetime
    resolved_by: Name | None = None
    resolution: Text | None = None
    resolved_at: UtcDatetime | None = None
    terms: ResolutionTerms | None = None
    signature: Signature | None = None

    @property
    def differences(self) -> str:
        """Digest over everything open, as a person signs it."""
        return digest(list(self.open))


def resolution_statement(terms: ResolutionTerms) -> dict[str, Json]:
    """The statement that a person signs."""
    return {**_HEAD, **terms.json_value()}


def check_not_locked(reader: Reader, account_id: str) -> Refusal | None:
    """`TRADING_ACCOUNT_LOCKED` while a critical difference of the account waits for a person."""
    lock = reader.get(AccountLock, account_id)
    if lock is None or not lock.locked:
        return None
    return refuse(
        "TRADING_ACCOUNT_LOCKED",
        "reconciliation found a critical difference: a risk reviewer resolves it first",
        account_id=account_id,
        run=lock.run_id,
    )


def locked_by(
    lock: AccountLock | None,
    account_id: str,
    run_id: str,
    found: Iterable[Discrepancy],
    now: datetime,
) -> AccountLock | None:
    """The account's lock after a run at `now` (UTC) found these differences of it.

    Returns:
        The lock when something new keeps it locked; None when nothing changes.
    """
    accepted = () if lock is None else lock.accepted
    known = () if lock is None else lock.open
    fresh = {d.digest: d for d in found if d.is_critical and d.digest not in (*accepted, *known)}
    if not fresh:
        return None
    before = () if lock is None or not lock.locked else lock.orders
    named = {*before, *(d.order_id for d in fresh.values() if d.order_id is not None)}
    return AccountLock(
        account_id=account_id,
        locked=True,
        run_id=run_id,
        open=tuple(sorted({*known, *fresh})),
        orders=tuple(sorted(named)),
        accepted=accepted,
        locked_at=now if lock is None or not lock.locked else lock.locked_at,
    )


def unlocked(
    lock: AccountLock, terms: ResolutionTerms, signature: Signature, now: datetime
) -> AccountLock:
    """The lock after a person accepted everything open by these signed terms at `now` (UTC)."""
    return lock.amended(
        locked=False,
        open=(),
        orders=(),
        accepted=tuple(sorted({*lock.accepted, *lock.open})),
        resolved_by=terms.person,
        resolution=terms.reason,
        resolved_at=now,
        terms=terms,
        signature=signature,
    )
