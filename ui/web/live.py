"""Parts of a page that redraw themselves.

Job: redraw a part every few seconds, for as long as its person is in and the store answers.

Invariants
  I1  A part asks the registry before it shows anything; redrawing is no sign of life.
  I2  A store that does not answer takes the place of what was shown.

Not here: forms (what somebody fills in never redraws itself), the page around (ui.web.app).
Source: ui part 3 (live), UI-23.
"""

from collections.abc import Callable
from typing import Final

import streamlit as st

from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from ui.web import house
from ui.web.parts.panels import unreachable
from ui.web.visit import here

EVERY_SECONDS: Final = 5


def live(draw: Callable[[], None]) -> None:
    """Draw a part now and every five seconds; `draw` reads anew each time."""
    st.fragment(run_every=EVERY_SECONDS)(_guarded)(draw)


def _guarded(draw: Callable[[], None]) -> None:
    try:
        if _ended():
            st.rerun()
        draw()
    except CountersealError as error:
        unreachable(error)


def _ended() -> bool:
    sessions = house.desk().sessions
    key, session_id = house.command_key(), here().session.session_id
    return isinstance(sessions.resume(session_id, key=key, sign_of_life=False), Refusal)
