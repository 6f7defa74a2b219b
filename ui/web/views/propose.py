"""Asking for approval: a signal, new or taken in already, and the order that it would allow.

Who asks is the person who is signed in; the form has no field for it.
"""

from datetime import datetime
from typing import Final

import streamlit as st
from pydantic import ValidationError

from counterseal.approvals.model import RequestPayload, RequestStatus
from counterseal.desk.commands import Outcome
from counterseal.desk.views.approvals import approval_status
from counterseal.desk.views.forms import RequestForm, request_form
from counterseal.desk.views.history import HistoryAnswer, history
from counterseal.desk.views.research import own_signal
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import DecisionWord
from counterseal.portfolio.model import Account
from counterseal.signals.intent import exposure, side_of
from counterseal.signals.model import Direction, SignalRecord
from storage.home_reader import HomeReader
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.fields import invalid
from ui.web.parts.pieces import Tone, badge, facts, plain
from ui.web.parts.words import moment, number, order_words, tx
from ui.web.views.propose_form import PREFIX, NewSignal, Terms, begin_of, new_signal, terms
from ui.web.views.research_signals import headline
from ui.web.visit import GO_TO, here, link
from ui.web.wording import say, term

SIGNAL, ANSWERS = "signal", "answers"
ABOUT: Final = f"{PREFIX}about"
REFUSED: Final = f"{PREFIX}refused"


def show() -> None:
    """The page."""
    now, person = house.CLOCK.now(), here().person
    asked = st.query_params.get(SIGNAL, "")
    begun = st.session_state.setdefault(ABOUT, (now, house.command_key()))[0]
    with house.reading() as reader:
        bundle = house.law(reader).bundle
        status = approval_status(reader, bundle.approval, house.record_facts(reader))
        known = own_signal(reader, person.tenant, asked) if asked else None
        cited = _cited(reader, bundle)
        has_account = bool(reader.count(Account, tenant=person.tenant))
    form = request_form(status, person, begun)
    marks = (badge(one.text, Tone.OFF) for one in form.badges)
    panels.title(say("propose.title"), say("propose.scope"), *marks)
    if asked and known is None:
        panels.not_found(say("research.signal"))
    elif cited is None and ANSWERS in st.query_params:
        panels.not_found(say("request.title"))
    elif known is not None and known.direction is Direction.FLAT:
        panels.empty(say("research.flat_asks_nothing"), say("propose.flat_then"))
    elif not has_account:
        panels.empty(say("portfolio.nothing"), say("portfolio.nothing_then"))
    else:
        _form(form, known, begun, cited)


def _cited(reader: HomeReader, bundle: PolicyBundle) -> HistoryAnswer | None:
    """The own request that asked for more data and that this one would answer."""
    name = st.query_params.get(ANSWERS, "")
    told = history(reader, name, bundle, house.record_facts(reader)) if name else None
    if told is None or isinstance(told, Refusal):
        return None
    own = told.request.requester_id == here().person.person_id
    return told if own and told.request.status is RequestStatus.NEEDS_DATA else None


def _form(
    form: RequestForm,
    known: SignalRecord | None,
    begun: datetime,
    cited: HistoryAnswer | None,
) -> None:
    left, right = st.columns([1.72, 1], gap="large")
    with left:
        if cited is not None:
            _answers(cited)
            form = _as_before(form, cited.request.payload)
        with st.container(border=True):
            st.header(say("propose.signal"), anchor=False)
            if known is None:
                signal: NewSignal | SignalRecord = new_signal(form, begun)
            else:
                signal = known
                _told(known)
        with st.container(border=True):
            st.header(say("propose.order"), anchor=False)
            told = terms(begun, None if cited is None else begin_of(cited.request.payload))
            told.told["answers"] = None if cited is None else cited.request.approval_request_id
    with right, st.container(border=True, key="decision"):
        _card(form.requester_id, signal, told)


def _answers(cited: HistoryAnswer) -> None:
    """Which request this one cites, and what its reviewer wanted to know."""
    request = cited.request
    wanted = [one for one in cited.decisions if one.decision is DecisionWord.NEEDS_DATA]
    with st.container(border=True):
        st.header(say("propose.answers"), anchor=False)
        facts(
            (say("decision.request"), order_words(request.payload)),
            *((say("propose.wanted", person=d.reviewer_id), d.decision_reason) for d in wanted),
        )
        link("request", say("propose.open_cited"), id=request.approval_request_id)


def _as_before(form: RequestForm, old: RequestPayload) -> RequestForm:
    """The form with the strategy of the request that is answered."""
    return form.amended(
        strategy_id=old.strategy_id,
        strategy_version=old.strategy_version,
        direction=old.direction,
    )


def _told(signal: SignalRecord) -> None:
    """A signal that was taken in already, as it stays."""
    facts(
        (say("research.signal"), signal.signal_id),
        (say("research.direction"), headline(signal)),
        (say("research.strategy"), f"{signal.strategy_id} {signal.strategy_version}"),
        (say("research.confidence"), number(signal.confidence)),
        (say("research.said_at"), moment(signal.timestamp)),
    )


def _card(requester_id: str, signal: NewSignal | SignalRecord, told: Terms) -> None:
    """What would be asked for, who asks, and what stands in the way."""
    st.header(say("propose.asks"), anchor=False)
    spec = house.desk().bench.contracts.spec(told.root)
    exposed = "" if spec is None else tx(exposure(told.quantity, spec.tx_equivalent))
    facts(
        (say("propose.requester"), requester_id),
        (say("propose.side"), f"{term(side_of(signal.direction))} {told.symbol}"),
        (say("propose.quantity"), number(told.quantity)),
        (say("request.exposure"), say("portfolio.tx_eq", count=exposed)),
    )
    refusal = st.session_state.get(REFUSED)
    if isinstance(refusal, Refusal):
        panels.refused(refusal)
    against = told.missing
    if st.button(say("research.ask"), type="primary", disabled=bool(against), width="stretch"):
        _send(signal, told)
    st.caption(against or say("propose.next"))
    with st.expander(say("propose.notes")):
        st.markdown("\n".join(f"- {plain(note)}" for note in _notes()))


def _notes() -> tuple[str, ...]:
    """The four boundary notes, as the desk has them."""
    return (
        say("propose.note_simulation"),
        say("propose.note_two"),
        say("propose.note_bound"),
        say("propose.note_live"),
    )


def _send(signal: NewSignal | SignalRecord, told: Terms) -> None:
    """Take the signal in, ask for it, go to the request; a refusal keeps what was typed."""
    key = st.session_state[ABOUT][1]
    try:
        signal_id = signal.signal_id if isinstance(signal, SignalRecord) else _taken_in(signal, key)
        outcome = _asked(signal_id, told, key) if isinstance(signal_id, str) else signal_id
    except ValidationError as error:
        problem = invalid(error)
        outcome = refuse(problem.code, problem.message)
    except CountersealError as error:
        outcome = refuse(error.code, error.message)
    if isinstance(outcome, Outcome) and outcome.accepted:
        for name in [str(one) for one in st.session_state if str(one).startswith(PREFIX)]:
            del st.session_state[name]
        st.session_state[GO_TO] = ("request", {"id": outcome.subject_id})
    else:
        refusal = outcome.refusal if isinstance(outcome, Outcome) else outcome
        st.session_state[REFUSED] = refusal
        st.session_state[ABOUT] = (house.CLOCK.now(), house.command_key())
    st.rerun()


def _taken_in(new: NewSignal, key: str) -> str | Refusal:
    """The id of a signal that the desk admitted; from then on the page is about it."""
    signal = new.built()
    intake, actor = house.desk().intake, here().session.actor
    outcome = intake.propose(signal, new.provenance(signal), actor, key=f"{key}:signal")
    if outcome.refusal is not None:
        return outcome.refusal
    st.query_params[SIGNAL] = signal.signal_id
    return signal.signal_id


def _asked(signal_id: str, told: Terms, key: str) -> Outcome:
    intake, now = house.desk().intake, house.CLOCK.now()
    actor = here().session.actor
    return intake.request(signal_id, told.built(), actor, now=now, key=f"{key}:request")
