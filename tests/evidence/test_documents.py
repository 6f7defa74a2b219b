"""Evidence documents: what they hold, their schemas, and when none is made (TX-M1 to TX-M4)."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from counterseal.audit.evidence import Evidence
from counterseal.desk.views.evidence_documents import (
    AuditIntegrityEvidence,
    PaperDemoEvidence,
    RiskGuardrailEvidence,
)
from counterseal.desk.views.evidence_files import EvidenceKind
from counterseal.desk.views.evidence_flags import SafetyFlags, Surroundings, safety_flags
from counterseal.desk.views.evidence_made import paper_demo_evidence
from counterseal.desk.views.evidence_markdown import markdown_of, plain
from counterseal.desk.views.evidence_schemas import MODELS, schema_name, schema_of
from counterseal.desk.views.integrity import IntegrityState
from counterseal.kernel.model import Refusal
from counterseal.readiness.model import SettingsSeen
from storage.home_reader import read_home
from storage.surroundings import surroundings
from tests.desk.evidence_room import MADE, traded_world
from tests.world import START, World
from ui.evidence_texts import demo_evidence, integrity_evidence, risk_evidence
from ui.exports import document_text

SCHEMAS = Path(__file__).parents[2] / "evidence" / "schemas"
ASKED: Mapping[EvidenceKind, str] = {
    EvidenceKind.PAPER_DEMO: (
        "generated_at workflow_run_id approval_request_id approval_request reviewer_decisions"
        " order_id final_oms_status source_signal_id strategy_id strategy_version persisted_at"
        " oms_event_count audit_event_count oms_events audit_events safety_flags"
        " local_sqlite_path export_persisted warnings"
    ),
    EvidenceKind.BROKER_SIMULATION: "evidence_id input result safety_flags persisted warnings",
    EvidenceKind.RISK_GUARDRAIL: (
        "evidence_id intent policy state risk_evaluation passed_checks failed_checks safety_flags"
    ),
    EvidenceKind.AUDIT_INTEGRITY: "evidence_id integrity safety_flags persisted warnings",
}
FLAGS = {
    *("paper_only", "live_trading_enabled", "broker_api_called", "paper_broker_gateway_called"),
    *("local_sqlite_only", "external_db_written", "broker_credentials_collected"),
    *("real_order_created", "approval_for_live", "investment_advice"),
}


@cache
def made(kind: EvidenceKind) -> bytes:
    return MADE[kind]()


def validator_of(schema: Mapping[str, object]) -> Draft202012Validator:
    """Judges by the names of fields first: it follows the order in which a schema says things."""
    first = {word: schema[word] for word in ("required", "additionalProperties")}
    return Draft202012Validator({**first, **schema})


def told(kind: EvidenceKind) -> dict[str, object]:
    value: dict[str, object] = json.loads(made(kind))
    return value


@pytest.mark.parametrize("kind", MODELS)
def test_each_schema_file_is_the_one_that_its_model_gives(kind: EvidenceKind) -> None:
    """TX-M1 to TX-M4: generated, never written by hand; `counterseal evidence schema KIND`."""
    assert (SCHEMAS / schema_name(kind)).read_text("utf-8") == document_text(schema_of(kind))


def test_there_is_no_schema_without_a_model() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {schema_name(kind) for kind in MODELS}


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_written_is_valid_under_its_schema_and_under_no_other(kind: EvidenceKind) -> None:
    """TX-M1 to TX-M4: an independent validator reads the files; one field less or more fails."""
    for other in MODELS:
        schema = json.loads((SCHEMAS / schema_name(other)).read_text("utf-8"))
        Draft202012Validator.check_schema(schema)
        assert validator_of(schema).is_valid(told(kind)) is (kind is other)
    schema, value = schema_of(kind), told(kind)
    validator = validator_of(schema)
    for name in value:
        assert not validator.is_valid({k: v for k, v in value.items() if k != name}) or (
            name not in schema["required"]  # type: ignore[operator]  # a list of names
        )
    assert not validator.is_valid({**value, "another": 1})
    assert not validator.is_valid({**value, "simulated": False})
    assert not validator.is_valid({**value, "persisted": True})


@pytest.mark.parametrize("kind", MODELS)
def test_each_document_holds_what_was_asked_for(kind: EvidenceKind) -> None:
    """TX-M1 to TX-M4: fields, ten flags, simulated said, nothing stored and nothing sent."""
    value = told(kind)
    assert set(ASKED[kind].split()) <= set(value)
    assert (value["simulated"], value["persisted"], value["uploaded"]) == (True, False, False)
    flags = value["safety_flags"]
    assert isinstance(flags, dict)
    assert set(flags) == FLAGS == set(SafetyFlags.model_fields)
    on = {name for name, flag in flags.items() if flag}
    order = kind in {EvidenceKind.PAPER_DEMO, EvidenceKind.RISK_GUARDRAIL}
    home = kind is not EvidenceKind.BROKER_SIMULATION
    expected = {"paper_only"} | ({"paper_broker_gateway_called"} if order else set())
    assert on == expected | ({"local_sqlite_only"} if home else set())
    assert "imulated" in str(value["warnings"])


def test_a_governed_order_is_told_from_its_approval_to_its_fill() -> None:
    """TX-M1: request, two signed decisions, steps, records, and when the last was sealed."""
    world, order = traded_world()
    made = demo_evidence(world.settings, None, START)
    assert isinstance(made, PaperDemoEvidence)
    assert made.order_id == order.order_id
    assert [one.decision.value for one in made.reviewer_decisions] == [
        *("research_approved", "approved_for_paper_simulation")
    ]
    steps = [event.event.value for event in made.oms_events]
    assert steps == ["CREATE", "RISK_APPROVE", "SUBMIT", "ACKNOWLEDGE", "FILL"]
    assert made.oms_event_count == 5
    assert made.audit_event_count == len(made.audit_events) >= 5
    rows = [row for row in world.log() if row.seq == made.audit_events[-1].seq]
    assert made.persisted_at.isoformat()[:19] in rows[0].recorded_at
    assert made.local_sqlite_path == str(world.settings.database_file)
    for name in (order.approval_request_id, order.workflow_run_id, order.order_id):
        again = demo_evidence(world.settings, name, START)
        assert again == made


def test_the_markdown_tells_the_same_order_and_that_it_is_simulated() -> None:
    """TX-M1: JSON or Markdown."""
    world, _ = traded_world()
    made = demo_evidence(world.settings, None, START)
    assert isinstance(made, PaperDemoEvidence)
    text = markdown_of(made)
    assert text.startswith("# Paper demo evidence (simulated)\n")
    ids = (made.order_id, made.workflow_run_id, made.approval_request_id, made.source_signal_id)
    steps = (f"`{event.event.value}`" for event in made.oms_events)
    for expected in (*ids, *steps, "| `paper_only` | `true` |", "| `export_persisted` | `false` |"):
        assert expected in text, expected


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_i1_no_text_becomes_markup(text: str) -> None:
    """A cell is one code span: no line break, no backtick and no bare bar inside."""
    cell = plain(text)
    inner = cell[1:-1]
    assert cell == "" or (cell[0], cell[-1]) == ("`", "`")
    assert "`" not in inner
    assert "\n" not in inner
    assert "|" not in inner.replace("\\|", "")


def test_checks_state_and_limits_of_an_order_are_those_that_judged_it() -> None:
    """TX-M3: the limits by their digest, what neither passed nor failed is in no list."""
    world, order = traded_world()
    by_order = risk_evidence(world.settings, order.order_id, START)
    assert isinstance(by_order, RiskGuardrailEvidence)
    judged = by_order.risk_evaluation
    assert risk_evidence(world.settings, judged.evaluation_id, START) == by_order
    assert by_order.policy is not None
    assert by_order.policy.digest == judged.policy_digest
    assert by_order.state == judged.snapshot
    neither = {check.name for check in (*judged.warned, *judged.all_checks) if not check.passed}
    assert {*by_order.passed_checks} | neither == {check.name for check in judged.all_checks}
    assert by_order.failed_checks == ()


def test_a_verification_without_evidence_from_outside_says_so() -> None:
    """TX-M4: the log alone is never `verified`; one run tells its records, too."""
    world, order = traded_world()
    log = integrity_evidence(world.settings, Evidence(), None, START)
    run = integrity_evidence(world.settings, Evidence(), order.workflow_run_id, START)
    assert isinstance(log, AuditIntegrityEvidence)
    assert isinstance(run, AuditIntegrityEvidence)
    assert log.integrity.state is IntegrityState.COULD_NOT_CHECK
    assert (log.integrity.events, bool(log.gaps)) == ((), True)
    assert (len(run.integrity.events) > 5, run.flags) == (True, None)
    none = integrity_evidence(world.settings, Evidence(), "paper-workflow-0123456789abcdef", START)
    assert isinstance(none, Refusal)


@pytest.mark.parametrize("name", [None, "nobody", "paper-workflow-0123456789abcdef"])
def test_what_is_not_there_is_missing(tmp_path: Path, name: str | None) -> None:
    """TX-M1, TX-M3: no order, no case, no run; a request alone has no order yet."""
    world = World(tmp_path / "home")
    asked = world.requested()
    for one in (name, asked):
        made = demo_evidence(world.settings, one, START)
        assert isinstance(made, Refusal)
        assert made.code == "EVIDENCE_MISSING"
    judged = risk_evidence(world.settings, name or "nobody", START)
    assert isinstance(judged, Refusal)
    assert judged.code == "EVIDENCE_MISSING"


def seen_as(**changes: object) -> Surroundings:
    world, _ = traded_world()
    with read_home(world.settings) as reader:
        return surroundings(world.settings, reader).amended(**changes)


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"enable": True}, "live_trading_enabled"),
        ({"local_only": False}, "external_db_written"),
        ({"parts": "setting.broker_api_key"}, "broker_credentials_collected"),
    ],
)
def test_a_flag_that_is_not_safe_makes_no_file_and_is_named(
    changes: dict[str, object], flag: str
) -> None:
    """TX-M1: flags are computed from settings, parts and store; each can come out unsafe."""
    seen = seen_as()
    if "enable" in changes:
        settings = SettingsSeen.model_validate(
            {**dict(seen.settings), "live_trading_enabled": True}
        )
        seen = seen.amended(settings=settings)
    elif "parts" in changes:
        names = (*seen.parts.names, str(changes["parts"]))
        seen = seen.amended(parts=seen.parts.amended(names=names))
    else:
        seen = seen.amended(**changes)
    world, _ = traded_world()
    with read_home(world.settings) as reader:
        made = paper_demo_evidence(reader, reader.in_streams, None, seen, START)
    assert isinstance(made, Refusal)
    assert made.code == "EVIDENCE_FLAGS_UNSAFE"
    first = made.details[0].value
    assert first == f"safety_flags.{flag}" or (flag, first) == (
        *("live_trading_enabled", "safety_flags.paper_only"),
    )


@pytest.mark.parametrize("name", ["broker_api_called", "real_order_created", "approval_for_live"])
def test_what_a_part_says_of_itself_reaches_the_flags(name: str) -> None:
    """TX-M1, TX-M7: at any depth of what is told; a false word makes no flag."""
    for said in (False, True):
        flags = safety_flags([{"deep": [{name: said}]}], seen_as(), START)
        assert getattr(flags, name) is said
        assert flags.paper_only is not said
