"""Use cases: override a soft check for a time, by two people.

Job: draft the terms, record each signature, and end an override early.

Invariants
  I1  An override counts only through `risk.override`; its id is never used again.
  I2  Ending takes effect at once and needs one person: stopping is safe.
  I3  Who opens an override again under the same key opens no other one.

Not here: what is signed and who may sign (risk.override), its use (desk.risk_facts).
Source: trading reference part 4.
"""

from datetime import datetime, timedelta
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import enrolled_keys, forged_signer, person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.identity.people import Person
from counterseal.identity.proposals import Register
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import seconds_between
from counterseal.kernel.model import (
    Actor,
    DomainModel,
    Event,
    Name,
    Refusal,
    Signature,
    Subject,
    Text,
    refuse,
)
from counterseal.kernel.money import exact_text
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.policy.words import Meaning
from counterseal.risk.model import RiskState
from counterseal.risk.override import (
    OverrideTerms,
    RiskOverride,
    decide_end_override,
    decide_override,
    terms_in,
)

STREAM = "system"
_FRESH: Final = frozenset({"override_id", "issued_at", "expires_at"})


class OverrideAsked(DomainModel):
    """What somebody wants to have overridden; `seconds` is its life from now on."""

    check: FurtherCheck
    account_id: Name
    strategy_id: Name | None = None
    symbol: Name | None = None
    reason: Text
    seconds: int


class RiskOverrides:
    """Collects two people's signatures on an override."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def terms(self, asked: OverrideAsked, tenant: str, now: datetime, *, key: str) -> OverrideTerms:
        """The terms to show and sign, from `now` (UTC) on; nothing is recorded."""
        told = {k: v for k, v in asked if k != "seconds"}
        return OverrideTerms(
            **told,
            log_origin=self._bench.origin,
            tenant=tenant,
            override_id=self._bench.ids.new("ovr", key, now),
            issued_at=now,
            expires_at=now + timedelta(seconds=asked.seconds),
        )

    def sign(self, signature: Signature, actor: Actor, *, key: str) -> Outcome:
        """Record one signature: the first opens the override, the second puts it into force.

        Refusals: `NOT_FOUND` (the account, or the actor), `PERSON_DISABLED`, and those of
        `risk.override.decide_override`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            acting, terms = person_of(reader, actor), terms_in(signature)
            if isinstance(acting, Refusal):
                return acting
            if isinstance(terms, Refusal):
                return terms
            if reader.get(RiskState, terms.account_id) is None:
                return refuse("NOT_FOUND", "no such account", account=terms.account_id)
            known = reader.get(RiskOverride, terms.override_id)
            forged = forged_signer(reader, (signature,))
            register = self._register(reader, known, signature, acting)
            limits = self._bench.bundle.limits.desk
            decided = forged or decide_override(
                known, signature, register, limits, actor=acting, now=now
            )
            if isinstance(decided, Refusal):
                return decided
            word = "opened" if known is None else "granted"
            event = _event(f"risk.override_{word}", "risk.override", decided, terms.reason)
            told = event.amended(meaning=Meaning.OVERRODE_RISK.value, signature=signature)
            return Done(subject_id=decided.override_id, events=(told,))

        return self._run("risk.override", self._asked(signature, actor), actor, key, decide)

    def end(self, override_id: str, actor: Actor, *, reason: str, key: str) -> Outcome:
        """End an override now.

        Refusals: `NOT_FOUND`, `OTHER_TENANT`, `ROLE`, `PROPOSAL_CLOSED`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person, known = person_of(reader, actor), reader.get(RiskOverride, override_id)
            if isinstance(person, Refusal):
                return person
            if known is None:
                return refuse("NOT_FOUND", "no such override", override=override_id)
            if known.terms.tenant != person.tenant:
                return refuse("OTHER_TENANT", "the override belongs to another tenant")
            ended = authorize(
                Action.KILL_SWITCH, person.held_roles(), active=person.active
            ) or decide_end_override(known, now)
            if isinstance(ended, Refusal):
                return ended
            event = _event("risk.override_ended", "risk.end_override", ended, reason)
            return Done(subject_id=override_id, events=(event,))

        asked = digest({"override": override_id, "reason": reason})
        return self._run("risk.end_override", asked, actor, key, decide)

    def _asked(self, signature: Signature, actor: Actor) -> str:
        """Digest of what somebody asks for: opening one again is the same whatever its id says."""
        terms = terms_in(signature)
        if isinstance(terms, Refusal):
            return digest(signature.json_value())
        with self._bench.store.reader() as reader:
            known = reader.get(RiskOverride, terms.override_id)
        if known is not None and known.signed_by[0] != actor.id:
            return terms.digest
        told = {name: value for name, value in terms.json_value().items() if name not in _FRESH}
        seconds = exact_text(seconds_between(terms.issued_at, terms.expires_at))
        return digest({**told, "seconds": seconds})

    def _register(
        self, reader: Reader, known: RiskOverride | None, signature: Signature, acting: Person
    ) -> Register:
        """Who signed before and who acts, the latter with the roles that count in this login."""
        before = () if known is None else reader.find(Person, person_id=known.signed_by)
        others = tuple(p for p in before if p.person_id != acting.person_id)
        return Register(
            origin=self._bench.origin,
            people=(acting, *others),
            person_keys=enrolled_keys(reader, (signature.key_id,)),
        )

    def _run(self, name: str, asked: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def _event(kind: str, action: str, override: RiskOverride, reason: str) -> Event:
    return Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type="risk_override", id=override.override_id),
        action=action,
        reason_text=reason,
        documents=(override,),
    )
