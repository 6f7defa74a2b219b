"""What stands beside and below the flags of an area: states, and what is missing for more."""

from collections.abc import Iterable

import streamlit as st

from counterseal.desk.views.blueprint import AreaStatus, BlueprintArea, blueprint
from counterseal.readiness.areas import NOT_DONE_HERE, ReadinessArea, boundaries_of, follows
from counterseal.readiness.model import Boundary, SettingsSeen
from counterseal.readiness.report import Readiness
from ui.web.parts.pieces import Mark, Tone, badge, badges, facts, plain, table
from ui.web.parts.words import number
from ui.web.visit import link
from ui.web.wording import say, term


def beside(area: ReadinessArea, told: Readiness) -> None:
    """The second column."""
    if area is ReadinessArea.SAFETY:
        _not_done(told)
        _settings(told.safety_defaults)
        link("demo", say("readiness.demo_flags"))
        return
    for boundary in boundaries_of(area, told):
        if area is ReadinessArea.HOSTING:
            with st.expander(plain(f"{_path(boundary)}: {boundary.readiness_state}")):
                _lists(boundary, told)
        else:
            with st.container(border=True):
                st.code(boundary.readiness_state, language=None, wrap_lines=True)
                st.text(boundary.summary)
                _folded(boundary, told)


def below(area: ReadinessArea, told: Readiness) -> None:
    """What an area has besides flags: orders have the blueprint of a production system (TX-I11)."""
    if area is not ReadinessArea.ORDERS:
        return
    view = blueprint(told.flags)
    st.header(say("readiness.blueprint"), anchor=False)
    enabled = sum(one.status is AreaStatus.ENABLED for one in view.areas)
    st.caption(
        say(
            "readiness.blueprint_state",
            version=view.version,
            state=plain(view.state),
            enabled=number(enabled),
            count=number(len(view.areas)),
        )
    )
    for one in view.areas:
        _blueprint_area(one)
    with st.expander(say("readiness.flow")):
        _listed(view.processing_flow)
        _listed(view.delivery_order)


def _not_done(told: Readiness) -> None:
    """The six sentences about what this product does not do, each with what its flag says."""
    said = (
        say("readiness.no_broker"),
        say("readiness.no_order"),
        say("readiness.no_credentials"),
        say("readiness.no_advice"),
        say("readiness.no_claim"),
        say("readiness.no_production"),
    )
    found = (told.flag(name) for name in NOT_DONE_HERE)
    marks = (_confirmed(None if flag is None else flag.value) for flag in found)
    head = (say("readiness.not_here"), say("readiness.by_flag"))
    table(say("readiness.not_here"), head, zip(said, marks, strict=True))


def _confirmed(value: bool | None) -> Mark:
    if value is None:
        return Mark(say("readiness.not_checked"), Tone.WARN)
    if value:
        return Mark(say("readiness.contradicted"), Tone.BAD)
    return Mark(say("readiness.confirmed"), Tone.OFF)


def _settings(seen: SettingsSeen) -> None:
    with st.container(border=True):
        st.header(say("readiness.settings"), anchor=False)
        facts(
            (say("readiness.mode"), seen.trading_mode),
            (say("readiness.live"), live_word(seen.live_trading_enabled)),
            (say("readiness.broker"), seen.broker_provider),
            (say("readiness.store"), seen.database_kind),
        )


def capability(name: str) -> str:
    """The name of a flag in words, which break where the name would not."""
    return name.replace(".", ": ").replace("_", " ")


def live_word(value: bool | None) -> str:
    """Whether live trading is on."""
    if value is None:
        return say("readiness.not_checked")
    return say("readiness.live_on") if value else say("readiness.live_off")


def _path(boundary: Boundary) -> str:
    return boundary.service.partition("/")[2]


def _folded(boundary: Boundary, told: Readiness) -> None:
    _doubt(boundary, told)
    if boundary.areas:
        with st.expander(say("readiness.areas", count=number(len(boundary.areas)))):
            _listed(f"{one.title}: {one.status}. {one.current_state}" for one in boundary.areas)
    if boundary.missing:
        with st.expander(say("readiness.missing", count=number(len(boundary.missing)))):
            _listed(boundary.missing)
    if boundary.required_before:
        count = number(len(boundary.required_before))
        with st.expander(say("readiness.required", count=count)):
            _listed(boundary.required_before)


def _lists(boundary: Boundary, told: Readiness) -> None:
    """As `_folded`, for what is folded as a whole."""
    _doubt(boundary, told)
    missing = (*boundary.missing, *boundary.required_before)
    if not missing:
        st.caption(say("readiness.nothing_missing"))
    _listed(missing)


def _doubt(boundary: Boundary, told: Readiness) -> None:
    if not follows(boundary, told):
        badges(badge(say("readiness.does_not_follow"), Tone.BAD))


def _listed(told: Iterable[str]) -> None:
    st.markdown("\n".join(f"- {plain(one)}" for one in told))


def _blueprint_area(one: BlueprintArea) -> None:
    met = sum(criterion.met for criterion in one.acceptance_criteria)
    head = say(
        "readiness.blueprint_area",
        title=one.title,
        status=term(one.status),
        met=number(met),
        count=number(len(one.acceptance_criteria)),
    )
    with st.expander(plain(head)):
        facts(
            (say("readiness.current"), one.current_state),
            (say("readiness.gap"), one.production_gap),
            (say("readiness.artifacts"), ", ".join(one.design_artifacts)),
            (say("readiness.components"), ", ".join(one.runtime_components)),
        )
        rows = [
            (
                criterion.text,
                Mark(say("readiness.met"), Tone.DUE)
                if criterion.met
                else Mark(say("readiness.unmet"), Tone.OFF),
                criterion.probe.evidence,
            )
            for criterion in one.acceptance_criteria
        ]
        head_row = (say("readiness.criterion"), say("readiness.state"), say("readiness.evidence"))
        table(one.title, head_row, rows)
