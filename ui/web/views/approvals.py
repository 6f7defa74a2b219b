"""The queue: every request of the person's tenant, what each waits for, newest first."""

from datetime import datetime

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.people import person_of
from counterseal.desk.views.approvals import QueueEntry, queue_entries
from counterseal.kernel.model import Refusal
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.words import number, span
from ui.web.visit import here

ROWS_MAX = 50
OPEN, ALL = "Open", "All"


def show() -> None:
    """The page."""
    panels.title("Approvals", "Reads requests. Deciding happens on a request's own page.")
    chosen = st.segmented_control(
        "Show", [OPEN, ALL], default=OPEN, key="queue-filter", label_visibility="collapsed"
    )
    now = house.CLOCK.now()
    with house.reading() as reader:
        person = person_of(reader, here().session.actor)
        if isinstance(person, Refusal):
            panels.refused(person)
            return
        own = {r.approval_request_id for r in reader.find(ApprovalRequest, tenant=person.tenant)}
        found = queue_entries(reader, house.law(reader).bundle.approval, now)
    entries = [e for e in found if e.approval_request_id in own]
    shown = entries if chosen == ALL else [e for e in entries if e.actionable]
    if not shown:
        panels.empty("No request waits for a decision.", "Choose All to see decided requests.")
        return
    if len(shown) > ROWS_MAX:
        st.caption(f"The newest {ROWS_MAX} of {number(len(shown))} requests")
    for entry in shown[:ROWS_MAX]:
        _row(entry, now)


def headline(entry: QueueEntry) -> str:
    """The order in words."""
    verb = entry.side.value.capitalize()
    return f"{verb} up to {number(entry.max_quantity)} {entry.symbol}"


def _row(entry: QueueEntry, now: datetime) -> None:
    with st.container(border=True, key=f"row-{entry.approval_request_id}"):
        what, state, link = st.columns([5, 3, 1], vertical_alignment="center")
        with what:
            st.markdown(f"**{headline(entry)}**")
            st.caption(f"{entry.strategy_id} {entry.strategy_version}, by {entry.requester_id}")
        state.markdown(_badge(entry, now))
        with link:
            wanted = {"id": entry.approval_request_id}
            st.page_link(here().pages["request"], label="Open", query_params=wanted)


def _badge(entry: QueueEntry, now: datetime) -> str:
    if not entry.actionable:
        word = "expired" if entry.expired else entry.status.value.replace("_", " ")
        return f":gray-badge[{word}]"
    stage = "" if entry.next_stage is None else entry.next_stage.value
    left = span((entry.review_expires_at - now).total_seconds())
    return f":blue-badge[{stage} review] :gray-badge[{left} left]"
