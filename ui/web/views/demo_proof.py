"""What the demo touched, its evidence to take along or to load again, and questions to answer."""

import streamlit as st

from counterseal.desk.demo.evidence import evidence_of, evidence_text, summary_of
from counterseal.desk.demo.flags import DemoFlag
from counterseal.desk.demo.model import DemoSession
from ui.web import demo_state
from ui.web.component.file_field import json_file
from ui.web.demo_state import Proof
from ui.web.parts.pieces import Tone, banner, copyable, table
from ui.web.parts.words import number
from ui.web.wording import say

CODE_HEIGHT = 260


def show(session: DemoSession) -> None:
    """The three parts, folded."""
    proof = demo_state.proof_of(session)
    with st.expander(say("demo_proof.touched")):
        _flags(proof)
    with st.expander(say("demo_proof.evidence")):
        _evidence(proof)
    with st.expander(say("demo_proof.feedback")):
        _feedback(session)


def _flags(proof: Proof) -> None:
    count, odd = len(proof.flags), [flag.name for flag in proof.flags if not flag.safe]
    kept = say("demo_proof.kept", count=number(count - len(odd)), all=number(count))
    others = say("demo_proof.others", names=", ".join(odd)) if odd else ""
    played = say("demo_proof.played", count=number(len(proof.seen.modules)))
    tone = Tone.GOOD if not odd else Tone.OFF if odd == ["browser_only"] else Tone.BAD
    banner(tone, kept, others, played)
    head = (say("demo_proof.flag"), say("demo_proof.value"), say("demo_proof.because"))
    rows = [(flag.name, str(flag.value).lower(), _because(flag, proof)) for flag in proof.flags]
    table(say("demo_proof.touched"), head, rows)


def _because(flag: DemoFlag, proof: Proof) -> str:
    found = ", ".join(flag.found)
    of_state = {
        "browser_only": say("demo_proof.in_browser") if flag.value else say("demo_proof.on_server"),
        "deterministic_data": say("demo_proof.same") if flag.value else say("demo_proof.differs"),
        "live_trading_enabled": say("demo_proof.as_set"),
    }
    if flag.name in of_state:
        return of_state[flag.name]
    told = found or say("demo_proof.nothing")
    of_found = {
        "credentials_collected": say("demo_proof.kept_of_you", found=told),
        "mock_backend": say("demo_proof.quotes_from", found=told),
        "investment_advice": say("demo_proof.own_signal", found=told),
        "production_trading_ready": say("demo_proof.prices_from", found=told),
        "performance_claim": say("demo_proof.prices_from", found=told),
    }
    if flag.name in of_found:
        return of_found[flag.name]
    none = say("demo_proof.none_ran", count=number(len(proof.seen.modules)))
    return say("demo_proof.ran", found=found) if found else none


def _evidence(proof: Proof) -> None:
    session = proof.session
    summary = summary_of(session, proof.flags)
    evidence = evidence_of(session, proof.flags, proof.seen)
    text = evidence_text(evidence)
    copyable(say("demo_proof.summary"), summary.rstrip())
    st.caption(say("demo_proof.json"))
    st.code(text.rstrip(), language="json", height=CODE_HEIGHT)
    st.download_button(
        say("demo_proof.download"),
        text,
        file_name=f"{evidence['evidence_id']}.json",
        mime="application/json",
        on_click="ignore",
    )
    json_file(say("demo_proof.file"), demo_state.FILE)
    st.caption(say("demo_proof.file_told"))
    st.button(
        say("demo_proof.load"),
        on_click=demo_state.load,
        disabled=st.session_state.get(demo_state.FILE) is None,
    )


def _feedback(session: DemoSession) -> None:
    tried = session.tick > 0 and session.signal is not None and session.order is not None
    if not tried:
        st.text(say("demo_proof.locked"))
        return
    asked = (
        say("demo_proof.ask_step"),
        say("demo_proof.ask_unclear"),
        say("demo_proof.ask_useful"),
        say("demo_proof.ask_hardest"),
        say("demo_proof.ask_next"),
        say("demo_proof.ask_simulated"),
    )
    lines = [f"{place}. {one}\n   " for place, one in enumerate(asked, 1)]
    copyable(say("demo_proof.pack"), "\n".join(lines).rstrip())
    st.caption(say("demo_proof.no_secrets"))
