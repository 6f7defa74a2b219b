"""What waits for the person who is here."""

import streamlit as st

from counterseal.desk.views.duties import Duties, Duty, DutyKind, duties
from counterseal.kernel.model import Refusal
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.words import moment
from ui.web.visit import here


def show() -> None:
    """The page."""
    person_id = here().session.person_id
    with house.reading() as reader:
        told = duties(reader, house.law(reader).bundle, person_id, house.CLOCK.now())
    if isinstance(told, Refusal):
        panels.refused(told)
        return
    panels.title("Home", "What waits for you. Nothing is decided here.")
    _waiting(told)


def _waiting(told: Duties) -> None:
    if not told.duties:
        panels.empty("Nothing waits for you.", "All requests are under Approvals.")
        return
    st.header(f"{len(told.duties)} to do", anchor=False)
    for duty in told.duties:
        _row(duty)


def _row(duty: Duty) -> None:
    with st.container(border=True):
        st.text(f"{duty.sentence[:1].upper()}{duty.sentence[1:]}.")
        st.caption(f"Until {moment(duty.until)}")
        if duty.kind is DutyKind.REVIEW:
            wanted = {"id": duty.subject_id}
            st.page_link(here().pages["request"], label="Review", query_params=wanted)
        else:
            st.code(duty.command, language=None, wrap_lines=True)
