"""What of a case one tab has shown, section by section.

Job: keep which sections a person saw, and since when, until the case is another one.

Invariants
  I1  A section counts when it was drawn in plain sight, or when its fold was open while it was
      drawn; nothing counts because it could have been opened.

Not here: what is wanted of a reviewer (policy.params), the exact bytes, which are of one choice
(ui.web.views.exact).
Source: governance 2.9 and part 3 (what you see).
"""

from datetime import datetime
from typing import NamedTuple

import streamlit as st

from counterseal.approvals.statement import UNOPENED, Opened
from counterseal.policy.words import EvidenceSection
from ui.web import house


class Looked(NamedTuple):
    """Sections that were seen, and since when the case stood on the page (UTC)."""

    since: datetime
    sections: frozenset[EvidenceSection]


def saw(shown_hash: str, *sections: EvidenceSection) -> None:
    """Sections of what has this digest stand on the page."""
    looked = _looked(shown_hash) or Looked(house.CLOCK.now(), frozenset())
    st.session_state[_name(shown_hash)] = looked._replace(sections=looked.sections | {*sections})


def opened(shown_hash: str, *also: EvidenceSection) -> Opened:
    """What was seen of what has this digest, until now."""
    looked = _looked(shown_hash)
    if looked is None:
        return UNOPENED
    seen = looked.sections | {*also}
    seconds = (house.CLOCK.now() - looked.since).total_seconds()
    sections = tuple(one for one in EvidenceSection if one in seen)
    return Opened(sections=sections, seconds=max(0, int(seconds)))


def _looked(shown_hash: str) -> Looked | None:
    found: Looked | None = st.session_state.get(_name(shown_hash))
    return found


def _name(shown_hash: str) -> str:
    return f"looked:{shown_hash}"
