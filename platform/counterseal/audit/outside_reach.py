"""How far outside evidence reaches, attacker by attacker.

Job: turn what outsiders and holders of receipts prove into the standing of those attackers that
only they see.

Invariants
  I1  Evidence that was given and does not reach is told apart from evidence that was not given.
  I2  A bound is the number of records that the evidence covers, never the length of the log.
  I3  A reach holds only while the log has every head of the view: a contradiction comes first.

Not here: comparing heads and times with the log (audit.verify), contradictions (audit.judging).
Source: design table "evidence, cumulative", rows "witness quorum" and "stamps".
"""

from collections.abc import Mapping
from datetime import datetime

from counterseal.audit.evidence import OpenedEvidence, TablesCompared
from counterseal.audit.judging import Reach
from counterseal.audit.outside import OutsideView
from counterseal.audit.verdict import Attacker, Shortfall, Standing
from counterseal.kernel.clock import utc_text


def reaches(
    given: OpenedEvidence,
    tables: TablesCompared | None,
    *,
    times_checked: bool,
    read_from: int = 0,
) -> Mapping[Attacker, Reach]:
    """How far everything reaches that is no checkpoint or remembered head.

    Args:
        given: Compared with the log, without a contradiction.
        tables: The tables as rebuilt from the log, None without.
        times_checked: Whether every record read was held against the windows.
        read_from: First record that was read.
    """
    found: dict[Attacker, Reach] = {}
    if given.view is not None:
        for attacker in Attacker:
            reach = outside_reach(attacker, given.view, times_checked=times_checked)
            found |= {} if reach is None else {attacker: reach}
    timed = found.get(Attacker.A7)
    if read_from and timed is not None:
        again = f"; records before {read_from} were not held against it again"
        found[Attacker.A7] = timed._replace(because=timed.because + again)
    if given.receipts:
        found[Attacker.A3A] = _received(given)
    if tables is not None:
        found[Attacker.A8] = _compared(tables)
    return found


def _received(given: OpenedEvidence) -> Reach:
    last = max(opened.receipt.index for opened in given.receipts)
    count = len(given.receipts)
    because = f"{count} receipts agree: their records, and those before, are there; no others told"
    return Reach(Standing.EXCLUDED, last + 1, because)


def _compared(tables: TablesCompared) -> Reach:
    because = (
        f"bounded by reconciliation: {tables.rows} rows of the tables follow from the log; what"
        f" left no row and no record cannot be proved"
    )
    return Reach(Standing.NOT_EXCLUDED, 0, because)


def outside_reach(attacker: Attacker, view: OutsideView, *, times_checked: bool) -> Reach | None:
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


def _cut(view: OutsideView) -> Reach | None:
    if view.latest is None:
        return None
    return _covers(*view.latest, "agrees with the largest tree that witnesses hold")


def _witnessed(view: OutsideView) -> Reach | None:
    if view.witnessed is not None:
        return _covers(*view.witnessed, "cosigned by a quorum of witnesses")
    if any(finding.code == Shortfall.QUORUM_NOT_MET for finding in view.findings):
        return Reach(Standing.NOT_EXCLUDED, 0, "QUORUM_NOT_MET: too few cosigned")
    return None


def _timed(view: OutsideView, *, times_checked: bool) -> Reach | None:
    reach = view.windows.seen_to
    if reach is None:
        return None
    if not times_checked:
        return Reach(Standing.NOT_EXCLUDED, 0, "recorded times were not compared")
    first, widest = view.windows.seen_from, view.windows.widest
    if widest is None:
        words = f"one sighting, of {first} records: each of them may claim any earlier time"
        return Reach(Standing.NOT_EXCLUDED, 0, words)
    apart = int(widest.total_seconds())
    because = (
        f"each record from {first} on was written between two sightings, at most {apart} s apart "
        f"with all stated errors; those before were there when outsiders first saw the log"
    )
    return _covers(reach, view.newest, because)


def _covers(size: int, time: datetime | None, because: str) -> Reach:
    if size == 0:
        return Reach(Standing.NOT_EXCLUDED, 0, f"covers no record: {because}")
    until = "" if time is None else f", seen at {utc_text(time)}"
    return Reach(Standing.EXCLUDED, size, f"{because}{until}", time)
