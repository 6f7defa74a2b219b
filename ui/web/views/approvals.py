"""The queue: every request of the person's tenant, what each waits for, the longest wait first."""

from datetime import datetime, timedelta
from typing import NamedTuple

import streamlit as st

from counterseal.approvals.escalation import waiting_limit
from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.ports import Reader
from counterseal.desk.views.approvals import QueueEntry, actionable_entries, newest_entries
from counterseal.desk.views.duties import DutyKind, duties
from counterseal.kernel.model import Refusal
from counterseal.policy.params import ApprovalParameters
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
    """The requests of a tenant at one moment.

    Attributes:
        entries: Those that may be decided, newest first.
        mine: Which of these wait for this person.
        total: How many there are, decided ones among them.
    """

    entries: tuple[QueueEntry, ...]
    mine: frozenset[str]
    total: int
    now: datetime
    rules: ApprovalParameters

    def over(self, entry: QueueEntry) -> timedelta:
        """How much longer than it should it has waited; below zero while it is in time."""
        limit = waiting_limit(entry.created_at, self.rules)
        return self.now - min(limit, entry.review_expires_at)


def show() -> None:
    """The page."""
    panels.title(say("approvals.title"), say("approvals.scope"))
    named = {MINE: say("approvals.mine"), OPEN: say("approvals.open"), ALL: say("approvals.all")}
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = choice("show", say("approvals.show"), named)
        if Role.REQUESTER in here().person.held_roles():
            link("propose", say("research.propose"))
    live(lambda: _listed(chosen))


def read_queue(reader: Reader) -> Queue:
    """What the queue's page shows, as it is now; what is over is only counted."""
    now, person = house.CLOCK.now(), here().person
    bundle = house.law(reader).bundle
    found = actionable_entries(reader, bundle.approval, now, person.tenant)
    told = duties(reader, bundle, person.person_id, now)
    due = () if isinstance(told, Refusal) else told.duties
    mine = frozenset(duty.subject_id for duty in due if duty.kind is DutyKind.REVIEW)
    total = reader.count(ApprovalRequest, tenant=person.tenant)
    return Queue(found, mine, total, now, bundle.approval)


def _listed(chosen: str) -> None:
    with house.reading() as reader:
        queue = read_queue(reader)
        if chosen == ALL:
            _counted(queue.total, chosen, queue)
            shown = _page_of_all(reader, queue)
        else:
            found = _chosen(queue, chosen)
            _counted(len(found), chosen, queue)
            shown = found[page_of(len(found), ROWS, "queue-page")]
    for entry in shown:
        _row(entry, queue)
    if not queue.total:
        panels.empty(say("approvals.nothing_at_all"), say("approvals.nothing_at_all_then"))
    elif not shown and chosen == MINE:
        panels.empty(say("approvals.nothing_mine"), say("approvals.nothing_mine_then"))
    elif not shown:
        panels.empty(say("approvals.nothing_open"), say("approvals.nothing_open_then"))
    every = number(EVERY_SECONDS)
    st.caption(say("approvals.updated", moment=moment(queue.now), seconds=every))


def _page_of_all(reader: Reader, queue: Queue) -> list[QueueEntry]:
    """Newest first; only the rows of the page are read."""
    at = page_of(queue.total, ROWS, "queue-page")
    tenant = here().person.tenant
    found = newest_entries(reader, queue.rules, queue.now, ROWS, at.start, tenant=tenant)
    return [*found]


def _counted(count: int, chosen: str, queue: Queue) -> None:
    """How many there are, and the way to decide some of them together."""
    if not count:
        return
    told = {
        MINE: say("approvals.count_mine", count=number(count)),
        OPEN: say("approvals.count_open", count=number(count)),
        ALL: say("approvals.count_all", count=number(count)),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(told[chosen])
        if chosen == MINE and min(count, queue.rules.bulk_max) > 1:
            link("bulk", say("bulk.title"))


def _chosen(queue: Queue, chosen: str) -> list[QueueEntry]:
    """What is open: first what waited too long, then what ends first."""
    found = (e for e in queue.entries if chosen == OPEN or e.approval_request_id in queue.mine)
    late = timedelta(0)
    return sorted(
        found, key=lambda e: (queue.over(e) < late, e.review_expires_at, e.approval_request_id)
    )


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
    return turn, waits, _waited(entry, queue), badge(say("approvals.left", span=left), Tone.OFF)


def _waited(entry: QueueEntry, queue: Queue) -> str:
    """How long it waits, and how long it may before others are asked as well."""
    waited, over = queue.now - entry.created_at, queue.over(entry)
    if over >= timedelta(0):
        return badge(say("approvals.over", span=span(over.total_seconds())), Tone.WARN)
    limit = span((waited - over).total_seconds())
    told = say("approvals.waited", span=span(waited.total_seconds()), limit=limit)
    return badge(told, Tone.OFF)
