"""Use case: look at the loss of every account between orders, and stop one that lost too much.

Job: mark each account to the market, and record a crossing of a loss limit with what it sets.

Invariants
  I1  A look that changes no level records nothing of an account; it is counted in the round.
  I2  A crossing and the state that it sets are one record, with the numbers behind both.
  I3  It only makes an account stricter: people alone free it again.

Not here: the levels (risk.losses), the checks of an order (risk), when it is called (flows).
Source: TX-H11; TX-L2:real_time_equity_pnl_tracking_enabled; trading reference part 4.
"""

from datetime import datetime
from typing import Final, NamedTuple

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.exposure import daily_loss, trading_day_text
from counterseal.desk.ports import Reader
from counterseal.desk.risk_facts import open_profit
from counterseal.desk.rounds import UNKNOWN, Duty, RoundFound, Rounds
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Actor, Document, Event, Refusal, Subject, details, refuse
from counterseal.kernel.money import exact_text
from counterseal.portfolio.model import Account, Position
from counterseal.risk.facts import TradingState
from counterseal.risk.losses import AccountLoss, LossFacts, LossLevel, changed_loss, level_of
from counterseal.risk.switches import RiskScope, RiskSwitch, apply_switch, switch_id

STREAM: Final = "system"


class _Look(NamedTuple):
    """One account at one instant: facts, level (None: not known), and what is to be recorded."""

    tenant: str
    facts: LossFacts
    level: LossLevel | None
    known: AccountLoss | None
    switch: RiskSwitch | None
    change: AccountLoss | None

    @property
    def told(self) -> list[Json]:
        """What makes this look another finding than the last one."""
        known = self.facts.open_profit is not None
        return [self.facts.account_id, str(self.level), known]


class LossWatch:
    """Watches the losses of accounts."""

    def __init__(self, bench: Bench, rounds: Rounds) -> None:
        self._bench = bench
        self._rounds = rounds

    def look(self, actor: Actor, *, run: str | None = None) -> tuple[Outcome, ...]:
        """One round over the accounts that ever traded, at the quotes of now; an outcome a change.

        The round itself is recorded as `Rounds` says, with the counts of accounts, of those that
        crossed and of those whose open loss is not known.

        Refusals: `SERVICE_ONLY`, `LOSS_UNCHANGED` (a level that changed back meanwhile).

        Raises:
            InputError: `CALENDAR_RANGE` beyond the calendar.
            IntegrityError: when sealing fails.
            AdapterError: the store's.
        """
        now = self._bench.recorder.now()
        with self._bench.store.reader() as reader:
            holders = {position.account_id for position in reader.find(Position)}
            accounts = [one for one in reader.find(Account) if one.account_id in holders]
            looks = tuple(self._look(reader, one, now) for one in accounts)
        outcomes = tuple(self._record(one, actor, run) for one in looks if one.change is not None)
        told = RoundFound(
            duty=Duty.LOSSES,
            counts=details(
                accounts=len(looks),
                crossed=sum(one.level is LossLevel.CROSSED for one in looks),
                **{UNKNOWN: sum(one.facts.open_profit is None for one in looks)},
            ),
            findings=digest([one.told for one in looks]),
        )
        kept = self._rounds.record(told, actor, run=run)
        return outcomes if kept is None or kept.accepted else (*outcomes, kept)

    def facts(self, account_id: str, now: datetime) -> LossFacts | None:
        """What is known of an account's loss at `now` (UTC); None without such an account.

        Raises:
            InputError: `CALENDAR_RANGE` beyond the calendar.
        """
        with self._bench.store.reader() as reader:
            account = reader.get(Account, account_id)
            return None if account is None else self._facts(reader, account, now)

    def _facts(self, reader: Reader, account: Account, now: datetime) -> LossFacts:
        held = reader.find(Position, account_id=account.account_id)
        return LossFacts(
            account_id=account.account_id,
            trading_day=trading_day_text(self._bench, now),
            realized_loss=daily_loss(reader, self._bench, account.account_id, now),
            open_profit=open_profit(self._bench, held, now),
            cash=account.cash,
        )

    def _look(self, reader: Reader, account: Account, now: datetime) -> _Look:
        facts, limits = self._facts(reader, account, now), self._bench.bundle.limits
        known = reader.get(AccountLoss, account.account_id)
        key = switch_id(RiskScope.ACCOUNT, account.account_id, account.tenant)
        switch = reader.get(RiskSwitch, key)
        state = TradingState.ACTIVE if switch is None else switch.state
        change = changed_loss(known, facts, limits, state, now)
        return _Look(account.tenant, facts, level_of(facts, limits), known, switch, change)

    def _record(self, seen: _Look, actor: Actor, run: str | None) -> Outcome:
        account_id = seen.facts.account_id
        since = "first" if seen.known is None else utc_text(seen.known.at)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "losses are watched by the platform", actor=actor.id)
            account = reader.get(Account, account_id)
            look = None if account is None else self._look(reader, account, now)
            if look is None or look.change is None:
                return refuse("LOSS_UNCHANGED", "the loss is where it was", account=account_id)
            return _told(look, look.change, actor.id, now)

        asked = [account_id, seen.facts.trading_day, str(seen.level), since]
        command = Command(
            name="risk.watch_losses",
            actor=actor,
            key=f"loss:{digest([*asked, actor.id])[7:39]}",
            stream=STREAM,
            payload_digest=digest(asked),
            run=run,
        )
        return self._bench.recorder.run(command, decide)


def _told(look: _Look, change: AccountLoss, by: str, now: datetime) -> Done:
    crossed = change.level is LossLevel.CROSSED
    documents: tuple[Document, ...] = (change,)
    if change.state is not None:
        switched = apply_switch(
            look.switch,
            RiskScope.ACCOUNT,
            change.account_id,
            tenant=look.tenant,
            state=change.state,
            kill_switch=None,
            set_by=by,
            reason="a loss limit was crossed",
            now=now,
        )
        documents = (change, switched)
    facts = details(
        trading_day=change.trading_day,
        realized_loss_twd=exact_text(change.realized_loss_twd),
        loss_twd="unknown" if change.loss_twd is None else exact_text(change.loss_twd),
        equity_twd="unknown" if change.equity_twd is None else exact_text(change.equity_twd),
        state=change.state or "as it was",
    )
    event = Event(
        type="risk.loss_limit_crossed" if crossed else "risk.loss_within_limits",
        stream=STREAM,
        subject=Subject(type="account", id=change.account_id),
        action="risk.watch_losses",
        reason_code="LOSS_LIMIT_CROSSED" if crossed else "",
        facts=facts,
        documents=documents,
    )
    return Done(subject_id=change.account_id, events=(event,))
