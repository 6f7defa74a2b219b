"""What stands around a case: earlier versions, what they changed, and what people said.

Job: show amendments field by field, the citation that a request answers, and the comments.

Invariants
  I1  Words are shown as they were written, and as erased when they are.

Not here: the case itself (desk.views.history).
Source: governance rule 2.3.
"""

from counterseal.approvals.comments import CaseComment
from counterseal.approvals.matrix import changed_fields, voided_stages
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestPayload,
    RequestStatus,
)
from counterseal.desk.case_facts import decisions_of, earlier_versions
from counterseal.desk.ports import Reader, since_of
from counterseal.desk.views.marks import PaperView
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.policy.params import VoidRow
from counterseal.policy.words import DecisionWord, Stage


class FieldChange(DomainModel):
    """One payload field that an amendment changed; values as canonical JSON text."""

    field: Name
    before: str
    after: str


class EarlierDecision(DomainModel):
    """A decision on the version before; `counts` when the newer version took it over."""

    stage: Stage
    decision: DecisionWord
    reviewer_id: Name
    decided_at: UtcDatetime
    counts: bool


class VersionChange(DomainModel):
    """What one version changed of the one before.

    Attributes:
        unchanged: How many other payload fields are the same.
        voided: Stages that had to review again, by the void matrix that is given.
        carried: Decisions that the newer version took over.
        earlier: The decisions of the version before, in sequence.
    """

    approval_request_id: Name
    version: int
    supersedes: Name
    fields: tuple[FieldChange, ...]
    unchanged: int
    voided: tuple[Stage, ...]
    carried: int
    earlier: tuple[EarlierDecision, ...]


class CommentLine(DomainModel):
    """One comment; `text` is None when its words were erased."""

    comment_id: Name
    person_id: Name
    created_at: UtcDatetime
    reply_to: Name | None
    text: str | None


class CaseThread(PaperView):
    """Everything around one version of a case; versions newest first, comments oldest first."""

    approval_request_id: Name
    version: int
    superseded_by: Name | None
    answers: Name | None
    answered_by: tuple[Name, ...]
    uses: int
    uses_max: int
    changes: tuple[VersionChange, ...]
    comments: tuple[CommentLine, ...]


def case_thread(
    reader: Reader, request_id: str, matrix: tuple[VoidRow, ...]
) -> CaseThread | Refusal:
    """What stands around a request; refusal `NOT_FOUND`."""
    request = reader.get(ApprovalRequest, request_id)
    if request is None:
        return refuse("NOT_FOUND", "no such approval request", request=request_id)
    return CaseThread(
        approval_request_id=request_id,
        version=request.version,
        superseded_by=request.superseded_by,
        answers=request.payload.answers,
        answered_by=_answered_by(reader, request),
        uses=len(request.orders),
        uses_max=request.payload.uses_max,
        changes=_changes(reader, request, matrix),
        comments=_comments(reader, request_id),
    )


def _answered_by(reader: Reader, request: ApprovalRequest) -> tuple[str, ...]:
    """Later requests of the same person that cite this one, which lacked data."""
    if request.status is not RequestStatus.NEEDS_DATA:
        return ()
    about, who = request.approval_request_id, request.requester_id
    later = since_of(reader, ApprovalRequest, ApprovalRequest.KEY, about, requester_id=who)
    return tuple(one.approval_request_id for one in later if one.payload.answers == about)


def _changes(
    reader: Reader, request: ApprovalRequest, matrix: tuple[VoidRow, ...]
) -> tuple[VersionChange, ...]:
    newer, found = request, list[VersionChange]()
    for version in earlier_versions(reader, request):
        older = version.request
        voided = voided_stages(matrix, older.payload, newer.payload)
        fields = field_changes(older, newer)
        earlier = _earlier(reader, newer.approval_request_id, version.decisions)
        found.append(
            VersionChange(
                approval_request_id=newer.approval_request_id,
                version=newer.version,
                supersedes=older.approval_request_id,
                fields=fields,
                unchanged=len(RequestPayload.model_fields) - len(fields),
                voided=tuple(stage for stage in Stage if stage in voided),
                carried=sum(one.counts for one in earlier),
                earlier=earlier,
            )
        )
        newer = older
    return tuple(found)


def _earlier(
    reader: Reader, request_id: str, decisions: tuple[ApprovalDecision, ...]
) -> tuple[EarlierDecision, ...]:
    origins = (d.carried for d in decisions_of(reader, request_id))
    taken = {origin.decision_hash for origin in origins if origin is not None}
    return tuple(
        EarlierDecision(
            stage=one.stage,
            decision=one.decision,
            reviewer_id=one.reviewer_id,
            decided_at=one.decided_at,
            counts=one.decision_hash in taken,
        )
        for one in decisions
    )


def field_changes(older: ApprovalRequest, newer: ApprovalRequest) -> tuple[FieldChange, ...]:
    """The payload fields that differ, in the order of the payload."""
    before, after = older.payload.json_value(), newer.payload.json_value()
    return tuple(
        FieldChange(field=name, before=_text(before[name]), after=_text(after[name]))
        for name in changed_fields(older.payload, newer.payload)
    )


def _text(value: Json) -> str:
    return canonical_bytes(value).decode()


def _comments(reader: Reader, request_id: str) -> tuple[CommentLine, ...]:
    found = reader.find(CaseComment, approval_request_id=request_id)
    lines = []
    for comment in sorted(found, key=lambda c: (c.created_at, c.comment_id)):
        opening = reader.opened(comment.words)
        lines.append(
            CommentLine(
                comment_id=comment.comment_id,
                person_id=comment.person_id,
                created_at=comment.created_at,
                reply_to=comment.reply_to,
                text=None if opening is None else opening.word("text"),
            )
        )
    return tuple(lines)
