"""A case as a reviewer is shown it before they decide."""

from typing import Final, NoReturn

from counterseal.approvals.model import ApprovalDecision, RequestPayload
from counterseal.approvals.routing import RoutedSeat
from counterseal.approvals.statement import Opened
from counterseal.audit.verdict import Outcome as LogOutcome
from counterseal.audit.verify import verify_log
from counterseal.desk.comments import PreparedReview
from counterseal.desk.views.approvals import RequestDetail, request_detail
from counterseal.desk.views.history import RecordFacts, verify_cases
from counterseal.desk.views.reviewers import saw_nothing, signed_statement
from counterseal.desk.views.threads import CaseThread, case_thread
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Refusal
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import EvidenceSection
from storage.home_reader import HomeReader, read_home
from storage.law import law_in_force
from storage.settings import Settings
from ui.cli.render import notice, refused, reject
from ui.cli.session import CLOCK

SHOWN_EXACTLY: Final = Opened(sections=tuple(EvidenceSection))
"""What a terminal shows of a case; it waits for nobody, so that it says no seconds."""
SHOWN: Final = Opened(sections=SHOWN_EXACTLY.sections[:-1])
"""The same without the exact bytes of each decision."""


def active_bundle(reader: HomeReader) -> PolicyBundle:
    """The policy in force, from the bytes that were activated.

    Raises:
        PolicyError: `POLICY_MISSING`, `POLICY_HASH_MISMATCH`.
    """
    return law_in_force(reader, CLOCK.now()).bundle


def record_facts(reader: HomeReader, bundle: PolicyBundle) -> RecordFacts:
    """How records are kept here, probed now."""
    verdict = verify_log(reader.records(), reader.checkpoints())
    return RecordFacts(
        append_only=not reader.missing_guards(),
        hash_chained=verdict.outcome is not LogOutcome.TAMPERED,
        signed=verify_cases(reader, bundle).signed,
        write_once=False,
        identity_provider=False,
    )


def case_shown(settings: Settings, request: str) -> RequestDetail | Refusal:
    """What a reviewer is shown of a request; `NOT_FOUND`."""
    with read_home(settings) as reader:
        bundle = active_bundle(reader)
        return request_detail(reader, request, bundle, record_facts(reader, bundle), CLOCK.now())


def case_detail(settings: Settings, request: str, *, as_json: bool) -> RequestDetail:
    """The case as shown; leaves with status 1 when there is none."""
    found = case_shown(settings, request)
    if isinstance(found, Refusal):
        refused(found, as_json=as_json)
    return found


def thread_of(settings: Settings, request: str, *, as_json: bool) -> CaseThread:
    """What stands around a request; leaves with status 1 when there is none."""
    with read_home(settings) as reader:
        found = case_thread(reader, request, active_bundle(reader).approval.void_matrix)
    if isinstance(found, Refusal):
        refused(found, as_json=as_json)
    return found


def show_case(settings: Settings, request: str, *, as_json: bool) -> RequestDetail:
    """Print the case and what stands around it for who will sign; leaves when there is none."""
    detail = case_detail(settings, request, as_json=as_json)
    around = thread_of(settings, request, as_json=as_json)
    for line in (*case_lines(detail), *thread_lines(around)):
        notice(line)
    return detail


def not_prepared(request: str, refusal: Refusal | None, *, as_json: bool) -> NoReturn:
    """Leaves without anything to sign; with status 1 when that was refused."""
    if refusal is None:
        reject("NOT_FOUND", "the statement is gone", field="request", got=request)
    refused(refusal, as_json=as_json)


def case_lines(detail: RequestDetail) -> list[str]:
    """The case in words, decisions last."""
    history = detail.history
    request, bound = history.request, history.request.payload
    standing = f"{request.status.value}{', expired' if detail.expired else ''}"
    head = [
        f"request     {request.approval_request_id} ({standing})",
        f"verdict     {history.verdict.value}: {history.message}",
        f"asks        {bound.side.value} up to {bound.max_quantity} {bound.symbol}, paper only",
        f"order       {_order(bound)}",
        f"exposure    {bound.tx_equivalent} TX-equivalent, {bound.notional} {bound.currency}",
        f"signal      {bound.signal_id} of {bound.strategy_id} {bound.strategy_version}",
        f"            {_signal(bound)}",
        f"made with   data {bound.data_version}, code {bound.code_version}",
        f"authors     {', '.join(bound.author_ids)}",
        f"requester   {request.requester_id}: {bound.request_reason}",
        f"decide by   {utc_text(request.review_expires_at)}",
        f"submit in   {bound.execution_validity_seconds} s after the last approval",
        f"hash        {request.request_hash}",
        f"records     {history.record_policy}",
        *(f"routed      {_routed(seat)}" for seat in request.routing),
    ]
    done = [
        f"decision {d.sequence}  {d.decision.value} by {d.reviewer_id} as {d.reviewer_role.value}"
        + ("" if d.batch is None else f", {d.batch.index + 1} of a batch of {d.batch.size}")
        + _opened(d)
        for d in history.decisions
    ]
    return [*head, *done]


def thread_lines(thread: CaseThread) -> list[str]:
    """The thread in lines; people's words are quoted, so that no control character acts."""
    lines = [f"uses        {thread.uses} of {thread.uses_max}"]
    if thread.answers is not None:
        lines.append(f"answers     {thread.answers}")
    lines += [f"answered by {case}" for case in thread.answered_by]
    if thread.superseded_by is not None:
        lines.append(f"replaced by {thread.superseded_by}")
    for change in thread.changes:
        voided = ", ".join(change.voided) or "nothing"
        head = f"version {change.version}   of {change.supersedes}"
        lines.append(f"{head}: {change.carried} carried, voids {voided}")
        lines += [f"  {f.field}: {f.before} -> {f.after}" for f in change.fields]
    for line in thread.comments:
        words = "(erased)" if line.text is None else ascii(line.text)
        reply = "" if line.reply_to is None else f" in reply to {line.reply_to}"
        lines.append(f"comment {line.comment_id} by {line.person_id}{reply}: {words}")
    return lines


def _opened(decision: ApprovalDecision) -> str:
    """Which sections the reviewer opened before signing, and which of the wanted ones not."""
    signed = signed_statement(decision)
    sections = ", ".join(() if signed is None else signed.sections_opened)
    told = f", opened {sections} in {signed.seconds_open} s" if signed and sections else ""
    if saw_nothing(decision):
        return f"{told}, SIGNED UNOPENED: nothing of the case was shown"
    closed = ", ".join(decision.evidence_unopened)
    return f"{told}, SIGNED UNOPENED: {closed}" if closed else told


def show_bytes(prepared: PreparedReview) -> None:
    """Print the exact bytes that will be signed: their digest, and the statement in them."""
    notice(f"signed      {prepared.signed_digest}")
    notice(prepared.text)


def shown_mark(shown_hash: str) -> str:
    """The first sixteen digits of what was shown, as every window has them beside the signing."""
    return shown_hash.removeprefix("sha256:")[:16]


def _order(bound: RequestPayload) -> str:
    low, high = bound.price_min, bound.price_max
    price = "at any price" if low is None and high is None else f"{low or '-'} to {high or '-'}"
    till = "" if bound.good_till is None else f" till {utc_text(bound.good_till)}"
    often = "once" if bound.uses_max == 1 else f"up to {bound.uses_max} times"
    return f"{bound.order_type.value} {bound.time_in_force.value}{till}, {price}, {often}"


def _signal(bound: RequestPayload) -> str:
    stop = bound.stop_distance_points
    told = "no stop" if stop is None else f"stop {stop} points away"
    until = utc_text(bound.signal_expires_at)
    return f"{bound.direction.value}, confidence {bound.confidence}, {told}, until {until}"


def _routed(seat: RoutedSeat) -> str:
    told = f"{seat.stage.value} to {seat.person_id or 'nobody'}"
    return told if seat.reason is None else f"{told}, not {seat.preferred}: {seat.reason.value}"
