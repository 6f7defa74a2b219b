"""One signature by who is here: a button, then the passphrase of a key file, or a passkey."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import streamlit as st

from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, Signature, refuse
from ui.web import agreeing, house, signing
from ui.web.agreeing import Unsigned
from ui.web.component.passkey import answer_of, ask_passkey
from ui.web.parts import panels
from ui.web.parts.pieces import copyable
from ui.web.place import rp_id
from ui.web.views.own_key import own_key
from ui.web.views.sign_in import take
from ui.web.visit import here
from ui.web.wording import say


class Answer(Protocol):
    """What the desk said of a signature: one act's outcome, or what came of many."""

    @property
    def refusal(self) -> Refusal | None:
        """Why nothing was done."""


class Ceremony(NamedTuple):
    """What somebody is asked to sign.

    Attributes:
        name: Of its state in this tab; one ceremony of a name at a time.
        about: The id of what it is about.
        prepare: The statement for a key, made when its person begins.
        hand_in: Gives the signed statement to the desk.
    """

    name: str
    about: str
    prepare: Callable[[PersonKey], Unsigned | Refusal]
    hand_in: Callable[[Unsigned, Signature], Answer]


def ceremony(
    one: Ceremony, keys: Sequence[PersonKey], label: str, done: str, place: str = ""
) -> None:
    """The button, what is signed, and the signature; then what came of it.

    Args:
        one: What is to be signed.
        keys: Those of the person that sign on these pages, at least one; who has several chooses.
        label: Of the button that begins.
        done: What is said when the desk took it.
        place: Which of several ceremonies of this name on the page.
    """
    told(one.name, done, one.about)
    key = own_key(keys, f"{one.name}-with{place}", lambda: _forget(one))
    begun = st.session_state.get(one.name)
    if not isinstance(begun, Unsigned) or begun.about != one.about:
        st.button(label, key=f"{one.name}:{one.about}", on_click=_begin, args=(one, key))
        return
    with st.expander(say("settings.what_you_sign")):
        copyable(say("settings.exact_statement"), begun.text)
    if begun.key.scheme is SignatureScheme.ED25519:
        st.text_input(say("settings.passphrase"), key=_field(one.name), type="password")
        st.button(say("settings.sign_now"), type="primary", on_click=_by_file, args=(one,))
        return
    known = signing.credential_of(begun.key)
    ask_passkey(
        "get",
        begun.challenge,
        rp_id(house.origin()),
        () if known is None else (known,),
        key=_passkey(one.name),
        on_answer=lambda: _answered(one),
    )


def told(name: str, done: str, about: str | None = None) -> None:
    """Once: what came of the last signature; on one thing, or on whatever is not shown any more."""
    known = st.session_state.get(f"{name}_told")
    if known is None or about not in {None, known[0]}:
        return
    del st.session_state[f"{name}_told"]
    if isinstance(known[1], Refusal):
        panels.refused(known[1])
    else:
        st.success(done)


def _field(name: str) -> str:
    return f"{name}-passphrase"


def _passkey(name: str) -> str:
    return f"passkey-{name}"


def _forget(one: Ceremony) -> None:
    st.session_state.pop(one.name, None)


def _begin(one: Ceremony, key: PersonKey) -> None:
    try:
        made = one.prepare(key)
    except CountersealError as error:
        made = refuse(error.code, error.message)
    if isinstance(made, Refusal):
        _ended(one, made)
    else:
        st.session_state[one.name] = made


def _by_file(one: Ceremony) -> None:
    """Once: a second click finds nothing that waits."""
    (passphrase,) = take(_field(one.name))
    begun = st.session_state.get(one.name)
    if not isinstance(begun, Unsigned):
        return
    _handed_in(
        one,
        begun,
        lambda: agreeing.signed_by_file(house.desk(), begun, here().session, passphrase),
    )


def _answered(one: Ceremony) -> None:
    begun = st.session_state.get(one.name)
    if not isinstance(begun, Unsigned):
        return
    answer = answer_of(_passkey(one.name), begun.challenge)
    if answer is not None:
        _handed_in(one, begun, lambda: agreeing.signed_by_passkey(begun, answer))


def _handed_in(one: Ceremony, begun: Unsigned, sign: Callable[[], Signature | Refusal]) -> None:
    try:
        signed = sign()
        outcome = signed if isinstance(signed, Refusal) else one.hand_in(begun, signed).refusal
    except CountersealError as error:
        outcome = refuse(error.code, error.message)
    _ended(one, outcome)


def _ended(one: Ceremony, refusal: Refusal | None) -> None:
    _forget(one)
    st.session_state[f"{one.name}_told"] = (one.about, refusal)
