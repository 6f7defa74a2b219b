"""One request among several: its line, what would block it, what is read before it is chosen."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import streamlit as st

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.bulk import BulkItem
from counterseal.desk.views.bulk import BulkCandidate
from counterseal.desk.views.threads import CaseThread
from counterseal.policy.words import EvidenceSection
from ui.web import house
from ui.web.looked import saw
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, copyable, facts, plain
from ui.web.parts.words import moment, money, number, order_words, short, span, tx, verb
from ui.web.visit import link
from ui.web.wording import say, term

SEEN: Final = (
    EvidenceSection.REQUEST,
    EvidenceSection.CHANGES,
    EvidenceSection.DECISIONS,
    EvidenceSection.COMMENTS,
)
"""What a chosen request shows in plain sight."""
CHOSEN: Final = "bulk-chosen"
"""In the state: digest of what was shown of each chosen request, by its id."""


def ticked(stands: BulkCandidate) -> bool:
    """Whether it is chosen, and still what it was when it was chosen."""
    return _chosen().get(_id(stands)) == stands.detail.shown_hash


def row(stands: BulkCandidate, around: CaseThread) -> None:
    """One request to choose; why not stands in its place."""
    request = stands.detail.history.request
    name, bound, shown = _id(stands), request.payload, stands.detail.shown_hash
    with st.container(border=True, key=f"row-{name}"):
        what, way = st.columns([6, 1], vertical_alignment="center")
        with what:
            st.checkbox(
                f"**{plain(order_words(bound))}**",
                value=ticked(stands) and not stands.codes,
                key=f"bulk-tick:{name}:{shown[-12:]}",
                disabled=bool(stands.codes),
                on_change=_tick,
                args=(name, shown),
            )
            left = span((request.review_expires_at - house.CLOCK.now()).total_seconds())
            strategy = f"{bound.strategy_id} {bound.strategy_version}"
            by = say("approvals.by", strategy=strategy, person=request.requester_id)
            st.caption(plain(say("bulk.line", by=by, left=say("approvals.left", span=left))))
        with way:
            link("request", say("approvals.link"), id=name)
        if stands.codes:
            badges(badge(say("bulk.blocked"), Tone.WARN), f"`{', '.join(stands.codes)}`")
            for said in panels.reasons(stands.codes):
                st.caption(said)
        elif ticked(stands):
            _read(stands, around)
        elif name in _chosen():
            st.caption(say("bulk.changed"))


def _id(stands: BulkCandidate) -> str:
    return stands.detail.history.request.approval_request_id


def _chosen() -> dict[str, str]:
    told: dict[str, str] = st.session_state.setdefault(CHOSEN, {})
    return told


def leave(names: Iterable[str]) -> None:
    """These are decided: they are chosen no more."""
    for name in names:
        _chosen().pop(name, None)


def _tick(name: str, shown: str) -> None:
    if _chosen().get(name) == shown:
        del _chosen()[name]
    else:
        _chosen()[name] = shown


def _read(stands: BulkCandidate, around: CaseThread) -> None:
    """All that the signature is about, nothing folded."""
    facts(
        *_asked(stands.detail.history.request),
        *_changed(around),
        *_decided(stands.detail.history.decisions),
        *_said(around),
    )
    saw(stands.detail.shown_hash, *SEEN)


def _asked(request: ApprovalRequest) -> Iterator[tuple[str, str]]:
    bound = request.payload
    stop = bound.stop_distance_points
    exposed = say("request.tx_equivalent", count=tx(bound.tx_equivalent))
    yield say("request.reason"), bound.request_reason
    yield say("request.exposure"), f"{exposed}, {money(bound.notional, bound.currency.value)}"
    yield say("propose.type"), f"{term(bound.order_type)}, {term(bound.time_in_force)}"
    yield say("request.confidence"), number(bound.confidence)
    if stop is not None:
        yield say("request.stop"), say("request.points", count=number(stop))
    yield say("request.signal"), bound.signal_id
    yield say("request.account"), bound.account_id
    yield say("request.until"), moment(request.review_expires_at)
    yield say("request.hash"), request.request_hash


def _changed(around: CaseThread) -> Iterator[tuple[str, str]]:
    newest = around.changes[0].fields if around.changes else ()
    if not newest:
        yield say("request.changes"), say("request.first")
    for change in newest:
        yield change.field, f"{change.before} \u2192 {change.after}"


def _decided(decisions: tuple[ApprovalDecision, ...]) -> Iterator[tuple[str, str]]:
    for one in decisions:
        by = say("request.verdict_by", verdict=verb(one.decision), person=one.reviewer_id)
        yield term(one.stage), f"{by}: {one.decision_reason}"


def _said(around: CaseThread) -> Iterator[tuple[str, str]]:
    for one in around.comments:
        text = say("request.erased") if one.text is None else one.text
        yield say("bulk.comment_by", person=one.person_id), text


def results(items: tuple[BulkItem, ...], over: Callable[[], None]) -> None:
    """What came of each, those that were refused first."""
    signed = sum(item.refusal is None for item in items)
    with st.container(border=True, key="bulk-results"):
        count, total = number(signed), number(len(items))
        st.header(say("bulk.came", count=count, total=total), anchor=False)
        for item in sorted(items, key=lambda one: (one.refusal is None, one.request_id)):
            _result(item)
        st.button(say("bulk.over"), on_click=over)


def _result(item: BulkItem) -> None:
    with house.reading() as reader:
        request = reader.get(ApprovalRequest, item.request_id)
        made = reader.get(ApprovalDecision, item.decision_id) if item.decision_id else None
    what = item.request_id if request is None else order_words(request.payload)
    with st.container(border=True, key=f"result-{item.request_id}"):
        head, way = st.columns([6, 1], vertical_alignment="center")
        with way:
            link("request", say("approvals.link"), id=item.request_id)
        with head:
            st.markdown(f"**{plain(what)}**")
            if item.refusal is not None:
                codes = ", ".join(item.refusal.codes)
                badges(badge(say("common.refused"), Tone.BAD), f"`{codes}`")
                for said in panels.reasons(item.refusal.codes):
                    st.caption(said)
            elif made is not None:
                badges(badge(say("bulk.signed", verdict=verb(made.decision)), Tone.GOOD))
        if made is not None:
            _receipt(made, item.event_id or "")


def _receipt(made: ApprovalDecision, event_id: str) -> None:
    path = made.batch
    with st.expander(say("bulk.receipt")):
        facts(
            (say("decision.decision"), made.approval_decision_id),
            (say("decision.at"), moment(made.decided_at)),
            (say("decision.meaning"), term(made.meaning)),
            (say("decision.decision_hash"), made.decision_hash),
        )
        if path is not None:
            place, size = number(path.index + 1), number(path.size)
            steps = ", ".join(short(one) for one in path.path)
            told = say("bulk.path", place=place, size=size, path=steps or say("bulk.no_path"))
            st.caption(told)
        copyable(say("decision.keep_proof"), f"counterseal audit prove --event {event_id}")
