"""Rows of the asked register that speak of what is recorded: requests (F2) and hashes (K2)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.approvals.draft import RequestTerms
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestPayload
from counterseal.audit.merkle import leaf_hash
from counterseal.kernel.canonical import canonical_bytes
from counterseal.oms.model import Order
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def test_a_request_starts_pending_and_creates_no_decision_and_no_order(world: World) -> None:
    """TX-F2: `paper_simulation`, paper only, the requester from the login."""
    request_id = world.requested()
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
        assert (reader.find(ApprovalDecision), reader.find(Order)) == ((), ())
    assert request is not None
    assert request.status.value == "pending_review"
    assert request.requester_id == "quant"
    assert request.payload.requested_action == "paper_simulation"
    assert request.payload.paper_only


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_reason", ""),
        ("paper_only", False),
        ("approval_for_live", True),
        ("requested_action", "live_order"),
        ("author_ids", ()),
    ],
)
def test_what_is_no_paper_request_cannot_be_built(world: World, field: str, value: object) -> None:
    """TX-F2: refused by the type itself, naming the field."""
    told = dict(world.payload(world.signal())) | {field: value}
    with pytest.raises(ValidationError) as refused:
        RequestPayload.model_validate(told)
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


def test_a_requester_told_by_the_caller_is_an_unknown_field() -> None:
    """TX-F2, TX-F20: terms have no place for a requester; it comes from the login."""
    assert "requester_id" not in RequestTerms.model_fields
    assert "paper_only" not in RequestTerms.model_fields


def test_a_login_cannot_ask_in_another_name(world: World) -> None:
    """TX-F2: the payload's requester must be the one who is logged in."""
    payload = world.payload(world.signal()).amended(requester_id="researcher")
    outcome = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    assert not outcome.accepted


def test_every_fact_that_the_original_hashed_is_under_the_hash(world: World) -> None:
    """TX-K2: workflow, id, actor, action, resource, time, paper flag, metadata, previous hash."""
    world.done(world.submitted(world.approved()))
    rows = world.log()
    for before, row in zip([None, *rows], rows, strict=False):
        body = json.loads(row.body)
        assert canonical_bytes(body) == row.body
        assert leaf_hash(row.body).hex() == row.leaf_hash
        assert body["prev"] == ("0" * 64 if before is None else before.leaf_hash)
        for told in ("stream", "event_id", "action", "subject", "occurred_at", "after"):
            assert body[told]
        assert body["actor"]["id"]
    intents = [b for b in map(json.loads, (r.body for r in rows)) if b["type"] == "order.intended"]
    assert intents[0]["after"]["documents"]["intents"][0]["paper_only"] is True


def test_any_changed_byte_of_a_record_gives_another_hash(world: World) -> None:
    """TX-K2: the hash covers all of it; each field's change is another leaf."""
    row = world.log()[-1]
    body = json.loads(row.body)
    for field in body:
        changed = canonical_bytes({**body, field: "changed"})
        assert leaf_hash(changed).hex() != row.leaf_hash
