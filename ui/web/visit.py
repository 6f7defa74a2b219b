"""What a page is given: who is here, and where the other pages are."""

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from counterseal.identity.sessions import LoginSession

GO_TO = "go_to"
"""In the state: a page and its parameters, to be shown at the next rerun instead of the present."""
_VISIT = "visit"


class Visit(NamedTuple):
    """One rerun of somebody whom the registry confirmed in it."""

    session: LoginSession
    pages: Mapping[str, st.Page]


def begin(session: LoginSession, pages: Mapping[str, st.Page]) -> None:
    """Set the visit of this rerun."""
    st.session_state[_VISIT] = Visit(session, pages)


def here() -> Visit:
    """The visit of this rerun."""
    visit: Visit = st.session_state[_VISIT]
    return visit
