"""Use case: say something about a case.

Job: keep a comment's words beside the log and record the commitment to them.

Invariants
  I1  The words of a repeated command must be the same: its digest holds none.

Not here: what a comment is (approvals.comments), threads as people read them (desk.views.threads).
Source: governance rule 2.3 (outside the payload).
"""

from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from counterseal.approvals.comments import CaseComment, decide_comment
from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.statement import comment_opening
from counterseal.desk.approvals import case_stream
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Actor, Event, Refusal, Subject, Text, refuse

_TEXT: TypeAdapter[str] = TypeAdapter(Text)


class CaseComments:
    """Adds comments to cases."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def comment(
        self, request_id: str, text: str, actor: Actor, *, key: str, reply_to: str | None = None
    ) -> Outcome:
        """Add a comment, 1 to 2,000 characters; the outcome names it.

        Refusals: `NOT_FOUND`, `IDEMPOTENCY_KEY_CONFLICT` (the key was used with other words), and
        those of `approvals.comments.decide_comment`.

        Raises:
            InputError: `COMMENT_TEXT` for no text, or too long a one.
        """
        words = _checked(text)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            return self._added(reader, request_id, words, actor, reply_to, key, now)

        command = Command(
            name="approvals.comment",
            actor=actor,
            key=key,
            stream=case_stream(request_id),
            payload_digest=digest({"request": request_id, "reply_to": reply_to}),
        )
        outcome = self._bench.recorder.run(command, decide)
        if not outcome.replayed or not outcome.accepted:
            return outcome
        with self._bench.store.reader() as reader:
            known = reader.get(CaseComment, outcome.subject_id)
            opening = None if known is None else reader.opened(known.words)
        if opening is not None and opening.word("text") == words:
            return outcome
        other = refuse(
            "IDEMPOTENCY_KEY_CONFLICT", "the idempotency key was used with other words", key=key
        )
        return outcome.amended(refusal=other)

    def _added(
        self,
        reader: Reader,
        request_id: str,
        words: str,
        actor: Actor,
        reply_to: str | None,
        key: str,
        now: datetime,
    ) -> Done | Refusal:
        person, request = person_of(reader, actor), reader.get(ApprovalRequest, request_id)
        if isinstance(person, Refusal):
            return person
        if request is None:
            return refuse("NOT_FOUND", "no such approval request", request=request_id)
        ids = self._bench.ids
        opening = comment_opening(actor.id, ids.secret(f"salt:{key}", 16).hex(), words)
        added = decide_comment(
            ids.new("com", key, now),
            request,
            person,
            opening.commitment,
            reply_to=reply_to,
            answered=None if reply_to is None else reader.get(CaseComment, reply_to),
            count=reader.count(CaseComment, approval_request_id=request_id),
            now=now,
        )
        if isinstance(added, Refusal):
            return added
        event = Event(
            type="case.commented",
            stream=case_stream(request_id),
            subject=Subject(type="approval_request", id=request_id, version=request.version),
            action="approvals.comment",
            documents=(added,),
        )
        return Done(subject_id=added.comment_id, events=(event,), openings=(opening,))


def _checked(text: str) -> str:
    """The text without blanks around it.

    Raises:
        InputError: `COMMENT_TEXT`.
    """
    try:
        return _TEXT.validate_python(text, strict=True)
    except ValidationError:
        raise InputError(
            "COMMENT_TEXT", "a comment has 1 to 2,000 characters", field="text"
        ) from None
