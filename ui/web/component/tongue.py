"""What the browser is told about the language, so that screen readers pronounce it.

The code is constant; the language reaches it as a value.
"""

from typing import Final

import streamlit as st

from ui.web.wording import Language

_JS: Final = """
export default function ({data}) { document.documentElement.lang = data.language; }
"""
_TONGUE: Final = st.components.v2.component("counterseal_tongue", html="<span></span>", js=_JS)


def tell_browser(language: Language) -> None:
    """Set the language of the document."""
    _TONGUE(data={"language": language.value}, key="document-language", height=1)
