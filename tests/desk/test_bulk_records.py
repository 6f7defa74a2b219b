"""What is kept of a batch, and what a change of it does (N12)."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.batch import statement_of
from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.bulk import leaf_key
from counterseal.desk.views.history import RecordFacts, history, verify_cases
from storage.home_facts import home_facts
from storage.home_reader import read_home
from tests.desk.bulk_room import REASON, RESEARCH, RISK, Room
from tests.desk.casework import amended, decided
from tests.world import World


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(World(tmp_path / "home"))


def test_the_log_holds_the_signature_and_the_path_of_each_decision(room: Room) -> None:
    """N12, TX-Z10: the record of a decision is enough to verify it without any table."""
    world = room.world
    ids = [world.requested() for _ in range(2)]
    room.reviewed("researcher", RESEARCH, *ids)
    for request_id in ids:
        [(body,)] = world.rows(
            "SELECT body FROM audit_records WHERE stream = ? AND type = 'approval.decided'",
            f"case:{request_id}",
        )
        record = json.loads(body if isinstance(body, bytes) else str(body))
        [told] = record["after"]["documents"]["approval_decisions"]
        decision = ApprovalDecision.model_validate_json(json.dumps(told))
        assert statement_of(decision, room.key_of("researcher")).request_id == request_id
        assert record["approver_sig"]["payload_type"].endswith("batch.v1+json")
        assert record["idempotency_key"].endswith(leaf_key("", request_id))


@pytest.mark.parametrize(
    ("path", "value"),
    [("$.index", 0), ("$.size", 3), ("$.path", "[]"), ("$.signature.signature", ""), ("$", None)],
)
def test_an_edited_path_in_the_tables_is_a_forged_case(
    room: Room, path: str, value: str | int | None
) -> None:
    """TX-F19, N12: no order, no approval, the case is named."""
    world = room.world
    ids = sorted(world.requested() for _ in range(2))
    room.reviewed("researcher", RESEARCH, *ids)
    room.reviewed("risk", RISK, *ids)
    edited = "json(?)" if path == "$.path" else "?"
    world.forge(
        f"UPDATE approval_decisions SET batch = json_set(batch, '{path}', {edited})"
        " WHERE approval_request_id = ?"
        if value is not None
        else "UPDATE approval_decisions SET batch = ? WHERE approval_request_id = ?",
        value,
        ids[1],
    )
    with world.store.reader() as reader:
        answer = history(reader, ids[1], world.desk.bench.bundle, RecordFacts())
        forged = verify_cases(reader, world.desk.bench.bundle).forged
    assert getattr(answer, "verdict", "") == "forged"
    assert [case.approval_request_id for case in forged] == [ids[1]]
    refusal = world.submitted(ids[1]).refusal
    assert refusal is not None
    assert "CHAIN_BROKEN" in refusal.codes
    assert world.submitted(ids[0]).accepted


def test_the_words_of_each_decision_are_kept_and_erased_by_themselves(room: Room) -> None:
    """Governance 2.9: a salt for each decision; no two commitments are alike."""
    world = room.world
    ids = [world.requested() for _ in range(2)]
    room.reviewed("researcher", RESEARCH, *ids)
    commitments = {room.decisions(request_id)[0].decision_reason for request_id in ids}
    assert len(commitments) == 2
    with world.store.reader() as reader:
        openings = [reader.opened(commitment) for commitment in commitments]
    assert [o.word("text") for o in openings if o is not None] == [REASON, REASON]


def test_readiness_counts_the_decisions_of_a_batch_as_verified(room: Room) -> None:
    """TX-L: the probe reads batches too; one whose path was taken away is unverified."""
    world = room.world
    ids = [world.requested() for _ in range(2)]
    room.reviewed("researcher", RESEARCH, *ids)
    with read_home(world.settings) as reader:
        before = home_facts(reader, world.settings).cases
    world.forge("UPDATE approval_decisions SET batch = NULL WHERE approval_request_id = ?", ids[0])
    with read_home(world.settings) as reader:
        after = home_facts(reader, world.settings).cases
    assert (before.decisions, before.unverified, before.without_login) == (2, 0, 0)
    assert (after.decisions, after.unverified, after.without_login) == (2, 1, 1)


def test_a_decision_of_a_batch_carries_into_an_amended_version(room: Room) -> None:
    """N6, N12: the amended case proves itself by the batch of the version before, alone."""
    world = room.world
    ids = [world.requested() for _ in range(2)]
    room.reviewed("researcher", RESEARCH, *ids)
    room.reviewed("risk", RISK, *ids)
    less: dict[str, object] = {
        "max_quantity": Decimal(2),
        "tx_equivalent": Decimal("0.1"),
        "notional": Decimal(400_000),
    }
    new = world.done(amended(world, ids[0], less))
    assert [d.batch for d in decided(world, new)] == [d.batch for d in decided(world, ids[0])]
    assert world.submitted(new, quantity=2).accepted
    with world.store.reader() as reader:
        assert verify_cases(reader, world.desk.bench.bundle).forged == ()
