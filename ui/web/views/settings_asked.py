"""What an open proposal waits for: a signature given here, a command to copy, or why not."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import streamlit as st

from counterseal.desk.ports import Reader
from counterseal.desk.views.signing import SignatureAsked, signatures_asked
from counterseal.desk.views.standing import load_register
from counterseal.identity.keys import PersonKey
from ui.web import house, signing
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, copyable, plain
from ui.web.parts.words import number
from ui.web.views.one_signature import Ceremony, ceremony, told
from ui.web.visit import here
from ui.web.wording import say


class Asked(NamedTuple):
    """Open proposals as who is here stands to them, and the keys that sign on these pages."""

    seen: tuple[SignatureAsked, ...]
    keys: tuple[PersonKey, ...]


def read_asked(reader: Reader, noun: str, now: datetime) -> Asked:
    """Those of `people` or of `policies`."""
    person = here().person
    register = load_register(reader, house.law(reader).bundle)
    found = signatures_asked(reader, register, person, now)
    keys = signing.keys_for(reader, person.person_id)
    return Asked(tuple(one for one in found if one.due.noun == noun), keys)


def whose_turn(seen: SignatureAsked) -> str:
    """A badge: the person's own turn, or whose it is."""
    names = seen.due.eligible
    if not seen.codes:
        return badge(say("settings.your_signature"), Tone.DUE)
    if not names:
        return badge(say("settings.waits_for_nobody"), Tone.WARN)
    return badge(say("settings.waits_for", people=", ".join(names)), Tone.OFF)


def sign_or_why(
    seen: SignatureAsked, one: Ceremony, keys: Sequence[PersonKey], command: str, done: str
) -> None:
    """What who is here can do about a proposal.

    Args:
        seen: The proposal.
        one: Its signature.
        keys: Those of the person that can sign it on these pages.
        command: That signs it elsewhere.
        done: What is said of a signature that the desk took.
    """
    if seen.codes:
        told(one.name, done, one.about)
        st.markdown(f"**{plain(say('settings.not_yours_to_sign'))}**")
        for reason in panels.reasons(seen.codes):
            st.text(f"{reason[:1].upper()}{reason[1:]}")
    elif not keys:
        copyable(say("settings.sign_elsewhere"), command)
    else:
        ceremony(one, keys, say("settings.sign_this"), done, place=f":{one.about}")


def named(people: Sequence[str], own: Collection[str]) -> str:
    """People of the own tenant by name; how many others besides."""
    told = [one for one in people if one in own]
    others = len(people) - len(told)
    more = [say("settings.others", count=number(others))] if others else []
    return ", ".join([*told, *more])
