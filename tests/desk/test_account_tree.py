"""Accounts, their groups and their tenant: what counts together, and what never does."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.exposure import risk_snapshot
from counterseal.desk.risk_switches import SwitchOrder
from counterseal.kernel.money import Currency
from counterseal.policy.desk_limits import FurtherCheck, NamedLimit
from counterseal.policy.words import DecisionWord
from counterseal.portfolio.model import MAIN_GROUP
from counterseal.risk.facts import FurtherFacts, TradingState
from counterseal.risk.model import Check, RiskEvaluation
from counterseal.risk.switches import RiskScope
from counterseal.signals.intent import PaperOrderIntent
from tests.world import ACCOUNT, World

SECOND = "acct-2"
TENANT = "tenant-1"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def opened(world: World, group: str = MAIN_GROUP, tenant: str = TENANT) -> Outcome:
    return world.desk.setup.open_account(
        SECOND,
        tenant,
        Currency.TWD,
        Decimal(1_000_000),
        world.actor("operator"),
        key=world.key(),
        group=group,
    )


def under(world: World, **limits: tuple[str, str]) -> None:
    """The same home under a limit of a group, of a tenant, or both."""
    bench = world.desk.bench
    tables = {n: (NamedLimit(name=k, limit=Decimal(v)),) for n, (k, v) in limits.items()}
    ruled = bench.bundle.limits.amended(desk=bench.bundle.limits.desk.amended(**tables))
    world.desk = Desk(replace(bench, bundle=bench.bundle.amended(limits=ruled)))


def traded(world: World, account: str, quantity: int) -> Outcome:
    world.after(1)
    world.quote()
    payload = world.payload(world.signal(), quantity=quantity).amended(account_id=account)
    asked = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    request = world.done(asked)
    world.done(world.reviewed(request, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request, "risk", DecisionWord.APPROVED_FOR_PAPER))
    return world.submitted(request, quantity=quantity)


def codes(outcome: Outcome) -> tuple[str, ...]:
    return () if outcome.refusal is None else outcome.refusal.codes


def told(world: World) -> Check:
    with world.store.reader() as reader:
        judged = max(reader.find(RiskEvaluation), key=lambda e: (e.evaluated_at, e.evaluation_id))
    name = FurtherCheck.GROUP_POSITION
    return next(check for check in judged.further_checks if check.name is name)


def facts(world: World) -> FurtherFacts:
    with world.store.reader() as reader:
        intent = reader.find(PaperOrderIntent, account_id=ACCOUNT)[0]
        return risk_snapshot(reader, world.desk.bench, intent, world.clock.now()).further


@pytest.mark.parametrize(
    ("table", "name", "scope"),
    [
        ("account_group_position_max", MAIN_GROUP, f"account_group:{MAIN_GROUP}"),
        ("account_group_position_max", "*", f"account_group:{MAIN_GROUP}"),
        ("tenant_position_max", TENANT, f"tenant:{TENANT}"),
    ],
)
def test_two_accounts_together_reach_the_limit_that_neither_reaches_alone(
    world: World, table: str, name: str, scope: str
) -> None:
    """TX-L2:account_hierarchy_enabled: 0.2 and 0.15 beyond 0.3 are refused, 0.2 and 0.1 pass."""
    world.done(opened(world))
    under(world, **{table: (name, "0.3")})
    world.done(traded(world, ACCOUNT, 4))
    over = traded(world, SECOND, 3)
    numbers = {detail.name: detail.value for detail in told(world).details}

    assert codes(over) == ("GROUP_POSITION",)
    assert numbers["scope"] == scope
    assert Decimal(numbers["projected_tx_equivalent"]) == Decimal("0.35")
    assert Decimal(numbers["limit_tx_equivalent"]) == Decimal("0.3")
    assert codes(traded(world, SECOND, 2)) == ()


def test_an_account_of_another_group_counts_elsewhere(world: World) -> None:
    """TX-L2:account_hierarchy_enabled: a group's limit bounds its own accounts only."""
    world.done(opened(world, group="another"))
    under(world, account_group_position_max=(MAIN_GROUP, "0.2"))
    world.done(traded(world, ACCOUNT, 4))

    assert codes(traded(world, SECOND, 4)) == ()
    assert codes(traded(world, ACCOUNT, 1)) == ("GROUP_POSITION",)


def test_without_a_limit_of_its_own_the_contracts_group_alone_is_asked(world: World) -> None:
    """TX-H: as before; the record names the index futures."""
    world.done(traded(world, ACCOUNT, 1))
    numbers = {detail.name: detail.value for detail in told(world).details}

    assert numbers["scope"] == "TAIEX_FUTURES"


def test_what_another_tenant_holds_orders_and_halts_counts_nowhere(world: World) -> None:
    """TX-L2:tenant_isolated_risk_state_enabled: two tenants in one store, from both sides."""
    world.done(opened(world))
    world.done(traded(world, ACCOUNT, 1))
    alone = facts(world)
    world.done(traded(world, SECOND, 2))
    for scope, subject in ((RiskScope.ALL, None), (RiskScope.STRATEGY, "mean-reversion")):
        halt = SwitchOrder(scope=scope, subject=subject, state=TradingState.HALTED, reason="drill")
        world.done(world.desk.switches.switch(halt, world.actor("risk"), key=world.key()))
    together = facts(world)
    world.forge("UPDATE accounts SET tenant = 'tenant-2' WHERE account_id = ?", SECOND)
    world.forge(
        "UPDATE strategy_exposures SET contracts = '1' WHERE tenant = ?", TENANT
    )  # what the fills of this tenant's account come to
    world.forge("UPDATE risk_switches SET tenant = 'tenant-2', switch_id = switch_id || '2'")
    apart = facts(world)

    assert together.trading_state is TradingState.HALTED
    for name in ("strategy", "instrument", "group", "account_group", "tenant"):
        assert getattr(together, name) != getattr(alone, name), name
        assert getattr(apart, name) == getattr(alone, name), name
    assert (apart.trading_state, apart.state_scopes) == (TradingState.ACTIVE, ())


def test_nobody_opens_switches_or_reports_for_another_tenant(world: World) -> None:
    """TX-L2:tenant_isolated_risk_state_enabled: refused and on record, whatever the role."""
    assert codes(opened(world, tenant="tenant-2")) == ("OTHER_TENANT",)
    world.done(opened(world))
    world.forge("UPDATE accounts SET tenant = 'tenant-2' WHERE account_id = ?", SECOND)
    setup, operator = world.desk.setup, world.actor("operator")
    halt = SwitchOrder(
        scope=RiskScope.ACCOUNT, subject=SECOND, state=TradingState.HALTED, reason="drill"
    )
    answers = (
        setup.switch(SECOND, operator, active=True, reason="drill", key=world.key()),
        setup.heartbeat(SECOND, operator, healthy=False, key=world.key()),
        world.desk.switches.switch(halt, operator, key=world.key()),
    )

    assert [codes(one) for one in answers] == [("OTHER_TENANT",)] * len(answers)
