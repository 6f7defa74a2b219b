"""A field for a file, named for screen readers.

Streamlit gives the place of its field a name and a role that hides it; the code, which is constant,
sets the role of a group instead.
"""

from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

_JS: Final = """
export default function () {
  const hidden = '[data-testid="stFileUploaderDropzone"][role="presentation"]';
  const name = () => document.querySelectorAll(hidden).forEach(
    (place) => place.setAttribute("role", "group"));
  name();
  const watch = new MutationObserver(name);
  watch.observe(document.body, {childList: true, subtree: true, attributeFilter: ["role"]});
  return () => watch.disconnect();
}
"""
_ROLE: Final = st.components.v2.component("counterseal_file_role", html="<span></span>", js=_JS)


def json_file(label: str, key: str) -> UploadedFile | None:
    """A `.json` file that somebody chose, in the memory of this page session."""
    file: UploadedFile | None = st.file_uploader(label, type="json", key=key)
    _ROLE(key=f"role:{key}", height=1)
    return file
