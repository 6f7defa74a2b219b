"""Messages to a gateway: leases, attempts, dead letters.

Job: decide who may hand a message over, when it is tried again, and when somebody must look. Pure.

Invariants
  I1  While a lease lasts nobody else claims its message; only its owner says what came of it.
  I2  Every attempt goes out under one ClOrdID.
  I3  After the last attempt a message is a dead letter, and it stays one until somebody replays it.
  I4  The wait before an attempt doubles up to a cap; its jitter follows from message and attempt.

Not here: calling a gateway (desk.delivery), the life of a message (oms.decide), the path without a
worker (desk.booking).
Source: TX-I6; trading reference 3.3 rule 9.
"""

from datetime import datetime, timedelta
from typing import Final

from pydantic import Field

from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.oms.decide import OutboxEvent, apply_outbox
from counterseal.oms.model import Order, OutboxEntry, OutboxStatus

LAPSED: Final = "the lease lapsed without a word"


class RetryRules(DomainModel):
    """How a message is tried; spans in seconds, the wait in milliseconds.

    Attributes:
        attempts_max: Claims before a message is a dead letter.
        wait_ms, wait_ms_max: Before the second attempt, and the longest.
        jitter_percent: How much longer a wait may be, in percent of itself.
    """

    lease_seconds: int = Field(default=30, ge=1, le=3600)
    attempts_max: int = Field(default=5, ge=1, le=100)
    wait_ms: int = Field(default=1000, ge=1, le=3_600_000)
    wait_ms_max: int = Field(default=60_000, ge=1, le=3_600_000)
    jitter_percent: int = Field(default=20, ge=0, le=100)


RULES: Final = RetryRules()
"""What the platform's worker goes by."""


def message(order: Order, action: str, cl_ord_id: str, at: datetime) -> OutboxEntry:
    """A pending message about an order, available at once (UTC); one for each ClOrdID."""
    return OutboxEntry(
        outbox_id=f"{cl_ord_id}:outbox",
        workflow_run_id=order.workflow_run_id,
        order_id=order.order_id,
        idempotency_key=order.idempotency_key,
        action=action,
        cl_ord_id=cl_ord_id,
        status=OutboxStatus.PENDING,
        attempts=0,
        created_at=at,
        available_at=at,
    )


def wait_before(outbox_id: str, attempt: int, rules: RetryRules = RULES) -> timedelta:
    """The wait before an attempt, 2 for the second: doubling, capped, with its own fixed jitter."""
    whole = min(rules.wait_ms << min(attempt - 2, 40), rules.wait_ms_max) if attempt > 1 else 0
    spread = whole * rules.jitter_percent // 100
    drawn = int(sha256_hex(f"{outbox_id}:{attempt}".encode())[:8], 16) % (spread + 1)
    return timedelta(milliseconds=whole + drawn)


def is_claimable(entry: OutboxEntry, now: datetime) -> bool:
    """Whether somebody may claim the message at `now` (UTC): it waits, or its lease has lapsed."""
    if entry.status is OutboxStatus.PROCESSING:
        return entry.lease_until is not None and entry.lease_until <= now
    return entry.status is OutboxStatus.PENDING and entry.available_at <= now


def claim(
    entry: OutboxEntry, owner: str, now: datetime, rules: RetryRules = RULES
) -> OutboxEntry | Refusal:
    """The message under the owner's lease from `now` (UTC) on, one attempt more.

    A message whose lease lapsed after the last attempt fails instead: it is a dead letter.

    Returns:
        The message, PROCESSING or FAILED, or `OUTBOX_NOT_DUE`.
    """
    if not is_claimable(entry, now):
        return refuse("OUTBOX_NOT_DUE", "the message is not to be claimed", status=entry.status)
    lapsed = entry.status is OutboxStatus.PROCESSING
    if lapsed and entry.attempts >= rules.attempts_max:
        failed = apply_outbox(entry, OutboxEvent.FAIL, now, error=LAPSED)
        return failed.amended(lease_owner=None, lease_until=None)
    claimed = apply_outbox(entry, OutboxEvent.CLAIM, now, error=entry.last_error)
    return claimed.amended(
        lease_owner=owner,
        lease_until=now + timedelta(seconds=rules.lease_seconds),
        maybe_sent=entry.maybe_sent or lapsed,
        cl_ord_id=entry.cl_ord_id or entry.order_id,
    )


def complete(entry: OutboxEntry, owner: str, attempt: int, now: datetime) -> OutboxEntry | Refusal:
    """The message as handed over at `now` (UTC), or `OUTBOX_LEASE_LOST`."""
    lost = _lost(entry, owner, attempt)
    if lost is not None:
        return lost
    done = apply_outbox(entry, OutboxEvent.COMPLETE, now)
    return done.amended(lease_owner=None, lease_until=None, maybe_sent=True)


def fail(
    entry: OutboxEntry,
    owner: str,
    attempt: int,
    now: datetime,
    *,
    error: str,
    retriable: bool,
    rules: RetryRules = RULES,
) -> OutboxEntry | Refusal:
    """The message after an attempt that failed: PENDING with a wait, or FAILED as a dead letter.

    Args:
        entry: The message as it lies.
        owner: Who claimed it.
        attempt: The number of the attempt that failed.
        now: UTC instant.
        error: What the gateway's side said.
        retriable: Whether the same call may succeed later.
        rules: Attempts and waits.

    Returns:
        The message, which may have been sent, or `OUTBOX_LEASE_LOST`.
    """
    lost = _lost(entry, owner, attempt)
    if lost is not None:
        return lost
    again = retriable and entry.attempts < rules.attempts_max
    event = OutboxEvent.DEFER if again else OutboxEvent.FAIL
    after = apply_outbox(entry, event, now, error=error[:2000])
    due = now + wait_before(entry.outbox_id, entry.attempts + 1, rules)
    return after.amended(
        lease_owner=None,
        lease_until=None,
        maybe_sent=True,
        available_at=due if again else after.available_at,
    )


def replay(entry: OutboxEntry, now: datetime) -> OutboxEntry | Refusal:
    """A dead letter to be tried again at once, under its own ClOrdID, with its attempts anew.

    Returns:
        The message, or `NOT_A_DEAD_LETTER`.
    """
    if entry.status is not OutboxStatus.FAILED:
        return refuse("NOT_A_DEAD_LETTER", "only a failed message is replayed", status=entry.status)
    return apply_outbox(entry, OutboxEvent.RETRY, now, error=entry.last_error).amended(attempts=0)


def expired(entry: OutboxEntry, now: datetime) -> OutboxEntry:
    """The message of an order that has ended, given up at `now` (UTC).

    Raises:
        TransitionError: when it was handed over or given up before.
    """
    gone = apply_outbox(entry, OutboxEvent.EXPIRE, now, error=entry.last_error)
    return gone.amended(lease_owner=None, lease_until=None)


def _lost(entry: OutboxEntry, owner: str, attempt: int) -> Refusal | None:
    own = (entry.lease_owner, entry.attempts) == (owner, attempt)
    if own and entry.status is OutboxStatus.PROCESSING:
        return None
    return refuse("OUTBOX_LEASE_LOST", "another attempt has the message", owner=owner)
