"""A signed word about one control: governance part 7."""

from datetime import timedelta

import pytest

from counterseal.identity.access_reviews import AccessClaim, review_statement
from counterseal.identity.acts import ATTEST
from counterseal.identity.attestations import (
    VALID_DAYS_MAX,
    ControlAttestation,
    ControlClaim,
    Stating,
    attestation_statement,
    decide_attestation,
)
from counterseal.identity.people import PersonStatus, Role
from counterseal.kernel.canonical import digest
from counterseal.policy.controls import CONTROL_ATTESTED, Control, Evidence
from tests.core.identity.town import NOW, ORIGIN, Town, code, new_key, person, signed

CONTROL = Control(
    id="MA-10",
    citation="a rule",
    requirement="Somebody signs once a year.",
    evidence=(Evidence(types=(CONTROL_ATTESTED,)),),
    freshness=timedelta(days=365),
    owner=Role.COMPLIANCE_REVIEWER,
)
RECORDED = CONTROL.amended(evidence=(Evidence(types=("risk.evaluated",)),))
EVA = person("eva", Role.COMPLIANCE_REVIEWER)
DAY = timedelta(days=1)


def claim(about: Control = CONTROL, /, **changes: object) -> ControlClaim:
    told: dict[str, object] = {
        "terms": Town().terms(),
        "control_id": about.id,
        "control_digest": about.digest,
        "states": Stating.EVIDENCE,
        "reason": "the yearly report was read and signed",
        "file_digest": digest("report"),
        "valid_until": NOW + 365 * DAY,
    }
    return ControlClaim.model_validate(told | changes)


def decided(told: ControlClaim, signer: str = "eva", **changes: object) -> ControlAttestation | str:
    """What is recorded, or the code of the refusal."""
    (signature,) = signed(ATTEST, attestation_statement(told), signer)
    asked: dict[str, object] = {
        "signature": signature,
        "attester": EVA,
        "key": new_key("eva"),
        "origin": ORIGIN,
        "control": CONTROL,
        "now": NOW,
    } | changes
    made = decide_attestation(told, **asked)  # type: ignore[arg-type]  # fields by their names
    return made if isinstance(made, ControlAttestation) else code(made)


def test_i1_a_compliance_reviewer_says_it_with_the_own_key() -> None:
    """MA-10: who, about what, over which file, until when."""
    made = decided(claim())
    assert isinstance(made, ControlAttestation)
    assert (made.attested_by, made.attested_at, made.control_id) == ("eva", NOW, "MA-10")
    assert (made.file_digest, made.valid_until) == (digest("report"), NOW + 365 * DAY)
    assert made.control_digest == CONTROL.digest


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"attester": person("eva", Role.AUDITOR)}, "ROLE"),
        ({"attester": EVA.amended(status=PersonStatus.DISABLED)}, "PERSON_DISABLED"),
        ({"attester": EVA.amended(tenant="other")}, "OTHER_TENANT"),
        ({"origin": "counterseal.example/other"}, "OTHER_LOG"),
        ({"now": NOW + 7 * DAY}, "PROPOSAL_EXPIRED"),
        ({"key": None}, "KEY_NOT_ENROLLED"),
        ({"key": new_key("emil")}, "KEY_NOT_ENROLLED"),
        ({"key": new_key("eva", revoked_at=NOW)}, "KEY_NOT_ENROLLED"),
        ({"signer": "mallory"}, "SIGNATURE_INVALID"),
        ({"control": None}, "CONTROL_UNKNOWN"),
        ({"control": CONTROL.amended(id="MA-09")}, "CONTROL_UNKNOWN"),
        ({"control": CONTROL.amended(requirement="Another text.")}, "SNAPSHOT_CHANGED"),
    ],
)
def test_i1_anything_else_says_nothing(changes: dict[str, object], expected: str) -> None:
    """MA-10: another person, log, time, key, signature, control or text of it."""
    assert decided(claim(), **changes) == expected  # type: ignore[arg-type]  # fields by their names


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": ""}, "REASON_TOO_SHORT"),
        ({"reason": " short \n    "}, "REASON_TOO_SHORT"),
        ({"valid_until": NOW}, "ATTESTATION_PERIOD"),
        ({"valid_until": NOW - DAY}, "ATTESTATION_PERIOD"),
        ({"valid_until": NOW + (VALID_DAYS_MAX + 1) * DAY}, "ATTESTATION_PERIOD"),
    ],
)
def test_i2_a_word_has_a_reason_and_an_end(changes: dict[str, object], expected: str) -> None:
    assert decided(claim(**changes)) == expected
    longest = claim(valid_until=NOW + VALID_DAYS_MAX * DAY)
    assert isinstance(decided(longest), ControlAttestation)


def test_i3_no_word_takes_the_place_of_records_but_what_does_not_apply_can_be_said() -> None:
    told = {"control": RECORDED}
    assert decided(claim(RECORDED), **told) == "EVIDENCED_BY_RECORDS"  # type: ignore[arg-type]  # by name
    aside = claim(RECORDED, states=Stating.NOT_APPLICABLE)
    assert isinstance(decided(aside, **told), ControlAttestation)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    "changes",
    [
        {"states": Stating.NOT_APPLICABLE},
        {"reason": "another reason altogether"},
        {"file_digest": None},
        {"valid_until": NOW + 364 * DAY},
        {"control_id": "MA-09"},
    ],
)
def test_i1_the_signature_covers_every_word(changes: dict[str, object]) -> None:
    (signature,) = signed(ATTEST, attestation_statement(claim()), "eva")
    assert decided(claim().amended(**changes), signature=signature) == "SIGNATURE_INVALID"


def test_i1_the_signature_of_an_access_review_says_nothing_of_a_control() -> None:
    """IT-04: both are attestations, and say which."""
    review = AccessClaim(terms=Town().terms(), list_digest=digest(["all"]), people_count=2)
    (signature,) = signed(ATTEST, review_statement(review), "eva")
    assert decided(claim(), signature=signature) == "SIGNATURE_INVALID"
