"""The person's own logins and keys; what concerns others needs two people and other pages."""

import secrets
from typing import Final

import streamlit as st

from counterseal.desk.people import enrolled_keys
from counterseal.identity.keys import PersonKey
from counterseal.identity.passkeys import unpadded
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, Signature, refuse
from ui.web import enrolment, house, signing
from ui.web.component.passkey import answer_of, ask_passkey
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, facts, plain
from ui.web.parts.words import moment
from ui.web.place import rp_id
from ui.web.views.drill import drill
from ui.web.views.sign_in import take
from ui.web.visit import here
from ui.web.wording import say

CREATE: Final = "passkey-create"
PROVE: Final = "passkey-prove"
AGREE: Final = "passkey-agree"
AGAIN: Final = frozenset({"PASSPHRASE_WRONG", "KEY_LOCKED"})


def mine() -> None:
    """The view."""
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
        drill()
    with right:
        _keys(keys)


def _logins(session: LoginSession, logins: tuple[LoginSession, ...]) -> None:
    st.header(say("settings.logins"), anchor=False)
    now = house.CLOCK.now()
    for one in sorted(logins, key=lambda login: login.opened_at, reverse=True):
        if now >= one.expires_at:
            continue
        with st.container(border=True):
            own = one.session_id == session.session_id
            this, other = say("settings.this_one"), say("settings.another")
            badges(badge(this, Tone.DUE) if own else badge(other, Tone.OFF))
            methods = ", ".join(one.amr)
            facts(
                (say("settings.since"), moment(one.opened_at)),
                (say("settings.until"), moment(one.expires_at)),
                (
                    say("settings.proved_by"),
                    say("settings.methods", methods=methods, issuer=one.issuer),
                ),
            )
            if not own:
                st.button(
                    say("settings.revoke"),
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
    st.header(say("settings.keys"), anchor=False)
    if not keys:
        panels.empty(say("settings.no_key"), say("settings.no_key_then"))
    for key in keys:
        with st.container(border=True):
            ended = key.revoked_at is not None
            mark = badge(say("settings.ended"), Tone.OFF) if ended else ""
            badges(f"**{plain(kind_of_key(key.scheme))}**", mark)
            since = (say("settings.since"), moment(key.effective_at))
            rows = [since, (say("settings.key_id"), key.key_id)]
            if key.web_origin is not None:
                rows.append((say("settings.only_at"), key.web_origin))
            facts(*rows)
    _passkey(keys)


def kind_of_key(scheme: SignatureScheme) -> str:
    """What people call a key of a scheme, with its class."""
    match scheme:
        case SignatureScheme.ED25519:
            return say("settings.key_file")
        case SignatureScheme.SSHSIG:
            return say("settings.ssh_key")
        case SignatureScheme.WEBAUTHN:
            return say("settings.passkey")


def _passkey(keys: tuple[PersonKey, ...]) -> None:
    told = st.session_state.get("enrolment_told")
    if isinstance(told, Refusal):
        panels.refused(told)
    elif isinstance(told, str):
        st.success(say("settings.proposed"))
        command = f"counterseal people approve {told} --as OFFICER"
        st.code(command, language=None, wrap_lines=True)
    begun = st.session_state.get("enrolment")
    if isinstance(begun, enrolment.Enrolment):
        _proof(begun)
    elif "enrolment_challenge" in st.session_state:
        _create(keys)
    else:
        st.button(say("settings.add_passkey"), on_click=_begin)
        st.caption(say("settings.passphrase_note"))


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


def _present() -> tuple[PersonKey, ...]:
    """The keys of the person with which a new one can be agreed to here."""
    with house.reading() as reader:
        return signing.keys_for(reader, here().session.person_id)


def _proof(begun: enrolment.Enrolment) -> None:
    """Have the new passkey sign, and then a key that its owner has: the key file, or a passkey."""
    where = rp_id(house.origin())
    if "enrolment_proof" not in st.session_state:
        known = (begun.credential,)
        ask_passkey("get", begun.challenge, where, known, key=PROVE, on_answer=_proved)
        return
    st.text(say("settings.agrees"))
    present = _present()
    if any(key.scheme is SignatureScheme.ED25519 for key in present):
        st.text_input(say("settings.passphrase"), key="present-passphrase", type="password")
        st.button(say("settings.propose"), type="primary", on_click=_agreed_by_file)
        return
    mine = tuple(c for c in map(signing.credential_of, present) if c is not None)
    ask_passkey("get", begun.challenge, where, mine, key=AGREE, on_answer=_agreed_by_passkey)


def _proved() -> None:
    begun: enrolment.Enrolment = st.session_state["enrolment"]
    answer = answer_of(PROVE, begun.challenge)
    if answer is None:
        return
    st.session_state["enrolment_proof"] = answer
    if not _present():
        _propose(begun, ())


def _agreed_by_file() -> None:
    (passphrase,) = take("present-passphrase")
    begun: enrolment.Enrolment = st.session_state["enrolment"]
    try:
        told = enrolment.agreed_by_file(house.desk(), begun, here().session, passphrase)
    except CountersealError as error:
        told = refuse(error.code, error.message)
    _propose(begun, told)


def _agreed_by_passkey() -> None:
    begun: enrolment.Enrolment = st.session_state["enrolment"]
    answer = answer_of(AGREE, begun.challenge)
    if answer is not None:
        _propose(begun, enrolment.agreed_by_passkey(begun, answer))


def _propose(begun: enrolment.Enrolment, agreement: Signature | Refusal | tuple[()]) -> None:
    """Hand the proposal in; a wrong passphrase may be typed again, what else is refused is over."""
    answer: dict[str, object] = st.session_state["enrolment_proof"]
    refusal = agreement if isinstance(agreement, Refusal) else None
    if not isinstance(agreement, Refusal):
        signatures = agreement if isinstance(agreement, tuple) else (agreement,)
        refusal = _handed_in(begun, answer, signatures)
    st.session_state["enrolment_told"] = refusal or begun.act.terms.nonce
    if refusal is None or refusal.code not in AGAIN:
        for name in ("enrolment", "enrolment_proof"):
            st.session_state.pop(name, None)


def _handed_in(
    begun: enrolment.Enrolment, answer: dict[str, object], signatures: tuple[Signature, ...]
) -> Refusal | None:
    desk, session = house.desk(), here().session
    try:
        told = enrolment.proposed(desk, begun, session, answer, signatures)
    except CountersealError as error:
        return refuse(error.code, error.message)
    return told if isinstance(told, Refusal) else told.refusal
