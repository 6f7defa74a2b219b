"""The quick ways of the kernel give what the plain ways give: each is kept here, written out."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import Exact, exact_text, normalized, parse_exact


class Word(StrEnum):
    YES = "yes"


class Number(IntEnum):
    ONE = 1


class Amount(DomainModel):
    value: Exact


_WIDE = 2**53
_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-_WIDE - 1, _WIDE + 1)
    | st.sampled_from([0, _WIDE - 1, _WIDE, -_WIDE, 2**64, Word.YES, Number.ONE])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([b"x", uuid.UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC), Decimal(1), {1}])
)
_keys = st.text(st.characters(max_codepoint=127), max_size=4) | st.sampled_from(["\u00e9", 1, None])
_trees = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_keys, inner, max_size=4)
    ),
    max_leaves=12,
)


def _plainly_checked(value: object) -> None:
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if abs(value) >= _WIDE:
            raise ValueError
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ValueError
            _plainly_checked(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _plainly_checked(inner)
    else:
        raise ValueError  # noqa: TRY004 - one refusal for all of it


def _plain_bytes(value: object) -> bytes:
    _plainly_checked(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _plain_text(value: Decimal) -> str:
    text = format(value, "f")
    return text.removeprefix("-") if value.is_zero() else text


def _plainly_normal(value: Decimal) -> Decimal:
    text = _plain_text(value)
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else Decimal(text)


def _field_of(value: object) -> Decimal:
    return Amount.model_validate({"value": value}).value


def _told(act: Callable[[], object]) -> object:
    """What an act gives, or that it refuses."""
    try:
        return act()
    except ValueError:  # InputError and JSONEncodeError among them
        return "refused"
    except InputError as refused:
        return "refused" if refused.code == "NOT_CANONICAL" else refused.code


@settings(max_examples=200)
@given(_trees)
def test_i1_canonical_bytes_are_those_of_a_walk_that_looks_at_everything(value: object) -> None:
    quick = _told(lambda: canonical_bytes(value))  # type: ignore[arg-type]  # wrong among them

    assert quick == _told(lambda: _plain_bytes(value))


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"a": [1, 2**53]}, "$.a[1]"),
        ({"a": {"b": 0.5}}, "$.a.b"),
        ([{"\u00e9": "x"}], "$[0]"),
        ({"\u00e9": "\u00e9"}, "$"),
        ([(1, [uuid.UUID(int=1)])], "$[0][1][0]"),
    ],
)
def test_i2_a_refusal_names_the_place(bad: object, field: str) -> None:
    with pytest.raises(InputError) as caught:
        canonical_bytes(bad)  # type: ignore[arg-type]  # wrong on purpose

    assert caught.value.field == field


_numbers = (
    st.decimals(allow_nan=True, allow_infinity=True)
    | st.decimals(places=4, min_value=-1000, max_value=1000, allow_nan=False)
    | st.integers(-(10**45), 10**45).map(Decimal)
    | st.sampled_from(["-0", "-0.00", "0E+3", "1E+3", "-20", "1E-8", "NaN7", "-20.50"]).map(Decimal)
)


@settings(max_examples=200)
@given(_numbers)
def test_i2_the_text_of_a_number_is_the_one_that_formatting_gives(value: Decimal) -> None:
    assert exact_text(value) == _plain_text(value)


@settings(max_examples=200)
@given(
    _numbers | st.integers() | _numbers.map(str) | st.from_regex(r"-?[0-9]{1,41}(\.[0-9]{0,5})?")
)
def test_i2_a_field_holds_the_number_that_two_formattings_give(value: object) -> None:
    quick = _told(lambda: _field_of(value).as_tuple())

    assert quick == _told(lambda: _plainly_normal(parse_exact(value)).as_tuple())
    if isinstance(value, Decimal) and value.is_finite():
        assert normalized(value).as_tuple() == _plainly_normal(value).as_tuple()


@given(st.datetimes(), st.sampled_from([0, -5, 8]))
def test_i2_the_text_of_an_instant_is_the_one_in_utc(value: datetime, hours: int) -> None:
    zone = UTC if not hours else timezone(timedelta(hours=hours))
    told = value.replace(year=2026, tzinfo=zone, day=min(value.day, 28))
    plain = told.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    assert utc_text(told) == plain
