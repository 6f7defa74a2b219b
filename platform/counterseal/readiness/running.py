"""Whether a house is at work now: what it needs, and what of that was seen.

Job: the observation of a running house, and the checks that follow from it.

Invariants
  I1  What was not seen is not in order: only what was looked at and holds is.
  I2  A check names a stable code and counts; no name, price, key or place stands in it.

Not here: gathering (storage.running), flags and boundaries (readiness.decide), showing (ui).
Source: issue "Always on", point 4; audit-log, heartbeats; workflow part 5 (resident loop).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Text

OK: Final = "OK"
DONE: Final = "done"
PERIODS_FORGIVEN: Final = 2
GRACE: Final = timedelta(seconds=60)
"""A round may last, and one of its thread may last before it."""

CLOCKS_APART: Final = timedelta(seconds=60)
"""What is further in the future than this was told by another clock."""

DISK_FREE_MIN: Final = 256 * 1024 * 1024
"""Bytes; below it a write may fail soon."""


class Need(StrEnum):
    """What a house at work needs."""

    HOME = "home"
    SIGNER = "signer"
    LOG = "log"
    SEALING = "sealing"
    HEARTBEAT = "heartbeat"
    DISK = "disk"
    LOOP = "loop"


class Timeliness(StrEnum):
    """How a round of the loop stands against its period."""

    ON_TIME = "on_time"
    FAILED = "failed"
    LATE = "late"
    NOT_YET = "not_yet"


class RoundSeen(DomainModel):
    """One kind of round of the resident loop, since the loop began.

    Attributes:
        period_seconds: After which it comes again at the latest.
        made, failed: How many were made, and how many of them failed.
        milliseconds: What all of them took together.
        began_at, ended_at: Of the newest (UTC); None before the first.
        outcome: Of the newest: `done`, or the code of its error; None before the first.
        done_at: When one ended well last (UTC); None before that.
    """

    name: Name
    period_seconds: int = Field(ge=1)
    made: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    milliseconds: int = Field(default=0, ge=0)
    began_at: UtcDatetime | None = None
    ended_at: UtcDatetime | None = None
    outcome: Name | None = None
    done_at: UtcDatetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """When it comes next at the latest (UTC); None before the first one: at once."""
        if self.began_at is None:
            return None
        return self.began_at + timedelta(seconds=self.period_seconds)


class LoopSeen(DomainModel):
    """The resident loop as it told of itself last; `since` is when it began to lead (UTC)."""

    since: UtcDatetime
    rounds: tuple[RoundSeen, ...]

    def standing(self, one: RoundSeen, now: datetime) -> Timeliness:
        """How a round of this loop stands at `now` (UTC)."""
        last = one.began_at or self.since
        late = PERIODS_FORGIVEN * timedelta(seconds=one.period_seconds) + GRACE
        if now - last > late or last - now > CLOCKS_APART:
            return Timeliness.LATE
        if one.outcome is None:
            return Timeliness.NOT_YET
        return Timeliness.ON_TIME if one.outcome == DONE else Timeliness.FAILED


class LogRunning(DomainModel):
    """The end of a log.

    Attributes:
        size: Records; `sealed` of them lie under the newest checkpoint.
        waiting: Drafts that no stored checkpoint covers yet.
        oldest_waiting_seconds: Age of the oldest of them; None without any.
        newest_seconds: Age of the newest record; None for an empty log.
        stale_seconds: The policy's: so many seconds without a record make a log stale.
    """

    size: int = Field(ge=0)
    sealed: int = Field(ge=0)
    waiting: int = Field(ge=0)
    oldest_waiting_seconds: int | None
    newest_seconds: int | None
    stale_seconds: int = Field(ge=1)


class VerifiedSeen(DomainModel):
    """A verification of the log, onward from the one before.

    Attributes:
        code: `OK`; else why the log counts as not verified.
        size: Records that were covered.
        findings: Contradictions that the verifier met.
    """

    code: Name
    size: int = Field(ge=0)
    findings: int = Field(default=0, ge=0)


class RunningSeen(DomainModel):
    """Everything seen of a house at `at` (UTC).

    Attributes:
        home_problem: Code of the reason why no home was read; empty when one was.
        log, verified: None when no home was read.
        signer_size: Size that the signer signed last; None when it cannot be asked, for the
            reason `signer_problem`.
        disk_free: Bytes that are left where it is narrowest; None when nobody can tell.
        loop: None when no loop told anything, for the reason `loop_problem`.
    """

    at: UtcDatetime
    home_problem: str = ""
    log: LogRunning | None = None
    verified: VerifiedSeen | None = None
    signer_size: int | None = Field(default=None, ge=0)
    signer_problem: str = ""
    disk_free: int | None = Field(default=None, ge=0)
    loop: LoopSeen | None = None
    loop_problem: str = ""


class RunningCheck(DomainModel):
    """One need and whether it is met; `code` is `OK` or the reason."""

    need: Need
    ok: bool
    code: Name
    told: Text


class Running(DomainModel):
    """Whether a house is ready for work, check by check.

    Attributes:
        ready: Whether every check is in order.
        loop: What the loop told of its rounds; None when there is nothing to tell.
    """

    at: UtcDatetime
    ready: bool
    checks: tuple[RunningCheck, ...]
    loop: LoopSeen | None = None


def decide_running(seen: RunningSeen) -> Running:
    """What follows from an observation."""
    checks = (
        _home(seen),
        _signer(seen),
        _log(seen),
        _sealing(seen),
        _heartbeat(seen),
        _disk(seen),
        _loop(seen),
    )
    ready = all(check.ok for check in checks)
    return Running(at=seen.at, ready=ready, checks=checks, loop=seen.loop)


def _said(need: Need, code: str, told: str) -> RunningCheck:
    return RunningCheck(need=need, ok=code == OK, code=code, told=told)


def _unseen(need: Need, seen: RunningSeen) -> RunningCheck:
    return _said(need, seen.home_problem or "NOT_LOOKED_AT", "no home was read")


def _home(seen: RunningSeen) -> RunningCheck:
    if seen.log is None:
        return _unseen(Need.HOME, seen)
    return _said(Need.HOME, OK, f"it opens; {seen.log.size} records")


def _signer(seen: RunningSeen) -> RunningCheck:
    if seen.log is None:
        return _unseen(Need.SIGNER, seen)
    if seen.signer_size is None:
        code = seen.signer_problem or "NOT_LOOKED_AT"
        return _said(Need.SIGNER, code, "it cannot be asked")
    if seen.signer_size > seen.log.size:
        told = f"it signed {seen.signer_size} records, the log has {seen.log.size}"
        return _said(Need.SIGNER, "ROLLBACK", told)
    return _said(Need.SIGNER, OK, f"it signed {seen.signer_size} records")


def _log(seen: RunningSeen) -> RunningCheck:
    found = seen.verified
    if found is None:
        return _unseen(Need.LOG, seen)
    told = f"{found.size} records verified, {found.findings} contradictions"
    return _said(Need.LOG, found.code, told)


def _sealing(seen: RunningSeen) -> RunningCheck:
    if seen.log is None:
        return _unseen(Need.SEALING, seen)
    age = seen.log.oldest_waiting_seconds
    told = f"{seen.log.waiting} drafts wait"
    if age is None:
        return _said(Need.SEALING, OK, told)
    code = OK if age < seen.log.stale_seconds else "UNSEALED_TOO_LONG"
    return _said(Need.SEALING, code, f"{told}, the oldest for {age} s")


def _heartbeat(seen: RunningSeen) -> RunningCheck:
    if seen.log is None:
        return _unseen(Need.HEARTBEAT, seen)
    age, bar = seen.log.newest_seconds, seen.log.stale_seconds
    if age is None:
        return _said(Need.HEARTBEAT, "LOG_SILENT", "the log is empty")
    told = f"the newest record is {age} s old, at most {bar} s are"
    return _said(Need.HEARTBEAT, OK if age < bar else "LOG_SILENT", told)


def _disk(seen: RunningSeen) -> RunningCheck:
    free = seen.disk_free
    if free is None:
        return _said(Need.DISK, "NOT_LOOKED_AT", "nobody can tell what is left")
    told = f"{free // 1_048_576} MiB are left"
    return _said(Need.DISK, OK if free >= DISK_FREE_MIN else "DISK_LOW", told)


def _loop(seen: RunningSeen) -> RunningCheck:
    loop = seen.loop
    if loop is None:
        return _said(
            Need.LOOP, seen.loop_problem or "LOOP_ABSENT", "no resident loop told of itself"
        )
    standing = [(one, loop.standing(one, seen.at)) for one in loop.rounds]
    late = [one.name for one, how in standing if how is Timeliness.LATE]
    if late or not standing:
        return _said(Need.LOOP, "LOOP_LATE", f"late: {_named(late)}")
    failed = [f"{one.name} {one.outcome}" for one, how in standing if how is Timeliness.FAILED]
    told = f"{len(standing)} kinds of rounds on time; failed last: {_named(failed)}"
    return _said(Need.LOOP, OK, told)


def _named(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
