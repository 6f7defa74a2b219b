"""What a page is given: who is here, and where the other pages are."""

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from counterseal.identity.people import Person
from counterseal.identity.sessions import LoginSession

GO_TO = "go_to"
"""In the state: a page and its parameters, to be shown at the next rerun instead of the present."""
_VISIT = "visit"


class Visit(NamedTuple):
    """One rerun of somebody whom the registry confirmed in it."""

    session: LoginSession
    person: Person
    pages: Mapping[str, st.Page]


def begin(session: LoginSession, person: Person, pages: Mapping[str, st.Page]) -> None:
    """Set the visit of this rerun."""
    st.session_state[_VISIT] = Visit(session, person, pages)


def here() -> Visit:
    """The visit of this rerun."""
    visit: Visit = st.session_state[_VISIT]
    return visit


def somebody() -> Visit | None:
    """The visit of this rerun, or None on a page that shows itself to strangers too."""
    visit: Visit | None = st.session_state.get(_VISIT)
    return visit


def link(page: str, label: str, **params: str) -> None:
    """A link to a page of ours that keeps this tab and session; for another page than the shown."""
    st.page_link(here().pages[page], label=label, query_params=params or None)
