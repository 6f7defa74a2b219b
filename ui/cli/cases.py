"""A case as a reviewer is shown it before they decide."""

from typing import NoReturn

from counterseal.approvals.model import RequestPayload
from counterseal.approvals.routing import RoutedSeat
from counterseal.audit.verdict import Outcome as LogOutcome
from counterseal.audit.verify import verify_log
from counterseal.desk.views.approvals import RequestDetail, request_detail
from counterseal.desk.views.history import RecordFacts, verify_cases
from counterseal.desk.views.reviewers import unopened
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Refusal
from counterseal.policy.bundle import PolicyBundle
from storage.home_reader import HomeReader, read_home
from storage.law import law_in_force
from storage.settings import Settings
from ui.cli.render import refused, reject
from ui.cli.session import CLOCK


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


def case_detail(settings: Settings, request: str, *, as_json: bool) -> RequestDetail:
    """The case as shown; leaves with status 1 when there is none."""
    with read_home(settings) as reader:
        bundle = active_bundle(reader)
        facts = record_facts(reader, bundle)
        found = request_detail(reader, request, bundle, facts, CLOCK.now())
    if isinstance(found, Refusal):
        refused(found, as_json=as_json)
    return found


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
        + (", SIGNED UNOPENED: nothing of the case was shown" if unopened(d) else "")
        for d in history.decisions
    ]
    return [*head, *done]


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
