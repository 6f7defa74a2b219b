"""Leases, attempts and dead letters of messages."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.model import Refusal
from counterseal.oms.decide import open_outbox
from counterseal.oms.model import SUBMIT_ACTION, OutboxEntry, OutboxStatus
from counterseal.oms.outbox import (
    RetryRules,
    claim,
    complete,
    expired,
    fail,
    is_claimable,
    message,
    replay,
    wait_before,
)
from tests.core.oms.test_orders import NOW, order

RULES = RetryRules(lease_seconds=30, attempts_max=3)
LEASE = timedelta(seconds=30)


def claimed(entry: OutboxEntry | None = None, owner: str = "w1") -> OutboxEntry:
    done = claim(entry or open_outbox(order(), NOW), owner, NOW, RULES)
    assert isinstance(done, OutboxEntry)
    return done


def failed(entry: OutboxEntry, *, retriable: bool = True) -> OutboxEntry:
    done = fail(
        entry,
        str(entry.lease_owner),
        entry.attempts,
        NOW,
        error="no answer",
        retriable=retriable,
        rules=RULES,
    )
    assert isinstance(done, OutboxEntry)
    return done


def test_a_message_of_an_ended_order_is_given_up() -> None:
    """TX-I6: waiting, under a lapsed lease or dead; never sent again."""
    for entry in (open_outbox(order(), NOW), claimed(), failed(claimed(), retriable=False)):
        gone = expired(entry, NOW)
        assert (gone.status, gone.lease_owner) == (OutboxStatus.EXPIRED, None)
        assert not is_claimable(gone, NOW + timedelta(days=1))


def code(outcome: object) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def test_i1_a_lease_keeps_others_away_until_it_lapses() -> None:
    """TX-I6: 30 seconds, half-open; a taken-over message may have been sent."""
    held = claimed()
    before, after = NOW + LEASE - timedelta(microseconds=1), NOW + LEASE

    assert code(claim(held, "w2", before, RULES)) == "OUTBOX_NOT_DUE"
    taken = claim(held, "w2", after, RULES)
    assert isinstance(taken, OutboxEntry)
    assert (taken.lease_owner, taken.attempts, taken.maybe_sent) == ("w2", 2, True)
    assert code(complete(taken, "w1", 1, after)) == "OUTBOX_LEASE_LOST"
    late = fail(taken, "w1", 1, after, error="x", retriable=True, rules=RULES)
    assert code(late) == "OUTBOX_LEASE_LOST"
    done = complete(taken, "w2", 2, after)
    assert isinstance(done, OutboxEntry)
    assert done.status is OutboxStatus.COMPLETED
    assert not is_claimable(done, after + timedelta(days=1))


def test_i2_every_attempt_goes_out_under_one_client_id() -> None:
    """Trading reference 3.3 rule 9."""
    entry = claimed()
    own = message(order(), SUBMIT_ACTION, "c2", NOW)

    assert entry.cl_ord_id == claimed(replayed(entry)).cl_ord_id == "ord_1"
    assert claimed(own).cl_ord_id == "c2"


def replayed(entry: OutboxEntry) -> OutboxEntry:
    again = replay(failed(entry, retriable=False), NOW)
    assert isinstance(again, OutboxEntry)
    return again


def test_i3_after_the_last_attempt_a_message_is_a_dead_letter() -> None:
    """TX-I6: it stays failed until somebody replays it, with its attempts anew."""
    entry = open_outbox(order(), NOW)
    for attempt in (1, 2, 3):
        entry = failed(claimed(entry.amended(available_at=NOW)))
        assert (entry.status is OutboxStatus.FAILED) is (attempt == 3)
        assert entry.maybe_sent

    assert not is_claimable(entry, NOW + timedelta(days=1))
    again = replay(entry, NOW)
    assert isinstance(again, OutboxEntry)
    assert (again.status, again.attempts) == (OutboxStatus.PENDING, 0)
    assert code(replay(again, NOW)) == "NOT_A_DEAD_LETTER"


def test_i3_a_lease_that_lapses_after_the_last_attempt_is_a_dead_letter() -> None:
    """TX-I6: a worker that dies each time does not keep a message for ever."""
    entry, now = claimed(), NOW
    for _ in range(2):
        now += LEASE
        taken = claim(entry, "w2", now, RULES)
        assert isinstance(taken, OutboxEntry)
        entry = taken
    dead = claim(entry, "w3", now + LEASE, RULES)

    assert isinstance(dead, OutboxEntry)
    assert (dead.status, dead.lease_owner) == (OutboxStatus.FAILED, None)
    assert dead.maybe_sent


def test_i3_what_cannot_succeed_later_is_a_dead_letter_at_once() -> None:
    """TX-I6: not retriable."""
    assert failed(claimed(), retriable=False).status is OutboxStatus.FAILED


@settings(max_examples=100)
@given(st.text("abc", min_size=1, max_size=5), st.integers(2, 60))
def test_i4_the_wait_doubles_up_to_its_cap_and_repeats(name: str, attempt: int) -> None:
    """Exponential backoff: at most a fifth of jitter, the same for the same attempt."""
    rules = RetryRules(wait_ms=1000, wait_ms_max=60_000, jitter_percent=20)
    whole = min(1000 * 2 ** (attempt - 2), 60_000)
    wait = wait_before(name, attempt, rules)

    assert wait == wait_before(name, attempt, rules)
    assert timedelta(milliseconds=whole) <= wait <= timedelta(milliseconds=whole * 12 // 10)
    assert wait_before(name, 1, rules) == timedelta(0)


@pytest.mark.parametrize("attempts", [1, 2])
def test_i4_a_deferred_message_waits(attempts: int) -> None:
    """TX-I6: `available_at`."""
    entry = failed(claimed().amended(attempts=attempts))

    assert not is_claimable(entry, NOW)
    assert is_claimable(entry, entry.available_at)
    assert entry.available_at == NOW + wait_before(entry.outbox_id, attempts + 1, RULES)
