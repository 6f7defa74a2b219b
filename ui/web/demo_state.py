"""What a tab holds of the demo: a session for each market, and how far its visitor walked.

Job: keep the clicks of a tab under their asked key, and hand each click to the engine.

Invariants
  I1  Nothing of the demo is kept anywhere else: closing the tab forgets it.
  I2  A refused click leaves the session as it was, and its reason for the page.

Not here: what a click does (counterseal.desk.demo), pages (ui.web.views).
Source: features TX-C1, TX-C3, TX-B6.
"""

from typing import Final, NamedTuple

import streamlit as st

from counterseal.desk.demo.evidence import STORAGE_KEYS, restored
from counterseal.desk.demo.flags import DemoFlag, DemoSeen, flags_of
from counterseal.desk.demo.model import Act, Click, DemoMarket, DemoSession
from counterseal.desk.demo.play import begun, clicked
from counterseal.kernel.model import Refusal
from ui.web.demo_watch import look_at

STEPS: Final = (Act.TICK, Act.SIGNAL, Act.ORDER, None, None, None)
"""Of the guided demo: what has to be clicked; None is for the eyes, and the last is Reset."""
TOUR_STEPS: Final = 7
QUANTITY: Final = "demo-quantity"
SYMBOL: Final = "demo-symbol"
FILE: Final = "demo-file"
_STEP: Final = "demo-step"
_TOUR: Final = "demo-tour"
_REFUSED: Final = "demo-refused"
_PROOF: Final = "demo-proof"


class Proof(NamedTuple):
    """What was seen of a session, and the flags that follow from it."""

    session: DemoSession
    seen: DemoSeen
    flags: tuple[DemoFlag, ...]


def session_of(market: DemoMarket) -> DemoSession:
    """The tab's session of a market; a new one where there is none."""
    found: DemoSession | None = st.session_state.get(STORAGE_KEYS[market])
    return begun(market) if found is None else found


def click(market: DemoMarket, act: Act) -> None:
    """Press a button of the demo; the quantity and the symbol are those that the page shows."""
    told = Click(
        act=act,
        symbol=st.session_state.get(SYMBOL) if act is Act.SELECT else None,
        quantity=int(st.session_state[QUANTITY]) if act is Act.ORDER else None,
    )
    after = clicked(session_of(market), told)
    if isinstance(after, Refusal):
        st.session_state[_REFUSED] = after
        return
    st.session_state[STORAGE_KEYS[market]] = after
    if STEPS[step()] is act:
        walk(1)


def reset(market: DemoMarket) -> None:
    """Begin the session of a market anew, at tick 0 and the first step."""
    st.session_state[STORAGE_KEYS[market]] = begun(market)
    st.session_state[_STEP] = 0


def clear() -> None:
    """Forget everything that this tab holds of the demo."""
    for name in (*STORAGE_KEYS.values(), _STEP, _TOUR, _REFUSED, _PROOF, QUANTITY, SYMBOL):
        st.session_state.pop(name, None)


def load() -> None:
    """Play the chosen evidence file; it stays in the memory of this page session."""
    file = st.session_state.get(FILE)
    if file is None:
        return
    found = restored(file.getvalue())
    if isinstance(found, Refusal):
        st.session_state[_REFUSED] = found
        return
    st.session_state[STORAGE_KEYS[found.market]] = found
    st.query_params["market"] = found.market.name.lower()


def refusal() -> Refusal | None:
    """Why the last click or file was refused; told once."""
    found: Refusal | None = st.session_state.pop(_REFUSED, None)
    return found


def step() -> int:
    """The step of the guided demo, from 0."""
    return int(st.session_state.get(_STEP, 0))


def walk(by: int) -> None:
    """Go to another step of the guided demo."""
    st.session_state[_STEP] = min(max(step() + by, 0), len(STEPS) - 1)


def tour() -> int:
    """The step of the tour, from 0."""
    return int(st.session_state.get(_TOUR, 0))


def tour_to(place: int) -> None:
    """Go to a step of the tour."""
    st.session_state[_TOUR] = min(max(place, 0), TOUR_STEPS - 1)


def proof_of(session: DemoSession) -> Proof:
    """The flags of a session, looked at anew after each click."""
    known: Proof | None = st.session_state.get(_PROOF)
    if known is not None and known.session == session:
        return known
    seen = look_at(session)
    found = Proof(session, seen, flags_of(session, seen))
    st.session_state[_PROOF] = found
    return found
