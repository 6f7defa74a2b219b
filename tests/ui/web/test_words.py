"""The catalogues: both languages, every key used, no key missing, the same places in each."""

import ast
import string
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from ui.web import wording
from ui.web.pages import MAP
from ui.web.wording import Language, catalogue

WEB = Path(wording.__file__).parent
TERMS = "terms."


def texts() -> Iterator[ast.Constant]:
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
                yield path, node


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_every_sentence_is_in_both_languages_with_the_same_places() -> None:
    """TX-B7: the two stand side by side; a value of one has its place in the other."""
    for key, told in catalogue().items():
        assert set(told) == {language.value for language in Language}, key
        sets = {frozenset(places(sentence)) for sentence in told.values()}
        assert len(sets) == 1, key
        assert all(told.values()), key


def test_no_key_is_missing_and_every_value_has_its_place() -> None:
    """TX-B7: a page asks for keys that are there, with the values that they take."""
    for path, call in calls():
        asked = call.args[0]
        if isinstance(asked, ast.JoinedStr):
            assert path.name == "pages.py", path
            continue
        assert isinstance(asked, ast.Constant), (path, call.lineno)
        assert isinstance(asked.value, str)
        given = {keyword.arg for keyword in call.keywords}
        if None in given:
            continue
        assert given == places(catalogue()[asked.value]["en"]), (path, call.lineno)


def test_no_key_is_unused() -> None:
    """TX-B7: what nobody says is not in the catalogue."""
    used = {str(node.value) for node in texts()}
    used |= {f"{place.name}.{one}" for place in MAP for one in ("title", "scope")}
    assert {k for k in catalogue() if not k.startswith(TERMS) and k not in used} == set()


def test_a_list_of_words_is_translated_whole() -> None:
    """TX-B7: a list of the core that has words here has all its members here."""
    known = {one.__name__: one for one in _lists(StrEnum)}
    told: dict[str, set[str]] = {}
    for key in catalogue():
        if key.startswith(TERMS):
            _, name, value = key.split(".", 2)
            told.setdefault(name, set()).add(value)
    for name, values in told.items():
        assert values == {member.value for member in known[name]}, name


def _lists(kind: type[StrEnum]) -> Iterator[type[StrEnum]]:
    for one in kind.__subclasses__():
        yield one
        yield from _lists(one)


@pytest.mark.parametrize("place", MAP, ids=lambda place: place.name)
def test_every_page_has_a_title_and_one_scope_line(place: object) -> None:
    """TX-B10: what a page does and cannot do is said once."""
    name = getattr(place, "name", "")
    assert {f"{name}.title", f"{name}.scope"} <= set(catalogue())
    source = "".join(
        path.read_text("utf-8")
        for path in (WEB / "views").glob("*.py")
        if f'"{name}.scope"' in path.read_text("utf-8")
    )
    assert source.count(f'"{name}.scope"') == 1


def test_chinese_reads_as_chinese() -> None:
    """A sentence that is the same in both languages is a sentence that nobody translated."""
    same = {key for key, told in catalogue().items() if len(set(told.values())) == 1}
    assert same == set()
