"""The sentences that stand behind reason codes.

Job: read the closed list of policies/reason-codes.md, or the same list in another language.

Not here: the codes themselves (their rooms), who shows them and in which language (ui).
Source: features TX-B7, TX-F10.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ENGLISH: Final = "en"
"""The language of the list itself; a list in another one has its tag in the file's name."""
_ENTRY: Final = re.compile(r"^### (\S+)\n\n(.+(?:\n\S.*)*)", re.MULTILINE)


def reason_sentences(policies: Path, language: str = ENGLISH) -> Mapping[str, str]:
    """Sentence by code, in the order of the English list; empty when the folder has no list.

    Args:
        policies: The policy folder.
        language: A tag such as `zh-Hant`; a code that its list does not have speaks English.
    """
    told = _listed(policies / "reason-codes.md")
    if language == ENGLISH:
        return told
    return told | _listed(policies / f"reason-codes.{language}.md")


def _listed(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {code: " ".join(said.split()) for code, said in _ENTRY.findall(path.read_text("utf-8"))}
