from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.errors import TransitionError
from counterseal.kernel.ids import SeededIdSource, uuid7_id
from counterseal.kernel.machine import StateTable
from counterseal.kernel.model import DomainModel

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Stamp(DomainModel):
    at: UtcDatetime


@pytest.mark.parametrize("bad", ["2026-01-02T12:00:00", 1767225600, "1767225600", "2026-01-02"])
def test_i1_naive_times_and_epoch_numbers_are_refused(bad: object) -> None:
    with pytest.raises(ValidationError):
        Stamp.model_validate({"at": bad})


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_i2_text_order_is_time_order(one: datetime, two: datetime) -> None:
    assert (one < two) == (utc_text(one) < utc_text(two))


def test_i2_any_offset_becomes_utc_with_six_digits() -> None:
    assert Stamp.model_validate({"at": "2026-01-02T08:45:00+08:00"}).json_value() == {
        "at": "2026-01-02T00:45:00.000000Z"
    }


def test_ids_are_ordered_by_time_and_derived_from_the_key_alone() -> None:
    ids = SeededIdSource("seed")

    first, again = ids.new("ord", "a", NOON), SeededIdSource("seed").new("ord", "a", NOON)
    later = ids.new("ord", "a", NOON + timedelta(milliseconds=1))

    assert first == again
    assert first < later
    assert first != ids.new("ord", "b", NOON)
    assert first != SeededIdSource("other").new("ord", "a", NOON)


def test_an_id_carries_version_seven() -> None:
    assert uuid7_id("ord", NOON, bytes(10)).startswith("ord_")
    assert uuid7_id("ord", NOON, bytes(10))[4 + 12] == "7"


class Light(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


class Push(StrEnum):
    GO = "GO"


def test_a_move_that_the_table_does_not_name_is_refused() -> None:
    table = StateTable("light", {(Light.RED, Push.GO): Light.GREEN})

    assert table.next(Light.RED, Push.GO) is Light.GREEN
    assert table.is_terminal(Light.GREEN)
    assert not table.is_terminal(Light.RED)
    with pytest.raises(TransitionError) as caught:
        table.next(Light.GREEN, Push.GO)
    assert caught.value.expected == "none (terminal)"
