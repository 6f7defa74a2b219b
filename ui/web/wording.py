"""The words of the pages, in the language of who looks.

Job: give a sentence by its key, a word of the core by its member, and remember the choice.

Invariants
  I1  Every key has both languages, side by side in one file for each page (ui/web/words).
  I2  Codes, ids, hashes, event kinds and file contents are never translated.
  I3  A choice of language is no fact of the log: it stands in the notes of windows.

Not here: how numbers, times and hashes are written (ui.web.parts.words).
Source: features TX-B7; ui part 1 (Languages).
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st

from ui.web import door, house

FOLDER: Final = Path(__file__).with_name("words")
CHOSEN: Final = "language"
"""In the state: what this tab speaks."""
_PERSON: Final = "language_of"


class Language(StrEnum):
    """What a page can be read in; the value is also what the browser is told."""

    ENGLISH = "en"
    CHINESE = "zh-Hant"

    @property
    def own_name(self) -> str:
        """As its readers call it."""
        return "English" if self is Language.ENGLISH else "\u7e41\u9ad4\u4e2d\u6587"


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every sentence by its key, `file.key`, in each language."""
    told: dict[str, Mapping[str, str]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for key, words in tomllib.loads(path.read_text("utf-8")).items():
            told |= _flat(f"{path.stem}.{key}", words)
    return told


def _flat(key: str, words: Mapping[str, object]) -> dict[str, Mapping[str, str]]:
    if all(isinstance(word, str) for word in words.values()):
        return {key: {language: str(word) for language, word in words.items()}}
    inner = ((f"{key}.{name}", one) for name, one in words.items() if isinstance(one, dict))
    return {name: said for path, one in inner for name, said in _flat(path, one).items()}


def language() -> Language:
    """What this tab speaks now; the browser's tongue until somebody chose."""
    return Language(st.session_state.get(CHOSEN) or _guess())


def say(key: str, **values: str) -> str:
    """A sentence of the catalogue; `{name}` in it is replaced by the value of that name.

    Raises:
        KeyError: no such key, or a value is missing (this is a bug).
    """
    return catalogue()[key][language().value].format(**values)


def term(member: StrEnum) -> str:
    """A word of the core as people read it; its own text where it has no words here."""
    words = catalogue().get(f"terms.{type(member).__name__}.{member.value}")
    return member.value.replace("_", " ") if words is None else words[language().value]


def settle_language(person_id: str | None) -> None:
    """Once for a tab and once for who signed in: their choice, the browser's, or its own tongue.

    Raises:
        AdapterError: `CREDENTIALS_FAILED`.
    """
    known = st.session_state.get(CHOSEN)
    if known is not None and st.session_state.get(_PERSON) == person_id:
        return
    told = None if person_id is None else house.notes().choice("language", "person", person_id)
    handle = door.handle()
    if told is None and known is None and handle is not None:
        told = house.notes().choice("language", "browser", handle)
    st.session_state[CHOSEN] = told or known or _guess()
    st.session_state[_PERSON] = person_id


def choose_language(person_id: str | None, wanted: Language) -> None:
    """Speak it from now on, here and wherever this person signs in.

    Raises:
        AdapterError: `CREDENTIALS_FAILED`.
    """
    st.session_state[CHOSEN] = wanted.value
    handle = door.handle()
    if handle is not None:
        house.notes().choose(wanted.value, "language", "browser", handle)
    if person_id is not None:
        house.notes().choose(wanted.value, "language", "person", person_id)


def _guess() -> str:
    locale = st.context.locale
    chinese = isinstance(locale, str) and locale.lower().startswith("zh")
    return (Language.CHINESE if chinese else Language.ENGLISH).value
