"""How far outside evidence reaches, attacker by attacker.

Job: turn a view from outside into the standing of those attackers that only outsiders see.

Invariants
  I1  Evidence that was given and does not reach is told apart from evidence that was not given.
  I2  A bound is the number of records that the evidence covers, never the length of the log.
  I3  A reach holds only while the log has every head of the view: a contradiction comes first.

Not here: comparing heads and times with the log (audit.verify), contradictions (audit.verdict).
Source: design table "evidence, cumulative", rows "witness quorum" and "stamps".
"""

from datetime import datetime
from typing import NamedTuple

from counterseal.audit.outside import OutsideView
from counterseal.audit.time_windows import EVIDENCE_LAG_MAX
from counterseal.audit.verdict import Attacker, Standing
from counterseal.kernel.clock import utc_text


class OutsideReach(NamedTuple):
    """Standing of an attacker by outside evidence alone.

    Attributes:
        size: Records covered, counted from the first; 0 when not excluded.
        time: Time that the exclusion reaches to, None without one.
        because: The reason in words.
    """

    standing: Standing
    size: int
    time: datetime | None
    because: str


def outside_reach(
    attacker: Attacker, view: OutsideView, *, times_checked: bool
) -> OutsideReach | None:
    """What the evidence says about an attacker; None when it says nothing.

    Args:
        attacker: A3b, A5, A6 or A7; of any other outsiders know nothing.
        view: Compared with the log, without a contradiction.
        times_checked: Whether every record read was held against `view.windows`.
    """
    match attacker:
        case Attacker.A3B:
            return _cut(view)
        case Attacker.A5 | Attacker.A6:
            return _witnessed(view)
        case Attacker.A7:
            return _timed(view, times_checked=times_checked)
        case _:
            return None


def _cut(view: OutsideView) -> OutsideReach | None:
    if view.latest is None:
        return None
    return _covers(*view.latest, "agrees with the largest tree that witnesses hold")


def _witnessed(view: OutsideView) -> OutsideReach | None:
    if view.witnessed is not None:
        return _covers(*view.witnessed, "cosigned by a quorum of witnesses")
    if any(finding.code == "QUORUM_NOT_MET" for finding in view.findings):
        return OutsideReach(Standing.NOT_EXCLUDED, 0, None, "QUORUM_NOT_MET: too few cosigned")
    return None


def _timed(view: OutsideView, *, times_checked: bool) -> OutsideReach | None:
    reach = view.windows.seen_to
    if reach is None:
        return None
    if not times_checked:
        return OutsideReach(Standing.NOT_EXCLUDED, 0, None, "recorded times were not compared")
    lag = int(EVIDENCE_LAG_MAX.total_seconds())
    because = (
        f"no record from {view.windows.seen_from} on is dated back by more than {lag} s and the "
        f"stated errors; those before it were there when outsiders first saw the log"
    )
    return _covers(reach, view.newest, because)


def _covers(size: int, time: datetime | None, because: str) -> OutsideReach:
    if size == 0:
        return OutsideReach(Standing.NOT_EXCLUDED, 0, None, f"covers no record: {because}")
    until = "" if time is None else f", seen at {utc_text(time)}"
    return OutsideReach(Standing.EXCLUDED, size, time, f"{because}{until}")
