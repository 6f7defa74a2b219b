"""The pages of Counterseal, drawn anew at every rerun.

Job: ask the registry who is here, then show the page that was asked for, or the way in.

Invariants
  I1  No page is drawn for somebody whom the registry did not confirm in this rerun.
  I2  When the store fails while a page is drawn, nothing of that page stays: it is left for a rerun
      that draws the failure alone. A page stands in no place that can be emptied, which would
      take the focus from who works by keys at every rerun.

Not here: pages (ui.web.views), their map (ui.web.pages), the server (ui.web.asgi).
Source: ui parts 1 and 3.
"""

import streamlit as st

from counterseal.desk.bench import Bench
from counterseal.desk.desk import Desk
from counterseal.identity.people import Person
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.errors import CountersealError
from counterseal.policy.safety import TradingMode
from ui.web import door, house
from ui.web.component.tongue import tell_browser
from ui.web.pages import pages_for, shows_itself_to_strangers
from ui.web.parts import visit
from ui.web.parts.look import dress
from ui.web.parts.panels import SINCE, unreachable
from ui.web.parts.pieces import Tone, badge
from ui.web.views import sign_in
from ui.web.visit import GO_TO, begin, link
from ui.web.wording import Language, choose_language, language, say, settle_language

AGAIN_SECONDS = 5
TONGUE = "tongue"
AWAY = "away"


def sidebar(bench: Bench, session: LoginSession) -> None:
    """What holds on every page, as the desk was opened, who is here, and what they read."""
    with st.sidebar:
        marks = (_mode(bench), _live(bench), badge(_broker(bench), Tone.OFF))
        with st.container(key="marks"):
            link("readiness", " ".join(marks))
        st.caption(say("frame.signed_in", person=session.person_id))
        tongue(session.person_id)
        visit.reminder()
        st.button(say("frame.sign_out"), key="sign-out", on_click=door.log_out, args=(session,))


def _mode(bench: Bench) -> str:
    if bench.trading_mode == TradingMode.PAPER:
        return badge(say("frame.paper"), Tone.SIMULATED)
    return badge(say("frame.mode", mode=bench.trading_mode), Tone.BAD)


def _live(bench: Bench) -> str:
    if bench.live_trading_enabled:
        return badge(say("frame.live_on"), Tone.BAD)
    return badge(say("frame.live_off"), Tone.OFF)


def _broker(bench: Bench) -> str:
    return say("frame.broker", broker=bench.broker_provider)


def tongue(person_id: str | None) -> None:
    """The choice of a language, which stays with the person and with the browser."""
    st.session_state[TONGUE] = language()
    st.segmented_control(
        say("frame.language"),
        list(Language),
        key=TONGUE,
        required=True,
        format_func=lambda one: one.own_name,
        label_visibility="collapsed",
        on_change=_chosen,
        args=(person_id,),
    )


def _chosen(person_id: str | None) -> None:
    chosen = st.session_state.get(TONGUE)
    if chosen is not None:
        choose_language(person_id, Language(chosen))


@st.fragment(run_every=AGAIN_SECONDS)
def waiting(error: CountersealError) -> None:
    """Until the store answers again."""
    try:
        with house.reading():
            pass
    except CountersealError as still:
        error = still
    else:
        if st.session_state.pop("waited", False):
            st.rerun()
    st.session_state["waited"] = True
    unreachable(error)


def shown(desk: Desk, session: LoginSession, person: Person) -> None:
    """The page that was asked for."""
    known = pages_for(person)
    chosen = st.navigation(list(known.values()))
    begin(session, person, known)
    sidebar(desk.bench, session)
    wanted = st.session_state.pop(GO_TO, None)
    if wanted is not None:
        page, params = wanted
        st.switch_page(known[page], query_params=params)
    failed = st.session_state.pop(AWAY, None)
    if failed is not None:
        waiting(failed)
        return
    try:
        chosen.run()
    except CountersealError as error:
        st.session_state[AWAY] = error
        st.rerun()


def present(desk: Desk, session: LoginSession | None) -> Person | None:
    """Whose session it is."""
    if session is None:
        return None
    with desk.bench.store.reader() as reader:
        return reader.get(Person, session.person_id)


def open_page(*, store_answers: bool) -> bool:
    """Draw the page that was asked for if it is open to strangers; else say that it is not."""
    known = pages_for(None)
    chosen = st.navigation(list(known.values()), position="hidden")
    if not shows_itself_to_strangers(chosen):
        return False
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if store_answers:
            st.page_link(next(iter(known.values())), label=say("demo.sign_in"))
            tongue(None)
        else:
            st.caption(say("demo.store_away"))
    chosen.run()
    return True


def main() -> None:
    """One rerun."""
    st.set_page_config(page_title="Counterseal", layout="wide", initial_sidebar_state="auto")
    dress()
    if st.session_state.pop("provider_logout", False):
        st.logout()
    try:
        desk = house.desk()
        session = door.visitor(desk)
        settle_language(None if session is None else session.person_id)
        person = present(desk, session)
    except CountersealError as error:
        if not open_page(store_answers=False):
            waiting(error)
        return
    st.session_state.pop(SINCE, None)
    tell_browser(language())
    if session is not None and person is not None:
        shown(desk, session, person)
    elif not open_page(store_answers=True):
        sign_in.show()
        _, middle, _ = st.columns([1, 1.2, 1])
        with middle:
            st.page_link(pages_for(None)["demo"], label=say("demo.try"))
            tongue(None)


main()
