"""What people say about a case, outside of what anybody signs.

Job: hold a comment and decide whether it may be added.

Invariants
  I1  A comment changes nothing about its case: no status, no chain, no clock.
  I2  The log holds a salted commitment; the words lie beside it and can be erased.
  I3  A reply answers a comment of the same case.

Not here: the words (desk.case_comments), their erasure (desk.records).
Source: governance rule 2.3 (outside the payload).
"""

from datetime import datetime
from typing import ClassVar, Final

from pydantic import Field

from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name, Refusal, Sha256
from counterseal.policy.authorize import Action, authorize

COMMENTS_MAX: Final = 500
"""Most comments of one version of a case."""
_R: Final = ReasonCode


class CaseComment(Document):
    """A comment on one version of a case.

    Attributes:
        words: Salted commitment to the text, which lies beside the log.
        reply_to: The comment of the same case that it answers, or None.
    """

    KIND: ClassVar[str] = "case_comments"
    KEY: ClassVar[str] = "comment_id"

    comment_id: Name
    approval_request_id: Name
    request_version: int = Field(ge=1)
    tenant: Name
    person_id: Name
    words: Sha256
    reply_to: Name | None = None
    created_at: UtcDatetime


def decide_comment(
    comment_id: str,
    request: ApprovalRequest,
    author: Person,
    words: str,
    *,
    reply_to: str | None,
    answered: CaseComment | None,
    count: int,
    now: datetime,
) -> CaseComment | Refusal:
    """Add a comment, also to a case that has ended.

    Args:
        comment_id: Of the comment.
        request: The version that it is about.
        author: From the verified login; any role of the tenant may comment.
        words: The commitment to the text.
        reply_to: The comment to answer, or None.
        answered: That comment as stored.
        count: How many comments the version has.
        now: The command's one instant.

    Returns:
        The comment; or, all collected, `OTHER_TENANT`, `PERSON_DISABLED`, `ROLE`, `NOT_FOUND` (no
        such comment in this case), `COMMENTS_FULL`.
    """
    role = authorize(Action.READ, author.held_roles(), active=author.active)
    case = request.approval_request_id
    lost = answered is None or answered.approval_request_id != case
    checks = (
        (_R.NOT_FOUND, reply_to is not None and lost),
        (_R.OTHER_TENANT, author.tenant != request.tenant),
        (_R.COMMENTS_FULL, count >= COMMENTS_MAX),
    )
    codes = [code for code, failed in checks if failed]
    codes += [] if role is None else [_R(role.code)]
    refusal = refuse_all(codes, "the comment is refused", request=case)
    return refusal or CaseComment(
        comment_id=comment_id,
        approval_request_id=case,
        request_version=request.version,
        tenant=request.tenant,
        person_id=author.person_id,
        words=words,
        reply_to=reply_to,
        created_at=now,
    )
