"""A town of people with keys, founded by two officers, without any store."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from counterseal.identity.acts import (
    ATTEST,
    Act,
    ActTerms,
    EndKey,
    EnrolKey,
    KeyEnding,
    grant_role,
    kind_of,
    statement_of,
)
from counterseal.identity.dsse import public_key_text, sign_statement
from counterseal.identity.founding import Founder, Founding, decide_founding, founding_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, Role, RoleGrant
from counterseal.identity.proposals import (
    PeopleProposal,
    Register,
    Settled,
    decide_opening,
    decide_signing,
)
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Document, Refusal, Signature
from tests.core.approvals.world import private_key

NOW = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
ORIGIN = "counterseal.example/town"
TENANT = "acme"
OFFICERS = ("eva", "emil")


def code(outcome: object) -> str:
    """The refusal's code; empty for anything else."""
    return outcome.code if isinstance(outcome, Refusal) else ""


def person(name: str, *roles: Role, tenant: str = TENANT) -> Person:
    return Person(person_id=name, tenant=tenant, handle=name, roles=roles, created_at=NOW)


def new_key(signer: str, **changes: object) -> PersonKey:
    """The key of a signer such as `olga`, or `olga.2` for her second."""
    told: dict[str, object] = {
        "key_id": f"key-{signer}",
        "person_id": signer.partition(".")[0],
        "public_key": public_key_text(private_key(signer)),
        "key_class": 1,
        "enrolled_by": (),
        "effective_at": NOW,
    }
    return PersonKey.model_validate(told | changes)


def signed(kind: str, statement: dict[str, Json], *signers: str) -> tuple[Signature, ...]:
    return tuple(sign_statement(private_key(n), kind, statement, f"key-{n}") for n in signers)


def founding(
    terms: ActTerms, names: tuple[str, ...] = OFFICERS, signers: tuple[str, ...] | None = None
) -> Founding:
    """A founding by these people, signed by their new keys or by others."""
    founders = tuple(Founder(person=person(name), key=new_key(name)) for name in names)
    statement = founding_statement(terms, [one.key for one in founders])
    signatures = signed(ATTEST, statement, *(names if signers is None else signers))
    return Founding(terms=terms, founders=founders, signatures=signatures)


@dataclass
class Town:
    """Everybody, and the proposals that were ever opened."""

    register: Register = field(default_factory=lambda: Register(origin=ORIGIN))
    proposals: dict[str, PeopleProposal] = field(default_factory=dict)
    now: datetime = NOW
    count: int = 0

    def terms(self, **changes: object) -> ActTerms:
        """Terms of a fresh act."""
        self.count += 1
        told: dict[str, object] = {
            "log_origin": ORIGIN,
            "tenant": TENANT,
            "issued_at": self.now,
            "expires_at": self.now + timedelta(days=7),
            "nonce": f"act-{self.count}",
        }
        return ActTerms.model_validate(told | changes)

    def after(self, **span: float) -> None:
        self.now += timedelta(**span)

    def found(self) -> "Town":
        founded = decide_founding(founding(self.terms()), self.register, self.now)
        assert not isinstance(founded, Refusal), founded
        self.take(founded)
        self.after(seconds=1)
        return self

    def add(self, *people: Person) -> None:
        self.take(people)

    def take(self, documents: Iterable[Document]) -> None:
        """Store full new versions, as tables do."""
        kept: dict[tuple[str, str], Document] = {}
        register = self.register
        for one in (*register.people, *register.person_keys, *register.grants, *documents):
            kept[one.KIND, one.key] = one
        self.register = Register(
            origin=ORIGIN,
            people=tuple(d for d in kept.values() if isinstance(d, Person)),
            person_keys=tuple(d for d in kept.values() if isinstance(d, PersonKey)),
            grants=tuple(d for d in kept.values() if isinstance(d, RoleGrant)),
        )

    def propose(self, act: Act, *signers: str, actor: str | None = None) -> Settled | Refusal:
        """Open a proposal; the first who signs acts, unless somebody else does."""
        return self.hand_in(signed(kind_of(act), statement_of(act), *signers), actor or signers[0])

    def hand_in(self, signatures: tuple[Signature, ...], actor: str) -> Settled | Refusal:
        acting = actor.partition(".")[0]
        known = tuple(self.proposals.values())
        return self._settled(decide_opening(signatures, known, self.register, acting, self.now))

    def approve(self, act: Act, *signers: str, actor: str | None = None) -> Settled | Refusal:
        """Sign an open proposal."""
        proposal = self.proposals[act.terms.nonce]
        signatures = signed(kind_of(act), statement_of(act), *signers)
        acting = (actor or signers[0]).partition(".")[0]
        settled = decide_signing(proposal, signatures, self.register, acting, self.now)
        return self._settled(settled)

    def grant(self, name: str, role: Role, *strategies: str, **terms: object) -> Act:
        return grant_role(self.terms(**terms), name, role, strategies=strategies)

    def enrolment(self, signer: str, supersedes: str | None = None, **terms: object) -> Act:
        return EnrolKey(terms=self.terms(**terms), key=new_key(signer, supersedes=supersedes))

    def ending(self, signer: str, reason: KeyEnding, **terms: object) -> Act:
        owner = signer.partition(".")[0]
        return EndKey(
            terms=self.terms(**terms), key_id=f"key-{signer}", person_id=owner, reason=reason
        )

    def _settled(self, settled: Settled | Refusal) -> Settled | Refusal:
        if not isinstance(settled, Refusal):
            self.proposals[settled.proposal.proposal_id] = settled.proposal
            self.take(settled.documents)
        return settled


def in_force(outcome: Settled | Refusal) -> bool:
    """Whether it was accepted and came into force."""
    return not isinstance(outcome, Refusal) and bool(outcome.documents)
