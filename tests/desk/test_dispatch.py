"""Mandated submits: what a service may do while the operator is away."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.draft import RequestTerms
from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.batches import Batch, BatchStatus
from counterseal.desk.dispatch import LEASE_SECONDS
from counterseal.desk.orders import Submission
from counterseal.identity.mandate import SubmitMandate
from counterseal.kernel.model import Refusal
from counterseal.signals.intent import OrderType, PaperOrderIntent
from tests.desk.batch_room import ending
from tests.desk.test_order_batches import broken_off
from tests.desk.test_replacing import approved as approved_as
from tests.desk.test_stops_and_queues import MWP
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def code(refusal: Refusal | None) -> str:
    return "" if refusal is None else refusal.code


def claimed(world: World, mandate_id: str) -> Batch:
    batch_id = world.done(world.desk.dispatch.claim(mandate_id, world.service(), key=world.key()))
    with world.store.reader() as reader:
        batch = reader.get(Batch, batch_id)
    assert batch is not None
    return batch


def test_a_service_submits_what_is_due_on_behalf_of_the_operator(world: World) -> None:
    """TX-F18: the intent names the mandate and the operator behind it, and uses the mandate up."""
    request_id, mandate_id = world.approved(quantity=2), world.mandate()
    batch = claimed(world, mandate_id)
    assert batch.request_ids == (request_id,)
    [outcome] = world.desk.dispatch.execute(batch.batch_id, 1, world.service())
    assert outcome.accepted
    with world.store.reader() as reader:
        intent = reader.get(PaperOrderIntent, outcome.subject_id)
        mandate = reader.get(SubmitMandate, mandate_id)
        ended = reader.get(Batch, batch.batch_id)
    assert intent is not None
    assert mandate is not None
    assert ended is not None
    assert (intent.submitted_by, intent.mandate_id) == ("operator", mandate_id)
    assert (mandate.orders_used, ended.status) == (1, BatchStatus.DONE)
    assert world.verdict().outcome == "ok"


def test_a_finished_batch_and_a_stale_attempt_end_without_effect(world: World) -> None:
    """Dispatch I3: no record, no order."""
    world.approved(quantity=2)
    batch = claimed(world, world.mandate())
    world.desk.dispatch.execute(batch.batch_id, 1, world.service())
    before = world.log()
    assert world.desk.dispatch.execute(batch.batch_id, 1, world.service()) == ()
    assert world.desk.dispatch.execute(batch.batch_id, 2, world.service()) == ()
    assert world.log() == before


def test_a_lapsed_lease_gives_the_same_batch_its_next_attempt(world: World) -> None:
    """Dispatch I2: half-open: at the lease's end, not before."""
    world.approved(quantity=2)
    mandate_id = world.mandate()
    batch = claimed(world, mandate_id)
    world.after(LEASE_SECONDS - 1)
    waits = world.desk.dispatch.claim(mandate_id, world.service(), key=world.key())
    assert code(waits.refusal) == "NOTHING_DUE"
    world.after(1)
    again = claimed(world, mandate_id)
    assert (again.batch_id, again.attempt) == (batch.batch_id, 2)
    world.quote()
    assert world.desk.dispatch.execute(batch.batch_id, 1, world.service()) == ()
    [outcome] = world.desk.dispatch.execute(batch.batch_id, 2, world.service())
    assert outcome.accepted


def test_an_attempt_that_died_after_one_request_submits_only_the_other(world: World) -> None:
    """Dispatch I4: each request has its own key, so nothing is ordered twice."""
    for _ in range(2):
        world.approved(quantity=2)
    mandate_id = world.mandate()
    batch = claimed(world, mandate_id)
    first = batch.request_ids[0]
    asked = Submission(
        approval_request_id=first, quantity=Decimal(2), limit_price=None, mandate_id=mandate_id
    )
    world.done(
        world.desk.orders.submit(asked, world.service(), key=f"submit:{batch.batch_id}:{first}")
    )
    outcomes = world.desk.dispatch.execute(batch.batch_id, 1, world.service())
    assert [o.replayed for o in outcomes] == [True, False]
    assert len(world.fills()) == 2


def test_i5_an_attempt_that_breaks_off_between_two_parts_is_gone_on_with(world: World) -> None:
    """Dispatch I5: a part is one commit; its lease lapses, and nothing is ordered twice."""
    for _ in range(3):
        world.approved(quantity=1)
    mandate_id = world.mandate()
    batch = claimed(world, mandate_id)
    notes = len(world.notes())
    dying = ending(world, 3, broken_off)
    dying.order_batches._part = 1
    with pytest.raises(KeyboardInterrupt):
        dying.dispatch.execute(batch.batch_id, 1, world.service())
    assert len(world.fills()) == 1

    world.after(LEASE_SECONDS)
    again = claimed(world, mandate_id)
    world.quote()
    outcomes = world.desk.dispatch.execute(again.batch_id, again.attempt, world.service())
    assert (again.batch_id, again.attempt) == (batch.batch_id, 2)
    assert [o.replayed for o in outcomes] == [True, False, False]
    assert len({o.sealed_size for o in outcomes}) == 1
    assert (len(world.fills()), len(world.notes()) - notes) == (3, 4)


def test_a_request_refused_in_one_batch_may_be_tried_in_the_next(world: World) -> None:
    """Dispatch I4: without a quote the approval is not spent; later it is executed."""
    request_id, mandate_id = world.approved(quantity=2), world.mandate()
    quotes, world.feed.quotes = world.feed.quotes, {}
    first = claimed(world, mandate_id)
    [refused] = world.desk.dispatch.execute(first.batch_id, 1, world.service())
    assert code(refused.refusal) == "NO_QUOTE"
    assert world.desk.dispatch.due(mandate_id) == (request_id,)
    world.feed.quotes = quotes
    second = claimed(world, mandate_id)
    [outcome] = world.desk.dispatch.execute(second.batch_id, 1, world.service())
    assert outcome.accepted
    assert world.desk.dispatch.due(mandate_id) == ()


def test_an_unknown_batch_is_refused_on_the_record(world: World) -> None:
    """TX-Z12 of the dispatcher: a hand-started run for an unknown id leaves a refusal."""
    size = len(world.log())
    [outcome] = world.desk.dispatch.execute("bat_none", 1, world.service())
    assert code(outcome.refusal) == "NOT_FOUND"
    assert len(world.log()) == size + 1


def test_what_is_not_approved_or_outside_the_mandate_is_not_due(world: World) -> None:
    """Dispatch I1: a pending request and another strategy's request both wait."""
    world.requested(quantity=2)
    world.approved(quantity=2)
    other = world.mandate(strategies=("another",))
    outcome = world.desk.dispatch.claim(other, world.service(), key=world.key())
    assert code(outcome.refusal) == "NOTHING_DUE"


def test_only_a_service_claims(world: World) -> None:
    """An operator submits by hand; batches are the platform's."""
    world.approved(quantity=2)
    outcome = world.desk.dispatch.claim(world.mandate(), world.actor("operator"), key=world.key())
    assert code(outcome.refusal) == "SERVICE_ONLY"


def test_a_person_cannot_submit_under_another_persons_mandate(world: World) -> None:
    """TX-F20: the requester names the operator's mandate and is refused."""
    request_id, mandate_id = world.approved(quantity=2), world.mandate()
    asked = Submission(approval_request_id=request_id, quantity=Decimal(2), mandate_id=mandate_id)
    outcome = world.desk.orders.submit(asked, world.actor("quant"), key=world.key())
    assert code(outcome.refusal) == "MANDATE_NOT_OWN"


def test_a_service_without_a_mandate_submits_nothing(world: World) -> None:
    """Mandates I2: a service has no person and no right of its own."""
    asked = Submission(approval_request_id=world.approved(quantity=2), quantity=Decimal(2))
    outcome = world.desk.orders.submit(asked, world.service(), key=world.key())
    assert code(outcome.refusal) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"orders_max": 1}, "MANDATE_USED_UP"),
        ({"tx_equivalent_max": Decimal("0.05")}, "MANDATE_SCOPE"),
    ],
)
def test_the_bounds_of_a_mandate_hold_for_each_order(
    world: World, bounds: dict[str, object], reason: str
) -> None:
    """Mandate: the second order over the count, or any above the exposure, is refused."""
    for _ in range(2):
        world.approved(quantity=2)
    batch = claimed(world, world.mandate(**bounds))
    outcomes = world.desk.dispatch.execute(batch.batch_id, 1, world.service())
    assert code(outcomes[-1].refusal) == reason
    with world.store.reader() as reader:
        last = reader.get(ApprovalRequest, batch.request_ids[-1])
    assert last is not None
    assert last.consumed_by_order is None


def test_protected_orders_go_out_with_the_points_of_the_mandate(world: World) -> None:
    """Trading 1.5, TX-F18: an operator signs the points once, and orders under them fill."""
    request_id = approved_as(world, **MWP)
    batch = claimed(world, world.mandate(protection_points=Decimal(3)))
    assert batch.request_ids == (request_id,)
    [outcome] = world.desk.dispatch.execute(batch.batch_id, 1, world.service())
    order = world.order(world.done(outcome))
    assert (order.order_type, order.protection_points) == (OrderType.MWP, Decimal(3))
    assert order.cum_quantity == order.quantity
    assert world.verdict().outcome == "ok"


def test_a_mandate_without_points_leaves_protected_orders_to_a_person(world: World) -> None:
    """Trading 1.5: such a request is outside the mandate; others are claimed as before."""
    protected, other = approved_as(world, **MWP), world.approved(quantity=2)
    mandate_id = world.mandate()
    assert world.desk.dispatch.due(mandate_id) == (other,)
    told = {"mandate_id": mandate_id, "protection_points": Decimal(3)}
    asked = Submission.model_validate(
        {"approval_request_id": protected, "quantity": Decimal(4), **told}
    )
    outcome = world.desk.orders.submit(asked, world.service(), key=world.key())
    assert code(outcome.refusal) == "MANDATE_SCOPE"


def test_a_mandate_ends_when_it_is_revoked_or_over(world: World) -> None:
    """Mandate: revoked by an operator; over at its end, half-open."""
    world.approved(quantity=2)
    mandate_id = world.mandate(valid_until=world.clock.now() + timedelta(seconds=30))
    batch = claimed(world, mandate_id)
    world.after(30)
    world.quote()
    [late] = world.desk.dispatch.execute(batch.batch_id, 1, world.service())
    assert code(late.refusal) == "MANDATE_EXPIRED"
    again = world.mandate()
    world.done(world.desk.mandates.revoke(again, world.actor("operator"), key=world.key()))
    twice = world.desk.mandates.revoke(again, world.actor("operator"), key=world.key())
    assert code(twice.refusal) == "MANDATE_EXPIRED"


def test_a_forged_or_foreign_mandate_is_not_recorded(world: World) -> None:
    """Mandates I1: the signature covers every bound."""
    mandate_id = world.mandate()
    with world.store.reader() as reader:
        mandate = reader.get(SubmitMandate, mandate_id)
    assert mandate is not None
    wider = mandate.amended(mandate_id="mandate-wider", orders_max=9_999)
    issue = world.desk.mandates.issue
    forged = issue(wider, world.actor("operator"), key=world.key())
    assert code(forged.refusal) == "MANDATE_INVALID"
    foreign = issue(wider, world.actor("risk"), key=world.key())
    assert code(foreign.refusal) == "MANDATE_NOT_OWN"
    twice = issue(mandate, world.actor("operator"), key=world.key())
    assert code(twice.refusal) == "MANDATE_EXISTS"


def test_a_request_drafted_from_a_signal_asks_the_same_when_its_key_is_repeated(
    world: World,
) -> None:
    """TX-E5, TX-E6: side, exposure and notional are computed; a retry later changes nothing."""
    signal = world.signal()
    terms = RequestTerms(
        account_id="acct-paper-1",
        symbol="TMF202601",
        max_quantity=Decimal(5),
        price=Decimal(20_000),
        request_reason="momentum after the opening",
        author_ids=("author",),
    )
    ask = world.desk.intake.request
    quant, now = world.actor("quant"), world.clock.now()
    first = ask(signal.signal_id, terms, quant, now=now, key="ask")
    world.after(5)
    second = ask(signal.signal_id, terms, quant, now=world.clock.now(), key="ask")
    assert second.accepted
    assert (second.subject_id, second.replayed) == (first.subject_id, True)
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, first.subject_id)
    assert request is not None
    bound = request.payload
    assert (bound.side.value, bound.tx_equivalent, bound.notional) == (
        "BUY",
        Decimal("0.25"),
        Decimal(1_000_000),
    )
