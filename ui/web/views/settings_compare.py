"""What differs between two policies, in their words and in what recorded decisions would become."""

from collections.abc import Mapping, Sequence

import streamlit as st

from counterseal.desk.installation import PolicyActivation
from counterseal.desk.policies import newest_evaluations
from counterseal.desk.purging import records_gone
from counterseal.desk.views.policies import PolicyShelf, changed_files
from counterseal.kernel.model import DomainModel
from counterseal.policy.counterfactual import (
    Difference,
    DiffReport,
    ReplayReport,
    diff_decisions,
    replay_recorded,
)
from counterseal.policy.proposal import PolicyProposal, PolicyText
from storage.law import activated_rules
from storage.policy_files import bundle_from
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, banner, table
from ui.web.parts.words import moment, number, short
from ui.web.wording import say

BEFORE, AFTER = "policy-before", "policy-after"
REPLAYED, DIFFED = "policy-replayed", "policy-diffed"
LINES_MAX = 20


class Compared(DomainModel):
    """A version that can be compared."""

    bundle_hash: str
    version: str
    files: tuple[PolicyText, ...]

    @property
    def name(self) -> str:
        """As it is chosen by."""
        return f"{self.version} ({short(self.bundle_hash)})"


def compare(shelf: PolicyShelf) -> None:
    """Two versions side by side."""
    st.header(say("settings_policies.compare"), anchor=False)
    texts = _texts(shelf)
    if len(texts) < len((BEFORE, AFTER)):
        panels.empty(say("settings_policies.only_one"), say("settings_policies.only_one_then"))
        return
    active = shelf.active
    names = list(texts)
    first = "" if active is None else active.bundle_hash
    other = next(name for name in names if name != first)
    left, right = st.columns(2)
    with left:
        before = _chosen(say("settings_policies.before"), BEFORE, texts, first or names[-1])
    with right:
        after = _chosen(say("settings_policies.after"), AFTER, texts, other)
    with st.container(key="changes"):
        _files(texts[before], texts[after])
    if active is not None and after != active.bundle_hash:
        st.button(say("settings_policies.hold"), on_click=_hold, args=(texts[after], first))
    told = st.session_state.get(DIFFED)
    if isinstance(told, tuple) and told[0] == after:
        _flips(told[1], told[2])


def _texts(shelf: PolicyShelf) -> dict[str, Compared]:
    """Every version that was proposed or activated, by its hash; the newest first."""
    found: list[PolicyProposal | PolicyActivation] = [one.proposal for one in shelf.candidates]
    found += [one.activation for one in shelf.versions]
    return {
        one.bundle_hash: Compared(bundle_hash=one.bundle_hash, version=one.version, files=one.files)
        for one in found
    }


def _chosen(label: str, key: str, texts: Mapping[str, Compared], default: str) -> str:
    if st.session_state.get(key) not in texts:
        st.session_state[key] = default
    return str(st.selectbox(label, list(texts), key=key, format_func=lambda one: texts[one].name))


def _files(before: Compared, after: Compared) -> None:
    changes = changed_files(before.version, before.files, after.version, after.files)
    if not changes:
        st.caption(say("settings_policies.same"))
    for change in changes:
        added = sum(line.startswith("+") for line in change.lines)
        removed = sum(line.startswith("-") for line in change.lines)
        told = say(
            "settings_policies.file",
            path=change.path,
            added=number(added),
            removed=number(removed),
        )
        with st.expander(told, expanded=len(changes) == 1):
            st.code("\n".join(change.lines), language="diff", wrap_lines=True)


def _hold(proposed: Compared, replaces: str) -> None:
    """Judge the newest recorded decisions under a proposed version; nothing is written."""
    now = house.CLOCK.now()
    files = {file.path: file.text.encode() for file in proposed.files}
    bundle = bundle_from(files, proposed.version, now)
    with house.reading() as reader:
        report = diff_decisions(newest_evaluations(reader), replaces, bundle)
    st.session_state[DIFFED] = (proposed.bundle_hash, report, moment(now))


def _flips(report: DiffReport, at: str) -> None:
    told = say(
        "settings_policies.flips",
        flips=number(len(report.flips)),
        decisions=number(report.decisions),
        reasons=number(report.reasons_changed),
    )
    tone = Tone.WARN if report.flips else Tone.OFF
    banner(tone, told, "", say("settings_policies.judged_at", moment=at))
    _differences(report.flips)


def replay() -> None:
    """Recorded decisions, each judged again under its own policy."""
    st.header(say("settings_policies.replay"), anchor=False)
    st.caption(say("settings_policies.replay_told"))
    st.button(say("settings_policies.replay_now"), on_click=_replay)
    told = st.session_state.get(REPLAYED)
    if not isinstance(told, tuple):
        return
    report, gone, at = told
    _replayed(report, say("settings_policies.judged_at", moment=at))
    if gone:
        st.caption(say("settings_policies.gone", count=number(gone)))
    _differences(report.differences)


def _replay() -> None:
    with house.reading() as reader:
        report = replay_recorded(newest_evaluations(reader), activated_rules(reader))
        gone = records_gone(reader)
    st.session_state[REPLAYED] = (report, gone, moment(house.CLOCK.now()))


def _replayed(report: ReplayReport, at: str) -> None:
    if not report.replayed:
        banner(Tone.OFF, say("settings_policies.nothing"), say("settings_policies.nothing_why"), at)
        return
    count = number(report.replayed)
    if report.differences:
        other = say("settings_policies.differ", count=number(len(report.differences)))
        banner(Tone.BAD, other, say("settings_policies.replayed", count=count), at)
        return
    same = say("settings_policies.replayed", count=count)
    banner(Tone.GOOD, say("settings_policies.same_again"), same, at)


def _differences(found: Sequence[Difference]) -> None:
    if not found:
        return
    head = (
        say("settings_policies.decision"),
        say("settings_policies.who"),
        say("settings_policies.recorded"),
        say("settings_policies.now"),
    )
    rows = (
        (f"{one.action.value} {one.subject}", one.principal, one.recorded, one.now)
        for one in found[:LINES_MAX]
    )
    table(say("settings_policies.decision"), head, rows)
    if len(found) > LINES_MAX:
        more = number(len(found) - LINES_MAX)
        st.caption(say("settings_policies.more", count=more))
