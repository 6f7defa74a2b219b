"""Trading states, kill switches with a scope, counters and aggregates, on the real store."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from counterseal.audit.privacy import Opening
from counterseal.desk.commands import Outcome
from counterseal.desk.exposure import risk_snapshot
from counterseal.desk.ports import Reader, Wanted
from counterseal.desk.risk_switches import SwitchOrder
from counterseal.kernel.model import Document
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.risk.counters import RiskCounters, StrategyExposure
from counterseal.risk.facts import TradingState
from counterseal.risk.model import Check, RiskEvaluation, RiskState
from counterseal.risk.switches import RiskScope, RiskSwitch
from counterseal.signals.intent import PaperOrderIntent
from counterseal.signals.model import Direction
from storage.rows import INDEXED
from tests.world import ACCOUNT, SYMBOL, World

D = TypeVar("D", bound=Document)

STRATEGY = "mean-reversion"
SCOPES = [
    (RiskScope.ACCOUNT, ACCOUNT),
    (RiskScope.STRATEGY, STRATEGY),
    (RiskScope.ALL, None),
]
ELSEWHERE = [(RiskScope.STRATEGY, "another"), (RiskScope.STRATEGY, ACCOUNT)]
LONG, SHORT = Direction.LONG, Direction.SHORT


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def switched(
    world: World, scope: RiskScope, subject: str | None, by: str = "risk", **told: object
) -> Outcome:
    asked = SwitchOrder.model_validate(
        {"scope": scope, "subject": subject, "reason": "drill", **told}
    )
    return world.desk.switches.switch(asked, world.actor(by), key=world.key())


def traded(world: World, direction: Direction, quantity: int) -> Outcome:
    request = world.approved(quantity=quantity, direction=direction)
    world.after(1)  # the newest evaluation is told by its time
    world.quote()
    return world.submitted(request, quantity=quantity)


def codes(outcome: Outcome) -> tuple[str, ...]:
    return () if outcome.refusal is None else outcome.refusal.codes


def newest(world: World) -> RiskEvaluation:
    with world.store.reader() as reader:
        return max(reader.find(RiskEvaluation), key=lambda e: (e.evaluated_at, e.evaluation_id))


def further(world: World, name: FurtherCheck) -> Check:
    return next(check for check in newest(world).further_checks if check.name is name)


@pytest.mark.parametrize(("scope", "subject"), SCOPES)
def test_halted_takes_no_order_and_active_takes_it_again(
    world: World, scope: RiskScope, subject: str | None
) -> None:
    """TX-H: HALTED for account, strategy or all stops also what would reduce."""
    world.done(traded(world, LONG, 2))
    world.done(switched(world, scope, subject, state=TradingState.HALTED))
    assert codes(traded(world, LONG, 1)) == ("TRADING_STATE",)
    assert codes(traded(world, SHORT, 1)) == ("TRADING_STATE",)
    world.done(switched(world, scope, subject, state=TradingState.ACTIVE))
    assert traded(world, SHORT, 1).accepted


@pytest.mark.parametrize(("scope", "subject"), SCOPES)
def test_reducing_lets_only_reducing_orders_through(
    world: World, scope: RiskScope, subject: str | None
) -> None:
    """TX-H: more, and a flip, are refused; part of it and all of it pass; then nothing opens."""
    world.done(traded(world, LONG, 3))
    world.done(switched(world, scope, subject, state=TradingState.REDUCING))
    assert codes(traded(world, LONG, 1)) == ("TRADING_STATE",)
    assert codes(traded(world, SHORT, 4)) == ("TRADING_STATE",)
    assert traded(world, SHORT, 1).accepted
    assert traded(world, SHORT, 2).accepted
    assert codes(traded(world, SHORT, 1)) == ("TRADING_STATE",)
    assert codes(traded(world, LONG, 1)) == ("TRADING_STATE",)


def test_reducing_counts_what_already_works_on_the_side(world: World) -> None:
    """TX-H: two resting sells of two would flip a position of three."""
    world.done(traded(world, LONG, 3))
    world.done(switched(world, RiskScope.ALL, None, state=TradingState.REDUCING))
    first, second = (world.approved(quantity=2, direction=SHORT) for _ in range(2))
    world.quote(size=0)
    world.done(world.submitted(first, quantity=2))
    assert codes(world.submitted(second, quantity=2)) == ("TRADING_STATE",)


@pytest.mark.parametrize(("scope", "subject"), ELSEWHERE)
def test_a_switch_of_somebody_else_stops_nothing(
    world: World, scope: RiskScope, subject: str
) -> None:
    """TX-H13: a scope is exact; a strategy of an account's name is no account."""
    world.done(switched(world, scope, subject, state=TradingState.HALTED, kill_switch=True))
    assert traded(world, LONG, 1).accepted


@pytest.mark.parametrize(("scope", "subject"), SCOPES)
def test_a_kill_switch_of_each_scope_stops_orders_until_it_is_lifted(
    world: World, scope: RiskScope, subject: str | None
) -> None:
    """TX-H13: with scope account, strategy, all."""
    world.done(switched(world, scope, subject, by="operator", kill_switch=True))
    assert codes(traded(world, LONG, 1)) == ("KILL_SWITCH",)
    world.done(switched(world, scope, subject, kill_switch=False))
    assert traded(world, LONG, 1).accepted


def test_the_kill_switch_of_an_account_has_one_truth(world: World) -> None:
    """TX-H13: both commands set the account's risk state, and no second document."""
    world.done(switched(world, RiskScope.ACCOUNT, ACCOUNT, kill_switch=True))
    with world.store.reader() as reader:
        state = reader.get(RiskState, ACCOUNT)
        assert state is not None
        assert state.kill_switch_active
        assert reader.find(RiskSwitch) == ()


def test_stopping_is_open_to_operators_and_freeing_to_reviewers_alone(world: World) -> None:
    """TX-H: an operator may halt and may not set ACTIVE; a requester may do neither."""
    everything = (RiskScope.ALL, None)
    halted, active = TradingState.HALTED, TradingState.ACTIVE
    assert codes(switched(world, *everything, by="quant", state=halted)) == ("ROLE",)
    world.done(switched(world, *everything, by="operator", state=halted))
    assert codes(switched(world, *everything, by="operator", state=active)) == ("ROLE",)
    lifted = switched(world, *everything, by="operator", kill_switch=False)
    assert codes(lifted) == ("ROLE",)
    world.done(switched(world, *everything, by="compliance", state=active))


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"scope": RiskScope.ALL, "subject": "x", "kill_switch": True}, "SCOPE_SUBJECT"),
        ({"scope": RiskScope.STRATEGY, "kill_switch": True}, "SCOPE_SUBJECT"),
        ({"scope": RiskScope.ALL}, "NOTHING_SWITCHED"),
        ({"scope": RiskScope.ACCOUNT, "subject": "nobody", "kill_switch": True}, "NOT_FOUND"),
    ],
)
def test_a_switch_that_says_too_little_or_too_much_is_refused(
    world: World, told: dict[str, object], code: str
) -> None:
    """TX-H13: refused and recorded."""
    asked = SwitchOrder.model_validate({"reason": "drill", **told})
    outcome = world.desk.switches.switch(asked, world.actor("risk"), key=world.key())
    assert codes(outcome) == (code,)


def test_a_restart_keeps_state_and_counts(world: World) -> None:
    """TX-H16: both follow from documents, which follow from the log."""
    world.done(traded(world, LONG, 2))
    world.done(switched(world, RiskScope.STRATEGY, STRATEGY, state=TradingState.REDUCING))
    world.store.close()
    world.reopen()
    assert codes(traded(world, LONG, 1)) == ("TRADING_STATE",)
    facts = newest(world).snapshot.further
    assert facts.state_scopes == (f"strategy:{STRATEGY}=REDUCING",)
    assert (facts.orders_today, newest(world).snapshot.seen_idempotency_keys) == (1, 1)


def test_counts_grow_with_orders_and_cancels_and_nothing_else_does(world: World) -> None:
    """TX-H16: one document an account, whatever was sent; the same order counts as repeated."""
    for _ in range(2):
        request = world.approved(quantity=1)
        world.quote(size=0)
        order = world.done(world.submitted(request, quantity=1))
    world.done(
        world.desk.lifecycle.cancel(order, world.actor("operator"), reason="x", key=world.key())
    )
    with world.store.reader() as reader:
        [counters] = reader.find(RiskCounters)
    assert (counters.orders_total, counters.orders_today, counters.cancels_today) == (2, 2, 1)
    assert counters.repeats == 2
    world.done(traded(world, SHORT, 1))
    facts = newest(world).snapshot.further
    assert (facts.orders_today, facts.cancels_today, facts.active_orders) == (2, 1, 1)
    assert facts.repeats == 0


def test_a_strategys_holding_follows_its_fills(world: World) -> None:
    """TX-H12: over all accounts, signed, in contracts of each symbol."""
    world.done(traded(world, LONG, 3))
    world.done(traded(world, SHORT, 1))
    with world.store.reader() as reader:
        [held] = reader.find(StrategyExposure)
    assert (held.strategy_id, held.symbol, str(held.contracts)) == (STRATEGY, SYMBOL, "2")
    world.done(traded(world, LONG, 1))
    strategy = newest(world).snapshot.further.strategy
    assert strategy is not None
    assert str(strategy.position_tx_equivalent) == "0.1"


class Watched:
    """A reader that notes what is asked of it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.asked: list[tuple[str, frozenset[str]]] = []
        self.got = 0

    def get(self, kind: type[D], key: str) -> D | None:
        self.got += 1
        return self._reader.get(kind, key)

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        self.asked.append((kind.KIND, frozenset(equal)))
        return self._reader.find(kind, **equal)

    def count(self, kind: type[D], **equal: Wanted) -> int:
        raise AssertionError(f"{kind.KIND} counted: {equal}")

    def opened(self, commitment: str) -> Opening | None:
        return self._reader.opened(commitment)


def test_the_facts_of_an_order_are_read_by_key_or_index(world: World) -> None:
    """TX-G14, AS-20: no question grows with the orders of the past, and there are few."""
    order = world.done(traded(world, LONG, 2))
    with world.store.reader() as reader:
        intent = reader.get(PaperOrderIntent, order)
        assert intent is not None
        watched = Watched(reader)
        risk_snapshot(watched, world.desk.bench, intent, world.clock.now())
    whole = {"positions"}  # one row for each account and symbol, whatever was traded

    for kind, fields in watched.asked:
        assert kind in whole or fields & set(INDEXED[kind]), (kind, fields)
    assert len(watched.asked) <= 7
    assert watched.got <= 10


def test_of_two_orders_in_flight_only_one_sees_room(world: World) -> None:
    """TX-H12, AS-4: decided and reserved in one transaction, from two threads."""
    requests = [world.approved(quantity=5) for _ in range(2)]
    world.quote(size=10)
    keys = [world.key() for _ in requests]

    def submit(place: int) -> Outcome:
        return world.submitted(requests[place], quantity=5, key=keys[place])

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(submit, range(2)))
    refused = [codes(outcome) for outcome in outcomes if not outcome.accepted]
    assert len(refused) == 1
    assert refused[0] == ("POSITION_LIMIT",)


def test_as4_of_six_orders_of_a_quarter_only_the_first_passes(world: World) -> None:
    """AS-4: and each refused one says how far it would have gone."""
    requests = [world.approved(quantity=5) for _ in range(6)]
    accepted = []
    for request in requests:
        world.quote()
        accepted.append(world.submitted(request, quantity=5).accepted)
    assert accepted == [True] + [False] * 5


def test_the_real_margin_stands_beside_the_proxy_as_unknown(world: World) -> None:
    """TX-H9, part 1.2: no row covers 2026; the policy warns and the record says so."""
    world.done(traded(world, LONG, 1))
    check = further(world, FurtherCheck.FREE_BALANCE)
    told = {d.name: d.value for d in check.details}
    assert newest(world).approved
    assert (check.passed, check.skipped, check.effect.value) == (False, False, "warn")
    assert told["initial_margin_twd"] == "unknown"
    assert told["margin_day"] == "2026-01-05"
