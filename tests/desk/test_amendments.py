"""A request changed before it is used, on the real store."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.desk import Desk
from counterseal.desk.views.history import RecordFacts, history
from counterseal.desk.views.threads import CaseThread, case_thread
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord, Stage
from tests.desk.casework import amended, codes, decided, stored
from tests.world import World

RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
LESS = {"max_quantity": Decimal(2), "tx_equivalent": Decimal("0.1"), "notional": Decimal(400_000)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def thread(world: World, request_id: str) -> CaseThread:
    with world.store.reader() as reader:
        found = case_thread(reader, request_id, world.desk.bench.bundle.approval.void_matrix)
    assert isinstance(found, CaseThread)
    return found


def test_a_lower_quantity_carries_every_decision_and_the_order_fills(world: World) -> None:
    """N6, governance 2.3: approved at once, within the smaller bound; the log verifies."""
    old = world.approved()
    world.after(5)
    new = world.done(amended(world, old, LESS))
    assert (stored(world, old).status, stored(world, old).superseded_by) == ("superseded", new)
    request = stored(world, new)
    assert (request.version, request.supersedes) == (2, old)
    assert request.status is RequestStatus.APPROVED_FOR_PAPER
    assert request.execution_valid_until == stored(world, old).execution_valid_until
    assert "TERMINAL" in codes(world.submitted(old))
    world.quote()
    assert "PAYLOAD_CHANGED" in codes(world.submitted(new, quantity=3))
    assert world.submitted(new, quantity=2).accepted
    assert world.verdict().outcome == "ok"


def test_each_carried_decision_is_an_event_that_names_the_signed_one_and_the_rows(
    world: World,
) -> None:
    """Governance 2.3: old decision hash and matrix rows, in the stream of the new case."""
    old = world.approved()
    new = world.done(amended(world, old, LESS))
    records = [orjson.loads(row.body) for row in world.log()]
    carried = [r for r in records if r["type"] == "approval.carried"]
    assert [r["stream"] for r in carried] == [f"case:{new}"] * 2
    told = [r["after"]["facts"] for r in carried]
    assert [f["decision_hash"] for f in told] == [d.decision_hash for d in decided(world, old)]
    assert {f["rows"] for f in told} == {"max_quantity,tx_equivalent,notional"}
    [change] = thread(world, new).changes
    assert [(f.field, f.before, f.after) for f in change.fields] == [
        ("max_quantity", '"4"', '"2"'),
        ("tx_equivalent", '"0.2"', '"0.1"'),
        ("notional", '"800000"', '"400000"'),
    ]
    assert (change.voided, change.carried) == ((), 2)


def test_a_price_bound_voids_risk_and_leaves_research(world: World) -> None:
    """Governance 2.3: the risk reviewer signs again, over the new payload."""
    old = world.approved()
    new = world.done(amended(world, old, {"price_max": Decimal(20_500)}))
    assert stored(world, new).status is RequestStatus.RESEARCH_APPROVED
    assert [d.stage for d in decided(world, new)] == [Stage.RESEARCH]
    assert thread(world, new).changes[0].voided == (Stage.RISK, Stage.COMPLIANCE)
    assert "ALREADY_REVIEWED" in codes(world.reviewed(new, "researcher", RISK))
    world.done(world.reviewed(new, "risk", RISK))
    assert world.submitted(new).accepted


def test_what_research_saw_cannot_change_under_its_decision(world: World) -> None:
    """Governance 2.3: a new reason voids all; nothing carries."""
    old = world.approved()
    new = world.done(amended(world, old, {"request_reason": "another reason altogether"}))
    assert stored(world, new).status is RequestStatus.PENDING_REVIEW
    assert decided(world, new) == ()
    assert "STAGES_MISSING" in codes(world.submitted(new))


def test_a_decision_carries_through_two_amendments(world: World) -> None:
    """Governance 2.3: each step is compared again; the first signature still counts."""
    first = world.approved()
    second = world.done(amended(world, first, LESS))
    one = {
        "max_quantity": Decimal(1),
        "tx_equivalent": Decimal("0.05"),
        "notional": Decimal(200000),
    }
    third = world.done(amended(world, second, one))
    assert stored(world, third).version == 3
    assert world.submitted(third, quantity=1).accepted
    bundle = world.desk.bench.bundle
    with world.store.reader() as reader:
        seen = history(reader, third, bundle, RecordFacts())
    assert not isinstance(seen, Refusal)
    assert (seen.verdict, seen.chain.checked) == ("valid", 2)


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE approval_decisions SET reviewer_id = 'compliance' WHERE request_version = 1",
        (
            "UPDATE approval_decisions SET decided_at = '2026-01-05T00:44:00.000000Z' "
            "WHERE request_version = 2 AND sequence = 1"
        ),
        (
            "UPDATE approval_requests SET payload = json_set(payload, '$.symbol', 'TMF202602') "
            "WHERE version = 1"
        ),
        (
            "UPDATE approval_decisions SET carried = json_set(carried, '$.changed', json('[]')) "
            "WHERE request_version = 2"
        ),
        "UPDATE approval_requests SET supersedes = NULL WHERE version = 2",
        "DELETE FROM approval_decisions WHERE request_version = 1 AND sequence = 2",
    ],
)
def test_a_forged_carry_is_seen_by_history_and_stops_the_order(world: World, forgery: str) -> None:
    """Governance 2.3, 2.10: the verifier repeats the comparison from both payloads."""
    new = world.done(amended(world, world.approved(), LESS))
    assert world.forge(forgery) >= 1
    with world.store.reader() as reader:
        seen = history(reader, new, world.desk.bench.bundle, RecordFacts())
    assert not isinstance(seen, Refusal)
    assert (seen.verdict, seen.paper_simulation_approved) == ("forged", False)
    assert "CHAIN_BROKEN" in codes(world.submitted(new, quantity=2))
    assert world.fills() == ()


def test_only_the_requester_amends_and_only_what_is_open_and_changed(world: World) -> None:
    """Governance 2.3: another person, no change, used, expired, ended."""
    request_id = world.approved()
    assert "ROLE" in codes(amended(world, request_id, LESS, "researcher"))
    assert codes(amended(world, request_id, {})) == ("NOTHING_AMENDED",)
    assert "PAYLOAD_CHANGED" in codes(
        amended(world, request_id, {"created_at": world.clock.now() + timedelta(seconds=1)})
    )
    world.done(world.submitted(request_id))
    assert "ALREADY_CONSUMED" in codes(amended(world, request_id, LESS))
    pending = world.requested()
    world.after(3600)
    assert "REVIEW_EXPIRED" in codes(amended(world, pending, LESS))
    rejected = world.requested()
    world.done(world.reviewed(rejected, "researcher", DecisionWord.REJECTED))
    assert "TERMINAL" in codes(amended(world, rejected, LESS))


def test_an_amendment_may_not_ask_for_more_than_a_request(world: World) -> None:
    """TX-E6: the checks of a request are the checks of its next version."""
    request_id = world.approved()
    more = {
        "max_quantity": Decimal(40),
        "tx_equivalent": Decimal(2),
        "notional": Decimal(8_000_000),
    }
    assert "EXPOSURE_ABOVE_TARGET" in codes(amended(world, request_id, more))
    assert stored(world, request_id).status is RequestStatus.APPROVED_FOR_PAPER


def reopened_desk(world: World) -> None:
    """A desk under another bundle."""
    other = world.desk.bench.bundle.amended(bundle_hash=digest("another bundle"))
    world.desk = Desk(replace(world.desk.bench, bundle=other))


def test_a_request_of_an_older_policy_is_reopened_without_any_decision(world: World) -> None:
    """N2, governance part 4: superseded on the first touch, decided anew under the new bundle."""
    old = world.approved()
    assert codes(world.desk.amendments.reopen(old, world.actor("risk"), key=world.key())) == (
        "NOTHING_AMENDED",
    )
    reopened_desk(world)
    assert "POLICY_CHANGED" in codes(world.submitted(old))
    reopen = world.desk.amendments.reopen
    new = world.done(reopen(old, world.actor("risk"), key=world.key()))
    assert stored(world, old).status is RequestStatus.SUPERSEDED
    request: ApprovalRequest = stored(world, new)
    assert request.status is RequestStatus.PENDING_REVIEW
    assert request.payload.policy_bundle_hash == digest("another bundle")
    assert request.requester_id == "quant"
    assert decided(world, new) == ()
    world.done(world.reviewed(new, "researcher", RESEARCH))
    world.done(world.reviewed(new, "risk", RISK))
    assert world.submitted(new).accepted
