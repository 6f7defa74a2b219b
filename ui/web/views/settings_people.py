"""Who is here, what each may do since when and by whom, what was lent, and what waits to be signed.

Everything is read anew for each look, for the person's own tenant; faults stand above all else.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import streamlit as st

from counterseal.approvals.delegation import DelegationGrant
from counterseal.desk.views.rights import (
    KeyHeld,
    KeyStanding,
    PersonRights,
    Rights,
    RoleHeld,
    rights_of,
)
from counterseal.identity.mandate import SubmitMandate
from counterseal.identity.people import PersonStatus
from counterseal.identity.proposals import PeopleProposal, ProposalStatus
from counterseal.policy.authorize import Action, allowed_roles
from ui.web import house
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.pieces import Mark, Tone, banner, page_of, table
from ui.web.parts.words import absent, moment, money, number, tx
from ui.web.views.me import kind_of_key
from ui.web.views.settings_asked import read_asked
from ui.web.views.settings_proposals import lapsed, proposals
from ui.web.visit import here
from ui.web.wording import say, term

PER_PAGE = 20
OPEN = ProposalStatus.OPEN.value
Cells = Sequence[str | Mark]


def people() -> None:
    """The view."""
    now, person = house.CLOCK.now(), here().person
    with house.reading() as reader:
        told = rights_of(reader, person.tenant, now)
        asked = read_asked(reader, "people", now)
        own = OwnReader(reader, person.tenant)
        found = {one.proposal_id: one for one in own.find(PeopleProposal, status=OPEN)}
    _faults(told, now)
    proposals(asked, found)
    lapsed([one for one in found.values() if one.expires_at <= now])
    shown = told.people[page_of(len(told.people), PER_PAGE, "people-page")]
    with st.container(key="rights"):
        _roles(shown)
        _keys(shown)
        _delegations(told.delegations, now)
        _mandates(told.mandates, now)


def _faults(told: Rights, now: datetime) -> None:
    at = say("settings_people.read_at", moment=moment(now))
    if not told.faults:
        banner(Tone.GOOD, say("settings_people.all_rest"), say("settings_people.all_rest_why"), at)
        return
    found = "; ".join(f"{fault.kind} {fault.key}: {fault.problem}" for fault in told.faults)
    count = number(len(told.faults))
    banner(Tone.BAD, say("settings_people.faults", count=count), found, at)


def _roles(shown: Sequence[PersonRights]) -> None:
    st.header(say("settings_people.roles"), anchor=False)
    head = (
        say("settings_people.person"),
        say("settings_people.role"),
        say("settings_people.reaches"),
        say("settings.since"),
        say("settings_people.granted_by"),
    )
    table(say("settings_people.roles"), head, (row for one in shown for row in _roles_of(one)))


def _roles_of(one: PersonRights) -> Iterator[Cells]:
    """A row for each role; the first one names the person."""
    name = " ".join((one.person_id, *(f"({label})" for label in one.labels)))
    if one.status is PersonStatus.DISABLED:
        mark = Mark(say("settings_people.closed"), Tone.OFF)
        since = one.since if one.disabled_at is None else one.disabled_at
        yield name, mark, "", moment(since), ""
    elif not one.roles:
        yield name, Mark(say("settings_people.no_role_held"), Tone.OFF), "", moment(one.since), ""
    for place, role in enumerate(one.roles):
        yield ("" if place else name, *_role(role))


def _role(role: RoleHeld) -> Cells:
    limitable = role.role in allowed_roles(Action.REVIEW)
    every = say("settings_people.every_strategy") if limitable else ""
    unknown = Mark(say("settings_people.no_grant"), Tone.BAD)
    return (
        term(role.role),
        ", ".join(role.strategies) or every,
        unknown if role.since is None else moment(role.since),
        ", ".join(role.granted_by),
    )


def _keys(shown: Sequence[PersonRights]) -> None:
    st.header(say("settings_people.all_keys"), anchor=False)
    rows = [_key(one, key, first=not place) for one in shown for place, key in enumerate(one.keys)]
    if not rows:
        panels.empty(say("settings_people.no_key"), say("settings_people.no_key_then"))
        return
    head = (
        say("settings_people.person"),
        say("settings_people.key"),
        say("settings_people.state"),
        say("settings.since"),
        say("settings_people.enrolled_by"),
        say("settings.key_id"),
    )
    table(say("settings_people.all_keys"), head, rows)


def _key(one: PersonRights, key: KeyHeld, *, first: bool) -> Cells:
    name = one.person_id if first else ""
    marks = {
        KeyStanding.IN_FORCE: Mark(say("settings_people.in_force"), Tone.GOOD),
        KeyStanding.WAITING: Mark(say("settings_people.waiting"), Tone.DUE),
        KeyStanding.ENDED: Mark(say("settings_people.ended_why", why=key.why), Tone.OFF),
        KeyStanding.UNPROVEN: Mark(say("settings_people.unproven"), Tone.BAD),
    }
    by = ", ".join(key.enrolled_by) or absent(say("settings_people.nobody_yet"))
    until = "" if key.ended_at is None else say("settings_people.to", moment=moment(key.ended_at))
    since = " ".join(filter(None, (moment(key.since), until)))
    return name, kind_of_key(key.scheme), marks[key.standing], since, by, key.key_id


def _delegations(found: Sequence[DelegationGrant], now: datetime) -> None:
    st.header(say("settings_people.delegations"), anchor=False)
    if not found:
        panels.empty(
            say("settings_people.no_delegation"), say("settings_people.no_delegation_then")
        )
        return
    head = (
        say("settings_people.from_to"),
        say("settings_people.state"),
        say("settings_people.stages"),
        say("settings_people.bounds"),
        say("settings.until"),
    )
    table(say("settings_people.delegations"), head, (_delegation(one, now) for one in found))


def _delegation(one: DelegationGrant, now: datetime) -> Cells:
    scope = one.scope
    bounds = say(
        "settings_people.delegated_bounds",
        strategies=", ".join(scope.strategies),
        instruments=", ".join(scope.instruments),
        accounts=", ".join(scope.accounts),
        exposure=tx(scope.tx_equivalent_max),
        notional=money(scope.notional_max, scope.currency.value),
    )
    people = say("settings_people.lends", lender=one.delegator, borrower=one.delegate)
    stages = ", ".join(term(stage) for stage in one.stages)
    return people, _begun(one.valid_from, now), stages, bounds, moment(one.valid_until)


def _mandates(found: Sequence[SubmitMandate], now: datetime) -> None:
    st.header(say("settings_people.mandates"), anchor=False)
    if not found:
        panels.empty(say("settings_people.no_mandate"), say("settings_people.no_mandate_then"))
        return
    head = (
        say("settings_people.person"),
        say("settings_people.state"),
        say("settings_people.account"),
        say("settings_people.bounds"),
        say("settings_people.used"),
        say("settings.until"),
    )
    table(say("settings_people.mandates"), head, (_mandate(one, now) for one in found), numeric={4})


def _mandate(one: SubmitMandate, now: datetime) -> Cells:
    strategies, exposure = ", ".join(one.strategies), tx(one.tx_equivalent_max)
    used = say("settings_people.of", used=number(one.orders_used), most=number(one.orders_max))
    return (
        one.person_id,
        _begun(one.valid_from, now),
        one.account_id,
        say("settings_people.mandated_bounds", strategies=strategies, exposure=exposure),
        used,
        moment(one.valid_until),
    )


def _begun(since: datetime, now: datetime) -> Mark:
    if now < since:
        return Mark(say("settings_people.to_come", moment=moment(since)), Tone.DUE)
    return Mark(say("settings_people.in_force"), Tone.GOOD)
