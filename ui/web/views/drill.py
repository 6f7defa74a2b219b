"""The signing drill of who is here: when it is due, and the signature that answers it."""

from datetime import timedelta

import streamlit as st

from counterseal.desk.commands import Outcome
from counterseal.desk.views.drills import DrillRow, drills_of
from counterseal.identity.acts import ATTEST
from counterseal.identity.drills import drill_statement, terms_in
from counterseal.identity.dsse import signed_bytes
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import Signature
from ui.web import house, signing
from ui.web.agreeing import Unsigned, unsigned
from ui.web.parts.pieces import Tone, badge, badges, copyable, facts
from ui.web.parts.words import absent, moment
from ui.web.views.one_signature import Ceremony, ceremony
from ui.web.visit import here
from ui.web.wording import say


def drill() -> None:
    """The section; nothing for who reviews nothing or has no key."""
    person, now = here().person, house.CLOCK.now()
    with house.reading() as reader:
        bundle = house.law(reader).bundle
        row = next(drills_of(reader, bundle, person, now), None)
        keys = signing.keys_for(reader, person.person_id)
    if row is None:
        return
    st.header(say("settings.drill"), anchor=False)
    with st.container(border=True):
        _standing(row, timedelta(days=bundle.access.signing_drill_days))
        _act(row, keys)


def _standing(row: DrillRow, every: timedelta) -> None:
    due, last = row.due is not None, row.last_signed_at
    badges(badge(say("settings.drill_due") if due else say("settings.drill_not_due"), _tone(row)))
    never = absent(say("settings.never_signed"))
    facts(
        (say("settings.last_signed"), never if last is None else moment(last)),
        (say("settings.next_drill"), moment(row.since + every)),
    )


def _tone(row: DrillRow) -> Tone:
    return Tone.OFF if row.due is None else Tone.DUE


def _act(row: DrillRow, keys: tuple[PersonKey, ...]) -> None:
    """By a passkey or the key file; an SSH key signs at home."""
    if not keys:
        command = f"counterseal people drill-statement --as {row.person_id} --out FILE"
        copyable(say("settings.drill_at_home"), command)
        return
    asked = Ceremony("drill", row.person_id, _prepared, _handed_in)
    ceremony(asked, keys, say("settings.sign_drill"), say("settings.drilled"))
    st.caption(say("settings.drill_note"))


def _prepared(key: PersonKey) -> Unsigned:
    """A fresh drill for a key of the person."""
    person, now = here().person, house.CLOCK.now()
    terms = house.desk().people.terms(person.tenant, now, key=house.command_key())
    statement = drill_statement(terms, person.person_id, key.key_id)
    return unsigned(person.person_id, ATTEST, statement, key)


def _handed_in(begun: Unsigned, signature: Signature) -> Outcome:
    message, key = signed_bytes(begun.kind, begun.statement), begun.command_key
    terms = terms_in(message, begun.about, begun.key.key_id)
    return house.desk().drills.drill(terms, signature, here().session.actor, key=key)
