"""When a signing drill is due, whatever the times."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.identity.acts import ATTEST, ActTerms
from counterseal.identity.drills import drill_due, drill_statement, terms_in
from counterseal.identity.dsse import signed_bytes
from counterseal.kernel.errors import IntegrityError
from tests.core.identity.town import NOW

EVERY = timedelta(days=90)


@given(st.timedeltas(timedelta(0), timedelta(days=2_000)))
def test_i2_a_drill_is_due_from_its_instant_on_without_a_gap(age: timedelta) -> None:
    """Governance 1 (liveness): none while the signature is young, one at every later moment."""
    now = NOW + age
    due = drill_due(NOW, EVERY, now)
    assert (due is None) is (age < EVERY)
    if due is not None:
        assert due.since <= now < due.until
        assert due.until - due.since == EVERY


def test_i2_the_instant_itself_is_due() -> None:
    """Half-open, from both sides."""
    step = timedelta(microseconds=1)
    assert drill_due(NOW, EVERY, NOW + EVERY - step) is None
    first = drill_due(NOW, EVERY, NOW + EVERY)
    assert first is not None
    assert first.since == NOW + EVERY
    later = drill_due(NOW, EVERY, first.until)
    assert later is not None
    assert later.since == first.until


def test_i1_only_the_exact_bytes_of_the_persons_own_drill_are_read() -> None:
    """TX-Z10: another act, person, key or kind, a byte more or less, and nothing at all."""
    terms = ActTerms(
        log_origin="log", tenant="desk", issued_at=NOW, expires_at=NOW + EVERY, nonce="act_1"
    )
    own, stated = ("eve", "key-1"), drill_statement(terms, "eve", "key-1")
    message = signed_bytes(ATTEST, stated)
    assert terms_in(message, *own) == terms
    others = (
        signed_bytes(ATTEST, {**stated, "act": "attest_review"}),
        signed_bytes(ATTEST, {**stated, "more": 1}),
        signed_bytes(ATTEST, drill_statement(terms, "mallory", "key-1")),
        signed_bytes(ATTEST, drill_statement(terms, "eve", "key-2")),
        signed_bytes("decision", stated),
        message + b"\n",
        message[:-1],
        b"",
    )
    for other in others:
        with pytest.raises(IntegrityError) as caught:
            terms_in(other, *own)
        assert caught.value.code == "SIGNATURE_INVALID"
