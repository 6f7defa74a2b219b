"""Who is at the window.

Job: find, at every rerun, the registered session that this browser acts under, or say why none.

Invariants
  I1  The registry decides at every rerun; a cookie, a token or a tab's memory only names a session.
  I2  Without an answer of the registry nobody is in.
  I3  A token of the second provider renews the session that asked for it, and opens none.

Not here: what a login proves (identity), the page to sign in (ui.web.views.sign_in).
Source: governance part 5 (`st.login` traps).
"""

import hashlib
import os
from typing import Final, NamedTuple

import streamlit as st
from pydantic import SecretStr

from counterseal.desk.access import Login, Secrets
from counterseal.desk.desk import Desk
from counterseal.identity.oidc import Claims
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.access import IssuerRule
from storage.providers import claims_of
from ui.web import house
from ui.web.drafts import Pending, returned
from ui.web.launch import SIGN_IN, STEP_UP, TOLD
from ui.web.place import HANDLE, browser_cookie
from ui.web.visit import GO_TO

SESSION: Final = "session_id"
REASON: Final = "signed_out_reason"
TRIED: Final = "token_tried"
SWITCHED: Final = "USER_SWITCHED"


class Token(NamedTuple):
    """The ID token of `st.login`, and by which of the two providers it came."""

    provider: str
    text: SecretStr

    @property
    def digest(self) -> str:
        """SHA-256 of what the issuer signed, as the registry knows it."""
        signed = self.text.get_secret_value().rpartition(".")[0]
        return f"sha256:{hashlib.sha256(signed.encode()).hexdigest()}"


def visitor(desk: Desk) -> LoginSession | None:
    """The session under which this rerun may act; None leaves the reason, if any, in the state.

    Raises:
        CountersealError: the store does not answer.
    """
    brought, arrives = token(), SESSION not in st.session_state
    found: LoginSession | Refusal | None = None
    if brought is not None and _is_new(desk, brought):
        found = _new_token(desk, brought)
    found = found or _by_browser(desk)
    if found is None and brought is not None:
        found = desk.sessions.resume_token(brought.digest, key=house.command_key())
    if isinstance(found, Refusal):
        leave(found)
        return None
    if found is not None:
        st.session_state[SESSION] = found.session_id
        st.session_state.pop(REASON, None)
        if arrives:
            _turned_back(found)
    return found


def leave(reason: Refusal | None = None) -> None:
    """Forget who was here, and everything that this tab held for them.

    A control of the page that is gone may call once more, late: it finds nothing in the state.
    """
    browser, session_id = handle(), st.session_state.get(SESSION)
    notes = house.notes()
    if browser is not None and session_id in {None, notes.bound(browser)}:
        notes.unbind(browser)
    for name in [name for name in st.session_state if name != TRIED]:
        del st.session_state[name]
    if reason is not None:
        st.session_state[REASON] = reason


def enter(name: str, password: str, code: str) -> Refusal | None:
    """Sign in with a local account; the refusal says no more than a stranger may know."""
    secrets = Secrets(password=SecretStr(password), code=SecretStr(code), source=source())
    login = house.desk().access.log_in(name, secrets, key=house.command_key())
    return _entered(login)


def prove(session: LoginSession, password: str, code: str) -> Refusal | None:
    """Prove a local login again, before a signature."""
    secrets = Secrets(password=SecretStr(password), code=SecretStr(code), source=source())
    return house.desk().access.step_up(session, secrets, key=house.command_key()).refusal


def log_out(session: LoginSession) -> None:
    """End the session in the registry, for every tab, and have the provider's cookies cleared."""
    sessions = house.desk().sessions
    present = sessions.resume(session.session_id, key=house.command_key())
    if isinstance(present, LoginSession):
        sessions.log_out(present.actor, key=house.command_key())
    by_provider = token() is not None
    leave()
    st.session_state[REASON] = refuse("LOGGED_OUT", "you are signed out")
    st.session_state["provider_logout"] = by_provider


def handle() -> str | None:
    """This browser's handle; None where there is no browser."""
    told = st.context.cookies.get(browser_cookie(house.origin()))
    return told if isinstance(told, str) and HANDLE.fullmatch(told) else None


def source() -> str:
    """Where somebody knocks from."""
    address = st.context.ip_address
    return address if isinstance(address, str) else "this machine"


def token() -> Token | None:
    """What `st.login` brought, if anything."""
    user = st.user.to_dict()
    if user.get("is_logged_in") is not True:
        return None
    text = st.user.tokens.get("id")
    provider = user.get("provider")
    return None if text is None else Token(str(provider or SIGN_IN), SecretStr(text))


def has_provider() -> bool:
    """Whether people may sign in by an identity provider here."""
    return TOLD in os.environ


def _is_new(desk: Desk, brought: Token) -> bool:
    """Whether the registry has not seen a token, and this tab did not try it yet."""
    if st.session_state.get(TRIED) == brought.digest:
        return False
    with desk.bench.store.reader() as reader:
        opened = reader.count(LoginSession, token_digest=brought.digest)
        return not opened and not reader.count(LoginSession, step_up_digest=brought.digest)


def _new_token(desk: Desk, brought: Token) -> LoginSession | Refusal | None:
    """A token that the registry does not know: a login, or the proof that a session asked for."""
    st.session_state[TRIED] = brought.digest
    pending = returned(handle()) if brought.provider == STEP_UP else None
    if brought.provider == STEP_UP and pending is None:
        return None
    claims = _claims(desk, brought)
    if isinstance(claims, Refusal):
        return claims
    if pending is not None:
        return _renewed(desk, pending, claims)
    login = desk.access.log_in_by_token(claims, nonce=None, key=house.command_key())
    return _entered(login) or login.session


def _renewed(desk: Desk, pending: Pending, claims: Claims) -> LoginSession | Refusal:
    session = desk.sessions.resume(pending.session_id, key=house.command_key())
    if isinstance(session, Refusal):
        return session
    login = desk.access.step_up_by_token(session, claims, nonce=None, key=house.command_key())
    if login.refusal is not None and login.refusal.code == SWITCHED:
        return login.refusal
    st.session_state[GO_TO] = pending.place
    st.session_state["step_up_refusal"] = login.refusal
    return login.session or session


def _turned_back(session: LoginSession) -> None:
    """Lead whom the provider sent back without a proof to what they were about to sign."""
    pending = returned(handle())
    if pending is not None and pending.session_id == session.session_id:
        st.session_state[GO_TO] = pending.place
        st.session_state["step_up_refusal"] = refuse("REAUTH_REQUIRED", "no fresh proof came back")


def _claims(desk: Desk, brought: Token) -> Claims | Refusal:
    rule = _rule(desk)
    if rule is None:
        return refuse("ISSUER_UNKNOWN", "no identity provider is believed here")
    try:
        return claims_of(rule, brought.text)
    except CountersealError as error:
        return refuse(error.code, error.message)


def _rule(desk: Desk) -> IssuerRule | None:
    return desk.bench.bundle.access.issuer(os.environ.get(TOLD, ""))


def _by_browser(desk: Desk) -> LoginSession | Refusal | None:
    browser = handle()
    known: str | None = st.session_state.get(SESSION)
    if known is None and browser is not None:
        known = house.notes().bound(browser)
    return None if known is None else desk.sessions.resume(known, key=house.command_key())


def _entered(login: Login) -> Refusal | None:
    if login.session is None:
        return login.refusal
    st.session_state[SESSION] = login.session.session_id
    browser = handle()
    if browser is not None:
        house.notes().bind(browser, login.session.session_id, house.CLOCK.now())
    return None
