"""Use cases: keys and roles, by two people.

Job: open a proposal with its first signatures, take further ones, and record what comes into force.

Two people at one terminal open a proposal that is in force at once; two at different places sign
one after the other. There is no other way to a key or a role.

Invariants
  I1  A key or a role enters the register only by `identity.proposals`.
  I2  A compromised key takes its unused approvals with it, in the same transaction.

Not here: what signatures are needed (identity.proposals), key files (storage).
Source: governance part 3 and 5.
"""

from collections.abc import Sequence
from datetime import datetime

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.leaving import compromised_events
from counterseal.desk.people import STREAM, forged_signer, person_of, register_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.identity.acts import (
    Act,
    ActTerms,
    EndKey,
    EnrolKey,
    GrantRole,
    KeyEnding,
    act_in,
    meaning_of,
    statement_of,
)
from counterseal.identity.people import Person
from counterseal.identity.proposals import (
    PeopleProposal,
    ProposalStatus,
    Register,
    Settled,
    decide_opening,
    decide_signing,
    proposed_act,
)
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Actor, Event, Refusal, Signature, Subject, refuse

IN_FORCE = {EnrolKey: "key.enrolled", GrantRole: "role.granted", EndKey: "key.ended"}


class Proposals:
    """Collects two people's signatures."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def propose(self, signatures: Sequence[Signature], actor: Actor, *, key: str) -> Outcome:
        """Open a proposal; in force at once when two who decide have signed. It is the subject.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED` (the actor), `KEY_NOT_ENROLLED` (a forged key),
        and those of `identity.proposals.decide_opening`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            acting = forged_signer(reader, signatures) or person_of(reader, actor)
            if isinstance(acting, Refusal):
                return acting
            settled = decide_opening(
                signatures,
                _known(reader, signatures),
                self._register(reader, acting),
                actor.id,
                now,
            )
            return _recorded(reader, settled, signatures, "people.proposed", now)

        asked = digest({"asked": _asked(signatures), "keys": [s.key_id for s in signatures]})
        return self._run("people.propose", asked, actor, key, decide)

    def approve(
        self, proposal_id: str, signatures: Sequence[Signature], actor: Actor, *, key: str
    ) -> Outcome:
        """Sign an open proposal; the second who decides puts it into force.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED` (the actor), `KEY_NOT_ENROLLED` (a forged key),
        and those of `identity.proposals.decide_signing`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            acting, proposal = person_of(reader, actor), reader.get(PeopleProposal, proposal_id)
            if isinstance(acting, Refusal):
                return acting
            if proposal is None:
                return refuse("NOT_FOUND", "no such proposal", proposal=proposal_id)
            whole = (*proposal.signatures, *signatures)
            forged = forged_signer(reader, whole)
            if forged is not None:
                return forged
            register = self._register(reader, acting)
            settled = decide_signing(proposal, signatures, register, actor.id, now)
            return _recorded(reader, settled, signatures, "people.signed", now)

        asked = digest({"proposal": proposal_id, "keys": [s.key_id for s in signatures]})
        return self._run("people.approve", asked, actor, key, decide)

    def _register(self, reader: Reader, acting: Person) -> Register:
        """The register, in which who acts has the roles that count in this login."""
        register = register_of(reader, self._bench.origin)
        others = (p for p in register.people if p.person_id != acting.person_id)
        return register.amended(people=(acting, *others))

    def _run(self, name: str, asked: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def _first_act(signatures: Sequence[Signature]) -> Act | None:
    """The act that is proposed; None when it cannot be read, which the decision refuses."""
    try:
        return act_in(signatures[0])
    except (CountersealError, IndexError):
        return None


def _asked(signatures: Sequence[Signature]) -> dict[str, Json]:
    """What is asked for, without nonce and times: a repeated command has fresh ones."""
    act = _first_act(signatures)
    stated = {} if act is None else statement_of(act)
    return {k: v for k, v in stated.items() if k not in ActTerms.model_fields and k != "grant_id"}


def _known(reader: Reader, signatures: Sequence[Signature]) -> tuple[PeopleProposal, ...]:
    """What was ever proposed under the nonce."""
    act = _first_act(signatures)
    nonce = None if act is None else act.terms.nonce
    return () if nonce is None else reader.find(PeopleProposal, proposal_id=nonce)


def _recorded(
    reader: Reader,
    settled: Settled | Refusal,
    signatures: Sequence[Signature],
    opened: str,
    now: datetime,
) -> Done | Refusal:
    if isinstance(settled, Refusal):
        return settled
    proposal, documents = settled
    act = proposed_act(proposal)
    in_force = proposal.status is ProposalStatus.IN_FORCE
    event = Event(
        type=IN_FORCE[type(act)] if in_force else opened,
        stream=STREAM,
        subject=Subject(type="person", id=proposal.person_id),
        action="people.propose" if opened == "people.proposed" else "people.approve",
        meaning=meaning_of(act).value,
        documents=(proposal, *documents),
        signature=signatures[0],
    )
    events: tuple[Event, ...] = (event,)
    if in_force and isinstance(act, EndKey) and act.reason is KeyEnding.COMPROMISED:
        events += compromised_events(reader, act.key_id, now)
    return Done(subject_id=proposal.proposal_id, events=events)
