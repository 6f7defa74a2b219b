"""Each row that does not follow from the others is named."""

from decimal import Decimal

import pytest
from hypothesis import given, settings

from counterseal.kernel.money import Currency
from counterseal.portfolio.invariants import (
    Difference,
    check_cash,
    check_ledger,
    check_lots,
    check_position,
)
from tests.core.portfolio.room import Room, Step, steps

ROWS: tuple[Step, ...] = ((2, 20000), (-1, 20010), (-2, 20020), (3, 20000))


@pytest.fixture
def room() -> Room:
    return Room().ran(*ROWS)


def told(differences: tuple[Difference, ...]) -> list[tuple[str, str, str, str, str]]:
    return [(d.check, d.kind, d.key, d.expected, d.got) for d in differences]


@settings(max_examples=60, deadline=None)
@given(steps)
def test_i1_sound_books_have_no_difference(rows: list[Step]) -> None:
    """TL-6: cash, position, lots and ledger follow from the fills."""
    room = Room().ran(*rows)

    assert check_cash(room.account, room.entries) == ()
    assert check_position(room.position, room.trades) == ()
    assert check_lots(room.position, room.lots.values()) == ()
    assert check_ledger(room.entries, room.trades) == ()


def test_i2_cash_that_does_not_follow_from_the_ledger_names_the_account(room: Room) -> None:
    """Trading part 6: cash, fees and tax, each for itself."""
    cash, fees, tax = room.account.cash, room.account.fees_paid, room.account.tax_paid
    wrong = room.account.amended(cash=cash + 1, fees_paid=fees + 2, tax_paid=tax + 3)

    assert told(check_cash(wrong, room.entries)) == [
        ("cash_is_opening_and_ledger", "accounts", "acc_1", str(cash), str(cash + 1)),
        ("fees_are_those_of_the_ledger", "accounts", "acc_1", str(fees), str(fees + 2)),
        ("tax_is_that_of_the_ledger", "accounts", "acc_1", str(tax), str(tax + 3)),
    ]


def test_i2_a_lost_fill_shows_in_the_position(room: Room) -> None:
    """Trading part 6: position = sum of fills."""
    found = check_position(room.position, room.trades[:-1])

    assert [(d.check, d.key, d.expected, d.got) for d in found] == [
        ("position_is_the_sum_of_its_fills", "acc_1:MTX202601", "-1", "2"),
        ("fees_are_those_of_its_fills", "acc_1:MTX202601", "162.5", "260"),
    ]


def test_i1_a_lost_and_a_forgotten_lot_are_named(room: Room) -> None:
    """Trading part 6: lots sum to the position, and none is open outside of its range."""
    [open_lot] = [lot for lot in room.lots.values() if lot.remaining_quantity]
    lost = [lot for lot in room.lots.values() if lot is not open_lot]
    beyond = room.position.amended(first_lot=open_lot.number + 1, next_lot=open_lot.number + 1)

    assert [d.check for d in check_lots(room.position, lost)] == [
        "lots_sum_to_the_position",
        "lots_cost_what_the_position_says",
    ]
    [difference] = check_lots(beyond, room.lots.values())
    assert (difference.check, difference.kind, difference.key) == (
        "an_open_lot_is_within_the_range",
        "lots",
        open_lot.lot_id,
    )


def test_i1_costs_that_are_missing_changed_twice_or_of_no_fill_are_named(room: Room) -> None:
    """Trading part 6: fees once, both sides."""
    tax = next(e for e in room.entries if e.entry_id == "fil_1:tax")
    others = [e for e in room.entries if e is not tax]

    def found(*entries: object) -> list[tuple[str, str, str, str]]:
        differing = check_ledger([*others, *entries], room.trades)  # type: ignore[list-item]  # entries
        return [(d.check, d.key, d.expected, d.got) for d in differing]

    assert found() == [("each_cost_is_booked_once", "fil_1:tax", "40", "nothing")]
    assert found(tax.amended(amount=41)) == [("each_cost_is_booked_once", "fil_1:tax", "40", "41")]
    assert found(tax, tax) == [("an_entry_stands_once", "fil_1:tax", "1", "2")]
    strange = tax.amended(entry_id="fil_9:tax", cause_id="fil_9")
    assert found(tax, strange) == [("each_cost_has_its_fill", "fil_9:tax", "nothing", "40")]
    foreign = tax.amended(currency=Currency.USD)
    assert ("one_ledger_one_currency", "fil_1:tax", "TWD", "USD") in found(foreign)
    assert Decimal(tax.amount) == 40
