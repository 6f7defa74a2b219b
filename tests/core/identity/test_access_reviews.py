"""A signed look at who may do what."""

from datetime import timedelta

import pytest

from counterseal.identity.access_reviews import (
    AccessClaim,
    AccessReview,
    decide_review,
    review_statement,
)
from counterseal.identity.acts import ATTEST, statement_of
from counterseal.identity.people import PersonStatus, Role
from counterseal.kernel.canonical import digest
from tests.core.identity.town import NOW, OFFICERS, ORIGIN, Town, code, new_key, person, signed

LIST = digest(["everybody"])
OFFICER = person("eva", Role.ADMINISTRATOR)


def claim(**terms: object) -> AccessClaim:
    return AccessClaim(terms=Town().terms(**terms), list_digest=LIST, people_count=3)


def decided(told: AccessClaim, *, signer: str = "eva", **changes: object) -> AccessReview | str:
    """The review, or the code of the refusal."""
    (signature,) = signed(ATTEST, review_statement(told), signer)
    asked: dict[str, object] = {
        "signature": signature,
        "attester": OFFICER,
        "key": new_key("eva"),
        "origin": ORIGIN,
        "list_digest": LIST,
        "now": NOW,
    } | changes
    review = decide_review(told, **asked)  # type: ignore[arg-type]  # fields by their names
    return review if isinstance(review, AccessReview) else code(review)


def test_i2_an_officer_attests_the_list_with_the_own_key() -> None:
    """IT-04: who looked, at what, when, under which signature."""
    review = decided(claim())

    assert isinstance(review, AccessReview)
    assert (review.attested_by, review.attested_at, review.people_count) == ("eva", NOW, 3)
    assert review.signature.payload_type.endswith("attest.v1+json")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"list_digest": digest(["somebody else"])}, "SNAPSHOT_CHANGED"),
        ({"attester": person("eva", Role.AUDITOR)}, "ROLE"),
        ({"attester": OFFICER.amended(status=PersonStatus.DISABLED)}, "PERSON_DISABLED"),
        ({"attester": person("eva", Role.ADMINISTRATOR, tenant="other")}, "OTHER_TENANT"),
        ({"origin": "counterseal.example/other"}, "OTHER_LOG"),
        ({"now": NOW + timedelta(days=7)}, "PROPOSAL_EXPIRED"),
        ({"key": None}, "KEY_NOT_ENROLLED"),
        ({"key": new_key("emil")}, "KEY_NOT_ENROLLED"),
        ({"key": new_key("eva", revoked_at=NOW)}, "KEY_NOT_ENROLLED"),
        ({"signer": "mallory"}, "SIGNATURE_INVALID"),
    ],
)
def test_i1_anything_else_attests_nothing(changes: dict[str, object], expected: str) -> None:
    """IT-04: another list, person, log, time, key or signature."""
    assert decided(claim(), **changes) == expected  # type: ignore[arg-type]  # fields by their names


def test_i2_the_signature_of_a_grant_attests_no_review() -> None:
    """TX-Z10: both are attestations, and say which."""
    town = Town().found()
    (grant,) = signed(ATTEST, statement_of(town.grant("olga", Role.AUDITOR)), OFFICERS[0])
    assert decided(claim(), signature=grant) == "SIGNATURE_INVALID"
