"""Use cases: what time does to cases that wait.

Job: record reminders, escalations and expiries that are due, each once.

Invariants
  I1  What is due follows from the clock alone; recording it changes nobody's rights.
  I2  A step is recorded under a key of its own, so that two sweepers record it once.

Not here: when it is due (approvals.escalation, approvals.expiry), sending notices.
Source: governance rules 2.4 and 2.6.
"""

from collections.abc import Callable
from datetime import datetime

from counterseal.approvals.escalation import decide_escalation, decide_reminder
from counterseal.approvals.expiry import decide_expiry
from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.states import REQUEST_STATES
from counterseal.desk.approvals import Approvals, case_event, case_stream, load_case
from counterseal.desk.bench import Bench
from counterseal.desk.case_facts import decisions_of
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.ports import Reader
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Refusal
from counterseal.policy.params import ApprovalParameters

_Step = Callable[[ApprovalRequest, ApprovalParameters, datetime], ApprovalRequest | Refusal]


class Waiting:
    """Reminds, escalates, and sweeps."""

    def __init__(self, bench: Bench, approvals: Approvals) -> None:
        self._bench = bench
        self._approvals = approvals

    def remind(self, request_id: str, actor: Actor, *, key: str) -> Outcome:
        """Record that a waiting case was reminded of; refusals `NOT_FOUND` and `NOT_DUE`."""
        return self._run("reminded", "approvals.remind", decide_reminder, request_id, actor, key)

    def escalate(self, request_id: str, actor: Actor, *, key: str) -> Outcome:
        """Record that a case has escalated; refusals `NOT_FOUND` and `NOT_DUE`."""
        step = decide_escalation
        return self._run("escalated", "approvals.escalate", step, request_id, actor, key)

    def sweep(self, actor: Actor, *, now: datetime) -> tuple[Outcome, ...]:
        """Record every step that is due at `now`, in the order of the requests' ids."""
        with self._bench.store.reader() as reader:
            due = self._due(reader, now)
        acts = {
            "expire": self._approvals.expire,
            "escalate": self.escalate,
            "remind": self.remind,
        }
        return tuple(
            acts[name](request_id, actor, key=f"{request_id}:{name}") for request_id, name in due
        )

    def _due(self, reader: Reader, now: datetime) -> list[tuple[str, str]]:
        params = self._bench.bundle.approval
        found: list[tuple[str, str]] = []
        for request in reader.find(ApprovalRequest):
            if REQUEST_STATES.is_terminal(request.status):
                continue
            case = request.approval_request_id
            if decide_expiry(request, decisions_of(reader, case), now) is not None:
                found.append((case, "expire"))
                continue
            steps = (("remind", decide_reminder), ("escalate", decide_escalation))
            found += [
                (case, name)
                for name, step in steps
                if not isinstance(step(request, params, now), Refusal)
            ]
        return found

    def _run(
        self, what: str, name: str, step: _Step, request_id: str, actor: Actor, key: str
    ) -> Outcome:
        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case = load_case(reader, request_id)
            if isinstance(case, Refusal):
                return case
            moved = step(case[0], self._bench.bundle.approval, now)
            if isinstance(moved, Refusal):
                return moved
            event = case_event(f"approval.{what}", moved, name)
            return Done(subject_id=request_id, events=(event,))

        command = Command(
            name=name,
            actor=actor,
            key=key,
            stream=case_stream(request_id),
            payload_digest=digest({"request": request_id}),
        )
        return self._bench.recorder.run(command, decide)
