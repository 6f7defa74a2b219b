"""Evidence files: what they say, and why one is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.desk.demo.evidence import BYTES_MAX
from counterseal.desk.views.evidence_files import (
    ALSO_FALSE,
    DEPTH_MAX,
    EvidenceFile,
    EvidenceKind,
    read_evidence,
)
from counterseal.desk.views.marks import SAFETY_FLAGS
from counterseal.kernel.model import Refusal
from tests.desk.evidence_room import MADE, demo


def refused(content: bytes, kind: EvidenceKind = EvidenceKind.DEMO) -> tuple[str, str]:
    told = read_evidence(content, kind)
    assert isinstance(told, Refusal)
    return told.code, said(told, "path")


def said(told: Refusal, name: str) -> str:
    return next(d.value for d in told.details if d.name == name)


@pytest.mark.parametrize("kind", EvidenceKind)
def test_what_each_part_of_the_product_writes_is_told_as_it_stands(kind: EvidenceKind) -> None:
    """TX-M1 to TX-M5, TX-C18: values by their paths, flags apart, the bytes unchanged."""
    content = MADE[kind]()
    told = read_evidence(content, kind)

    assert isinstance(told, EvidenceFile)
    assert (told.text.encode(), told.size) == (content, len(content))
    assert {"true", "false"} >= {one.value for one in told.flags}
    assert {one.path.rpartition(".")[2] for one in told.flags} >= {"paper_only"}
    said = {one.path: one.value or one.entries for one in told.facts}
    wanted = {
        EvidenceKind.PAPER_DEMO: ("final_oms_status", "FILLED"),
        EvidenceKind.DEMO: ("evidence_id", "browser-only-evidence-1"),
        EvidenceKind.BROKER_SIMULATION: ("result.simulation_outcome", "fill"),
        EvidenceKind.RISK_GUARDRAIL: ("risk_evaluation.approved", "true"),
        EvidenceKind.AUDIT_INTEGRITY: ("integrity.state", "could_not_check"),
    }[kind]
    assert said[wanted[0]] == wanted[1]


@pytest.mark.parametrize("kind", EvidenceKind)
def test_a_file_of_another_kind_is_refused_by_what_it_lacks(kind: EvidenceKind) -> None:
    """TX-M5: the first path of the kind that is not there."""
    first = {
        EvidenceKind.PAPER_DEMO: "workflow_run_id",
        EvidenceKind.DEMO: "market_data",
        EvidenceKind.BROKER_SIMULATION: "input",
        EvidenceKind.RISK_GUARDRAIL: "intent",
        EvidenceKind.AUDIT_INTEGRITY: "integrity",
    }
    for other, made in MADE.items():
        if other is not kind:
            code, path = refused(made(), kind)
            assert code == "EVIDENCE_FILE_OTHER_KIND"
            assert path.startswith(first[kind])


@pytest.mark.parametrize("size", [BYTES_MAX, BYTES_MAX + 1])
def test_a_file_is_at_most_500_000_bytes(size: int) -> None:
    """TX-M5: the bound from both sides, before a byte of it is parsed."""
    content = demo().ljust(size)
    if size <= BYTES_MAX:
        assert isinstance(read_evidence(content, EvidenceKind.DEMO), EvidenceFile)
        return
    assert refused(content) == ("EVIDENCE_FILE_UNREADABLE", "$")


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b"[]", b'"text"', b"\xff\xfe", b'{"a": 1, "a": 2}', b'{"a": 1.5}'],
)
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    """TX-M5: not JSON, no object, repeated names, floats."""
    assert refused(content) == ("EVIDENCE_FILE_UNREADABLE", "$")


@pytest.mark.parametrize("depth", [DEPTH_MAX, DEPTH_MAX + 1, 5_000, 200_000])
def test_parts_inside_parts_are_bounded(depth: int) -> None:
    """TX-M5: a file of brackets alone is refused, not followed."""
    told = demo().rstrip()[:-1] + b', "deep": ' + b"[" * depth + b"]" * depth + b"}"
    if depth <= DEPTH_MAX:
        assert isinstance(read_evidence(told, EvidenceKind.DEMO), EvidenceFile)
        return
    assert refused(told) == ("EVIDENCE_FILE_UNREADABLE", "$")


@pytest.mark.parametrize("place", ["timeline", "portfolio", "safety_flags"])
def test_one_unsafe_flag_anywhere_is_refused_with_its_exact_path(place: str) -> None:
    """TX-M5, TX-M7: every flag, in the flags, in a part, and in an entry of a list."""
    wrong: tuple[object, ...] = ("false", 0, None, {})
    for name in sorted(SAFETY_FLAGS | ALSO_FALSE):
        told = json.loads(demo())
        part = told[place][0] if isinstance(told[place], list) else told[place]
        path = f"{place}[0].{name}" if isinstance(told[place], list) else f"{place}.{name}"
        for value in (name != "paper_only", *wrong):
            part[name] = value
            assert refused(json.dumps(told).encode()) == ("EVIDENCE_FILE_UNSAFE", path)
    part["broker_api_called"] = True
    refusal = read_evidence(json.dumps(told).encode(), EvidenceKind.DEMO)
    assert isinstance(refusal, Refusal)
    assert said(refusal, "why") in {"true", "{}"}


@pytest.mark.parametrize("kind", EvidenceKind)
def test_one_unsafe_flag_at_any_depth_of_any_document_is_named_by_its_path(
    kind: EvidenceKind,
) -> None:
    """TX-M1 to TX-M5: each flag of each document in its turn, at 1 to 31 parts inside parts."""
    whole = json.loads(MADE[kind]())
    for path, holder, name in flags_in(whole, "$"):
        said, holder[name] = holder[name], not holder[name]
        expected = ("EVIDENCE_FILE_UNSAFE", path)
        assert refused(json.dumps(whole).encode(), kind) == expected
        holder[name] = said
    for depth in (1, 2, 7, DEPTH_MAX - 1):
        buried: object = {"uploaded": True}
        for _ in range(depth - 1):
            buried = {"in": buried}
        path = ".".join(["deep", *["in"] * (depth - 1), "uploaded"])
        told = json.dumps({**whole, "deep": buried}).encode()
        assert refused(told, kind) == ("EVIDENCE_FILE_UNSAFE", path)


def flags_in(value: object, path: str) -> list[tuple[str, dict[str, object], str]]:
    """Every flag of a file: its path, what holds it, and its name there."""
    found: list[tuple[str, dict[str, object], str]] = []
    inner = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]  # lists only
    for key, part in inner:
        here = f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]"
        if isinstance(value, dict) and key in SAFETY_FLAGS | ALSO_FALSE:
            found.append((here.removeprefix("$."), value, key))
        elif isinstance(part, dict | list) and key != "snapshot":
            found += flags_in(part, here)
    return found


@pytest.mark.parametrize("kind", EvidenceKind)
@pytest.mark.parametrize("name", ["paper_only", "live_trading_enabled", "broker_api_called"])
def test_a_flag_that_is_left_out_is_no_flag_that_is_kept(kind: EvidenceKind, name: str) -> None:
    """TX-M5: what a kind states of itself must be there."""
    told = json.loads(MADE[kind]())
    del told["safety_flags"][name]
    path = f"safety_flags.{name}"
    assert refused(json.dumps(told).encode(), kind) == ("EVIDENCE_FILE_UNSAFE", path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@settings(max_examples=100)
@given(JSON, st.sampled_from(EvidenceKind))
def test_i1_any_json_is_told_or_refused_and_nothing_is_told_as_safe_that_is_not(
    value: object, kind: EvidenceKind
) -> None:
    """I1: a foreign part changes nothing; a foreign file is refused."""
    assert refused(json.dumps(value).encode(), kind)[0].startswith("EVIDENCE_FILE_")
    beside = {**json.loads(MADE[kind]()), "beside": value}
    told = read_evidence(json.dumps(beside).encode(), kind)
    assert isinstance(told, EvidenceFile | Refusal)
