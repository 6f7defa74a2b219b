"""The policies of this home: which counts, what waits for votes, what came before, what differs."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from counterseal.desk.views.policies import (
    PolicyCandidate,
    PolicyShelf,
    PolicyVersion,
    ProposalStanding,
    VersionStanding,
    policy_shelf,
)
from counterseal.identity.people import Person
from storage.policy_drafts import drafts_in
from ui.web import house
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.pieces import Mark, Tone, badge, badges, copyable, facts, plain, table
from ui.web.parts.words import absent, moment, number, short
from ui.web.views.settings_asked import named, read_asked
from ui.web.views.settings_compare import compare, replay
from ui.web.views.settings_votes import votes
from ui.web.visit import here
from ui.web.wording import say, term

_TONES = {
    VersionStanding.IN_FORCE: Tone.GOOD,
    VersionStanding.TO_COME: Tone.DUE,
    VersionStanding.SUPERSEDED: Tone.OFF,
    ProposalStanding.OPEN: Tone.DUE,
    ProposalStanding.ACTIVATED: Tone.GOOD,
    ProposalStanding.EXPIRED: Tone.OFF,
    ProposalStanding.OVERTAKEN: Tone.OFF,
}


def policies() -> None:
    """The view."""
    now, person = house.CLOCK.now(), here().person
    with house.reading() as reader:
        shelf = policy_shelf(reader, now)
        asked = read_asked(reader, "policies", now)
        own = frozenset(one.person_id for one in OwnReader(reader, person.tenant).find(Person))
    _in_force(shelf, own)
    votes(shelf, asked, own)
    _versions(shelf, own)
    _drafts(shelf, now)
    compare(shelf)
    replay()


def _in_force(shelf: PolicyShelf, own: frozenset[str]) -> None:
    st.header(say("settings_policies.in_force"), anchor=False)
    active = shelf.active
    if active is None:
        panels.empty(say("settings_policies.none"), say("settings_policies.none_then"))
        return
    founding = [(say("settings_policies.how"), say("settings_policies.founding"))]
    voted = [(say("settings_policies.proposal"), active.proposal_id or "")]
    left, right = st.columns(2, gap="large")
    with left:
        facts(
            (say("settings_policies.version"), active.version),
            (say("settings_policies.since"), moment(active.effective_from)),
            (say("settings_policies.approved_by"), named(active.activated_by, own)),
            (say("settings_policies.authors"), named(active.author_ids, own) or _untold()),
            *(founding if active.bootstrap else voted),
            (say("settings_policies.files"), number(len(active.files))),
        )
    with right:
        copyable(say("settings_policies.bundle"), active.bundle_hash)


def _untold() -> str:
    return absent(say("settings_policies.untold"))


def _versions(shelf: PolicyShelf, own: frozenset[str]) -> None:
    st.header(say("settings_policies.versions"), anchor=False)
    head = (
        say("settings_policies.version"),
        say("settings_policies.standing"),
        say("settings_policies.since"),
        say("settings_policies.approved_by"),
        say("settings_policies.authors"),
        say("settings_policies.bundle"),
    )
    rows = [_version(one, own) for one in shelf.versions]
    rows += [_candidate(one, own) for one in shelf.candidates if _alone(one)]
    table(say("settings_policies.versions"), head, rows)


def _alone(one: PolicyCandidate) -> bool:
    """Whether a proposal stands for itself: an activated one is told as a version."""
    return one.standing is not ProposalStanding.ACTIVATED


def _version(one: PolicyVersion, own: frozenset[str]) -> Sequence[str | Mark]:
    made = one.activation
    return (
        made.version,
        Mark(term(one.standing), _TONES[one.standing]),
        moment(made.effective_from),
        named(made.activated_by, own),
        named(made.author_ids, own) or _untold(),
        short(made.bundle_hash),
    )


def _candidate(one: PolicyCandidate, own: frozenset[str]) -> Sequence[str | Mark]:
    asked = one.proposal
    voters = named([vote.person_id for vote in one.votes], own)
    return (
        asked.version,
        Mark(term(one.standing), _TONES[one.standing]),
        absent(say("settings_policies.not_begun")),
        voters or absent(say("settings_policies.nobody_yet")),
        named(asked.author_ids, own),
        short(asked.bundle_hash),
    )


def _drafts(shelf: PolicyShelf, now: datetime) -> None:
    """Versions in the policy folder that nobody proposed."""
    known = {one.activation.version for one in shelf.versions}
    known |= {one.proposal.version for one in shelf.candidates}
    found = drafts_in(house.settings().counterseal_policies, known, now)
    if not found:
        return
    st.header(say("settings_policies.drafts"), anchor=False)
    for one in found:
        with st.container(border=True):
            good, bad = say("settings_policies.readable"), say("settings_policies.flawed")
            mark = badge(bad, Tone.BAD) if one.flaw else badge(good, Tone.OFF)
            badges(f"**{plain(one.version)}**", mark)
            if one.flaw:
                st.text(one.flaw)
            commands = f"counterseal policies check {one.version}"
            propose = f"counterseal policies propose {one.version} --as {here().person.person_id}"
            copyable(say("settings_policies.check_it"), commands)
            copyable(say("settings_policies.propose_it"), propose)
