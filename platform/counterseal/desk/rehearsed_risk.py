"""A rehearsal of risk across accounts: a tree of limits, tenants apart, losses between orders.

Job: try out on a throw-away store what flags about risk beyond one account claim.

Invariants
  I1  What could not be tried is told as such.
  I2  Limits are judged by the functions that judge orders, on the positions of the house.
  I3  Every account is as free in the end as it was before.

Not here: orders at a gateway (desk.rehearsed_orders), the store (storage.scratch).
Source: TX-L2.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final, NoReturn

from counterseal.audit.privacy import Opening
from counterseal.desk.bench import Bench
from counterseal.desk.exposure import net_position, risk_snapshot
from counterseal.desk.loss_watch import LossWatch
from counterseal.desk.ports import D, Reader, Wanted
from counterseal.desk.rehearsed_work import FIRST, codes_of, told_by
from counterseal.desk.risk_facts import open_orders
from counterseal.desk.risk_switches import SwitchOrder
from counterseal.desk.rounds import Rounds
from counterseal.desk.scratch import (
    ACCOUNT,
    OTHER_ACCOUNT,
    REVIEWER,
    SYMBOL,
    ScratchHouse,
    scratch_actor,
)
from counterseal.desk.views.risk import OrderQuestion, evaluate_question
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document, Refusal
from counterseal.kernel.money import EXACT, Currency
from counterseal.market.ports import MarketFeed
from counterseal.market.quotes import Quote
from counterseal.policy.desk_limits import DeskLimits, FurtherCheck, LossState, NamedLimit
from counterseal.policy.limits import RiskLimits
from counterseal.portfolio.model import Account, Position
from counterseal.readiness.model import Exercise, Exercised
from counterseal.risk.counters import StrategyExposure, exposure_id
from counterseal.risk.facts import FurtherFacts, TradingState
from counterseal.risk.losses import AccountLoss, LossLevel
from counterseal.risk.switches import RiskScope, RiskSwitch, apply_switch
from counterseal.signals.intent import PaperOrderIntent, Side

ACROSS: Final = (
    Exercise.ACCOUNT_TREE_LIMITS,
    Exercise.TENANT_RISK_APART,
    Exercise.EQUITY_POLLED,
)
"""What a whole rehearsal of risk tells."""

_STRANGER: Final = "stranger"
_FALL: Final = Decimal(1_000)
"""Points by which the scratch market falls: more than any limit of the rehearsal lets pass."""

_SMALL_LOSS: Final = Decimal(100)
_LITTLE: Final = Decimal("0.01")
_SHARED: Final = ("trading_state", "strategy", "instrument", "group", "account_group", "tenant")
"""Facts of an order that accounts beside its own have a part in."""


class _Fallen:
    """A feed whose prices are so many points lower than another's."""

    def __init__(self, feed: MarketFeed, points: Decimal) -> None:
        self._feed = feed
        self._points = points

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The other feed's quote, lower."""
        found = self._feed.quote(symbol, now)
        if isinstance(found, Refusal):
            return found
        bid, ask = (EXACT.subtract(price, self._points) for price in (found.bid, found.ask))
        return found.amended(bid=bid, ask=ask, last=bid)


class _Beside:
    """A reader to whom some more documents lie in the store."""

    def __init__(self, reader: Reader, documents: Sequence[Document]) -> None:
        self._reader = reader
        self._more = documents

    def get(self, kind: type[D], key: str) -> D | None:
        """One of them, or what the store has."""
        own = (one for one in self._more if isinstance(one, kind) and one.key == key)
        return next(own, None) or self._reader.get(kind, key)

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        """What the store has, and those of them that fit."""
        more = [one for one in self._more if isinstance(one, kind)]
        fits = [o for o in more if all(_fits(getattr(o, n), v) for n, v in equal.items())]
        return (*self._reader.find(kind, **equal), *fits)

    def count(self, kind: type[D], **equal: Wanted) -> int:
        """How many there are."""
        return len(self.find(kind, **equal))

    def opened(self, commitment: str) -> Opening | None:
        """As the store has it."""
        return self._reader.opened(commitment)


def _fits(value: object, wanted: Wanted) -> bool:
    return value in wanted if isinstance(wanted, tuple) else value == wanted


class RiskRehearsal:
    """Risk of a founded house whose two accounts both hold contracts; told as exercises."""

    def __init__(self, house: ScratchHouse) -> None:
        self._house = house
        self._bench = house.desk.bench
        self._told: list[Exercised] = []

    def run(self) -> tuple[Exercised, ...]:
        """Limits of groups, another tenant beside, and a market that falls."""
        steps = (self._tree, self._tenants, self._losses)
        return told_by(steps, self._told, ACROSS)

    def _tell(self, name: Exercise, passed: bool, evidence: str) -> None:
        self._told.append(Exercised(name=name, passed=passed, evidence=evidence))

    def _tree(self) -> None:
        """Two accounts together break their group's limit and their tenant's, none alone."""
        asked = _question(OTHER_ACCOUNT, Side.BUY)
        with self._bench.store.reader() as reader:
            facts = risk_snapshot(reader, self._bench, asked, self._house.now)
            both = all(net_position(reader, one) for one in (ACCOUNT, OTHER_ACCOUNT))
        group, tenant = facts.further.account_group, facts.further.tenant
        if group is None or tenant is None or not both:
            _stop("two accounts of a group hold nothing")
        each = self._ratio()
        most = EXACT.add(
            EXACT.add(group.position_tx_equivalent, group.working_long_tx_equivalent), each
        )
        alone = EXACT.add(
            EXACT.add(facts.position_tx_equivalent, facts.working_long_tx_equivalent), each
        )
        less = EXACT.subtract(most, _LITTLE)
        at = self._judged(account_group_position_max=_limit(group.name, most))
        over = self._judged(account_group_position_max=_limit(group.name, less))
        above = self._judged(tenant_position_max=_limit(tenant.name, less))
        other = self._judged(account_group_position_max=_limit("another", Decimal(0)))
        told = (
            f"{OTHER_ACCOUNT} asks for {each}: alone {alone}, with its group {most}; at a limit of"
            f" {most}: {at}, of {less} for the group: {over}, for the tenant: {above},"
            f" another group's limit: {other}"
        )
        refused = (over, above) == (f"account_group:{group.name}", f"tenant:{tenant.name}")
        passed = (at, other) == ("passed", "passed") and refused and alone <= less
        self._tell(Exercise.ACCOUNT_TREE_LIMITS, passed, told)

    def _judged(self, **limits: tuple[NamedLimit, ...]) -> str:
        """What GROUP_POSITION says of one more contract: `passed`, or the scope that refuses."""
        ruled = self._under(account_group_position_max=(), tenant_position_max=())
        ruled = ruled.amended(desk=ruled.desk.amended(**limits))
        with self._bench.store.reader() as reader:
            judged = evaluate_question(
                reader, self._bench, ruled, _question(OTHER_ACCOUNT, Side.BUY), self._house.now
            )
        if isinstance(judged, Refusal):
            _stop("a question was refused", judged.code)
        name = FurtherCheck.GROUP_POSITION
        check = next(one for one in judged.further_checks if one.name is name)
        scope = next((one.value for one in check.details if one.name == "scope"), "nobody")
        return scope if check.failed else "passed" if check.passed else "not judged"

    def _under(self, **changes: object) -> RiskLimits:
        limits = self._bench.bundle.limits
        return limits.amended(desk=limits.desk.amended(**changes))

    def _ratio(self) -> Decimal:
        intent = self._intent()
        return EXACT.divide(intent.tx_equivalent_exposure, intent.quantity)

    def _intent(self) -> PaperOrderIntent:
        with self._bench.store.reader() as reader:
            found = reader.find(PaperOrderIntent, account_id=OTHER_ACCOUNT)
        if not found:
            _stop("the other account has no order")
        return found[-1]

    def _tenants(self) -> None:
        """Another tenant's documents change no fact of an order; the own tenant's would."""
        house, intent = self._house, self._intent()
        with self._bench.store.reader() as reader:
            owner = reader.get(Account, intent.account_id)
            if owner is None:
                _stop("an account is gone")
            alone = risk_snapshot(reader, self._bench, intent, house.now)
            strange, own = (
                risk_snapshot(
                    _Beside(reader, self._beside(reader, intent, tenant)),
                    self._bench,
                    intent,
                    house.now,
                )
                for tenant in (_STRANGER, owner.tenant)
            )
        moved = _moved(alone.further, own.further)
        opened = house.desk.setup.open_account(
            _STRANGER, _STRANGER, Currency.TWD, Decimal(1), house.operator, key=house.key()
        )
        told = (
            f"an account, position, order, holding and halts of another tenant: facts equal"
            f" {strange == alone}; of the own tenant they move {', '.join(moved) or 'nothing'};"
            f" opening an account there: {', '.join(codes_of(opened)) or 'accepted'}"
        )
        passed = strange == alone and moved == _SHARED and "OTHER_TENANT" in codes_of(opened)
        self._tell(Exercise.TENANT_RISK_APART, passed, told)

    def _beside(
        self, reader: Reader, intent: PaperOrderIntent, tenant: str
    ) -> tuple[Document, ...]:
        """Another account of a tenant that trades the same, and halts of that tenant."""
        named = {"account_id": _STRANGER}
        account = reader.get(Account, intent.account_id)
        held = reader.find(Position, account_id=intent.account_id)
        resting = [one for one in open_orders(reader) if one.account_id == intent.account_id]
        if account is None or not held or not resting:
            _stop("nothing is held or rests")
        holding = StrategyExposure(
            exposure_id=exposure_id(tenant, intent.strategy_id, _STRANGER),
            tenant=tenant,
            strategy_id=intent.strategy_id,
            symbol=intent.symbol,
            contracts=Decimal(7),
            tx_equivalent=held[0].tx_equivalent,
            updated_at=self._house.now,
        )
        return (
            account.amended(**named, tenant=tenant),
            held[0].amended(**named, position_id=f"{_STRANGER}:{held[0].symbol}"),
            resting[0].amended(**named, order_id=_STRANGER),
            holding,
            *_halts(tenant, intent.strategy_id, self._house.now),
        )

    def _losses(self) -> None:
        """The market falls between two orders: equity follows, and the account may only reduce."""
        house = self._house
        bench = self._tight(self._bench)
        fallen = replace(bench, feed=_Fallen(bench.feed, _FALL))
        with self._bench.store.reader() as reader:
            held = reader.find(Position, account_id=ACCOUNT, symbol=SYMBOL)
        contracts = sum((one.quantity * one.multiplier for one in held), Decimal(0))
        before, after = (
            LossWatch(one, Rounds(one)).facts(ACCOUNT, house.now) for one in (bench, fallen)
        )
        watch = LossWatch(fallen, Rounds(fallen))
        codes = codes_of(*watch.look(house.service(FIRST)))
        again = watch.look(house.service(FIRST))
        with self._bench.store.reader() as reader:
            seen = reader.get(AccountLoss, ACCOUNT)
        opens, reduces = (self._state_lets(fallen, side) for side in (Side.BUY, Side.SELL))
        self._free()
        if before is None or after is None or before.equity is None or after.equity is None:
            _stop("the equity is not known")
        moved = EXACT.subtract(after.equity, before.equity)
        level = "none" if seen is None else f"{seen.level}, {seen.state}"
        told = (
            f"{_FALL} points down: equity moved by {moved}; level {level}; an opening order passes:"
            f" {opens}, a reducing one: {reduces}; looked again: {len(again)} records"
        )
        crossed = seen is not None and seen.level is LossLevel.CROSSED and not codes
        follows = bool(contracts) and moved == -_FALL * contracts
        passed = follows and crossed and not opens and reduces and not again
        self._tell(Exercise.EQUITY_POLLED, passed, told)

    def _tight(self, bench: Bench) -> Bench:
        """The same bench under a loss limit that the fall crosses; the policy's word on it, too."""
        desk: DeskLimits = bench.bundle.limits.desk
        state = desk.loss_state or LossState.REDUCING
        limits = self._under(loss_state=state, portfolio_loss_max_twd=_SMALL_LOSS)
        return replace(bench, bundle=bench.bundle.amended(limits=limits))

    def _state_lets(self, bench: Bench, side: Side) -> bool:
        with bench.store.reader() as reader:
            judged = evaluate_question(
                reader, bench, bench.bundle.limits, _question(ACCOUNT, side), self._house.now
            )
        if isinstance(judged, Refusal):
            _stop("a question was refused", judged.code)
        name = FurtherCheck.TRADING_STATE
        return next(one.passed for one in judged.further_checks if one.name is name)

    def _free(self) -> None:
        """The market is back, and a risk reviewer sets both accounts free again."""
        house = self._house
        LossWatch(self._bench, Rounds(self._bench)).look(house.service(FIRST))
        for account in (ACCOUNT, OTHER_ACCOUNT):
            asked = SwitchOrder(
                scope=RiskScope.ACCOUNT,
                subject=account,
                state=TradingState.ACTIVE,
                reason="the end of a rehearsal",
            )
            reviewer = scratch_actor(REVIEWER, house.now)
            house.done(house.desk.switches.switch(asked, reviewer, key=house.key()))


def _halts(tenant: str, strategy_id: str, now: datetime) -> tuple[RiskSwitch, ...]:
    """A tenant's halts of a strategy and of all."""
    scopes = ((RiskScope.STRATEGY, strategy_id), (RiskScope.ALL, None))
    return tuple(
        apply_switch(
            None,
            scope,
            subject,
            tenant=tenant,
            state=TradingState.HALTED,
            kill_switch=None,
            set_by=_STRANGER,
            reason="a rehearsal",
            now=now,
        )
        for scope, subject in scopes
    )


def _stop(why: str, got: str | None = None) -> NoReturn:
    """End a step.

    Raises:
        InputError: `REHEARSAL_STOPPED`, always.
    """
    raise InputError("REHEARSAL_STOPPED", why, got=got)


def _limit(name: str, most: Decimal) -> tuple[NamedLimit, ...]:
    return (NamedLimit(name=name, limit=most),)


def _question(account: str, side: Side) -> OrderQuestion:
    return OrderQuestion(account_id=account, symbol=SYMBOL, side=side, quantity=Decimal(1))


def _moved(before: FurtherFacts, after: FurtherFacts) -> tuple[str, ...]:
    return tuple(name for name in _SHARED if getattr(before, name) != getattr(after, name))
