"""The authenticator of the person at the window.

Job: hand a challenge to `navigator.credentials` and give back what it answered, unjudged.

Invariants
  I1  The code is constant; whatever changes reaches it as values, never as text of the program.
  I2  A user is verified, or there is no answer.

Not here: what a challenge is (ui.web.signing), whether an answer holds (identity.passkeys).
Source: WebAuthn level 2, parts 5.1.3 and 5.1.4; ui part 3 (browser component).
"""

from collections.abc import Callable
from typing import Final

import streamlit as st

from ui.web.wording import say

_HTML: Final = """
<div class="passkey">
  <p class="said" role="status"></p>
  <button type="button" class="again" hidden></button>
</div>
"""
_CSS: Final = """
.passkey { font-family: var(--st-font); color: var(--st-text-color); }
.said { margin: 0 0 .5rem; font-size: .95rem; }
.again { font: inherit; padding: .45rem .9rem; border-radius: 8px; cursor: pointer;
  color: var(--st-text-color); background: transparent; border: 1px solid #858E9E; }
.again:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""
_JS: Final = """
const bytes = (text) => Uint8Array.from(
  atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function create(data) {
  const made = await navigator.credentials.create({publicKey: {
    challenge: bytes(data.challenge),
    rp: {id: data.rp_id, name: "Counterseal"},
    user: {id: bytes(data.user_id), name: data.user_name, displayName: data.user_name},
    pubKeyCredParams: [{type: "public-key", alg: -7}],
    authenticatorSelection: {residentKey: "required", userVerification: "required"},
    excludeCredentials: data.known.map((id) => ({type: "public-key", id: bytes(id)})),
  }});
  return {
    credential_id: text(made.rawId),
    public_key: text(made.response.getPublicKey()),
    algorithm: made.response.getPublicKeyAlgorithm(),
  };
}

async function get(data) {
  const got = await navigator.credentials.get({publicKey: {
    challenge: bytes(data.challenge), rpId: data.rp_id, userVerification: "required",
    allowCredentials: data.known.map((id) => ({type: "public-key", id: bytes(id)})),
  }});
  return {
    credential_id: text(got.rawId),
    authenticator_data: text(got.response.authenticatorData),
    client_data_json: text(got.response.clientDataJSON),
    signature: text(got.response.signature),
  };
}

const asked = new WeakMap();

export default function ({data, parentElement, setTriggerValue}) {
  const said = parentElement.querySelector(".said");
  const again = parentElement.querySelector(".again");
  again.textContent = data.words.again;
  const ask = async () => {
    again.hidden = true;
    said.textContent = data.words.waiting;
    try {
      const answer = data.act === "create" ? await create(data) : await get(data);
      said.textContent = data.words.done;
      setTriggerValue("answer", {...answer, challenge: data.challenge});
    } catch (error) {
      said.textContent = `${data.words.failed} (${error.name})`;
      again.hidden = false;
    }
  };
  again.onclick = ask;
  if (asked.get(parentElement) !== data.challenge) {
    asked.set(parentElement, data.challenge);
    ask();
  }
}
"""
_PASSKEY: Final = st.components.v2.component("counterseal_passkey", html=_HTML, css=_CSS, js=_JS)


def ask_passkey(
    act: str,
    challenge: str,
    rp_id: str,
    known: tuple[str, ...],
    *,
    key: str,
    on_answer: Callable[[], None],
    user: tuple[str, str] = ("", ""),
) -> None:
    """Mount the ceremony.

    Args:
        act: `create` a passkey, or `get` a signature from one.
        challenge: Base64url.
        rp_id: Relying party.
        known: Credential ids, base64url: the ones to ask, or for `create` the ones to leave out.
        key: Of the mounted component.
        on_answer: Called when `answer_of(key)` has something.
        user: For `create`: an opaque handle (base64url) and the name that is shown.
    """
    data = {
        "act": act,
        "challenge": challenge,
        "rp_id": rp_id,
        "known": list(known),
        "user_id": user[0],
        "user_name": user[1],
        "words": {
            "waiting": say("passkey.waiting"),
            "done": say("passkey.done"),
            "failed": say("passkey.failed"),
            "again": say("passkey.again"),
        },
    }
    _PASSKEY(data=data, key=key, on_answer_change=on_answer)


def answer_of(key: str, challenge: str) -> dict[str, object] | None:
    """What the authenticator answered to this challenge; None for another one or none."""
    state = st.session_state.get(key)
    told = None if state is None else state.get("answer")
    if not isinstance(told, dict) or told.get("challenge") != challenge:
        return None
    return {name: value for name, value in told.items() if name != "challenge"}
