"""Proposals about keys and roles that wait for a signature."""

from collections.abc import Mapping, Sequence

import streamlit as st

from counterseal.desk.commands import Outcome
from counterseal.desk.views.signing import SignatureAsked
from counterseal.identity.acts import (
    Act,
    EndKey,
    EnrolKey,
    GrantRole,
    kind_of,
    meaning_of,
    statement_of,
)
from counterseal.identity.keys import PersonKey
from counterseal.identity.proposals import PeopleProposal, proposed_act
from counterseal.kernel.model import Signature
from ui.web import house
from ui.web.agreeing import Unsigned, unsigned
from ui.web.parts import panels
from ui.web.parts.pieces import badges, copyable, facts, plain, table
from ui.web.parts.words import absent, moment, number
from ui.web.views.me import kind_of_key
from ui.web.views.one_signature import Ceremony, told
from ui.web.views.settings_asked import Asked, sign_or_why, whose_turn
from ui.web.visit import here
from ui.web.wording import say, term

NAME = "people-signature"
LAPSED_ROWS = 10


def proposals(asked: Asked, documents: Mapping[str, PeopleProposal]) -> None:
    """Every open proposal about a key or a role; what ends first first."""
    st.header(say("settings_people.open_proposals"), anchor=False)
    settled = st.container()
    found = sorted(asked.seen, key=lambda one: (one.due.until, one.due.proposal_id))
    for seen in found:
        _proposal(seen, proposed_act(documents[seen.due.proposal_id]), asked.keys)
    with settled:
        told(NAME, say("settings.signed"))
    if not found:
        panels.empty(say("settings_people.no_proposal"), say("settings_people.no_proposal_then"))


def lapsed(found: Sequence[PeopleProposal]) -> None:
    """Proposals whose time was over before two people had signed; the newest first."""
    if not found:
        return
    with st.expander(say("settings_people.lapsed", count=number(len(found)))):
        st.caption(say("settings_people.lapsed_then"))
        table(
            say("settings_people.lapsed", count=number(len(found))),
            (
                say("settings.proposal"),
                say("settings_people.opened_by"),
                say("settings_people.over"),
            ),
            [
                (_told(proposed_act(one)), one.opened_by, moment(one.expires_at))
                for one in sorted(found, key=lambda one: one.expires_at, reverse=True)[:LAPSED_ROWS]
            ],
        )


def _proposal(seen: SignatureAsked, act: Act, keys: tuple[PersonKey, ...]) -> None:
    due = seen.due
    with st.container(border=True, key=f"row-{due.proposal_id}"):
        what, doing = st.columns([1.5, 1], gap="large")
        with what:
            st.markdown(f"**{plain(_told(act))}**")
            badges(whose_turn(seen))
            facts(
                (say("settings.meaning"), term(meaning_of(act))),
                *_terms(act),
                (say("settings.signed_by"), ", ".join(seen.signed_by) or _nobody()),
                (say("settings.open_until"), moment(due.until)),
                (say("settings.proposal"), due.proposal_id),
            )
        with doing:
            _doing(seen, act, keys)


def _nobody() -> str:
    return absent(say("settings_people.nobody_yet"))


def _doing(seen: SignatureAsked, act: Act, keys: tuple[PersonKey, ...]) -> None:
    proposal_id, person_id = seen.due.proposal_id, here().person.person_id

    def prepare(key: PersonKey) -> Unsigned:
        return unsigned(proposal_id, kind_of(act), statement_of(act), key)

    if seen.codes and person_id in seen.due.eligible:
        command = f"counterseal people statement {proposal_id} --out FILE"
        copyable(say("settings_people.new_key_signs"), command)
        return
    one = Ceremony(NAME, proposal_id, prepare, _handed_in)
    command = f"counterseal people approve {proposal_id} --as {person_id}"
    sign_or_why(seen, one, keys, command, say("settings.signed"))


def _handed_in(begun: Unsigned, signature: Signature) -> Outcome:
    actor = here().session.actor
    return house.desk().proposals.approve(begun.about, [signature], actor, key=begun.command_key)


def _told(act: Act) -> str:
    """The act in a sentence."""
    match act:
        case GrantRole():
            role = term(act.grant.role)
            return say("settings_people.act_grant", role=role, person=act.grant.person_id)
        case EnrolKey():
            kind = kind_of_key(act.key.scheme)
            return say("settings_people.act_enrol", kind=kind, person=act.key.person_id)
        case EndKey():
            return say("settings_people.act_end", key_id=act.key_id, person=act.person_id)


def _terms(act: Act) -> list[tuple[str, str]]:
    """What the sentence leaves out."""
    match act:
        case GrantRole():
            every = say("settings_people.every_strategy")
            return [
                (say("settings_people.reaches"), ", ".join(act.grant.strategies) or every),
                (say("settings_people.reason"), act.grant.reason),
            ]
        case EnrolKey():
            replaced = act.key.supersedes
            ended = [] if replaced is None else [(say("settings_people.replaces"), replaced)]
            return [(say("settings.key_id"), act.key.key_id), *ended]
        case EndKey():
            return [(say("settings_people.reason"), term(act.reason))]
