"""What a person may do to a case beside deciding: comment, answer, change, end or reopen it.

What cannot be undone is asked for twice, in its place; a refusal loses nothing that was typed.
"""

from typing import Final

import streamlit as st

from counterseal.approvals.model import RequestStatus
from counterseal.desk.commands import Outcome
from counterseal.desk.views.duties import WITHDRAW
from counterseal.policy.authorize import Action, allowed_roles
from ui.web import house
from ui.web.case import Case
from ui.web.parts.pieces import copyable
from ui.web.views.asked_twice import asked_twice, told, tried
from ui.web.views.case_amend import amend
from ui.web.views.case_revoke import against, id_of, revoke
from ui.web.visit import GO_TO, here, link
from ui.web.wording import say, term

REOPEN: Final = "reopen"
_ROLE, _ENDED = "ROLE", "TERMINAL"


def acts(case: Case) -> None:
    """Everything but the decision; below both, also on a narrow window."""
    left, _ = st.columns([1.72, 1], gap="large")
    with left:
        _answer(case)
        _acts(case)


def _acts(case: Case) -> None:
    with st.container(border=True, key="case-acts"):
        st.header(say("case_acts.heading"), anchor=False)
        told(id_of(case))
        _comment(case)
        if _ENDED in against(case, WITHDRAW):
            st.caption(say("case_acts.ended", status=term(case.detail.history.request.status)))
        else:
            _withdraw(case)
            revoke(case)
            _reopen(case)
        _erase(case)


def _own(case: Case) -> bool:
    return case.detail.history.request.requester_id == here().person.person_id


def _answer(case: Case) -> None:
    """The way on for the requester whose request came back."""
    request, now = case.detail.history.request, house.CLOCK.now()
    needs = request.status is RequestStatus.NEEDS_DATA
    if not _own(case) or not (needs or case.detail.expired):
        return
    with st.container(border=True, key="case-answer"):
        answered = case.thread.answered_by
        if answered:
            st.text(say("case_acts.answered"))
            label, place = say("case_acts.open_answer"), ("request", {"id": answered[-1]})
            st.button(label, key="open-answer", on_click=_go, args=(place,))
            return
        alive = now < request.payload.signal_expires_at
        st.text(say("case_acts.came_back") if needs else say("case_acts.expired"))
        cited = {"answers": request.approval_request_id} if needs else {}
        if alive:
            cited["signal"] = request.signal_id
        link("propose", say("case_acts.answer") if needs else say("case_acts.ask_again"), **cited)


def _go(place: tuple[str, dict[str, str]]) -> None:
    st.session_state[GO_TO] = place


def _comment(case: Case) -> None:
    """A field that anybody of the tenant may fill in; nobody signs it."""
    name = id_of(case)
    st.text_area(
        say("case_acts.comment"),
        key=f"comment:{name}",
        height=68,
        max_chars=2_000,
        placeholder=say("case_acts.comment_hint"),
    )
    key = st.session_state.setdefault(f"comment-key:{name}", house.command_key())
    st.button(say("case_acts.say"), key="comment-say", on_click=_say, args=(name, key))


def _say(name: str, key: str) -> None:
    """Once for each drawn form: pressed twice, it is one comment."""
    if st.session_state.pop(f"comment-key:{name}", None) != key:
        return
    text = str(st.session_state.get(f"comment:{name}", ""))
    comments, actor = house.desk().comments, here().session.actor
    if tried(name, say("case_acts.said"), lambda: comments.comment(name, text, actor, key=key)):
        st.session_state[f"comment:{name}"] = ""


def _withdraw(case: Case) -> None:
    codes, request = against(case, WITHDRAW), case.detail.history.request
    if _ROLE in codes:
        st.caption(say("case_acts.only_requester", person=request.requester_id))
        return
    amend(case, codes)
    name, actor = id_of(case), here().session.actor
    withdraw = house.desk().approvals.withdraw
    asked_twice(
        name,
        WITHDRAW,
        (say("case_acts.withdraw"), say("case_acts.withdraw_sure"), say("case_acts.withdrawn")),
        lambda key: withdraw(name, actor, key=key),
        codes,
    )


def _reopen(case: Case) -> None:
    """For who asked under a policy that is in force no more."""
    request = case.detail.history.request
    if not _own(case) or request.payload.policy_bundle_hash == case.bundle.bundle_hash:
        return
    name, actor = id_of(case), here().session.actor

    def reopen(key: str) -> Outcome:
        outcome = house.desk().amendments.reopen(name, actor, key=key)
        if outcome.accepted:
            st.session_state[GO_TO] = ("request", {"id": outcome.subject_id})
        return outcome

    asked_twice(
        name,
        REOPEN,
        (say("case_acts.reopen"), say("case_acts.reopen_sure"), say("case_acts.reopened")),
        reopen,
    )


def _erase(case: Case) -> None:
    """Where those who may destroy a person's words do it: it reaches beyond this case."""
    authors = sorted({one.person_id for one in case.thread.comments if one.text is not None})
    if not authors or not here().person.held_roles() & allowed_roles(Action.ERASE_PERSON):
        return
    with st.expander(say("case_acts.erase")):
        me = here().person.person_id
        copyable(
            say("case_acts.erase_by", people=", ".join(authors)),
            f"counterseal records erase PERSON --basis BASIS --as {me}",
        )
