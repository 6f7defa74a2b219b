"""What the flows of each day do, in plain functions that know no engine.

Job: state what the trading days that ended left, plan what the retention schedule lets go, and
report what came of it.

Invariants
  I1  What is due is asked of the desk, never of the schedule: a round that was missed is made up by
      the next one, and the same round again records nothing.
  I2  Nothing is purged here: a plan waits for two people.

Not here: what is due (desk.day_end, desk.due_purges), schedules (prefect.yaml). Evidence packs are
no daily work: only an auditor may have one made (desk.exports), and a service has no roles.
Source: workflow part 5, `end_of_day` and `retention`; MB-E4.
"""

from counterseal.desk.day_end import DayEnd
from counterseal.desk.due_purges import DuePurges
from flows.work import RoundReport
from flows.workplace import Workplace
from storage.archive import SqlArchive
from storage.data_keys import data_keys


def end_days(place: Workplace, run: str) -> RoundReport:
    """Record the statements that are due; `run` is the run's id, for tracing.

    Raises:
        IntegrityError: sealing failed.
        InputError: `CALENDAR_RANGE` beyond the calendar.
        AdapterError: the desk's; the same call may be repeated when it says so.
    """
    outcomes = DayEnd(place.opened().bench).end_days(place.actor(run), run=run)
    return RoundReport.of(outcomes)


def plan_purges(place: Workplace, run: str) -> RoundReport:
    """Plan what may go by now and stands in no open plan; `run` is the run's id, for tracing.

    Raises:
        IntegrityError: sealing failed, or a stored record is broken.
        AdapterError: the desk's; the same call may be repeated when it says so.
    """
    archive = SqlArchive(place.settings.database, data_keys(place.settings))
    outcome = DuePurges(place.opened().bench, archive).plan(place.actor(run), run=run)
    return RoundReport.of(() if outcome is None else (outcome,))
