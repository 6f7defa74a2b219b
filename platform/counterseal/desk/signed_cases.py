"""Every decision of a log, checked at the record that carries it.

Job: follow each case through the log and say why a decision in it is not the reviewer's own.

Invariants
  I1  A decision is judged by the request in its own record, by its predecessor in the log, and by
      the keys, roles and delegations that the log had before it.
  I2  A carried decision repeats one that the earlier version's own records hold.
  I3  Where a purge emptied records of a case, what they said is not asked for: that they may be
      missing is for the accounts to tell.

Not here: the signature and the words of one decision (approvals.history), other documents
(desk.signed_documents).
Source: governance rules, parts 2.3, 2.6 and 2.9.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from counterseal.approvals.carrying import CaseVersion
from counterseal.approvals.delegation import GrantStatus
from counterseal.approvals.history import CaseFacts, decision_problem
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, request_hash
from counterseal.desk.signed_documents import SignedSoFar

Versions = Callable[[str], CaseVersion | None]
"""An earlier version of a case as its records hold it; None when they were purged."""


class _Case(NamedTuple):
    """What was decided so far: the request's hash, the last link, digests of the decisions."""

    request_hash: str
    head: str
    digests: tuple[str, ...]


class SignedCases:
    """Cases so far.

    Args:
        known: What the log said before.
        versions: Finds the version that an amendment took decisions over from.
    """

    def __init__(self, known: SignedSoFar, versions: Versions) -> None:
        self._known = known
        self._versions = versions
        self._cases: dict[str, _Case] = {}

    def knows(self, request_id: str) -> bool:
        """Whether a decision on the request was met."""
        return request_id in self._cases

    def problems(
        self,
        requests: Iterable[ApprovalRequest],
        decisions: Sequence[ApprovalDecision],
        *,
        gaps: bool,
    ) -> tuple[tuple[ApprovalDecision, str], ...]:
        """The decisions of one record that do not hold, with the reason.

        Args:
            requests: The cases in that record.
            decisions: In their order.
            gaps: Whether earlier records of the case may have been purged.
        """
        by_id = {one.approval_request_id: one for one in requests}
        found: list[tuple[ApprovalDecision, str]] = []
        touched: dict[str, ApprovalDecision] = {}
        for decision in sorted(decisions, key=lambda one: one.sequence):
            name = decision.approval_request_id
            if decision.digest in self._case(name, by_id.get(name)).digests:
                continue
            problem = self._problem(by_id.get(name), decision, gaps=gaps)
            if problem:
                found.append((decision, problem))
            if decision.carried is None:  # those of an amendment come one by one
                touched[name] = decision
        for name, decision in touched.items():
            request = by_id.get(name)
            if request is not None and request.latest_chain_hash != self._cases[name].head:
                found.append((decision, "the case does not end with it"))
        return tuple(found)

    def _case(self, name: str, request: ApprovalRequest | None) -> _Case:
        began = "" if request is None else request_hash(request.payload)
        return self._cases.get(name, _Case(began, began, ()))

    def _problem(
        self, request: ApprovalRequest | None, decision: ApprovalDecision, *, gaps: bool
    ) -> str:
        case = self._case(decision.approval_request_id, request)
        previous, sequence = case.head, len(case.digests) + 1
        if gaps:
            previous, sequence = decision.previous_chain_hash, decision.sequence
        self._cases[decision.approval_request_id] = case._replace(
            head=decision.decision_hash, digests=(*case.digests, decision.digest)
        )
        if request is None:
            return "its record does not hold the request"
        if not case.request_hash == request.request_hash == request_hash(request.payload):
            return "the payload differs from the request hash"
        if decision.carried is not None:
            return self._carried_problem(request, decision, previous, sequence)
        return self._person_problem(request, decision) or decision_problem(
            request, decision, previous, sequence, self._facts(decision)
        )

    def _person_problem(self, request: ApprovalRequest, decision: ApprovalDecision) -> str:
        """What the order of the records says against the reviewer, whatever times they state."""
        known, name = self._known, decision.reviewer_id
        problem = known.key_problem(decision.key_id, name)
        person = known.people.get(name)
        if problem or person is None or not person.active:
            return problem or "the reviewer was no active person of this home"
        whose, role = decision.on_behalf_of or name, decision.reviewer_role
        if not known.holds_role(whose, role):
            return "nobody gave the reviewer this role"
        if not known.reaches(whose, role, request.payload.strategy_id):
            return "the reviewer's role does not reach the strategy"
        grant = known.delegations.get(decision.grant_id or "")
        ended = grant is not None and grant.status is GrantStatus.ENDED
        return "the delegation had ended before" if ended else ""

    def _facts(self, decision: ApprovalDecision) -> CaseFacts:
        grant = self._known.delegations.get(decision.grant_id or "")
        wanted = {decision.key_id} if grant is None else {decision.key_id, grant.key_id}
        keys = self._known.person_keys
        return CaseFacts(
            person_keys=tuple(keys[name] for name in sorted(wanted) if name in keys),
            grants=() if grant is None else (grant,),
        )

    def _carried_problem(
        self, request: ApprovalRequest, decision: ApprovalDecision, previous: str, sequence: int
    ) -> str:
        if request.supersedes is None:
            return "no earlier version is named"
        earlier = self._versions(request.supersedes)
        if earlier is None:
            return ""
        facts = CaseFacts(person_keys=(), earlier=(earlier,))
        return decision_problem(request, decision, previous, sequence, facts)
