"""Random walks over a real home: whatever people, market, gateway and clock do, the books hold."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.broker.model import Fill, SimulationOutcome
from counterseal.desk.commands import Outcome
from counterseal.desk.orders import Submission
from counterseal.desk.replacing import Replacement
from counterseal.oms.model import Order, OrderEvent
from counterseal.policy.words import DecisionWord
from counterseal.signals.model import Direction
from tests.desk.gateway_room import GatewayRoom
from tests.desk.test_bookkeeping import sound
from tests.world import World

HOUR, SESSION = 3_600, 6 * 3_600
Act = Callable[[], Outcome]
picks = st.integers(0, 99)


class DeskWalk(RuleBasedStateMachine):
    """One account; commands come in any order, some of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.world = World(Path(self.folder.name) / "home")
        self.room = GatewayRoom(self.world)
        self.requests: list[str] = []
        self.last: tuple[Act, Outcome] | None = None

    def teardown(self) -> None:
        assert self.world.verdict().exit_status == 0
        self.world.store.close()
        self.folder.cleanup()

    def _orders(self) -> tuple[Order, ...]:
        with self.world.store.reader() as reader:
            return reader.find(Order)

    def _picked(self, pick: int) -> str:
        orders = self._orders()
        return orders[pick % len(orders)].order_id

    def _has_orders(self) -> bool:
        return bool(self._orders())

    def _act(self, act: Act) -> None:
        self.last = (act, act())

    @rule(quantity=st.integers(1, 4), falls=st.booleans(), whole=st.booleans())
    def a_request_is_reviewed(self, quantity: int, *, falls: bool, whole: bool) -> None:
        direction = Direction.SHORT if falls else Direction.LONG
        request_id = self.world.requested(quantity=quantity, direction=direction)
        self.requests.append(request_id)
        self.world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED)
        if whole:
            self.world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER)

    @precondition(lambda self: self.requests)
    @rule(pick=picks, quantity=st.integers(1, 5), rests=st.booleans(), away=st.booleans())
    def an_order_is_submitted(self, pick: int, quantity: int, *, rests: bool, away: bool) -> None:
        world, key = self.world, self.world.key()
        asked = Submission(
            approval_request_id=self.requests[pick % len(self.requests)],
            quantity=Decimal(quantity),
            selected_outcome=SimulationOutcome.ACKNOWLEDGE if rests and not away else None,
        )
        orders = world.desk.orders
        send = orders.enqueue if away else orders.submit
        self._act(lambda: send(asked, world.actor("operator"), key=key))

    @precondition(_has_orders)
    @rule(pick=picks)
    def an_order_is_cancelled(self, pick: int) -> None:
        world, order_id, key = self.world, self._picked(pick), self.world.key()
        cancel = world.desk.lifecycle.cancel
        self._act(lambda: cancel(order_id, world.actor("operator"), reason="enough", key=key))

    @precondition(_has_orders)
    @rule(pick=picks, quantity=st.integers(1, 5))
    def an_order_is_replaced(self, pick: int, quantity: int) -> None:
        world, key = self.world, self.world.key()
        asked = Replacement(order_id=self._picked(pick), quantity=Decimal(quantity))
        replace = world.desk.replacing.replace
        self._act(lambda: replace(asked, world.actor("operator"), reason="another size", key=key))

    @precondition(_has_orders)
    @rule(pick=picks, price=st.integers(19_990, 20_010), size=st.integers(1, 4))
    def the_market_comes(self, pick: int, price: int, size: int) -> None:
        world, order_id, key = self.world, self._picked(pick), self.world.key()
        world.after(1)
        world.quote(bid=str(price - 1), ask=str(price), size=size)
        self._act(lambda: world.desk.lifecycle.work(order_id, world.service(), key=key))

    @precondition(_has_orders)
    @rule(pick=picks)
    def an_order_is_marked(self, pick: int) -> None:
        world, key = self.world, self.world.key()
        order = world.order(self._picked(pick))
        mark = partial(
            world.desk.lifecycle.mark_timeout,
            workflow_run_id=order.workflow_run_id,
            reason="too long",
            key=key,
        )
        self._act(lambda: mark(order.order_id, world.actor("operator")))

    @rule(seconds=st.sampled_from((0, 40, HOUR, SESSION)))
    def time_passes(self, seconds: int) -> None:
        self.world.after(seconds)
        self.world.desk.expiry.expire_session_orders(self.world.service())
        self.world.quote()

    @rule(contracts=st.integers(1, 4))
    def the_gateway_works(self, contracts: int) -> None:
        self.room.delivered()
        for order_id, held in self.room.gateway.held.items():
            if held.leaves:
                self.room.gateway.trade(order_id, min(contracts, int(held.leaves)))
        self.room.polled()

    @rule()
    def the_gateway_repeats_itself(self) -> None:
        before = self._orders()
        service = self.world.service()
        self.room.ingesting.poll(service)
        known = self._orders()
        self.room.ingesting.take(tuple(reversed(self.room.gateway.sent)), service)

        assert {o.order_id for o in before} == {o.order_id for o in known}
        assert self._orders() == known

    @precondition(lambda self: self.last is not None)
    @rule()
    def the_last_command_comes_again(self) -> None:
        assert self.last is not None
        act, first = self.last
        before, size = self._orders(), len(self.world.log())
        again = act()

        assert (again.subject_id, again.refusal) == (first.subject_id, first.refusal)
        assert again.replayed
        assert (self._orders(), len(self.world.log())) == (before, size)

    @invariant()
    def the_books_follow_from_the_fills(self) -> None:
        """Trading part 6: cash = ledger, position = fills, each cost once."""
        sound(self.world)

    @invariant()
    def an_order_is_the_sum_of_its_fills(self) -> None:
        """Trading 3.3 rule 1: filled, working and rest make the quantity; events without a gap."""
        with self.world.store.reader() as reader:
            for order in reader.find(Order):
                fills = reader.find(Fill, order_id=order.order_id)
                events = reader.find(OrderEvent, order_id=order.order_id)
                parts = (order.cum_quantity, order.leaves_quantity, order.rest_quantity)
                assert sum(parts) == order.quantity
                assert sum(fill.last_quantity for fill in fills) == order.cum_quantity
                assert [e.sequence for e in events] == list(range(1, order.event_sequence + 1))

    @invariant()
    def no_order_is_without_its_own_approval(self) -> None:
        """TX-G4: both stages signed, within the approved quantity, each approval used once."""
        with self.world.store.reader() as reader:
            orders = reader.find(Order)
            for order in orders:
                request = reader.get(ApprovalRequest, order.approval_request_id)
                assert request is not None
                signed = reader.find(ApprovalDecision, approval_request_id=request.key)
                assert len({decision.key for decision in signed}) == 2
                assert request.orders == (order.order_id,)
                assert order.quantity <= request.payload.max_quantity
        keys = Counter(order.idempotency_key for order in orders)
        assert all(times == 1 for times in keys.values())


DeskWalk.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestDeskWalk = DeskWalk.TestCase
