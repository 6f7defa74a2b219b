"""A bundle's own tests: named cases and what the rules must say to each."""

import pytest

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import PolicyError
from counterseal.policy.cases import read_cases, run_cases, uncovered
from storage.policy_drafts import cases_from
from storage.policy_files import parse_yaml
from storage.settings import POLICY_VERSION
from tests.core.policy.shelf import lacking, shipped

PATH = f"approval/{POLICY_VERSION}/tests.yaml"


def document() -> dict[str, Json]:
    """The shipped document, to be changed."""
    parsed = parse_yaml(shipped().files[PATH], PATH)
    assert isinstance(parsed, dict)
    return dict(parsed)


def one(**case: Json) -> dict[str, Json]:
    """A document with a single case."""
    told: dict[str, Json] = {
        "name": "a case",
        "action": "approve",
        "expect": {"allowed": ["review.research.approve"]},
    }
    return document() | {"cases": [told | case]}


def test_the_shipped_policy_passes_its_own_tests() -> None:
    """Governance part 4, gate step 2."""
    bundle, cases, _ = shipped()
    assert run_cases(bundle.rules, cases.cases) == ()
    assert uncovered(bundle.rules, cases.cases) == ()


def test_i3_a_rule_that_no_case_expects_is_named() -> None:
    """I3: every permit and every forbid has a case."""
    bundle, cases, _ = shipped()
    fewer = [case for case in cases.cases if "key.class" not in case.expect.rules]
    assert uncovered(bundle.rules, fewer) == ("key.class",)


def test_i1_one_rule_less_fails_its_cases_in_words() -> None:
    """I1: verdict, rules and codes are exact."""
    bundle, cases, _ = shipped()
    found = run_cases(lacking(bundle.rules, "sod.distinct_reviewers"), cases.cases)
    told = {failure.name: failure for failure in found}
    failure = told["nobody approves two stages"]
    assert failure.expected == "refused by sod.distinct_reviewers with ALREADY_REVIEWED"
    assert failure.got == "allowed by review.risk.approve"


def test_i1_another_reason_fails_its_cases() -> None:
    """I1: a code is never given another meaning unnoticed."""
    bundle, cases, _ = shipped()
    rules = bundle.rules.rules.replace('@reason("KEY_CLASS_TOO_LOW")', '@reason("ROLE")')
    (failure,) = run_cases(bundle.rules.amended(rules=rules), cases.cases)
    assert failure.got == "refused by key.class with ROLE"


def test_i1_an_engine_that_complains_fails_every_case() -> None:
    """I1: an error is not the refusal that a case expects."""
    bundle, cases, _ = shipped()
    found = run_cases(bundle.rules.amended(rules="permit("), cases.cases)
    assert len(found) == len(cases.cases)


def test_i2_a_case_says_only_what_is_special() -> None:
    """I2: the scene and the case change single facts; the rest stays."""
    changed: Json = {"person": {"limit": 5}, "reviewing": {"auth_age_s": 7}}
    (case,) = read_cases(one(scene="research_due", **{"with": changed}), PATH).cases
    assert (case.facts.person.limit, case.facts.reviewing.auth_age_s) == (5, 7)
    assert (case.facts.person.person_id, case.facts.reviewing.auth_age_max_s) == ("pat", 120)
    assert case.facts.person.roles == ("research_reviewer",)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"with": {"person": {"height": 5}}}, "POLICY_UNKNOWN_KEY"),
        ({"with": {"stranger": {}}}, "POLICY_UNKNOWN_KEY"),
        ({"facts": {}}, "POLICY_UNKNOWN_KEY"),
        ({"note": "a word"}, "POLICY_UNKNOWN_KEY"),
        ({"with": ["person"]}, "POLICY_INVALID"),
        ({"scene": "nowhere"}, "POLICY_INVALID"),
        ({"action": "grant", "with": {"owner": {"person_id": "pat"}}}, "POLICY_INVALID"),
        ({"scene": 1}, "POLICY_INVALID"),
        ({"action": "guess"}, "POLICY_INVALID"),
        ({"with": {"person": {"limit": "5"}}}, "POLICY_INVALID"),
        ({"expect": {"allowed": ["a"], "refused": ["b"], "codes": ["C"]}}, "POLICY_INVALID"),
        ({"expect": {"codes": ["C"]}}, "POLICY_INVALID"),
        ({"expect": {"allowed": []}}, "POLICY_INVALID"),
        ({"expect": {"allowed": ["a"], "codes": ["C"]}}, "POLICY_INVALID"),
        ({"expect": {"refused": ["a"]}}, "POLICY_INVALID"),
    ],
)
def test_a_case_that_cannot_be_meant_is_refused(change: dict[str, Json], code: str) -> None:
    """Strict models: what is not understood is refused, never skipped."""
    with pytest.raises(PolicyError) as caught:
        read_cases(one(**change), PATH)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "broken",
    [
        "text",
        {"cases": "none"},
        {"given": {}, "cases": []},
        {"given": [], "cases": []},
        {"given": {}, "cases": ["a case"]},
    ],
)
def test_a_document_without_cases_is_refused(broken: Json) -> None:
    """An empty list of tests tests nothing."""
    with pytest.raises(PolicyError, match="POLICY_INVALID"):
        read_cases(broken, PATH)


def test_two_cases_of_one_name_are_refused() -> None:
    """A failure is told by its name."""
    told = one()
    cases = told["cases"]
    assert isinstance(cases, list)
    with pytest.raises(PolicyError, match="POLICY_INVALID"):
        read_cases(told | {"cases": [*cases, *cases]}, PATH)


def test_a_policy_without_tests_is_refused() -> None:
    """POLICY_MISSING."""
    files = {path: content for path, content in shipped().files.items() if path != PATH}
    with pytest.raises(PolicyError, match="POLICY_MISSING"):
        cases_from(files)
