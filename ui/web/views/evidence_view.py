"""An evidence file that somebody chose: what it says, or the path of what is wrong with it.

The file lies in the memory of this page session; it is written nowhere, and nothing of it is
believed.
"""

from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from counterseal.desk.demo.evidence import BYTES_MAX
from counterseal.desk.views.evidence_files import (
    ABSENT,
    EvidenceFile,
    EvidenceKind,
    FileFact,
    read_evidence,
)
from counterseal.kernel.model import Refusal
from ui.web.component.file_field import json_file
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, banner, choice, facts, page_of, table
from ui.web.parts.words import number
from ui.web.visit import link
from ui.web.wording import say, term

ROWS: Final = 20
ROUND: Final = "evidence-round"
CODE_HEIGHT: Final = 420


def show() -> None:
    """The kind, the file, and what it says."""
    named = {one.value: term(one) for one in EvidenceKind}
    kind = EvidenceKind(choice("kind", say("evidence.kind"), named))
    left, right = st.columns([1, 1.72], gap="large")
    with left:
        file = _chosen(kind)
    with right:
        if file is None:
            panels.empty(say("evidence.no_file"), _where(kind))
        else:
            _told(read_evidence(file.getvalue(), kind), kind)


def _where(kind: EvidenceKind) -> str:
    match kind:
        case EvidenceKind.DEMO:
            return say("evidence.from_demo")
        case EvidenceKind.BROKER_SIMULATION:
            return say("evidence.from_broker")
        case EvidenceKind.AUDIT_INTEGRITY:
            return say("evidence.from_audit")
        case EvidenceKind.PAPER_DEMO | EvidenceKind.RISK_GUARDRAIL:
            return say("evidence.from_case")


def _chosen(kind: EvidenceKind) -> UploadedFile | None:
    """The file, its line, and a way to forget it."""
    place = st.session_state.setdefault(ROUND, 0)
    with st.container(border=True):
        st.header(say("evidence.file", kind=term(kind)), anchor=False)
        file = json_file(say("evidence.pick", most=number(BYTES_MAX)), f"evidence:{place}")
        st.caption(say("evidence.kept"))
        source = say("evidence.none") if file is None else file.name
        size = "" if file is None else say("evidence.bytes", count=number(file.size))
        facts((say("evidence.source"), f"{source}{size}"))
        st.button(say("evidence.clear"), disabled=file is None, on_click=_clear)
    return file


def _clear() -> None:
    st.session_state[ROUND] += 1


def _told(told: EvidenceFile | Refusal, kind: EvidenceKind) -> None:
    if isinstance(told, Refusal):
        found = {detail.name: detail.value for detail in told.details}
        why = say("evidence.absent") if found["why"] == ABSENT else found["why"]
        panels.refused(told, say("evidence.at", path=found["path"], why=why))
        return
    banner(Tone.OFF, say("evidence.says"), say("evidence.says_told"))
    facts((say("evidence.hash"), told.sha256))
    if kind is EvidenceKind.AUDIT_INTEGRITY:
        link("audit", say("evidence.check"))
    badges(badge(say("evidence.flags", count=number(len(told.flags))), Tone.GOOD))
    shown = told.facts[page_of(len(told.facts), ROWS, "part")]
    _table(say("evidence.parts"), shown)
    with st.expander(say("evidence.every_flag")):
        _table(say("evidence.every_flag"), told.flags)
    with st.expander(say("evidence.whole_file")):
        st.code(told.text, language="json", height=CODE_HEIGHT)


def _table(name: str, parts: tuple[FileFact, ...]) -> None:
    table(name, (say("evidence.path"), say("evidence.value")), [(p.path, _value(p)) for p in parts])


def _value(part: FileFact) -> str:
    if part.entries is not None:
        return say("evidence.entries", count=number(part.entries))
    return part.value or ""
