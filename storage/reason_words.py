"""The sentences that stand behind reason codes.

Job: read the closed list of policies/reason-codes.md.

Not here: the codes themselves (their rooms), who shows them (ui).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

REASONS_FILE: Final = "reason-codes.md"
_ENTRY: Final = re.compile(r"^### (\S+)\n\n(.+(?:\n\S.*)*)", re.MULTILINE)


def reason_sentences(policies: Path) -> Mapping[str, str]:
    """Sentence by code, in the order of the list; empty when the folder has no list."""
    path = policies / REASONS_FILE
    if not path.is_file():
        return {}
    return {code: " ".join(said.split()) for code, said in _ENTRY.findall(path.read_text("utf-8"))}
