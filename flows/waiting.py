"""What the flow about waiting cases does, in a plain function that knows no engine.

Job: record every reminder, escalation and expiry that is due, and report what came of it.

Invariants
  I1  The same round again is harmless: each step of a case is recorded once.

Not here: what is due (desk.waiting), the schedule (prefect.yaml).
Source: governance rules 2.4 and 2.6.
"""

from counterseal.kernel.model import DomainModel
from flows.work import REFUSED, Step, step_of
from flows.workplace import Workplace


class SweepReport(DomainModel):
    """What was due, in the order of the requests' ids; nothing on most rounds."""

    steps: tuple[Step, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 all recorded, 1 something was refused."""
        return REFUSED if any(step.codes for step in self.steps) else 0

    @property
    def subject(self) -> str:
        """Size of the log that covers what was recorded, as text."""
        return str(max((step.sealed_size for step in self.steps), default=0))


def sweep_cases(place: Workplace, run: str) -> SweepReport:
    """One round at the present time; `run` is the run's id, for tracing.

    Raises:
        IntegrityError: sealing failed.
        AdapterError: the desk's; the same call may be repeated when it says so.
    """
    outcomes = place.opened().waiting.sweep(place.actor(run), now=place.clock.now())
    return SweepReport(steps=tuple(map(step_of, outcomes)))
