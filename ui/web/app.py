"""The pages of Counterseal, drawn anew at every rerun.

Job: ask the registry who is here, then show the page that was asked for, or the way in.

Invariants
  I1  No page is drawn for somebody whom the registry did not confirm in this rerun.

Not here: pages (ui.web.views), the server (ui.web.asgi).
Source: ui parts 1 and 3.
"""

import streamlit as st

from counterseal.desk.bench import Bench
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.errors import CountersealError
from counterseal.policy.safety import TradingMode
from ui.web import door, house
from ui.web.parts.look import dress
from ui.web.parts.panels import unreachable
from ui.web.parts.words import moment
from ui.web.views import approvals, home, me, request, sign_in
from ui.web.visit import GO_TO, begin


def pages() -> dict[str, st.Page]:
    """Every page by its name, in the order of the river; details are reached by links."""
    return {
        "home": st.Page(home.show, title="Home", default=True),
        "approvals": st.Page(approvals.show, title="Approvals", url_path="approvals"),
        "request": st.Page(request.show, title="Request", url_path="request", visibility="hidden"),
        "settings": st.Page(me.show, title="Settings", url_path="settings"),
    }


def sidebar(bench: Bench, session: LoginSession) -> None:
    """What holds on every page, as the desk was opened, and who is here."""
    paper = bench.trading_mode == TradingMode.PAPER
    live = ":red-badge[Live on]" if bench.live_trading_enabled else ":gray-badge[Live off]"
    mode = ":green-badge[Paper mode]" if paper else f":red-badge[Mode: {bench.trading_mode}]"
    with st.sidebar:
        st.markdown(f"{mode} {live} :gray-badge[Broker: {bench.broker_provider}]")
        st.caption(f"Signed in as {session.person_id}")
        st.button("Sign out", key="sign-out", on_click=door.log_out, args=(session,))


def main() -> None:
    """One rerun."""
    st.set_page_config(page_title="Counterseal", layout="wide", initial_sidebar_state="auto")
    dress()
    if st.session_state.pop("provider_logout", False):
        st.logout()
    known = pages()
    try:
        desk = house.desk()
        session = door.visitor(desk)
    except CountersealError as error:
        st.navigation(list(known.values()), position="hidden")
        told = moment(house.CLOCK.now())
        unreachable(error, st.session_state.setdefault("unreachable_since", told))
        return
    st.session_state.pop("unreachable_since", None)
    if session is None:
        st.navigation(list(known.values()), position="hidden")
        sign_in.show()
        return
    chosen = st.navigation(list(known.values()))
    begin(session, known)
    sidebar(desk.bench, session)
    wanted = st.session_state.pop(GO_TO, None)
    if wanted is not None:
        page, params = wanted
        st.switch_page(known[page], query_params=params)
    chosen.run()


main()
