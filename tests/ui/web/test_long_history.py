"""Pages over a long history: what is over costs nothing but the rows that are shown of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event
from streamlit.testing.v1 import AppTest

from counterseal.broker.model import SimulationOutcome
from storage import unit_of_work
from storage.rows import Cell
from tests.desk.long_history import lengthen
from tests.ui.web.window import Window, at_page, words

pytestmark = pytest.mark.usefixtures("exchange")
MORE_THAN_A_PAGE = 25
PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("approvals", {}),
    ("approvals", {"show": "all"}),
    ("home", {}),
    ("orders", {}),
    ("orders", {"view": "done"}),
    ("risk", {}),
    ("risk", {"view": "judged"}),
    ("portfolio", {}),
    ("audit", {}),
    ("evidence", {}),
)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Statements that the database is given, and documents that are made of its rows."""
    told: Counter[str] = Counter()
    made = unit_of_work._document

    def document(kind: str, cells: tuple[Cell, ...]) -> object:
        told["documents"] += 1
        return made(kind, cells)

    def asked(*_: object) -> None:
        told["statements"] += 1

    event.listen(Engine, "after_cursor_execute", asked)
    with monkeypatch.context() as patch:
        patch.setattr(unit_of_work, "_document", document)
        yield told
    event.remove(Engine, "after_cursor_execute", asked)


def read_by(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Counter[str]]:
    """What each page reads when it is drawn again."""
    found = {}
    for page, params in PAGES:
        at = at_page(at, page, **params)
        with counted(monkeypatch) as told:
            at = at.run()
        assert not at.exception
        assert "store" not in words(at).partition("\n")[0]
        found[f"{page} {params}"] = told
    return found


def test_no_page_reads_more_when_more_cases_are_over(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ui part 6, scale: forty cases more, and not one row or statement."""
    house = window.house
    request_id = house.approved(quantity=1, target="0.05")
    house.quote()
    house.done(house.submitted(request_id, quantity=1, selected=SimulationOutcome.FILL))
    lengthen(house, MORE_THAN_A_PAGE)
    at = window.entered("quant")
    before = read_by(at, monkeypatch)
    lengthen(house, 40, MORE_THAN_A_PAGE)

    assert read_by(at, monkeypatch) == before
