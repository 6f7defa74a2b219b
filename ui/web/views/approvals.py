"""The queue: every request of the person's tenant, what each waits for, what ends first first."""

from datetime import datetime
from typing import NamedTuple

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.views.approvals import QueueEntry, queue_entries
from counterseal.desk.views.duties import DutyKind, duties
from counterseal.kernel.model import Refusal
from counterseal.policy.words import Role
from ui.web import house
from ui.web.live import EVERY_SECONDS, live
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, choice, page_of, plain
from ui.web.parts.words import moment, number, order_words, span
from ui.web.visit import here, link
from ui.web.wording import say, term

ROWS = 20
MINE, OPEN, ALL = "mine", "open", "all"


class Queue(NamedTuple):
    """The requests of a tenant at one moment, newest first, and which wait for this person."""

    entries: tuple[QueueEntry, ...]
    mine: frozenset[str]
    now: datetime


def show() -> None:
    """The page."""
    panels.title(say("approvals.title"), say("approvals.scope"))
    named = {MINE: say("approvals.mine"), OPEN: say("approvals.open"), ALL: say("approvals.all")}
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = choice("show", say("approvals.show"), named)
        if Role.REQUESTER in here().person.held_roles():
            link("propose", say("research.propose"))
    live(lambda: _listed(chosen))


def read_queue() -> Queue:
    """What the queue's page shows, as it is now."""
    now, person = house.CLOCK.now(), here().person
    with house.reading() as reader:
        bundle = house.law(reader).bundle
        own = {r.approval_request_id for r in reader.find(ApprovalRequest, tenant=person.tenant)}
        found = queue_entries(reader, bundle.approval, now)
        told = duties(reader, bundle, person.person_id, now)
    due = () if isinstance(told, Refusal) else told.duties
    mine = frozenset(duty.subject_id for duty in due if duty.kind is DutyKind.REVIEW)
    return Queue(tuple(e for e in found if e.approval_request_id in own), mine, now)


def _listed(chosen: str) -> None:
    queue = read_queue()
    shown = _chosen(queue, chosen)
    if shown:
        at = page_of(len(shown), ROWS, "queue-page")
        for entry in shown[at]:
            _row(entry, queue)
    elif not queue.entries:
        panels.empty(say("approvals.nothing_at_all"), say("approvals.nothing_at_all_then"))
    elif chosen == MINE:
        panels.empty(say("approvals.nothing_mine"), say("approvals.nothing_mine_then"))
    else:
        panels.empty(say("approvals.nothing_open"), say("approvals.nothing_open_then"))
    every = number(EVERY_SECONDS)
    st.caption(say("approvals.updated", moment=moment(queue.now), seconds=every))


def _chosen(queue: Queue, chosen: str) -> list[QueueEntry]:
    """What is open by its end, so that what is nearly late stands first; else newest first."""
    if chosen == ALL:
        return list(queue.entries)
    still = (e for e in queue.entries if e.actionable)
    found = (e for e in still if chosen == OPEN or e.approval_request_id in queue.mine)
    return sorted(found, key=lambda e: (e.review_expires_at, e.approval_request_id))


def _row(entry: QueueEntry, queue: Queue) -> None:
    with st.container(border=True, key=f"row-{entry.approval_request_id}"):
        what, state, way = st.columns([5, 4, 1], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{plain(order_words(entry))}**")
            strategy = f"{entry.strategy_id} {entry.strategy_version}"
            st.caption(plain(say("approvals.by", strategy=strategy, person=entry.requester_id)))
        with state:
            badges(*_state(entry, queue))
        with way:
            link("request", say("approvals.link"), id=entry.approval_request_id)


def _state(entry: QueueEntry, queue: Queue) -> tuple[str, ...]:
    if not entry.actionable:
        expired = say("terms.RequestStatus.expired")
        return (badge(expired if entry.expired else term(entry.status), Tone.OFF),)
    mine = entry.approval_request_id in queue.mine
    turn = badge(say("approvals.your_turn"), Tone.DUE) if mine else ""
    stage = "" if entry.next_stage is None else term(entry.next_stage)
    waits = badge(say("approvals.stage_review", stage=stage), Tone.OFF)
    left = span((entry.review_expires_at - queue.now).total_seconds())
    waited = span((queue.now - entry.created_at).total_seconds())
    return (
        turn,
        waits,
        badge(say("approvals.waited", span=waited), Tone.OFF),
        badge(say("approvals.left", span=left), Tone.OFF),
    )
