"""What people see of approvals, on the real store."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.ports import Reader
from counterseal.desk.views.approvals import (
    actionable_entries,
    approval_status,
    decision_options,
    newest_entries,
    queue,
    request_detail,
    shown_hash,
)
from counterseal.desk.views.history import (
    CasesView,
    ChainVerdict,
    HistoryAnswer,
    RecordFacts,
    history,
    record_policy,
    verify_cases,
)
from counterseal.desk.views.integrity import IntegrityState
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.words import DecisionWord, Role
from tests.world import LARGE, NONE, START, World

PROBED = RecordFacts(append_only=True, hash_chained=True, signed=True, write_once=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
def reader(world: World) -> Iterator[Reader]:
    with world.store.reader() as found:
        yield found


def rules(world: World) -> ApprovalParameters:
    return world.desk.bench.bundle.approval


def told(world: World, request_id: str) -> HistoryAnswer:
    with world.store.reader() as reader:
        found = history(reader, request_id, world.desk.bench.bundle, PROBED)
    assert isinstance(found, HistoryAnswer)
    return found


def test_a_request_and_a_decision_are_shown_with_every_recorded_name(world: World) -> None:
    """TX-F3, TX-F11: the names of the records, and what is false on each."""
    found = told(world, world.approved())
    request, first = found.request.json_value(), found.decisions[0].json_value()
    assert {
        *("approval_request_id", "request_reference", "signal_id", "strategy_id", "requester_id"),
        *("created_at", "status", "required_review_count", "required_decision_sequence"),
        *("request_hash", "latest_chain_hash", "payload"),
    } <= request.keys()
    assert request["required_review_count"] == 2
    assert request["required_decision_sequence"] == [
        "research_approved",
        "approved_for_paper_simulation",
    ]
    name, _, hexadecimal = str(request["request_reference"]).rpartition("-")
    assert (name, len(hexadecimal)) == ("paper-approval-request", 16)
    payload = found.request.payload
    assert (payload.paper_only, payload.approval_for_live) == (True, False)
    assert {
        *("approval_decision_id", "sequence", "decision", "reviewer_id", "reviewer_role"),
        *("decision_reason", "decided_at", "previous_chain_hash", "decision_hash"),
    } <= first.keys()
    assert first["previous_chain_hash"] == request["request_hash"]


def test_the_history_tells_each_stage_with_the_same_names(world: World) -> None:
    """TX-F12: pending, half reviewed, approved, spent."""
    request_id = world.requested()
    stages = [told(world, request_id)]
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    stages.append(told(world, request_id))
    world.done(world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    stages.append(told(world, request_id))
    world.done(world.submitted(request_id))
    stages.append(told(world, request_id))

    assert [s.current_status for s in stages] == [
        RequestStatus.PENDING_REVIEW,
        RequestStatus.RESEARCH_APPROVED,
        RequestStatus.APPROVED_FOR_PAPER,
        RequestStatus.CONSUMED,
    ]
    assert [s.pending_second_review for s in stages] == [False, True, False, False]
    assert [s.paper_simulation_approved for s in stages] == [False, False, True, True]
    assert {s.verdict for s in stages} == {ChainVerdict.VALID}
    for stage in stages:
        value = stage.json_value()
        assert value.keys() == {
            *("request", "decisions", "current_status", "pending_second_review"),
            *("paper_simulation_approved", "approval_for_live", "live_execution_eligible"),
            *("broker_api_called", "record_policy", "chain", "message", "verdict"),
        }
        live = ("approval_for_live", "live_execution_eligible", "broker_api_called")
        assert [value[name] for name in live] == [False, False, False]
        assert value["record_policy"] == record_policy(PROBED)


def test_a_case_that_does_not_exist_has_no_history_and_no_detail(
    world: World, reader: Reader
) -> None:
    """TX-F10, TX-F12: not found."""
    bundle = world.desk.bench.bundle
    for found in (
        history(reader, "apr_none", bundle, PROBED),
        request_detail(reader, "apr_none", bundle, PROBED, START),
    ):
        assert isinstance(found, Refusal)
        assert found.code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("sql", "value", "problem"),
    [
        ("UPDATE approval_decisions SET decision_reason = ?", "looks fine to me", "its words"),
        ("UPDATE approval_decisions SET reviewer_id = ?", "operator", "its words"),
        ("UPDATE approval_decisions SET key_id = ?", "key-of-risk", "its key"),
        ("DELETE FROM approval_decisions WHERE sequence = ?", 1, "predecessor"),
        ("DELETE FROM approval_decisions WHERE sequence = ?", 2, "the head"),
    ],
)
def test_a_forged_decision_is_named_and_the_case_is_not_shown_as_approved(
    world: World, sql: str, value: str | int, problem: str
) -> None:
    """TX-F19, TX-Z10: reviewer, reason or key changed, a decision taken away."""
    request_id = world.approved()
    assert told(world, request_id).verdict is ChainVerdict.VALID
    world.forge(sql, value)
    forged = told(world, request_id)
    assert forged.verdict is ChainVerdict.FORGED
    assert not forged.paper_simulation_approved
    assert problem in forged.message
    assert forged.chain.first_bad is not None
    with world.store.reader() as reader:
        cases = verify_cases(reader, world.desk.bench.bundle)
        detail = request_detail(reader, request_id, world.desk.bench.bundle, PROBED, START)
    assert (cases.state, cases.signed) == (IntegrityState.BROKEN, False)
    assert [f.first_bad for f in cases.forged] == [forged.chain.first_bad]
    assert not isinstance(detail, Refusal)
    assert detail.options == ()


@pytest.mark.parametrize("reviews", [0, 1])
def test_a_status_that_no_decision_supports_is_forged(world: World, reviews: int) -> None:
    """TX-F19, TX-Z10: a chain that holds does not approve by itself; the reviews must be there."""
    request_id = world.requested()
    if reviews:
        world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.forge("UPDATE approval_requests SET status = 'approved_for_paper_simulation'")
    forged = told(world, request_id)
    assert forged.chain.holds
    assert forged.verdict is ChainVerdict.FORGED
    assert not forged.paper_simulation_approved
    assert "not what the decisions say" in forged.message


def test_a_missing_compliance_review_is_seen_even_if_the_required_sequence_is_forged(
    world: World,
) -> None:
    """TX-F19: under the pinned policy the required reviews come from the policy."""
    request_id = world.requested(quantity=LARGE)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    assert told(world, request_id).verdict is ChainVerdict.VALID
    world.forge(
        "UPDATE approval_requests SET status = 'approved_for_paper_simulation',"
        " stages_required = stages_done, required_review_count = 2, required_decision_sequence ="
        ' \'["research_approved","approved_for_paper_simulation"]\''
    )
    assert told(world, request_id).verdict is ChainVerdict.FORGED
    world.forge("UPDATE approval_requests SET status = 'research_approved'")
    assert told(world, request_id).verdict is ChainVerdict.VALID


@pytest.mark.parametrize("word", [DecisionWord.REJECTED, DecisionWord.NEEDS_DATA])
def test_an_ended_case_is_supported_by_its_last_word_only(world: World, word: DecisionWord) -> None:
    """TX-F19: an ending cannot be turned into another."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", word))
    assert told(world, request_id).verdict is ChainVerdict.VALID
    world.forge("UPDATE approval_requests SET status = 'pending_review'")
    assert told(world, request_id).verdict is ChainVerdict.FORGED


def test_the_status_tells_mode_law_and_the_policy_of_records(world: World) -> None:
    """TX-F13, TX-F16: the approval status panel and its badges."""
    world.approved()
    world.requested()
    with world.store.reader() as reader:
        status = approval_status(reader, rules(world), PROBED)
    assert status.approval_mode == "paper_only_local_approval_foundation"
    assert status.dual_review_required
    assert status.roles == (
        Role.RESEARCH_REVIEWER,
        Role.RISK_REVIEWER,
        Role.COMPLIANCE_REVIEWER,
    )
    assert [d.value for d in status.decisions] == [
        *("research_approved", "approved_for_paper_simulation", "rejected", "needs_data_review"),
    ]
    assert [(c.status.value, c.count) for c in status.counts] == [
        ("pending_review", 1),
        ("approved_for_paper_simulation", 1),
    ]
    assert [badge.text for badge in status.badges] == [
        "PAPER_ONLY=true",
        "DUAL_REVIEW_REQUIRED=true",
        "APPROVAL_FOR_LIVE=false",
        "BROKER_API_CALLED=false",
    ]
    assert status.label == "paper simulation"


def test_the_record_policy_follows_its_probes() -> None:
    """TX-F13: every fact is told true, false and not checked."""
    assert record_policy(PROBED) == (
        "append-only, hash chained, signed by each reviewer's own key, not WORM,"
        " identity not checked"
    )
    names = tuple(RecordFacts.model_fields)
    texts = {
        record_policy(RecordFacts.model_validate({name: value}))
        for name in names
        for value in (True, False, None)
    }
    assert len(texts) == 2 * len(names) + 1
    assert "not append-only" in record_policy(RecordFacts(append_only=False))


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_the_queue_lists_the_newest_first_within_its_limit(world: World, limit: int) -> None:
    """TX-F1: 1 to 200; counts are of all requests."""
    made = []
    for _ in range(3):
        made.append(world.requested())
        world.after(1)
    with world.store.reader() as reader:
        view = queue(reader, rules(world), world.clock.now(), limit)
        whole = queue(reader, rules(world), world.clock.now())
    assert [e.approval_request_id for e in view.entries] == made[::-1][:limit]
    assert (view.total, view.pending, view.paper_only) == (3, 3, True)
    assert whole.limit == 50


@pytest.mark.parametrize("limit", [0, 201, -1])
def test_a_limit_outside_its_range_is_refused(world: World, reader: Reader, limit: int) -> None:
    """TX-F1: 0 and 201 are refused."""
    with pytest.raises(InputError, match="LIMIT_OUT_OF_RANGE"):
        queue(reader, rules(world), START, limit)


def test_options_follow_the_status_with_their_default_roles(world: World) -> None:
    """TX-F15: pending, research approved, closed."""
    request_id = world.requested(quantity=LARGE)

    def options() -> list[tuple[str, str]]:
        with world.store.reader() as reader:
            request = reader.get(ApprovalRequest, request_id)
        assert request is not None
        found = decision_options(request, rules(world), START)
        return [(o.decision.value, o.default_role.value) for o in found]

    endings = [("rejected", "compliance_reviewer"), ("needs_data_review", "compliance_reviewer")]
    assert options() == [("research_approved", "research_reviewer"), *endings]
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    assert options() == [("approved_for_paper_simulation", "risk_reviewer"), *endings]
    world.done(world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    assert options() == [("approved_for_paper_simulation", "compliance_reviewer"), *endings]
    world.done(world.reviewed(request_id, "compliance", DecisionWord.APPROVED_FOR_PAPER))
    assert options() == []


@pytest.mark.parametrize(("seconds", "open_"), [(3599.999, True), (3600, False)])
def test_a_case_past_its_clock_offers_nothing_before_that_is_recorded(
    world: World, seconds: float, open_: bool
) -> None:
    """TX-F15, TX-F18: half-open, seen from both sides."""
    world.requested()
    with world.store.reader() as reader:
        [entry] = queue(reader, rules(world), START + timedelta(seconds=seconds)).entries
    assert entry.actionable is open_
    assert entry.expired is not open_


def test_a_detail_names_the_hash_of_what_was_shown(world: World) -> None:
    """TX-F12: one more decision is another page, so another hash."""
    request_id = world.requested()

    def shown() -> str:
        with world.store.reader() as reader:
            found = request_detail(reader, request_id, world.desk.bench.bundle, PROBED, START)
        assert not isinstance(found, Refusal)
        assert found.shown_hash == shown_hash(found.history.request, found.history.decisions)
        return found.shown_hash

    before = shown()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    assert shown() != before


def test_every_case_is_verified_and_without_one_there_is_nothing_to_verify(world: World) -> None:
    """TX-F19: nothing, good, a request taken away."""

    def cases() -> CasesView:
        with world.store.reader() as reader:
            return verify_cases(reader, world.desk.bench.bundle)

    assert (cases().state, cases().signed) == (IntegrityState.NOTHING_TO_VERIFY, None)
    request_id = world.approved()
    world.requested()
    assert (cases().state, cases().signed) == (IntegrityState.VERIFIED, True)
    assert (cases().cases_checked, cases().decisions_checked) == (2, 2)
    world.forge("DELETE FROM approval_requests WHERE approval_request_id = ?", request_id)
    assert [f.approval_request_id for f in cases().forged] == [request_id]
    assert cases().state is IntegrityState.BROKEN


def test_a_case_of_an_older_policy_is_judged_by_its_stored_sequence(world: World) -> None:
    """TX-F19: the old law is not at hand; two reviews are needed under every law."""
    request_id = world.approved()
    newer = world.desk.bench.bundle.amended(bundle_hash=NONE)

    def approved() -> bool:
        with world.store.reader() as reader:
            found = history(reader, request_id, newer, PROBED)
        assert isinstance(found, HistoryAnswer)
        return found.paper_simulation_approved

    assert approved()
    world.forge("UPDATE approval_requests SET required_decision_sequence = '[]'")
    assert not approved()


def test_the_queue_reads_in_parts_what_reading_every_request_gives(world: World) -> None:
    """TX-F1: newest first, page by page; open ones by their status; counts without reading."""
    world.done(world.reviewed(world.requested(), "researcher", DecisionWord.REJECTED))
    half = world.requested()
    world.done(world.reviewed(half, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.approved()
    world.after(600)
    newest = world.requested()
    for seconds, open_ones in ((0, [newest, half]), (3_300, [newest]), (600, [])):
        world.after(seconds)
        now = world.clock.now()
        with world.store.reader() as reader:
            stored = sorted(reader.find(ApprovalRequest), key=lambda r: (r.created_at, r.key))
            whole = newest_entries(reader, rules(world), now, 200)
            pages = [newest_entries(reader, rules(world), now, 3, place) for place in (0, 3)]
            actionable = actionable_entries(reader, rules(world), now, "tenant-1")
            shown = queue(reader, rules(world), now, 1)
            assert actionable_entries(reader, rules(world), now, "tenant-2") == ()
        assert [e.approval_request_id for e in whole] == [r.key for r in reversed(stored)]
        assert (*pages[0], *pages[1]) == whole
        assert actionable == tuple(entry for entry in whole if entry.actionable)
        assert [entry.approval_request_id for entry in actionable] == open_ones
        assert (shown.total, shown.pending, shown.entries) == (4, len(open_ones), whole[:1])
