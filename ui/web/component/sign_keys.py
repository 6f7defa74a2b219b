"""Ctrl+Enter inside the field of a passphrase, where Streamlit's shortcut of a button is not heard.

The code, which is constant, leaves the field, so that what was typed counts, and presses the button
that signs, unless it is disabled.
"""

from typing import Final

import streamlit as st

_JS: Final = """
export default function () {
  const pressed = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (!event.target.matches('.st-key-passphrase input')) return;
    event.target.blur();
    setTimeout(() => document.querySelector(".st-key-sign button")?.click(), 0);
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
"""
_KEYS: Final = st.components.v2.component("counterseal_sign_keys", html="<span></span>", js=_JS)


def hear_sign_keys() -> None:
    """Let the keys that sign be heard in the field of the passphrase."""
    _KEYS(key="sign-keys", height=1)
