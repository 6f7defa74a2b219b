"""Policies that wait: what was checked, who voted, the person's own vote, and bringing it in."""

from collections.abc import Collection
from functools import partial

import streamlit as st

from counterseal.desk.commands import Outcome
from counterseal.desk.policies import Policies
from counterseal.desk.views.policies import PolicyCandidate, PolicyShelf, ProposalStanding
from counterseal.desk.views.signing import SignatureAsked
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import Refusal, Signature
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.policy.gate import VOTES
from counterseal.policy.proposal import KIND, PolicyProposal
from counterseal.policy.words import Meaning
from ui.web import house
from ui.web.agreeing import Unsigned, unsigned
from ui.web.parts import panels
from ui.web.parts.pieces import Step, badges, copyable, facts, plain, steps, table
from ui.web.parts.words import moment, number
from ui.web.views import asked_twice
from ui.web.views.one_signature import Ceremony, told
from ui.web.views.settings_asked import Asked, named, sign_or_why, whose_turn
from ui.web.visit import here, link
from ui.web.wording import say, term

NAME = "policy-signature"


def votes(shelf: PolicyShelf, asked: Asked, own: Collection[str]) -> None:
    """Every policy that may be voted on or brought into force."""
    st.header(say("settings_policies.waiting"), anchor=False)
    settled = st.container()
    seen = {one.due.proposal_id: one for one in asked.seen}
    found = [one for one in shelf.candidates if one.standing is ProposalStanding.OPEN]
    for one in found:
        _waiting(one, seen.get(one.proposal.proposal_id), asked, own)
    with settled:
        told(NAME, say("settings.signed"))
        for one in shelf.candidates:
            asked_twice.told(one.proposal.proposal_id)
    if not found:
        panels.empty(
            say("settings_policies.no_proposal"), say("settings_policies.no_proposal_then")
        )


def _waiting(
    one: PolicyCandidate, seen: SignatureAsked | None, asked: Asked, own: Collection[str]
) -> None:
    proposal = one.proposal
    with st.container(border=True, key=f"row-{proposal.proposal_id}"):
        what, doing = st.columns([1.5, 1], gap="large")
        with what:
            st.markdown(f"**{plain(say('settings_policies.proposed', version=proposal.version))}**")
            if seen is not None and len(one.votes) < VOTES:
                badges(whose_turn(seen))
            _way(one, own)
            _facts(proposal, own)
        with doing:
            if len(one.votes) >= VOTES:
                _activation(proposal)
            elif seen is not None:
                _vote(proposal, seen, asked)
        _checks(proposal)


def _way(one: PolicyCandidate, own: Collection[str]) -> None:
    """Checked, voted on twice, then brought into force."""
    done = [Step("done", say("settings_policies.step_checked"), moment(one.proposal.proposed_at))]
    for place in range(VOTES):
        name = say("settings_policies.step_vote", number=number(place + 1))
        if place < len(one.votes):
            vote = one.votes[place]
            said = f"{named([vote.person_id], own)}, {moment(vote.voted_at)}"
            done.append(Step("done", name, said))
        else:
            state = "due" if place == len(one.votes) else ""
            done.append(Step(state, name, say("settings_policies.step_open")))
    last = "due" if len(one.votes) >= VOTES else ""
    told = say("settings_policies.step_open")
    steps(*done, Step(last, say("settings_policies.step_activate"), told))


def _facts(proposal: PolicyProposal, own: Collection[str]) -> None:
    facts(
        (say("settings.meaning"), term(Meaning.APPROVED_POLICY)),
        (say("settings_policies.authors"), named(proposal.author_ids, own)),
        (say("settings.open_until"), moment(proposal.expires_at)),
        (say("settings_policies.bundle"), proposal.bundle_hash),
        (say("settings_policies.replaces"), proposal.replaces),
        (say("settings_policies.diff_hash"), proposal.diff_hash),
        (say("settings.proposal"), proposal.proposal_id),
    )


def _checks(proposal: PolicyProposal) -> None:
    """What the four steps found when it was proposed, as recorded."""
    head = (
        say("settings_policies.step"),
        say("settings_policies.checked"),
        say("settings_policies.found"),
    )
    rows = ((term(c.step), number(c.checked), number(c.found)) for c in proposal.checks)
    table(say("settings_policies.checks"), head, rows, numeric={1, 2})
    st.caption(say("settings_policies.sweep_told"))
    link("audit", say("settings_policies.records"), q=proposal.proposal_id)


def _vote(proposal: PolicyProposal, seen: SignatureAsked, asked: Asked) -> None:
    """By the newest key that signs on these pages."""
    proposal_id, person_id = proposal.proposal_id, here().person.person_id
    one = Ceremony(NAME, proposal_id, lambda key: _prepared(proposal_id, key), _handed_in)
    command = f"counterseal policies approve {proposal_id} --as {person_id}"
    sign_or_why(seen, one, asked.keys, command, say("settings.signed"))


def _prepared(proposal_id: str, key: PersonKey) -> Unsigned | Refusal:
    actor, now = here().session.actor, house.CLOCK.now()
    stated = Policies(house.desk().bench).statement(proposal_id, actor, now, key_id=key.key_id)
    return stated if isinstance(stated, Refusal) else unsigned(proposal_id, KIND, stated, key)


def _handed_in(begun: Unsigned, signature: Signature) -> Outcome:
    actor, key = here().session.actor, begun.command_key
    return Policies(house.desk().bench).vote(begun.about, signature, actor, key=key)


def _activation(proposal: PolicyProposal) -> None:
    """Two people agreed; one who may vote and did not write it brings it into force."""
    allowed = allowed_roles(Action.APPROVE_POLICY)
    command = f"counterseal policies activate {proposal.proposal_id} --as PERSON"
    if not here().person.held_roles() & allowed:
        roles = ", ".join(sorted(term(role) for role in allowed))
        st.caption(say("settings_policies.who_activates", roles=roles))
        copyable(say("settings_policies.activate_elsewhere"), command)
        return
    words = (
        say("settings_policies.activate"),
        say("settings_policies.activate_follows"),
        say("settings_policies.activated"),
    )
    asked_twice.asked_twice(proposal.proposal_id, "activate", words, partial(_activated, proposal))


def _activated(proposal: PolicyProposal, key: str) -> Outcome:
    desk, actor = house.desk(), here().session.actor
    return Policies(desk.bench).activate(proposal.proposal_id, actor, key=key)
