"""With which of a person's own keys something is signed."""

from collections.abc import Callable, Sequence

import streamlit as st

from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from ui.web.parts.words import moment
from ui.web.wording import say


def own_key(keys: Sequence[PersonKey], name: str, then: Callable[[], None]) -> PersonKey:
    """The key that will sign: the newest passkey unless the person says otherwise.

    Args:
        keys: Of the person, at least one, as `signing.keys_for` orders them.
        name: Of the choice on its page.
        then: Forgets what was begun with another key.
    """
    if len(keys) == 1:
        return keys[0]
    by_id = {key.key_id: key for key in keys}
    several = [key.scheme for key in keys].count(SignatureScheme.WEBAUTHN) > 1

    def named(key_id: str) -> str:
        key = by_id[key_id]
        dated = several and key.scheme is SignatureScheme.WEBAUTHN
        since = f", {moment(key.effective_at)}" if dated else ""
        return f"{scheme_words(key.scheme)}{since}"

    chosen = st.segmented_control(
        say("decision.sign_with"),
        list(by_id),
        default=keys[0].key_id,
        key=name,
        required=True,
        format_func=named,
        on_change=then,
    )
    return by_id[chosen]


def scheme_words(scheme: SignatureScheme) -> str:
    """What people call a key of this scheme."""
    passkey = scheme is SignatureScheme.WEBAUTHN
    return say("decision.passkey") if passkey else say("decision.key_file")
