"""What is seen of a house at work: one look at everything that it needs.

Job: ask home, signer, log, disk and loop of an installation once, for the checks of running.

Invariants
  I1  A look reads only; what cannot be asked is told by its code and never left out.
  I2  The signer is asked before the log is read, so that a growing log is no contradiction.

Not here: what follows (readiness.running), flags and boundaries (probes).
Source: issue "Always on", point 4.
"""

import shutil
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from counterseal.audit.rollback import Rollback, newest_origin
from counterseal.audit.signer import SignerState
from counterseal.kernel.errors import AdapterError, CountersealError, InvariantError
from counterseal.readiness.running import (
    LogRunning,
    LoopSeen,
    Running,
    RunningSeen,
    decide_running,
)
from storage.home_reader import HomeReader, read_home
from storage.last_rounds import read_last_rounds
from storage.law import law_in_force
from storage.log_signer import remembered_state
from storage.settings import Settings
from storage.verification import pinned_evidence
from storage.verified_log import OnwardVerifier

_ABSENT: Final = "LOOP_ABSENT"


def running_now(settings: Settings, now: datetime) -> Running:
    """Whether the house of these settings is ready for work at `now` (UTC)."""
    return decide_running(seen_running(settings, now))


def seen_running(settings: Settings, now: datetime) -> RunningSeen:
    """Everything that a running house needs, as it is seen at `now` (UTC)."""
    loop, loop_problem = _loop(settings.counterseal_home)
    seen = RunningSeen(at=now, disk_free=_free(settings), loop=loop, loop_problem=loop_problem)
    try:
        with read_home(settings) as reader:
            origin = _origin(reader)
        signer, problem = _signer(settings, origin)
        with read_home(settings) as reader:
            log = _log(reader, now)
            verified = _verifier(settings.counterseal_home).look(reader, origin, signer)
    except CountersealError as error:
        return seen.amended(home_problem=error.code)
    return seen.amended(
        log=log,
        verified=verified,
        signer_size=None if signer is None else signer.size,
        signer_problem=problem,
    )


@cache
def _verifier(home: Path) -> OnwardVerifier:
    """The one of this process for a home."""
    return OnwardVerifier(home)


def _origin(reader: HomeReader) -> str:
    """The name under which the log goes on.

    Raises:
        IntegrityError: `INSTALLATION_MISSING`.
        InvariantError: the home names no key.
    """
    pinned = pinned_evidence(reader).log_key
    if pinned is None:
        raise InvariantError("a home names its log's key")
    return newest_origin(pinned.name, reader.find(Rollback))


def _signer(settings: Settings, origin: str) -> tuple[SignerState | None, str]:
    try:
        return remembered_state(settings, origin), ""
    except CountersealError as error:
        return None, error.code


def _log(reader: HomeReader, now: datetime) -> LogRunning:
    end = reader.log_end()
    return LogRunning(
        size=end.size,
        sealed=end.sealed,
        waiting=end.waiting,
        oldest_waiting_seconds=_age(end.waits_since, now),
        newest_seconds=_age(end.newest_at, now),
        stale_seconds=int(law_in_force(reader, now).bundle.evidence.fresh.total_seconds()),
    )


def _age(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else int((now - since).total_seconds())


def _free(settings: Settings) -> int | None:
    """Bytes left where it is narrowest: at the home, or at the signer's memory."""
    places = (settings.counterseal_home, settings.counterseal_signer_state)
    try:
        return min(shutil.disk_usage(place).free for place in places if place.exists())
    except (OSError, ValueError):
        return None


def _loop(home: Path) -> tuple[LoopSeen | None, str]:
    try:
        found = read_last_rounds(home)
    except AdapterError as error:
        return None, error.code
    return found, "" if found is not None else _ABSENT
