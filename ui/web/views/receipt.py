"""What is left in a person's hand after a signature: the record, its proof, and what waits next."""

import streamlit as st

from counterseal.approvals.model import ApprovalDecision
from counterseal.audit.record import StoredRow
from counterseal.desk.views.duties import DutyKind, duties
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import DomainModel, Refusal
from counterseal.policy.words import DecisionWord
from ui.web import house
from ui.web.parts.pieces import Tone, badge, badges, copyable, facts
from ui.web.parts.words import absent, moment, number
from ui.web.proofs import Proof, proof_of
from ui.web.visit import here, link
from ui.web.wording import say, term


class Receipt(DomainModel):
    """What a committed decision came to."""

    request_id: str
    decision: ApprovalDecision
    sealed_size: int
    event_id: str


def receipt_card(receipt: Receipt) -> None:
    """The record with its hash and times, the proof to take along, and the next request."""
    decision = receipt.decision
    row, proof = _read(receipt.event_id)
    badges(badge(_signed(decision.decision), Tone.GOOD))
    facts(
        (say("decision.meaning"), term(decision.meaning)),
        (say("decision.at"), moment(decision.decided_at)),
        *(_record(row) if row is not None else ()),
        (say("decision.decision_hash"), decision.decision_hash),
        (say("decision.sealed"), say("decision.records", count=number(receipt.sealed_size))),
    )
    if row is not None:
        link("record", say("decision.open_record"), seq=str(row.seq))
    if proof is not None:
        st.download_button(
            say("record.download"),
            proof.receipt.text,
            file_name=proof.file_name,
            mime="text/plain",
            on_click="ignore",
            width="stretch",
        )
    with st.expander(say("decision.by_command")):
        facts((say("decision.decision"), decision.approval_decision_id))
        copyable(say("decision.keep_proof"), f"counterseal audit prove --event {receipt.event_id}")
    _next(receipt.request_id)


def _read(event_id: str) -> tuple[StoredRow | None, Proof | None]:
    with house.reading() as reader:
        row = reader.record_of(event_id)
        try:
            return row, None if row is None else proof_of(reader, row)
        except CountersealError:
            return row, None


def _record(row: StoredRow) -> tuple[tuple[str, str], ...]:
    try:
        recorded = moment(parse_utc(row.recorded_at))
    except ValueError:
        recorded = absent(say("record.unreadable"))
    return (
        (say("decision.recorded_at"), recorded),
        (say("decision.record"), f"#{number(row.seq)}"),
        (say("decision.record_hash"), row.leaf_hash),
    )


def _next(done: str) -> None:
    """The request that ends first of those that wait for this person, or home."""
    with house.reading() as reader:
        bundle, now = house.law(reader).bundle, house.CLOCK.now()
        told = duties(reader, bundle, here().person.person_id, now)
    found = () if isinstance(told, Refusal) else told.duties
    waiting = [d.subject_id for d in found if d.kind is DutyKind.REVIEW and d.subject_id != done]
    if not waiting:
        link("home", say("decision.nothing_next"))
        return
    label = say("decision.next_of", count=number(len(waiting)))
    st.button(label, type="primary", width="stretch", on_click=show_request, args=(waiting[0],))


def show_request(request_id: str) -> None:
    """Another request on this page, whose address then names it."""
    st.query_params["id"] = request_id


def _signed(word: DecisionWord) -> str:
    match word:
        case DecisionWord.REJECTED:
            return say("decision.signed_reject")
        case DecisionWord.NEEDS_DATA:
            return say("decision.signed_needs_data")
        case _:
            return say("decision.signed_approve")
