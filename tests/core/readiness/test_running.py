"""Whether a house is at work: nothing is in order that was not seen. Issue "Always on", point 4."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from counterseal.readiness.running import (
    CLOCKS_APART,
    DISK_FREE_MIN,
    DONE,
    GRACE,
    OK,
    LogRunning,
    LoopSeen,
    Need,
    RoundSeen,
    Running,
    RunningSeen,
    Timeliness,
    VerifiedSeen,
    decide_running,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PERIOD = 60
ROUND = RoundSeen(
    name="sweep", period_seconds=PERIOD, made=3, began_at=NOW, ended_at=NOW, outcome=DONE
)
LOOP = LoopSeen(since=NOW - timedelta(hours=1), rounds=(ROUND,))
LOG = LogRunning(
    size=9, sealed=9, waiting=0, oldest_waiting_seconds=None, newest_seconds=5, stale_seconds=180
)
WHOLE = RunningSeen(
    at=NOW,
    log=LOG,
    verified=VerifiedSeen(code=OK, size=9),
    signer_size=9,
    disk_free=DISK_FREE_MIN,
    loop=LOOP,
)


def code(told: Running, need: Need) -> str:
    [check] = [one for one in told.checks if one.need is need]
    return check.code


def begun(ago: timedelta, outcome: str = DONE) -> LoopSeen:
    at = NOW - ago
    return LoopSeen(since=at, rounds=(ROUND.amended(began_at=at, ended_at=at, outcome=outcome),))


def test_a_house_of_which_everything_holds_is_ready() -> None:
    told = decide_running(WHOLE)
    assert told.ready
    assert [check.need for check in told.checks] == [*Need]
    assert {check.code for check in told.checks} == {OK}


@given(
    st.sets(st.sampled_from(["log", "verified", "signer_size", "disk_free", "loop"]), min_size=1)
)
def test_i1_whatever_was_not_seen_is_not_in_order(hidden: set[str]) -> None:
    told = decide_running(WHOLE.amended(**dict.fromkeys(hidden)))
    assert not told.ready
    assert OK not in {check.code for check in told.checks if not check.ok}
    assert not decide_running(RunningSeen(at=NOW)).ready
    assert not any(check.ok for check in decide_running(RunningSeen(at=NOW)).checks)


def test_a_home_that_cannot_be_read_is_told_by_its_code_everywhere() -> None:
    told = decide_running(RunningSeen(at=NOW, home_problem="DATABASE_MISSING", loop=LOOP))
    for need in (Need.HOME, Need.SIGNER, Need.LOG, Need.SEALING, Need.HEARTBEAT):
        assert code(told, need) == "DATABASE_MISSING"
    assert code(told, Need.LOOP) == OK


def test_a_signer_that_signed_more_than_the_log_holds_tells_a_rollback() -> None:
    ahead = decide_running(WHOLE.amended(signer_size=10))
    assert (code(ahead, Need.SIGNER), ahead.ready) == ("ROLLBACK", False)
    behind = decide_running(WHOLE.amended(signer_size=8))
    assert code(behind, Need.SIGNER) == OK, "what is under way is signed in a moment"
    away = decide_running(WHOLE.amended(signer_size=None, signer_problem="SIGNER_UNREACHABLE"))
    assert code(away, Need.SIGNER) == "SIGNER_UNREACHABLE"


@given(st.integers(min_value=0, max_value=400))
def test_drafts_and_silence_count_from_three_heartbeats_on(age: int) -> None:
    """Audit log: nobody waits longer than 3T for a seal, and no log is silent for so long."""
    waiting = LOG.amended(waiting=2, oldest_waiting_seconds=age)
    told = decide_running(WHOLE.amended(log=waiting))
    assert code(told, Need.SEALING) == (OK if age < 180 else "UNSEALED_TOO_LONG")
    told = decide_running(WHOLE.amended(log=LOG.amended(newest_seconds=age)))
    assert code(told, Need.HEARTBEAT) == (OK if age < 180 else "LOG_SILENT")


def test_the_verdict_of_the_verifier_is_handed_on() -> None:
    for found in ("LOG_TAMPERED", "LOG_NOT_VERIFIED"):
        told = decide_running(WHOLE.amended(verified=VerifiedSeen(code=found, size=9, findings=1)))
        assert (code(told, Need.LOG), told.ready) == (found, False)


def test_a_disk_is_low_before_it_is_full() -> None:
    told = decide_running(WHOLE.amended(disk_free=DISK_FREE_MIN - 1))
    assert (code(told, Need.DISK), told.ready) == ("DISK_LOW", False)


@given(st.integers(min_value=-400, max_value=400))
def test_a_round_is_late_behind_two_periods_and_never_green_from_another_clock(age: int) -> None:
    """Issue point 4: a stale loop is told as such; so is one whose clock is ahead of ours."""
    ago = timedelta(seconds=age)
    bar = timedelta(seconds=2 * PERIOD) + GRACE
    late = ago > bar or ago < -CLOCKS_APART
    loop = begun(ago)
    assert (loop.standing(loop.rounds[0], NOW) is Timeliness.LATE) is late
    told = decide_running(WHOLE.amended(loop=loop))
    assert code(told, Need.LOOP) == ("LOOP_LATE" if late else OK)


def test_a_round_that_failed_is_named_and_holds_up_nothing() -> None:
    """A witness that is away keeps nobody from work."""
    loop = begun(timedelta(seconds=5), "EVIDENCE_FAILED")
    assert loop.standing(loop.rounds[0], NOW) is Timeliness.FAILED
    told = decide_running(WHOLE.amended(loop=loop))
    [check] = [one for one in told.checks if one.need is Need.LOOP]
    assert told.ready
    assert "sweep EVIDENCE_FAILED" in check.told


def test_a_loop_that_only_began_has_time_for_its_first_rounds() -> None:
    fresh = ROUND.amended(made=0, began_at=None, ended_at=None, outcome=None)
    young = LoopSeen(since=NOW, rounds=(fresh,))
    assert young.standing(fresh, NOW) is Timeliness.NOT_YET
    assert fresh.due_at is None
    old = LoopSeen(since=NOW - timedelta(minutes=10), rounds=(fresh,))
    assert old.standing(fresh, NOW) is Timeliness.LATE


def test_a_loop_without_rounds_is_no_loop() -> None:
    told = decide_running(WHOLE.amended(loop=LoopSeen(since=NOW, rounds=())))
    assert (code(told, Need.LOOP), told.ready) == ("LOOP_LATE", False)


def test_the_next_round_is_due_a_period_behind_the_last_ones_beginning() -> None:
    assert ROUND.due_at == NOW + timedelta(seconds=PERIOD)
