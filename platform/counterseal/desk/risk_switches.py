"""Use cases: trading states and kill switches of an account, a strategy or all.

Job: record who made trading stricter or freer, for whom and why.

Invariants
  I1  Whoever may stop one account may make anything stricter; only those who review risk or
      compliance make it freer again.
  I2  The kill switch of an account stays in its risk state, whichever command sets it.
  I3  What was switched follows from the log: a restart changes nothing.

Not here: what a state lets pass (risk.further_state), the account's own commands (desk.setup).
Source: trading reference part 4; TX-H13.
"""

from datetime import datetime

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.risk_facts import tenant_of
from counterseal.identity.people import Person
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import (
    Actor,
    Document,
    DomainModel,
    Event,
    Name,
    Refusal,
    Subject,
    Text,
    refuse,
)
from counterseal.policy.authorize import Action, authorize
from counterseal.risk.decide import apply_kill_switch
from counterseal.risk.facts import TradingState, strictest
from counterseal.risk.model import RiskState
from counterseal.risk.switches import RiskScope, RiskSwitch, apply_switch, switch_id

STREAM = "system"


class SwitchOrder(DomainModel):
    """What is to be switched.

    Attributes:
        subject: Account or strategy; None for all.
        state, kill_switch: What to set; None leaves it as it is.
    """

    scope: RiskScope
    subject: Name | None = None
    state: TradingState | None = None
    kill_switch: bool | None = None
    reason: Text


class RiskSwitches:
    """Sets states and kill switches."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def switch(self, asked: SwitchOrder, actor: Actor, *, key: str) -> Outcome:
        """Set a state, a kill switch, or both; the outcome names the switch.

        A strategy and all are those of the person's own tenant.

        Refusals: `NOT_FOUND` (no such account or person), `OTHER_TENANT`, `SCOPE_SUBJECT` (all with
        a name, or another scope without one), `NOTHING_SWITCHED`, `PERSON_DISABLED`, `ROLE`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            if isinstance(person, Refusal):
                return person
            refusal = _refusal(reader, asked, person)
            if refusal is not None:
                return refusal
            documents = _switched(reader, asked, person, now)
            event = Event(
                type="risk.switched",
                stream=STREAM,
                subject=Subject(
                    type="risk_switch",
                    id=switch_id(asked.scope, asked.subject, person.tenant),
                ),
                action="risk.switch",
                reason_text=asked.reason,
                documents=documents,
            )
            return Done(subject_id=documents[0].key, events=(event,))

        command = Command(
            name="risk.switch",
            actor=actor,
            key=key,
            stream=STREAM,
            payload_digest=digest(asked.json_value()),
        )
        return self._bench.recorder.run(command, decide)


def _refusal(reader: Reader, asked: SwitchOrder, person: Person) -> Refusal | None:
    if (asked.scope is RiskScope.ALL) is not (asked.subject is None):
        return refuse("SCOPE_SUBJECT", "an account or a strategy is named, all are not")
    if asked.state is None and asked.kill_switch is None:
        return refuse("NOTHING_SWITCHED", "name a state, a kill switch, or both")
    known = reader.get(RiskSwitch, switch_id(asked.scope, asked.subject, person.tenant))
    if asked.scope is RiskScope.ACCOUNT:
        owner = tenant_of(reader, asked.subject or "")
        if owner is None:
            return refuse("NOT_FOUND", "no such account", account=asked.subject)
        if owner != person.tenant:
            return refuse("OTHER_TENANT", "the account belongs to another tenant")
    before = TradingState.ACTIVE if known is None else known.state
    freer = asked.state is not None and strictest((before, asked.state)) is not asked.state
    lifts = asked.kill_switch is False and asked.scope is not RiskScope.ACCOUNT
    action = Action.TRADING_STATE if freer or lifts else Action.KILL_SWITCH
    return authorize(action, person.held_roles(), active=person.active)


def _switched(
    reader: Reader, asked: SwitchOrder, person: Person, now: datetime
) -> tuple[Document, ...]:
    documents: tuple[Document, ...] = ()
    kill = asked.kill_switch
    if asked.scope is RiskScope.ACCOUNT and kill is not None:
        state = reader.get(RiskState, asked.subject or "")
        if state is not None:
            after = apply_kill_switch(state, active=kill, reason=asked.reason, now=now)
            documents, kill = (after,), None
    if asked.state is None and kill is None:
        return documents
    switch = apply_switch(
        reader.get(RiskSwitch, switch_id(asked.scope, asked.subject, person.tenant)),
        asked.scope,
        asked.subject,
        tenant=person.tenant,
        state=asked.state,
        kill_switch=kill,
        set_by=person.person_id,
        reason=asked.reason,
        now=now,
    )
    return (switch, *documents)
