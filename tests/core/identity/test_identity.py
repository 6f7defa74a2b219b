"""People, keys, sealed files, signatures and mandates."""

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.identity.dsse import (
    pae,
    public_key_text,
    sign_statement,
)
from counterseal.identity.keys import (
    KeyStatus,
    PersonKey,
    decide_enrolment,
    decide_revocation,
)
from counterseal.identity.mandate import SubmitMandate, check_mandate, mandate_statement
from counterseal.identity.people import (
    Person,
    PersonStatus,
    Role,
    RoleGrant,
    check_signers,
    decide_grant,
)
from counterseal.identity.sealing import open_key, private_key_from_seed, read_envelope, seal_key
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Refusal
from counterseal.policy.authorize import Action

NOW = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
PHRASE = "correct horse battery"
KEY = private_key_from_seed(b"s" * 32)


def person(name: str, *roles: Role) -> Person:
    return Person(person_id=name, tenant="acme", handle=name, roles=roles, created_at=NOW)


def key(owner: str = "olga", **changes: object) -> PersonKey:
    base = PersonKey(
        key_id="key_1",
        person_id=owner,
        public_key=public_key_text(KEY),
        key_class=1,
        enrolled_by=(),
        effective_at=NOW,
    )
    return base.amended(**changes)


EVA = person("eva", Role.ENROLMENT_OFFICER)
EMIL = person("emil", Role.ENROLMENT_OFFICER)


def code(outcome: object) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def test_i1_two_other_people_with_the_right_decide() -> None:
    """TX-F20: neither one person, nor the one concerned, nor somebody without the right."""
    new, kai = person("nina"), person("kai", Role.RISK_REVIEWER)
    far = EMIL.amended(tenant="other")
    for signers, expected, open_ in (
        ([EVA, EMIL], "", ""),
        ([EVA], "TWO_PEOPLE_NEEDED", ""),
        ([], "TWO_PEOPLE_NEEDED", ""),
        ([EVA, EVA], "TWO_PEOPLE_NEEDED", "TWO_PEOPLE_NEEDED"),
        ([EVA, new], "TWO_PEOPLE_NEEDED", "TWO_PEOPLE_NEEDED"),
        ([EVA, kai], "ROLE", "ROLE"),
        ([EVA, far], "OTHER_TENANT", "OTHER_TENANT"),
        ([EVA, EMIL.amended(status=PersonStatus.DISABLED)], "PERSON_DISABLED", "PERSON_DISABLED"),
        ([EVA, EMIL, kai], "TWO_PEOPLE_NEEDED", "TWO_PEOPLE_NEEDED"),
    ):
        assert code(check_signers(Action.GRANT_ROLE, new, signers)) == expected
        assert code(check_signers(Action.GRANT_ROLE, new, signers, complete=False)) == open_
    assert code(check_signers(Action.ENROL_KEY, EVA, [EVA, EMIL])) == "TWO_OFFICERS_NEEDED"


def test_i3_a_key_is_its_owners_own_and_nobody_elses() -> None:
    """TX-F20: another's record, an ended one and shared keys are refused."""
    owner = person("olga", Role.OPERATOR)
    assert decide_enrolment(key(), owner, ()) == key()
    assert code(decide_enrolment(key("eva"), owner, ())) == "KEY_NOT_OWN"
    assert code(decide_enrolment(key(status=KeyStatus.REVOKED), owner, ())) == "KEY_NOT_OWN"
    assert code(decide_enrolment(key(), owner, [key("x")])) == "KEY_SHARED"
    gone = owner.amended(status=PersonStatus.DISABLED)
    assert code(decide_enrolment(key(), gone, ())) == "PERSON_DISABLED"


def test_a_role_is_granted_once_and_to_the_person_that_the_grant_names() -> None:
    """TX-F20: and not to a disabled one."""
    grant = RoleGrant(grant_id="g", person_id="nina", role=Role.OPERATOR, granted_at=NOW)
    nina = decide_grant(grant, person("nina"))
    assert isinstance(nina, Person)
    assert nina.roles == (Role.OPERATOR,)
    assert code(decide_grant(grant, nina)) == "ROLE_HELD"
    assert code(decide_grant(grant, person("olga"))) == "NOT_FOUND"
    gone = person("nina").amended(status=PersonStatus.DISABLED)
    assert code(decide_grant(grant, gone)) == "PERSON_DISABLED"


def test_a_revoked_key_counts_until_the_instant_of_its_revocation() -> None:
    """TX-F20: half-open."""
    revoked = decide_revocation(key(), "lost", NOW + timedelta(seconds=5))
    assert isinstance(revoked, PersonKey)
    assert revoked.counts_at(NOW + timedelta(seconds=4))
    assert not revoked.counts_at(NOW + timedelta(seconds=5))


def test_i1_a_sealed_key_opens_with_its_passphrase_only() -> None:
    """TX-F20: wrong, missing and short passphrases, and weak envelopes, are refused."""
    sealed = seal_key(b"s" * 32, "key_1", PHRASE, b"0" * 16)
    assert public_key_text(open_key(sealed, PHRASE)) == public_key_text(KEY)
    assert PHRASE not in sealed
    for phrase, expected in (
        ("wrong horse battery", "PASSPHRASE_WRONG"),
        ("", "PASSPHRASE_MISSING"),
    ):
        with pytest.raises(InputError, match=expected) as caught:
            open_key(sealed, phrase)
        assert "horse" not in str(caught.value)
    with pytest.raises(InputError, match="PASSPHRASE_SHORT"):
        seal_key(b"s" * 32, "key_1", "x" * 14, b"0" * 16)
    for weak in ({"n": 2**16}, {"n": 2**30}, {"kdf": "pbkdf2"}, {"version": 2}):
        with pytest.raises(InputError, match="KEY_FILE_INVALID"):
            read_envelope(json.dumps({**json.loads(sealed), **weak}))


def test_i1_a_signature_fits_its_kind_key_and_bytes_only() -> None:
    """TX-Z10: another kind, key, payload or scheme is refused."""
    signed = sign_statement(KEY, "decision", {"a": 1}, "key_1")
    mine = key()
    assert verify_signed(signed, mine, "decision") == {"a": 1}
    other = key(public_key=public_key_text(private_key_from_seed(b"t" * 32)))
    forged = base64.b64encode(b'{"a":2}').decode()
    for bad, public, kind in (
        (signed, mine, "revoke"),
        (signed, other, "decision"),
        (signed.amended(payload=forged), mine, "decision"),
        (signed.amended(signature="AA=="), mine, "decision"),
        (signed.amended(scheme="none"), mine, "decision"),
    ):
        with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
            verify_signed(bad, public, kind)


def test_i2_a_signed_payload_must_be_canonical() -> None:
    """TX-Z10: nobody signs hidden bytes."""
    signed = sign_statement(KEY, "decision", {"a": 1}, "key_1")
    loose = b'{"a": 1}'
    raw = KEY.sign(pae(signed.payload_type, loose))
    bad = signed.amended(
        payload=base64.b64encode(loose).decode(), signature=base64.b64encode(raw).decode()
    )
    with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
        verify_signed(bad, key(), "decision")


@given(st.integers(min_value=0, max_value=511))
def test_i1_any_flipped_signature_bit_is_refused(bit: int) -> None:
    """TX-Z10: all 512 bits matter."""
    signed = sign_statement(KEY, "decision", {"a": 1}, "key_1")
    raw = bytearray(base64.b64decode(signed.signature))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IntegrityError):
        verify_signed(signed.amended(signature=base64.b64encode(raw).decode()), key(), "decision")


def mandate(points: int | None = None) -> SubmitMandate:
    draft = SubmitMandate(
        mandate_id="m_1",
        tenant="acme",
        account_id="acct_1",
        person_id="olga",
        key_id="key_1",
        strategies=("trend",),
        orders_max=1,
        tx_equivalent_max=Decimal("0.25"),
        protection_points=None if points is None else Decimal(points),
        valid_from=NOW,
        valid_until=NOW + timedelta(hours=1),
        issued_at=NOW,
        nonce="n1",
    )
    return draft.amended(
        signature=sign_statement(KEY, "mandate", mandate_statement(draft), "key_1")
    )


@pytest.mark.parametrize(
    ("changes", "seconds", "expected"),
    [
        ({}, 0, ""),
        ({}, 3600, "MANDATE_EXPIRED"),
        ({}, -1, "MANDATE_EXPIRED"),
        ({"orders_used": 1}, 0, "MANDATE_USED_UP"),
        ({"orders_max": 9}, 0, "MANDATE_INVALID"),
        ({"account_id": "acct_2"}, 0, "MANDATE_INVALID"),
        ({"signature": None}, 0, "MANDATE_INVALID"),
    ],
)
def test_i1_a_mandate_counts_within_its_signed_bounds(
    changes: dict[str, object], seconds: int, expected: str
) -> None:
    """TX-G4: and no row can widen it."""
    outcome = check_mandate(
        mandate().amended(**changes),
        person("olga", Role.OPERATOR),
        key(),
        account_id="acct_1",
        strategy_id="trend",
        tx_equivalent=Decimal("0.25"),
        protection_points=None,
        now=NOW + timedelta(seconds=seconds),
    )
    assert code(outcome) == expected


@pytest.mark.parametrize(
    ("signed", "asked", "expected"),
    [
        (None, None, ""),
        (3, None, ""),
        (3, 3, ""),
        (3, 4, "MANDATE_SCOPE"),
        (None, 1, "MANDATE_SCOPE"),
    ],
)
def test_i1_points_of_a_protected_order_stay_within_those_of_the_mandate(
    signed: int | None, asked: int | None, expected: str
) -> None:
    """Trading 1.5: an order has at most the points that the operator signed."""
    outcome = check_mandate(
        mandate(signed),
        person("olga", Role.OPERATOR),
        key(),
        account_id="acct_1",
        strategy_id="trend",
        tx_equivalent=Decimal("0.25"),
        protection_points=None if asked is None else Decimal(asked),
        now=NOW,
    )
    assert code(outcome) == expected


def test_i2_points_are_signed_and_their_absence_changes_no_statement() -> None:
    """Mandates that were signed before they could have points hold as they were signed."""
    assert "protection_points" not in mandate_statement(mandate())
    assert mandate_statement(mandate(3))["protection_points"] == "3"
