"""Cases rechecked: what happened in one, and whether any was forged.

Job: tell a case from its signed decisions, and verify every case that is stored.

Invariants
  I1  A case is never shown as approved unless its signed decisions say so under its own policy.
  I2  The record policy is told from probes, never from a constant.
  I3  Without any case there is nothing to verify, which is not verified.

Not here: the chain of one case (approvals.history), the log (desk.views.integrity), probes of
storage (storage).
Source: features TX-F12, TX-F13, TX-F19, TX-Z10.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from counterseal.approvals.decide import required_by
from counterseal.approvals.history import CaseFacts, HistoryView, history_view
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.desk.approvals import load_case
from counterseal.desk.case_facts import case_facts, shared_facts
from counterseal.desk.ports import Reader
from counterseal.desk.views.integrity import IntegrityState
from counterseal.desk.views.marks import PaperView
from counterseal.kernel.model import DomainModel, Name, Refusal
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import STAGE_COUNT_MIN, VoidRow
from counterseal.policy.words import DecisionWord

_S: Final = RequestStatus
_APPROVED: Final = frozenset({_S.APPROVED_FOR_PAPER, _S.CONSUMED})
_ENDED_BY: Final = {_S.REJECTED: DecisionWord.REJECTED, _S.NEEDS_DATA: DecisionWord.NEEDS_DATA}
_ENDINGS: Final = frozenset(_ENDED_BY.values())


class ChainVerdict(StrEnum):
    """Whether a case is what its reviewers signed."""

    VALID = "valid"
    FORGED = "forged"


class RecordFacts(DomainModel):
    """Probes of how records are kept; None where a probe could not run.

    Attributes:
        append_only: The database refuses updates and deletes of the log.
        hash_chained: The log was recomputed without a contradiction.
        signed: Every decision verifies under its reviewer's enrolled key.
        write_once: The storage itself refuses to overwrite.
        identity_provider: Logins come from an identity provider.
    """

    append_only: bool | None = None
    hash_chained: bool | None = None
    signed: bool | None = None
    write_once: bool | None = None
    identity_provider: bool | None = None


_FACT_WORDS: Final = (
    ("append_only", "append-only"),
    ("hash_chained", "hash chained"),
    ("signed", "signed by each reviewer's own key"),
    ("write_once", "WORM"),
    ("identity_provider", "identity"),
)


def record_policy(facts: RecordFacts) -> str:
    """The facts in words: `append-only, not WORM, identity not checked`."""
    told = dict(facts)
    words = {True: "{}", False: "not {}", None: "{} not checked"}
    return ", ".join(words[told[name]].format(word) for name, word in _FACT_WORDS)


class HistoryAnswer(HistoryView):
    """A case with its decisions, and whether it is what its reviewers signed."""

    verdict: ChainVerdict


def history(
    reader: Reader, request_id: str, bundle: PolicyBundle, facts: RecordFacts
) -> HistoryAnswer | Refusal:
    """The case, rechecked from signed decisions; refusal `NOT_FOUND`."""
    case = load_case(reader, request_id)
    if isinstance(case, Refusal):
        return case
    read = case_facts(reader, case[0], _matrix(case[0], bundle))
    answer = _told(*case, read, bundle, record_policy(facts))
    return answer.amended(decisions=tuple(_in_words(reader, d) for d in answer.decisions))


def _in_words(reader: Reader, decision: ApprovalDecision) -> ApprovalDecision:
    """The decision with the reviewer's words, or with the commitment when they are erased."""
    opening = reader.opened(decision.decision_reason)
    return decision if opening is None else decision.amended(decision_reason=opening.word("text"))


def _matrix(request: ApprovalRequest, bundle: PolicyBundle) -> tuple[VoidRow, ...] | None:
    pinned = request.payload.policy_bundle_hash == bundle.bundle_hash
    return bundle.approval.void_matrix if pinned else None


def _told(
    request: ApprovalRequest,
    decisions: tuple[ApprovalDecision, ...],
    facts: CaseFacts,
    bundle: PolicyBundle,
    policy: str,
) -> HistoryAnswer:
    view = history_view(request, decisions, facts)
    supported = status_supported(request, decisions, bundle)
    valid = view.chain.holds and supported
    told = dict(view)
    if view.chain.holds and not supported:
        told["message"] = f"the status {request.status.value} is not what the decisions say"
    told["paper_simulation_approved"] = view.paper_simulation_approved and valid
    told["record_policy"] = policy
    verdict = ChainVerdict.VALID if valid else ChainVerdict.FORGED
    return HistoryAnswer.model_validate({**told, "verdict": verdict})


def status_supported(
    request: ApprovalRequest, decisions: Iterable[ApprovalDecision], bundle: PolicyBundle
) -> bool:
    """Whether the decisions lead to the stored status.

    Under the bundle that the case is pinned to, the required words come from the policy; of an
    older bundle only the stored sequence is left, and never fewer than two reviews.
    """
    words = [d.decision for d in decisions]
    approvals = tuple(word for word in words if word not in _ENDINGS)
    bound, expected = request.payload, request.required_decision_sequence
    if bound.policy_bundle_hash == bundle.bundle_hash:
        rules = required_by(bound, bundle)
        expected = tuple(rule.decision for rule in rules for _ in range(rule.quorum))
    whole = len(expected) >= STAGE_COUNT_MIN and approvals == expected
    ended = bool(words) and words[-1] in _ENDINGS
    if request.status in _APPROVED:
        return whole and not ended
    if request.status in _ENDED_BY:
        return ended and words[-1] is _ENDED_BY[request.status]
    partly = approvals == expected[: len(approvals)] and not whole and not ended
    if request.status is _S.RESEARCH_APPROVED:
        return partly and bool(approvals)
    return partly if request.status is _S.PENDING_REVIEW else not ended


class ForgedCase(DomainModel):
    """A case that is not what its reviewers signed; `first_bad` is the first broken record."""

    approval_request_id: Name
    first_bad: Name
    problem: str


class CasesView(PaperView):
    """Every stored case, rechecked."""

    state: IntegrityState
    cases_checked: int
    decisions_checked: int
    forged: tuple[ForgedCase, ...]

    @property
    def signed(self) -> bool | None:
        """Whether every decision verifies; None while there is none."""
        return not self.forged if self.decisions_checked or self.forged else None


def verify_cases(reader: Reader, bundle: PolicyBundle) -> CasesView:
    """Recheck every case, also one whose request or decisions were taken away."""
    shared = shared_facts(reader)
    by_case = decisions_by_case(reader)
    requests = {r.approval_request_id: r for r in reader.find(ApprovalRequest)}
    forged = [
        ForgedCase(approval_request_id=case, first_bad=case, problem="the request is gone")
        for case in by_case.keys() - requests.keys()
    ]
    for case, request in requests.items():
        facts = case_facts(reader, request, _matrix(request, bundle), shared)
        told = _told(request, by_case.get(case, ()), facts, bundle, "")
        if told.verdict is ChainVerdict.FORGED:
            bad = told.chain.first_bad or case
            forged.append(ForgedCase(approval_request_id=case, first_bad=bad, problem=told.message))
    state = IntegrityState.BROKEN if forged else IntegrityState.VERIFIED
    return CasesView(
        state=state if forged or requests else IntegrityState.NOTHING_TO_VERIFY,
        cases_checked=len(requests.keys() | by_case.keys()),
        decisions_checked=sum(map(len, by_case.values())),
        forged=tuple(sorted(forged, key=lambda f: f.approval_request_id)),
    )


def decisions_by_case(reader: Reader) -> dict[str, tuple[ApprovalDecision, ...]]:
    """Every decision in sequence, by its request."""
    found: dict[str, tuple[ApprovalDecision, ...]] = {}
    for decision in sorted(reader.find(ApprovalDecision), key=lambda d: d.sequence):
        before = found.get(decision.approval_request_id, ())
        found[decision.approval_request_id] = (*before, decision)
    return found
