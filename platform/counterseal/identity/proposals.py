"""Two people, one act.

Job: collect signatures on an act about a key or a role, and put it into force with the second.

Invariants
  I1  Nothing is in force before two different people with the right, neither the subject, signed
      the same bytes with keys that count at that moment.
  I2  Every signature counts only while its signer and key still do: all are judged again with each
      one that is added.
  I3  No key is in force before its owner showed to hold it, and agreed with a key that counts when
      there is one (with the one that it supersedes when it supersedes one).
  I4  A nonce names one proposal for ever; outside its time a proposal takes no signature.

Not here: the founding of a home (identity.founding), rechecking what is stored (identity.recheck).
Source: governance rules, part 3 (enrolment, rotation) and 5 (roles by two people).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple, assert_never

from pydantic import Field

from counterseal.identity.acts import (
    Act,
    ActTerms,
    EndKey,
    EnrolKey,
    GrantRole,
    act_in,
    action_of,
    kind_of,
    statement_of,
    subject_of,
)
from counterseal.identity.keys import PersonKey, decide_enrolment, decide_revocation
from counterseal.identity.people import SIGNERS, Person, RoleGrant, check_signers, decide_grant
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import (
    Document,
    DomainModel,
    Name,
    Refusal,
    Signature,
    refuse,
)

SIGNATURES_MAX: Final = 4
"""Two of those who decide, one of the new key, one of the owner's present key."""


class ProposalStatus(StrEnum):
    """Whether a proposal still waits for a signature."""

    OPEN = "open"
    IN_FORCE = "in_force"


class PeopleProposal(Document):
    """An act about a key or a role, with the signatures that it has so far.

    Attributes:
        proposal_id: The nonce of its statement.
        statement: What everybody signs, as canonical JSON.
        person_id: Whom it is about.
        expires_at: The end of the time for signatures (half-open).
        in_force_at: When the second signature came.
    """

    KIND: ClassVar[str] = "people_proposals"
    KEY: ClassVar[str] = "proposal_id"

    proposal_id: Name
    kind: Name
    tenant: Name
    person_id: Name
    statement: str = Field(max_length=8_000)
    signatures: tuple[Signature, ...] = Field(default=(), max_length=SIGNATURES_MAX)
    status: ProposalStatus = ProposalStatus.OPEN
    opened_by: Name
    opened_at: UtcDatetime
    expires_at: UtcDatetime
    in_force_at: UtcDatetime | None = None


class Register(DomainModel):
    """Everybody of a home with all keys and grants, as a decision sees them.

    Attributes:
        origin: Name of the log; what two people put into force was signed for it.
        former: Other names that the log had, before or after a declared rollback.
    """

    origin: Name
    former: tuple[Name, ...] = ()
    people: tuple[Person, ...] = ()
    person_keys: tuple[PersonKey, ...] = ()
    grants: tuple[RoleGrant, ...] = ()

    def person(self, person_id: str) -> Person | None:
        """The person of this id."""
        return next((p for p in self.people if p.person_id == person_id), None)

    def key(self, key_id: str) -> PersonKey | None:
        """The key of this id, also an ended one."""
        return next((k for k in self.person_keys if k.key_id == key_id), None)


class Settled(NamedTuple):
    """A proposal after new signatures, and what it put into force; nothing while it is open."""

    proposal: PeopleProposal
    documents: tuple[Document, ...] = ()


class _Signers(NamedTuple):
    """Who signed: those who decide, and the keys of the owner."""

    deciding: tuple[Person, ...]
    own_keys: tuple[PersonKey, ...]


def proposed_act(proposal: PeopleProposal) -> Act:
    """What a proposal is about."""
    return act_in(proposal.signatures[0])


def decide_opening(
    signatures: Sequence[Signature],
    proposals: Sequence[PeopleProposal],
    register: Register,
    opened_by: str,
    now: datetime,
) -> Settled | Refusal:
    """Open a proposal with its first signatures; with two that decide it is in force at once.

    Args:
        signatures: At least one, all over one statement.
        proposals: All that were ever opened under the nonce.
        register: Of the home.
        opened_by: The acting person: one of those who signed, or the owner of the key.
        now: Instant of the command.

    Returns:
        Or a refusal: `STATEMENT_UNREADABLE`, `SIGNATURE_INVALID`, `NONCE_USED`, and those of
        `decide_signing`.
    """
    if not signatures:
        return refuse("SIGNATURE_INVALID", "a proposal begins with a signature")
    try:
        act = act_in(signatures[0])
    except (InputError, IntegrityError) as error:
        return refuse(error.code, error.message)
    if any(p.proposal_id == act.terms.nonce for p in proposals):
        return refuse("NONCE_USED", "this act was proposed before", proposal=act.terms.nonce)
    fresh = PeopleProposal(
        proposal_id=act.terms.nonce,
        kind=kind_of(act),
        tenant=act.terms.tenant,
        person_id=subject_of(act),
        statement=canonical_bytes(statement_of(act)).decode(),
        opened_by=opened_by,
        opened_at=now,
        expires_at=act.terms.expires_at,
    )
    return decide_signing(fresh, signatures, register, opened_by, now)


def decide_signing(
    proposal: PeopleProposal,
    added: Sequence[Signature],
    register: Register,
    actor_id: str,
    now: datetime,
) -> Settled | Refusal:
    """Add signatures to an open proposal; the second that decides puts it into force.

    Returns:
        Or a refusal: `PROPOSAL_CLOSED`, `PROPOSAL_EXPIRED`, `OTHER_LOG`, `OTHER_TENANT`,
        `NOT_FOUND`, `ALREADY_SIGNED`, `KEY_NOT_ENROLLED`, `KEY_REVOKED`, `SIGNATURE_INVALID`,
        `KEY_NOT_OWN`, `SIGNER_NOT_ACTING`, those of `people.check_signers` and of what the act
        asks for (`keys.decide_enrolment`, `keys.decide_revocation`, `people.decide_grant`).
    """
    whole = (*proposal.signatures, *added)
    act = act_in(whole[0])
    subject = register.person(subject_of(act))
    if subject is None:
        return refuse("NOT_FOUND", "no such person", person=subject_of(act))
    signers = (
        _open_refusal(proposal, whole)
        or terms_refusal(act.terms, register.origin, subject.tenant, now)
        or _signers(proposal, act, whole, register, now)
    )
    if isinstance(signers, Refusal):
        return signers
    enough = len(signers.deciding) == SIGNERS
    documents = (
        check_signers(action_of(act), subject, signers.deciding, complete=enough)
        or _replaced_refusal(act, register, now)
        or _acting_refusal(actor_id, added, act, register)
        or _in_force(act, subject, signers, whole, register, now)
    )
    if isinstance(documents, Refusal):
        return documents
    signed = proposal.amended(signatures=whole)
    if not enough or not _proved(act, signers.own_keys, register, now):
        return Settled(signed)
    return Settled(signed.amended(status=ProposalStatus.IN_FORCE, in_force_at=now), documents)


def terms_refusal(terms: ActTerms, origin: str, tenant: str, now: datetime) -> Refusal | None:
    """`OTHER_LOG`, `OTHER_TENANT` or `PROPOSAL_EXPIRED` outside log, tenant and time of an act."""
    if terms.log_origin != origin:
        return refuse("OTHER_LOG", "this was signed for another log", log=terms.log_origin)
    if terms.tenant != tenant:
        return refuse("OTHER_TENANT", "this was signed for another tenant", tenant=terms.tenant)
    if not terms.in_time(now):
        return refuse("PROPOSAL_EXPIRED", "outside the time for signatures", until=terms.expires_at)
    return None


def _open_refusal(proposal: PeopleProposal, whole: Sequence[Signature]) -> Refusal | None:
    if proposal.status != ProposalStatus.OPEN:
        return refuse("PROPOSAL_CLOSED", "it is in force already", proposal=proposal.proposal_id)
    if len({s.key_id for s in whole}) != len(whole) or len(whole) > SIGNATURES_MAX:
        return refuse("ALREADY_SIGNED", "a key signs once", proposal=proposal.proposal_id)
    return None


def _signers(
    proposal: PeopleProposal,
    act: Act,
    signatures: Sequence[Signature],
    register: Register,
    now: datetime,
) -> _Signers | Refusal:
    deciding: list[Person] = []
    own: list[PersonKey] = []
    for signature in signatures:
        key = signing_key(signature, act, register, now)
        if isinstance(key, Refusal):
            return key
        problem = signature_problem(signature, key, proposal.kind, proposal.statement)
        if problem:
            return refuse("SIGNATURE_INVALID", problem, key_id=key.key_id)
        person = register.person(key.person_id)
        if key.person_id == subject_of(act) and isinstance(act, EnrolKey):
            own.append(key)
        elif person is None:
            return refuse("NOT_FOUND", "no such person", person=key.person_id)
        else:
            deciding.append(person)
    return _Signers(tuple(deciding), tuple(own))


def signing_key(
    signature: Signature, act: Act, register: Register, instant: datetime
) -> PersonKey | Refusal:
    """The key behind a signature: an enrolled one that counts, or the one to be enrolled."""
    known = register.key(signature.key_id)
    if isinstance(act, EnrolKey) and signature.key_id == act.key.key_id:
        return act.key
    if known is None or instant < known.effective_at:
        return refuse("KEY_NOT_ENROLLED", "no such key is enrolled", key_id=signature.key_id)
    if not known.counts_at(instant):
        return refuse("KEY_REVOKED", "this key counts no longer", key_id=signature.key_id)
    return known


def signature_problem(signature: Signature, key: PersonKey, kind: str, statement: str) -> str:
    """Why a signature is none over this statement; empty when it is."""
    try:
        stated = verify_signed(signature, key, kind)
    except IntegrityError as error:
        return error.message
    text = canonical_bytes(stated).decode()  # type: ignore[arg-type]  # parsed JSON
    return "" if text == statement else "another statement was signed"


def own_signature_refusal(
    signature: Signature,
    key: PersonKey | None,
    person: Person,
    kind: str,
    statement: Mapping[str, Json],
    now: datetime,
) -> Refusal | None:
    """`KEY_NOT_ENROLLED` or `SIGNATURE_INVALID` unless the person's own key signed a statement."""
    if key is None or key.person_id != person.person_id or not key.counts_at(now):
        return refuse("KEY_NOT_ENROLLED", "no key of this person", person=person.person_id)
    problem = signature_problem(signature, key, kind, canonical_bytes(dict(statement)).decode())
    return refuse("SIGNATURE_INVALID", problem, key_id=key.key_id) if problem else None


def _present(act: EnrolKey, register: Register, now: datetime) -> set[str]:
    """The keys of the owner that count."""
    owner = act.key.person_id
    return {k.key_id for k in register.person_keys if k.person_id == owner and k.counts_at(now)}


def _replaced_refusal(act: Act, register: Register, now: datetime) -> Refusal | None:
    old = act.key.supersedes if isinstance(act, EnrolKey) else None
    if old is None or not isinstance(act, EnrolKey) or old in _present(act, register, now):
        return None
    return refuse("KEY_NOT_OWN", "the key to be replaced is none of this person's", key_id=old)


def _proved(act: Act, own: Sequence[PersonKey], register: Register, now: datetime) -> bool:
    """Whether the owner showed the new key, and one of the present keys when there are any."""
    if not isinstance(act, EnrolKey):
        return True
    shown, present = {k.key_id for k in own}, _present(act, register, now)
    needed = {act.key.supersedes} if act.key.supersedes is not None else present
    return act.key.key_id in shown and (not needed or bool(needed & shown))


def _acting_refusal(
    actor_id: str, added: Sequence[Signature], act: Act, register: Register
) -> Refusal | None:
    """Nobody hands in other people's signatures only."""
    keys = [register.key(s.key_id) for s in added]
    acting = {k.person_id for k in keys if k is not None}
    if isinstance(act, EnrolKey):
        acting.add(act.key.person_id)
    if actor_id in acting:
        return None
    return refuse("SIGNER_NOT_ACTING", "the actor is none of those who signed", person=actor_id)


def _in_force(
    act: Act,
    subject: Person,
    signers: _Signers,
    signatures: tuple[Signature, ...],
    register: Register,
    now: datetime,
) -> tuple[Document, ...] | Refusal:
    """What the act changes; judged also while a signature is still to come."""
    names = tuple(p.person_id for p in signers.deciding)
    match act:
        case EnrolKey():
            key = act.key.amended(effective_at=now, enrolled_by=names, signatures=signatures)
            return _enrolled(key, subject, register, now)
        case GrantRole():
            grant = act.grant.amended(granted_at=now, granted_by=names, signatures=signatures)
            if any(g.grant_id == grant.grant_id for g in register.grants):
                return refuse("NONCE_USED", "this grant exists", grant=grant.grant_id)
            grantee = decide_grant(grant, subject)
            return grantee if isinstance(grantee, Refusal) else (grant, grantee)
        case EndKey():
            key_ended = end_key(act.key_id, act.person_id, act.reason, register, now)
            return key_ended if isinstance(key_ended, Refusal) else (key_ended,)
        case _ as unknown:
            assert_never(unknown)


def _enrolled(
    key: PersonKey, owner: Person, register: Register, now: datetime
) -> tuple[Document, ...] | Refusal:
    enrolled = decide_enrolment(key, owner, register.person_keys)
    if isinstance(enrolled, Refusal) or key.supersedes is None:
        return enrolled if isinstance(enrolled, Refusal) else (enrolled,)
    old = end_key(key.supersedes, owner.person_id, "replaced", register, now)
    return old if isinstance(old, Refusal) else (enrolled, old)


def end_key(
    key_id: str, person_id: str, reason: str, register: Register, now: datetime
) -> PersonKey | Refusal:
    """The key, ended; `NOT_FOUND` when the person has no such key, `KEY_REVOKED`."""
    key = register.key(key_id)
    if key is None or key.person_id != person_id:
        return refuse("NOT_FOUND", "the person has no such key", key_id=key_id)
    return decide_revocation(key, reason, now)
