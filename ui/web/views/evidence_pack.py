"""A pack that proves itself: made by an auditor, checked by the verifier inside, taken along."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import streamlit as st

from counterseal.desk.exports import ExportScope, ScopeKind
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.words import Role
from evidence.model import PackTotals
from evidence.verify import reader_of, verify
from storage.log_signer import first_home_key
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges
from ui.web.parts.words import number
from ui.web.visit import here
from ui.web.wording import say

MADE: Final = "evidence-pack"


class Made(NamedTuple):
    """A pack of this tab, kept until another is made.

    Attributes:
        content: The zip.
        outcome: What the verifier inside said of it, with the log's own key.
    """

    request_id: str
    content: bytes
    totals: PackTotals
    outcome: str


def pack(request_id: str) -> None:
    """What a pack is; for an auditor its making, for anybody else who can make one."""
    with st.container(border=True, key=f"pack-{request_id}"):
        what, way = st.columns([3, 2], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{say('evidence.pack')}**")
            st.caption(say("evidence.pack_told"))
        told = st.session_state.get(MADE)
        with way:
            if Role.AUDITOR not in here().person.held_roles():
                st.caption(say("evidence.pack_auditors"))
            elif isinstance(told, Made) and told.request_id == request_id:
                _download(told)
            elif st.button(say("evidence.pack_make"), key=f"make:{request_id}", width="stretch"):
                with st.spinner(say("evidence.pack_making")):
                    st.session_state[MADE] = told = _make(request_id)
                st.rerun()
        if isinstance(told, Refusal):
            panels.refused(st.session_state.pop(MADE))
        elif isinstance(told, Made) and told.request_id == request_id:
            _what_it_is(told)
        command = f"counterseal evidence export --case {request_id} --as AUDITOR --out pack.zip"
        st.code(command, language=None, wrap_lines=True)


def _download(made: Made) -> None:
    st.download_button(
        say("evidence.download"),
        made.content,
        file_name=f"evidence-{made.request_id}.zip",
        mime="application/zip",
        key=f"get:evidence-{made.request_id}",
        width="stretch",
        on_click="ignore",
    )


def _what_it_is(made: Made) -> None:
    sound = made.outcome == "verified"
    said = say("evidence.pack_verified") if sound else say("evidence.pack_not_verified")
    badges(badge(said, Tone.GOOD if sound else Tone.BAD))
    records, seq = number(made.totals.records), str(made.totals.export_seq)
    st.caption(say("evidence.pack_made", records=records, seq=seq))


def _make(request_id: str) -> Made | Refusal:
    """Have the export recorded and its pack written for this tab."""
    from ui.packing import Asked, Packed, packed  # noqa: PLC0415 - reports and tables are heavy

    asked = Asked(ExportScope(kind=ScopeKind.CASE, value=request_id))
    desk, told, actor = house.desk(), house.settings(), here().session.actor
    with TemporaryDirectory(prefix="counterseal-pack-") as folder:
        out = Path(folder) / "evidence.zip"
        try:
            made = packed(desk, told, actor, asked, out, key=house.command_key())
        except CountersealError as error:
            return refuse(error.code, error.message)
        if not isinstance(made, Packed):
            return made.refusal or refuse("NOT_FOUND", "nothing was exported")
        own = reader_of(first_home_key(told).text, None, None)
        return Made(request_id, out.read_bytes(), made.totals, str(verify(out, own)["outcome"]))
