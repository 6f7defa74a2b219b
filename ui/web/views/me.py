"""The person's own logins and keys; what concerns others needs two people and other pages."""

import secrets
from typing import Final

import streamlit as st

from counterseal.desk.people import enrolled_keys, key_of
from counterseal.identity.keys import PersonKey
from counterseal.identity.passkeys import unpadded
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from ui.web import enrolment, house, signing
from ui.web.component.passkey import answer_of, ask_passkey
from ui.web.parts import panels
from ui.web.parts.words import facts, moment
from ui.web.place import rp_id
from ui.web.views.sign_in import take
from ui.web.visit import here

CREATE: Final = "passkey-create"
PROVE: Final = "passkey-prove"
AGAIN: Final = frozenset({"PASSPHRASE_WRONG", "KEY_LOCKED"})
NAMES: Final = {
    SignatureScheme.ED25519: "Key file, class 1",
    SignatureScheme.SSHSIG: "SSH key, class 2",
    SignatureScheme.WEBAUTHN: "Passkey, class 3",
}


def show() -> None:
    """The page."""
    panels.title("Settings", "Your own logins and keys. Rights of people are not changed here.")
    session = here().session
    with house.reading() as reader:
        mine = reader.find(PersonKey, person_id=session.person_id)
        keys = enrolled_keys(reader, [key.key_id for key in mine])
        logins = reader.find(
            LoginSession, person_id=session.person_id, status=SessionStatus.OPEN.value
        )
    left, right = st.columns(2, gap="large")
    with left:
        _logins(session, logins)
    with right:
        _keys(keys)


def _logins(session: LoginSession, logins: tuple[LoginSession, ...]) -> None:
    st.header("Where you are signed in", anchor=False)
    now = house.CLOCK.now()
    for one in sorted(logins, key=lambda login: login.opened_at, reverse=True):
        if now >= one.expires_at:
            continue
        with st.container(border=True):
            own = one.session_id == session.session_id
            st.markdown(":blue-badge[This one]" if own else ":gray-badge[Another]")
            st.html(
                facts(
                    ("Since", moment(one.opened_at)),
                    ("Until", moment(one.expires_at)),
                    ("Proved by", f"{', '.join(one.amr)} ({one.issuer})"),
                )
            )
            if not own:
                st.button(
                    "Sign this one out",
                    key=f"revoke-{one.session_id}",
                    on_click=_revoke,
                    args=(one.session_id,),
                )
    refusal = st.session_state.pop("revoke_refusal", None)
    if isinstance(refusal, Refusal):
        panels.refused(refusal)


def _revoke(session_id: str) -> None:
    try:
        outcome = house.desk().sessions.revoke(
            session_id, "ended by its person", here().session.actor, key=house.command_key()
        )
        st.session_state["revoke_refusal"] = outcome.refusal
    except CountersealError as error:
        st.session_state["revoke_refusal"] = refuse(error.code, error.message)


def _keys(keys: tuple[PersonKey, ...]) -> None:
    st.header("Your keys", anchor=False)
    if not keys:
        panels.empty("You have no key yet.", "Without a key you can look, and sign nothing.")
    for key in keys:
        with st.container(border=True):
            ended = key.revoked_at is not None
            st.markdown(f"**{NAMES[key.scheme]}**" + (" :gray-badge[ended]" if ended else ""))
            rows = [("Since", moment(key.effective_at)), ("Key id", key.key_id)]
            if key.web_origin is not None:
                rows.append(("Only at", key.web_origin))
            st.html(facts(*rows))
    _passkey(keys)


def _passkey(keys: tuple[PersonKey, ...]) -> None:
    told = st.session_state.get("enrolment_told")
    if isinstance(told, Refusal):
        panels.refused(told)
    elif isinstance(told, str):
        st.success("Your passkey is proposed. Two enrolment officers sign it, then it counts:")
        command = f"counterseal people approve {told} --as OFFICER"
        st.code(command, language=None, wrap_lines=True)
    begun = st.session_state.get("enrolment")
    if isinstance(begun, enrolment.Enrolment):
        _proof(begun)
    elif "enrolment_challenge" in st.session_state:
        _create(keys)
    else:
        st.button("Add a passkey", on_click=_begin)
        st.caption(
            "A key file's passphrase passes through this server's memory when you sign;"
            " a passkey never leaves your device."
        )


def _begin() -> None:
    st.session_state["enrolment_challenge"] = unpadded(secrets.token_bytes(32))
    st.session_state.pop("enrolment_told", None)


def _create(keys: tuple[PersonKey, ...]) -> None:
    person_id = here().session.person_id
    known = [signing.credential_of(key) for key in keys]
    ask_passkey(
        "create",
        st.session_state["enrolment_challenge"],
        rp_id(house.origin()),
        tuple(one for one in known if one is not None),
        key=CREATE,
        on_answer=_created,
        user=(unpadded(person_id.encode()), person_id),
    )


def _created() -> None:
    answer = answer_of(CREATE, st.session_state["enrolment_challenge"])
    if answer is None:
        return
    made = enrolment.begun(house.desk(), here().session, answer)
    del st.session_state["enrolment_challenge"]
    if isinstance(made, Refusal):
        st.session_state["enrolment_told"] = made
        return
    st.session_state["enrolment"] = made


def _proof(begun: enrolment.Enrolment) -> None:
    """Have the new passkey sign, and then the key file that its owner has."""
    if "enrolment_proof" not in st.session_state:
        known = (begun.credential,)
        where = rp_id(house.origin())
        ask_passkey("get", begun.challenge, where, known, key=PROVE, on_answer=_proved)
        return
    st.text("Your present key agrees to the new one.")
    st.text_input("Passphrase of your key file", key="present-passphrase", type="password")
    st.button("Propose this passkey", type="primary", on_click=_propose)


def _proved() -> None:
    begun: enrolment.Enrolment = st.session_state["enrolment"]
    answer = answer_of(PROVE, begun.challenge)
    if answer is None:
        return
    st.session_state["enrolment_proof"] = answer
    with house.reading() as reader:
        held = key_of(reader, here().session.person_id, SignatureScheme.ED25519)
    if held is None:
        _propose()


def _propose() -> None:
    """Hand the proposal in; a wrong passphrase may be typed again, what else is refused is over."""
    (passphrase,) = take("present-passphrase")
    begun: enrolment.Enrolment = st.session_state["enrolment"]
    answer: dict[str, object] = st.session_state["enrolment_proof"]
    try:
        told = enrolment.proposed(house.desk(), begun, here().session, answer, passphrase)
    except CountersealError as error:
        told = refuse(error.code, error.message)
    refusal = told if isinstance(told, Refusal) else told.refusal
    st.session_state["enrolment_told"] = refusal or begun.act.terms.nonce
    if refusal is None or refusal.code not in AGAIN:
        for name in ("enrolment", "enrolment_proof"):
            st.session_state.pop(name, None)
