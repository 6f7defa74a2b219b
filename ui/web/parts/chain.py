"""Records as blocks that hold on to each other."""

from html import escape
from typing import NamedTuple

import streamlit as st

from ui.web.parts.pieces import Tone
from ui.web.wording import say


class Block(NamedTuple):
    """One record of the chain.

    Attributes:
        link: Whether the link to the record before holds: good, bad or off for unknown.
        differs: Its own hash is not that of its bytes.
    """

    seq: int
    event: str
    actor: str
    previous: str
    digest: str
    link: Tone
    differs: bool


def chain(*blocks: Block) -> None:
    """The blocks in the order of the log; every link says in words what its colour says."""
    told = {
        Tone.GOOD: say("audit.link_holds"),
        Tone.BAD: say("audit.link_broken"),
        Tone.OFF: say("audit.link_unknown"),
    }
    rows = "".join(
        f'<li class="{one.link.name.lower()}{" differs" if one.differs else ""}">'
        f"<strong>#{one.seq}</strong> {escape(one.event)}"
        f"<span>{escape(one.actor)}</span>"
        f"<code>{escape(say('audit.previous', hash=one.previous))}</code>"
        f"<code>{escape(say('audit.hash', hash=one.digest))}</code>"
        f"<small>{escape(told[one.link])}</small></li>"
        for one in blocks
    )
    name = escape(say("audit.head"))
    st.html(
        f'<div class="wide" role="region" tabindex="0" aria-label="{name}">'
        f'<ol class="chain">{rows}</ol></div>'
    )
