"""What happened to a request while its page was open.

A part of the page compares what is stored with what was drawn, and draws nothing; only when they
differ is the page drawn anew, with every field as it was typed.
"""

from datetime import datetime

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from ui.web import house
from ui.web.case import Case
from ui.web.live import live
from ui.web.parts.pieces import Tone, banner
from ui.web.views.form import keep_reason
from ui.web.views.receipt import show_request
from ui.web.wording import say


def watch(case: Case) -> None:
    """Draw the page anew as soon as the request is another than the one on it."""
    request, turn = case.detail.history.request, case.standing.turn
    live(lambda: _compared(request, None if turn is None else turn.until))


def _compared(drawn: ApprovalRequest, until: datetime | None) -> None:
    with house.reading() as reader:
        stored = reader.get(ApprovalRequest, drawn.approval_request_id)
    if stored != drawn or (until is not None and house.CLOCK.now() >= until):
        st.rerun()


def newer(request: ApprovalRequest, newer_id: str) -> None:
    """Instead of the form: there is a newer version, and how to get to it."""
    old, new = str(request.version), str(request.version + 1)
    told = say("request.changed_to", version=new)
    banner(Tone.WARN, told, say("request.no_longer_counts", version=old))
    keep_reason(request, newer_id)
    st.button(
        say("request.look_at", version=new),
        type="primary",
        width="stretch",
        on_click=show_request,
        args=(newer_id,),
    )
    st.button(say("decision.choose"), disabled=True, width="stretch")
    st.caption(say("request.look_first", version=new))
