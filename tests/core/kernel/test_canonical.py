import contextlib
import os
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from counterseal.kernel.canonical import canonical_bytes, parse_json
from counterseal.kernel.errors import InputError

VECTORS = Path(
    os.environ.get("COUNTERSEAL_TEST_VECTORS", Path(__file__).parents[4] / "shared/vectors")
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_i1_the_fast_encoder_equals_rfc_8785(value: object) -> None:
    encoded = canonical_bytes(value)  # type: ignore[arg-type]  # hypothesis draws JSON

    assert encoded == rfc8785.dumps(value)  # type: ignore[arg-type]  # the same
    assert parse_json(encoded) == value


@pytest.mark.parametrize("bad", [1.5, {"a": 1.0}, 2**53, {"\u00e9": 1}, {1: 2}, b"x", "\ud800"])
def test_i2_what_encoders_disagree_on_is_refused(bad: object) -> None:
    with pytest.raises(InputError) as caught:
        canonical_bytes(bad)  # type: ignore[arg-type]  # wrong on purpose

    assert caught.value.code == "NOT_CANONICAL"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ('{"a":1,"a":2}', "DUPLICATE_KEY"),
        ("1.0", "NOT_CANONICAL"),
        ("NaN", "NOT_CANONICAL"),
        (b"\xff", "NOT_JSON"),
        ("{", "NOT_JSON"),
        ("9" * 5_000, "NOT_JSON"),
    ],
)
def test_i3_parsing_refuses_what_a_hash_cannot_cover(data: str | bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_json(data)

    assert caught.value.code == code


def test_the_published_rfc_8785_vectors_without_floats_agree() -> None:
    assert VECTORS.is_dir(), f"published vectors absent: {VECTORS} (see COUNTERSEAL_TEST_VECTORS)"
    agreed = 0
    for source in sorted((VECTORS / "jcs/input").glob("*.json")):
        expected = (VECTORS / "jcs/output" / source.name).read_bytes()
        with contextlib.suppress(InputError):
            encoded = canonical_bytes(parse_json(source.read_bytes()))  # type: ignore[arg-type]  # JSON
            agreed += 1
            assert encoded == expected.strip()
    assert agreed > 0
