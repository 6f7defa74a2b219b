from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import EXACT, Exact, Quantity, exact_text, parse_exact, quantized


class Amount(DomainModel):
    value: Exact


class Lots(DomainModel):
    value: Quantity


@pytest.mark.parametrize(
    "bad",
    [0.1, True, float("nan"), Decimal("NaN"), "1_000", " 1 ", "1E+3", "\u0661", "01", "+1", ""],
)
def test_i1_i3_inexact_numbers_are_refused(bad: object) -> None:
    with pytest.raises(ValidationError):
        Amount.model_validate({"value": bad})


def test_i1_a_json_number_with_a_point_is_refused() -> None:
    with pytest.raises(ValidationError):
        Amount.model_validate_json('{"value": 0.1}')


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9
    )
)
def test_i2_equal_numbers_have_one_text_and_one_digest(value: Decimal) -> None:
    one = Amount(value=value)
    two = Amount(value=Decimal(exact_text(value) + ("0" if "." in exact_text(value) else ".0")))

    assert one.json_value() == two.json_value()
    assert one.digest == two.digest
    assert parse_exact(one.json_value()["value"]) == value


def test_i2_zero_has_no_sign_and_small_numbers_no_exponent() -> None:
    assert Amount(value=Decimal("-0.00")).json_value() == {"value": "0"}
    assert Amount(value=Decimal("1E-8")).json_value() == {"value": "0.00000001"}


def test_i4_a_sum_that_would_round_raises() -> None:
    with pytest.raises(Inexact):
        EXACT.divide(Decimal(1), Decimal(3))


def test_rounding_is_half_up() -> None:
    assert quantized(Decimal("2.5"), 0) == Decimal(3)
    assert quantized(Decimal("-2.5"), 0) == Decimal(-3)


def test_a_quantity_is_above_zero() -> None:
    assert Lots(value=Decimal(1)).value == 1
    for bad in (Decimal(0), Decimal(-1)):
        with pytest.raises(ValidationError):
            Lots(value=bad)
