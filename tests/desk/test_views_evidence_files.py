"""Evidence files: what they say, and why one is refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.desk.demo.evidence import BYTES_MAX, evidence_of, evidence_text
from counterseal.desk.demo.flags import DemoSeen, Host, flags_of
from counterseal.desk.demo.model import Act, Click, DemoMarket, DemoSession
from counterseal.desk.demo.play import played
from counterseal.desk.views.evidence_files import (
    ALSO_FALSE,
    DEPTH_MAX,
    EvidenceFile,
    EvidenceKind,
    read_evidence,
)
from counterseal.desk.views.integrity import IntegrityState, IntegrityView
from counterseal.desk.views.marks import SAFETY_FLAGS
from counterseal.desk.views.model_preview import preview_model, told_preview
from counterseal.desk.views.simulation import SimulationForm
from counterseal.kernel.model import Refusal
from counterseal.policy.execution import QuoteFillRule

MARKET = "counterseal.market.regimes"
NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)


@cache
def demo() -> bytes:
    session = played(DemoMarket.REGIMES, (Click(act=Act.TICK),))
    assert isinstance(session, DemoSession)
    seen = DemoSeen(
        host=Host.SERVER, modules=(MARKET,), same=True, live_trading_enabled=False, kept=()
    )
    return evidence_text(evidence_of(session, flags_of(session, seen), seen)).encode()


@cache
def broker() -> bytes:
    form, rule = SimulationForm(), QuoteFillRule()
    return json.dumps(told_preview(form, rule, preview_model(form, rule, NOW))).encode()


@cache
def audit() -> bytes:
    view = IntegrityView(state=IntegrityState.VERIFIED, verified=True, audit_events_count=9)
    return json.dumps({"integrity": view.json_value()}).encode()


MADE: dict[EvidenceKind, Callable[[], bytes]] = {
    EvidenceKind.DEMO: demo,
    EvidenceKind.BROKER_SIMULATION: broker,
    EvidenceKind.AUDIT_INTEGRITY: audit,
}


def refused(content: bytes, kind: EvidenceKind = EvidenceKind.DEMO) -> tuple[str, str]:
    told = read_evidence(content, kind)
    assert isinstance(told, Refusal)
    return told.code, said(told, "path")


def said(told: Refusal, name: str) -> str:
    return next(d.value for d in told.details if d.name == name)


@pytest.mark.parametrize("kind", EvidenceKind)
def test_what_each_part_of_the_product_writes_is_told_as_it_stands(kind: EvidenceKind) -> None:
    """TX-M2, TX-M4, TX-M5, TX-C18: values by their paths, flags apart, the bytes unchanged."""
    content = MADE[kind]()
    told = read_evidence(content, kind)

    assert isinstance(told, EvidenceFile)
    assert (told.text.encode(), told.size) == (content, len(content))
    assert {"true", "false"} >= {one.value for one in told.flags}
    assert {one.path.rpartition(".")[2] for one in told.flags} >= {"paper_only"}
    said = {one.path: one.value or one.entries for one in told.facts}
    wanted = {
        EvidenceKind.DEMO: ("evidence_id", "browser-only-evidence-1"),
        EvidenceKind.BROKER_SIMULATION: ("result.simulation_outcome", "fill"),
        EvidenceKind.AUDIT_INTEGRITY: ("integrity.audit_events_count", "9"),
    }[kind]
    assert said[wanted[0]] == wanted[1]


@pytest.mark.parametrize("kind", EvidenceKind)
def test_a_file_of_another_kind_is_refused_by_what_it_lacks(kind: EvidenceKind) -> None:
    """TX-M5: the first path of the kind that is not there."""
    first = {"demo": "evidence_id", "broker_simulation": "form", "audit_integrity": "integrity"}
    for other, made in MADE.items():
        if other is not kind:
            code, path = refused(made(), kind)
            assert code == "EVIDENCE_FILE_OTHER_KIND"
            assert path.startswith(first[kind.value])


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
@pytest.mark.parametrize("name", ["paper_only", "live_trading_enabled", "broker_api_called"])
def test_a_flag_that_is_left_out_is_no_flag_that_is_kept(kind: EvidenceKind, name: str) -> None:
    """TX-M5: what a kind states of itself must be there."""
    told = json.loads(MADE[kind]())
    place = {"demo": "safety_flags", "broker_simulation": "result", "audit_integrity": "integrity"}
    del told[place[kind.value]][name]
    path = f"{place[kind.value]}.{name}"
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
