"""The control catalogue: governance part 7 (MA, FS, FA, R6, BK, IT, MR, IS, ES), test 18."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.desk.documents import DOCUMENTS
from counterseal.kernel.errors import PolicyError
from counterseal.policy.controls import (
    CONTROL_ATTESTED,
    Catalogue,
    Control,
    Evidence,
    FieldIs,
    Match,
    Told,
)
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.policy.words import Role
from counterseal.risk.model import CheckName
from storage.control_file import CONTROLS, read_controls
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION
from tests.core.policy.recorded_types import recorded_types

CATALOGUE = read_controls()
QUERIES = [(one.id, query) for one in CATALOGUE.controls for query in one.queries]
POLICIES = CONTROLS.parents[1]
WANTED = [
    f"{family}-{number:02}"
    for family, count in (
        *(("MA", 10), ("FS", 4), ("FA", 5), ("R6", 19), ("BK", 5)),
        *(("IT", 6), ("MR", 6), ("IS", 7), ("ES", 6)),
    )
    for number in range(1, count + 1)
]


def control(*evidence: Evidence, **told: object) -> Control:
    return Control.model_validate(
        {
            "id": "X-01",
            "citation": "a rule",
            "requirement": "Something is on record.",
            "evidence": evidence,
            "freshness": None,
            "owner": Role.AUDITOR,
        }
        | told
    )


def body(**told: object) -> Told:
    """A body with these documents, or the other parts that are named."""
    after = {"documents": told.pop("documents", {}), "facts": told.pop("facts", {})}
    return Told({"after": after, **told})


def test_every_control_of_the_design_is_in_the_catalogue_in_its_order() -> None:
    """Governance 7: ten, four, five, nineteen, five, six, six, seven, six."""
    assert [one.id for one in CATALOGUE.controls] == WANTED


def test_i2_every_type_that_is_named_is_one_that_the_code_can_record() -> None:
    """Governance 7: a query for a type that nobody records would never be met."""
    named = {name for _, query in QUERIES for name in query.types}
    assert named <= recorded_types()
    assert {"approval.decided", "login.refused", "risk.override_granted"} <= recorded_types()
    assert not {"approvals.review", "order.filled", "orders.submit"} & recorded_types()


def test_every_other_word_of_a_query_is_one_of_the_platform() -> None:
    """Governance 7: kinds of documents and their fields, checks, reason codes, commands."""
    kinds = {one.KIND: one for one in DOCUMENTS}
    headings = (POLICIES / "reason-codes.md").read_text("utf-8")
    codes = set(re.findall(r"^### (\S+)$", headings, re.MULTILINE))
    core = (POLICIES.parent / "platform" / "counterseal").rglob("*.py")
    code = "".join(path.read_text("utf-8") for path in core)
    for name, query in QUERIES:
        assert set(query.documents) <= set(kinds), name
        assert set(query.ran) <= {*CheckName, *FurtherCheck}, name
        assert set(query.reasons) <= codes, name
        assert all(f'"{step}"' in code for step in query.steps), name
        if query.where is not None:
            assert query.where.field in kinds[query.where.document].model_fields, name


def test_the_catalogue_is_no_part_of_the_signed_bundle() -> None:
    """Governance 4: what decides is signed; a list of where to look is not."""
    assert [p for p in read_policy_files(POLICIES, POLICY_VERSION) if "controls" in p] == []


def test_the_words_of_the_catalogue_claim_nothing() -> None:
    """Governance 7: banned words."""
    text = CONTROLS.read_text("utf-8").lower()
    assert [word for word in ("compliant", "certified", "guarantee", "worm") if word in text] == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("schema_version: 1\n", "schema_version: 2\n", "POLICY_INVALID"),
        ("  - id: MA-02\n", "  - id: MA-01\n", "POLICY_INVALID"),
        ("    freshness: P30D\n", "    freshness: a month\n", "POLICY_INVALID"),
        ("    owner: auditor\n", "    owner: trader\n", "POLICY_INVALID"),
        ("    owner: auditor\n", "    owner: auditor\n    met: true\n", "POLICY_UNKNOWN_KEY"),
    ],
)
def test_i1_a_catalogue_that_does_not_hold_is_refused(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    """Governance 7: an unknown key, age or role, and a control named twice."""
    text = CONTROLS.read_text("utf-8")
    assert old in text
    path = tmp_path / "controls.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(PolicyError) as caught:
        read_controls(path)
    assert caught.value.code == code


def test_a_catalogue_that_is_absent_or_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "controls.yaml"
    for content, code in ((None, "POLICY_MISSING"), ("#" * 200_001, "POLICY_TOO_LONG")):
        if content is not None:
            path.write_text(content, "utf-8")
        with pytest.raises(PolicyError) as caught:
            read_controls(path)
        assert caught.value.code == code


def test_i1_a_control_without_evidence_and_a_query_without_a_type_are_refused() -> None:
    with pytest.raises(ValidationError):
        control()
    with pytest.raises(ValidationError):
        Match(types=())
    one = control(Evidence(types=("a.b",)))
    with pytest.raises(ValidationError):
        Catalogue(schema_version=1, controls=(one, one))


def test_i3_everything_that_a_query_names_must_be_said() -> None:
    """Governance 7: a type alone may say too little."""
    asked = Match(
        types=("a.b",), steps=("do",), reasons=("WHY",), documents=("things",), facts=("size",)
    )
    full: dict[str, object] = {
        "step": "do",
        "reason": {"code": "WHY"},
        "documents": {"things": [{}]},
        "facts": {"size": "1"},
    }
    assert asked.reads_body
    assert asked.met_by(body(**full))
    for name in full:
        assert not asked.met_by(body(**{k: v for k, v in full.items() if k != name})), name
    assert not asked.met_by(Told({}))
    assert not asked.met_by(Told({"after": [], "reason": "WHY", "step": 1}))
    assert not Match(types=("a.b",)).reads_body


@pytest.mark.parametrize(
    ("value", "met", "other"),
    [("0", True, False), (0, True, False), (7, False, True), (None, False, True)],
)
def test_i3_a_field_is_compared_as_the_log_writes_it(value: object, met: bool, other: bool) -> None:
    """Governance 7: differences that are critical, and none."""
    told = body(documents={"runs": [{"critical": value}]})
    wanted = FieldIs(document="runs", field="critical", values=("0",))
    assert Match(types=("a.b",), where=wanted).met_by(told) is met
    assert Match(types=("a.b",), where=wanted.amended(other=True)).met_by(told) is other
    assert not Match(types=("a.b",), where=wanted.amended(other=True)).met_by(body())
    flag = FieldIs(document="runs", field="critical", values=("false",))
    assert Match(types=("a.b",), where=flag).met_by(body(documents={"runs": [{"critical": False}]}))


def test_i3_a_check_that_was_skipped_did_not_run() -> None:
    """MA-05: an evaluation without the list says nothing of the list."""
    checks = [{"name": "A", "passed": True, "skipped": False}]
    further = [{"name": "B", "passed": False, "skipped": True}]
    told = body(documents={"risk_evaluations": [{"checks": checks, "further_checks": further}]})
    assert Match(types=("a.b",), ran=("A",)).met_by(told)
    assert not Match(types=("a.b",), ran=("A", "B")).met_by(told)


def test_parts_their_ages_and_who_may_speak_for_a_control() -> None:
    day = timedelta(days=1)
    own = Evidence(part="one", types=("a.b",))
    ever = Evidence(part="two", types=("c.d",), within="ever")
    soon = Evidence(part="two", types=("e.f",), within=day)
    made = control(own, ever, soon, freshness=timedelta(days=30))
    assert made.parts == ("one", "two")
    assert [made.oldest(one) for one in made.evidence] == [timedelta(days=30), None, day]
    assert not made.takes_word
    assert control(Evidence(types=(CONTROL_ATTESTED,))).takes_word
