"""Use cases that make a home ready: installation, policy, accounts, switches.

Job: record what this installation is, which policy is in force, and open simulated accounts.

Invariants
  I1  An installation is recorded once, as the first record of its log.
  I2  A policy is activated with the bytes that its hash covers.

Not here: keys and files (storage).
Source: governance part 4 (bootstrap activation).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.installation import INSTALLATION_ID, Installation, PolicyActivation
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.risk_facts import tenant_of
from counterseal.identity.people import Person, Role
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.model import Actor, Document, Event, Refusal, Subject, refuse
from counterseal.kernel.money import Currency
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.proposal import policy_texts
from counterseal.portfolio.model import MAIN_GROUP, Account
from counterseal.portfolio.terms import DEFAULT_TERMS, BookTerms
from counterseal.risk.decide import apply_heartbeat, apply_kill_switch
from counterseal.risk.model import RiskState

STREAM = "system"
OFFICERS: Final = 2


class Setup:
    """Makes a home ready."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def install(self, installation: Installation, actor: Actor, *, key: str) -> Outcome:
        """Record what this home is; refusal `INSTALLED` the second time."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            if reader.get(Installation, INSTALLATION_ID) is not None:
                return refuse("INSTALLED", "this home is installed already")
            return _done(
                "installation.created", "setup.install", installation.amended(created_at=now)
            )

        return self._run("setup.install", installation.digest, actor, key, decide)

    def activate_policy(
        self, files: Mapping[str, bytes], activated_by: tuple[str, ...], actor: Actor, *, key: str
    ) -> Outcome:
        """Record the bootstrap activation of the shipped policy.

        Refusals: `POLICY_ACTIVE` when a policy is in force; later versions pass the approval gate.
        """
        bundle = self._bench.bundle

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            if reader.find(PolicyActivation):
                return refuse("POLICY_ACTIVE", "bootstrap activation is over")
            for person_id in activated_by:
                officer = reader.get(Person, person_id)
                if officer is None or Role.ENROLMENT_OFFICER not in officer.held_roles():
                    return refuse("ROLE", "two officers activate the policy", person=person_id)
            if len(set(activated_by)) < OFFICERS or actor.id not in activated_by:
                return refuse("TWO_OFFICERS_NEEDED", "two officers activate the policy")
            activation = PolicyActivation(
                bundle_hash=bundle.bundle_hash,
                version=bundle.version,
                files=policy_texts(files),
                activated_by=activated_by,
                bootstrap=True,
                effective_from=now,
            )
            return _done("policy.activated", "setup.activate_policy", activation)

        return self._run("setup.activate_policy", bundle.bundle_hash, actor, key, decide)

    def open_account(
        self,
        account_id: str,
        tenant: str,
        currency: Currency,
        opening_cash: Decimal,
        actor: Actor,
        *,
        key: str,
        books: BookTerms = DEFAULT_TERMS,
        group: str = MAIN_GROUP,
    ) -> Outcome:
        """Open a simulated account with its risk state, in the own tenant.

        Refusals `ROLE`, `OTHER_TENANT`, `ACCOUNT_EXISTS`.

        `opening_cash` is in `currency`; `books` says how lots, profit and settlement are kept;
        `group` is where its positions count beside those of other accounts.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = _barred(reader, actor, Action.SET_UP, tenant)
            if barred is not None:
                return barred
            if reader.get(Account, account_id) is not None:
                return refuse("ACCOUNT_EXISTS", "the account exists", account=account_id)
            account = Account(
                account_id=account_id,
                tenant=tenant,
                account_group=group,
                currency=currency,
                opening_cash=opening_cash,
                cash=opening_cash,
                books=books,
                updated_at=now,
            )
            return _done("account.opened", "setup.open_account", account, _fresh(account_id, now))

        told: dict[str, Json] = {"account": account_id, "cash": str(opening_cash)}
        told |= {"currency": currency, "group": group, "books": books.json_value()}
        asked = digest(told)
        return self._run("setup.open_account", asked, actor, key, decide)

    def switch(
        self, account_id: str, actor: Actor, *, active: bool, reason: str, key: str
    ) -> Outcome:
        """Set or lift the kill switch of an account.

        Refusals: `NOT_FOUND`, `ROLE`, `OTHER_TENANT`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            state = reader.get(RiskState, account_id)
            barred = _barred(reader, actor, Action.KILL_SWITCH, tenant_of(reader, account_id))
            if barred is not None:
                return barred
            if state is None:
                return refuse("NOT_FOUND", "no such account", account=account_id)
            after = apply_kill_switch(state, active=active, reason=reason, now=now)
            return _done("risk.switched", "risk.kill_switch", after)

        asked = digest({"account": account_id, "active": active, "reason": reason})
        return self._run("risk.kill_switch", asked, actor, key, decide)

    def reset_state(self, account_id: str, actor: Actor, *, key: str) -> Outcome:
        """Refuse to reset what risk knows of an account, and record who asked.

        Keys, losses and positions follow from the log: a reset would let a used key, a lost day or
        a full position pass again. Refusals `NOT_FOUND`, `STATE_FOLLOWS_LOG` (TX-H15, TX-G14).
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            del now
            if reader.get(RiskState, account_id) is None:
                return refuse("NOT_FOUND", "no such account", account=account_id)
            return refuse(
                "STATE_FOLLOWS_LOG",
                "the risk state follows from the log and cannot be reset",
                account=account_id,
            )

        return self._run("risk.reset_state", digest({"account": account_id}), actor, key, decide)

    def heartbeat(self, account_id: str, actor: Actor, *, healthy: bool, key: str) -> Outcome:
        """Record the paper broker's heartbeat; refusals `ROLE`, `NOT_FOUND`, `OTHER_TENANT`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            state = reader.get(RiskState, account_id)
            barred = _barred(reader, actor, Action.SET_UP, tenant_of(reader, account_id))
            if barred is not None:
                return barred
            if state is None:
                return refuse("NOT_FOUND", "no such account", account=account_id)
            return _done(
                "broker.heartbeat",
                "broker.heartbeat",
                apply_heartbeat(state, healthy=healthy, now=now),
            )

        asked = digest({"account": account_id, "healthy": healthy})
        return self._run("broker.heartbeat", asked, actor, key, decide)

    def _run(self, name: str, asked: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def _fresh(account_id: str, now: datetime) -> RiskState:
    """The risk state of an account that was opened at `now` (UTC)."""
    return RiskState(
        account_id=account_id,
        kill_switch_active=False,
        broker_heartbeat_healthy=True,
        heartbeat_at=now,
        updated_at=now,
        reason="opened",
    )


def _barred(
    reader: Reader, actor: Actor, action: Action, tenant: str | None = None
) -> Refusal | None:
    """Why a person may not act, on an account of a tenant where one is concerned."""
    person = person_of(reader, actor)
    if isinstance(person, Refusal):
        return person
    barred = authorize(action, person.held_roles(), active=person.active)
    if barred is None and tenant not in (None, person.tenant):
        return refuse("OTHER_TENANT", "the account belongs to another tenant", person=actor.id)
    return barred


def _done(kind: str, action: str, *documents: Document) -> Done:
    subject = documents[0]
    event = Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type=subject.KIND, id=subject.key),
        action=action,
        documents=documents,
    )
    return Done(subject_id=subject.key, events=(event,))
