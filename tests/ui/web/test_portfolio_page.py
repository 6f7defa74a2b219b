"""Portfolio without a browser: what accounts hold, were worth and booked, and their files."""

import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.broker.model import SimulationOutcome
from counterseal.portfolio.model import Account, LedgerEntry
from counterseal.signals.model import Direction
from tests.household import ACCOUNT
from tests.ui.web.window import Window, at_page, spoken, words
from ui.web.own import OwnReader
from ui.web.statement import statement_archive

pytestmark = pytest.mark.usefixtures("exchange")
FRAMES = 12


def trade(window: Window, direction: Direction = Direction.LONG, *, bid: str = "19999") -> None:
    house = window.house
    request_id = house.approved(quantity=1, target="0.05", direction=direction)
    house.quote(bid=bid, ask=str(int(bid) + 1))
    house.done(house.submitted(request_id, quantity=1, selected=SimulationOutcome.FILL))


def read(archive: bytes) -> tuple[list[str], bytes]:
    """Names and content of every file."""
    with zipfile.ZipFile(io.BytesIO(archive)) as pack:
        names = pack.namelist()
        return names, b"".join(pack.read(name) for name in names)


def tab(window: Window, **params: str) -> AppTest:
    return at_page(window.entered("researcher"), "portfolio", **params)


def test_an_account_that_never_traded_says_where_positions_come_from(window: Window) -> None:
    """UI-19: no position, no curve and no entry, each with its reason and the next act."""
    at = tab(window)
    assert "This account holds nothing and never did." in words(at)
    assert "1,000,000 TWD" in words(at)
    at = at_page(at, "portfolio", view="curve")
    assert "Nothing was booked for this account yet." in words(at)
    at = at_page(at, "portfolio", view="ledger")
    assert "The ledger is empty." in words(at)
    assert not at.exception


def test_a_position_shows_lots_prices_profit_and_exposure(window: Window) -> None:
    """TX-C12, TX-G14, UI-18: simulated in the title; equity is cash and market value."""
    trade(window)
    said = words(tab(window))
    for expected in ("Simulated", "TMF202601", "+1", "20,000", "0.05 TX-eq", "Open lots"):
        assert expected in said, expected
    assert "TMF202601 #1" in said
    assert "None" not in said
    assert "nan" not in said


def test_a_closed_position_is_flat_with_its_realized_profit(window: Window) -> None:
    """TX-C12: sold twenty points higher, 10 TWD a point; costs are told beside, not inside."""
    trade(window)
    trade(window, Direction.SHORT, bid="20020")
    said = words(tab(window))
    assert "+200 TWD" in said
    assert "before costs of" in said
    assert "N/A, flat" in said
    assert "Open lots" not in said


def test_the_curve_has_a_table_of_the_same_numbers(window: Window) -> None:
    """AS-20, UI-17: equity and drawdown on one time axis in Taipei, simulated in their titles."""
    trade(window)
    assert "a line needs two" in words(tab(window, view="curve"))
    trade(window, Direction.SHORT, bid="20020")
    at = tab(window, view="curve")
    said = words(at)
    for expected in ("Equity, simulated", "Below the highest equity, simulated", "Taipei"):
        assert expected in said, expected
    assert [one.label for one in at.expander] == ["Show as table"]
    assert not at.exception


def test_the_ledger_lists_entries_balances_and_days(window: Window) -> None:
    """US-C10: what moved from where into where, by which fill, in which currency."""
    trade(window)
    trade(window, Direction.SHORT, bid="20020")
    said = words(tab(window, view="ledger"))
    for expected in ("Balances", "cost:tax", "realized_pnl", "cash", "2026-01-05", "fil_"):
        assert expected in said, expected


def test_the_statement_is_offered_as_csv_and_parquet(window: Window) -> None:
    """TX-C12: both files are marked as simulated."""
    trade(window)
    at = tab(window, view="statement")
    names = [button.proto.label for button in at.get("download_button")]
    assert names == ["Download CSV", "Download Parquet"]
    assert "says in its name and in a column that it is simulated" in words(at)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_statement_holds_every_book_of_the_own_tenant_only(window: Window, form: str) -> None:
    """TX-C12, governance 1: files of one tenant; each is named simulated."""
    trade(window)
    now = window.house.clock.now()
    with window.house.store.reader() as reader:
        own = statement_archive(OwnReader(reader, "tenant-1"), now, form)
        foreign = statement_archive(OwnReader(reader, "tenant-2"), now, form)
    names, told = read(own)
    assert len(names) == FRAMES
    assert all(name.startswith("simulated-") for name in names)
    assert ACCOUNT.encode() in told
    assert read(foreign)[0] == names
    assert ACCOUNT.encode() not in read(foreign)[1]


def test_another_tenants_books_are_not_seen(window: Window) -> None:
    """Governance 1: neither listed nor found by key."""
    trade(window)
    with window.house.store.reader() as reader:
        foreign = OwnReader(reader, "tenant-2")
        assert foreign.find(Account) == ()
        assert foreign.get(Account, ACCOUNT) is None
        assert foreign.count(LedgerEntry) == 0
        assert OwnReader(reader, "tenant-1").count(LedgerEntry) > 0


def test_the_page_speaks_chinese(window: Window) -> None:
    """TX-B7."""
    trade(window)
    said = words(spoken(tab(window)))
    for expected in ("投資組合", "未實現損益", "部位", "模擬", "大台當量"):
        assert expected in said, expected
