"""Two people let one soft check be breached for a time.

Job: the signed terms of an override, the decision that puts it into force, and whether it holds.

Invariants
  I1  Only a check that the policy calls soft is overridden: a hard breach has no way around it.
  I2  Two different active people with the right sign the same bytes with keys that count; one of
      them reviews risk.
  I3  It names its log, its scope and its end, and lives no longer than the policy allows.
  I4  It is judged again with each use: a signer who lost key, role or access ends it.

Not here: the breach (risk.further), which override covers an order (desk.risk_facts).
Source: trading reference part 4; governance rules, part 3.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field, ValidationError

from counterseal.identity.dsse import signed_payload, statement_in
from counterseal.identity.people import SIGNERS, Person
from counterseal.identity.proposals import Register, signature_problem
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import (
    Document,
    DomainModel,
    Name,
    Refusal,
    Signature,
    Text,
    refuse,
)
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.desk_limits import DeskLimits, FurtherCheck
from counterseal.policy.words import Meaning, Role

KIND: Final = "override"
_HEAD: Final[Mapping[str, Json]] = {
    "schema_version": 1,
    "kind": KIND,
    "act": "override_risk_check",
    "meaning": Meaning.OVERRODE_RISK.value,
}


class OverrideTerms(DomainModel):
    """What two people sign.

    Attributes:
        override_id: Fresh for each override; names it for ever.
        strategy_id, symbol: Narrow it further; None covers all of the account.
        issued_at, expires_at: UTC; it counts in between (half-open).
    """

    log_origin: Name
    tenant: Name
    override_id: Name
    check: FurtherCheck
    account_id: Name
    strategy_id: Name | None
    symbol: Name | None
    reason: Text
    issued_at: UtcDatetime
    expires_at: UtcDatetime


class OverrideStatus(StrEnum):
    """Whether an override waits for its second signature, counts, or was ended early."""

    OPEN = "open"
    IN_FORCE = "in_force"
    ENDED = "ended"


class RiskOverride(Document):
    """An override with the signatures that it has so far."""

    KIND: ClassVar[str] = "risk_overrides"
    KEY: ClassVar[str] = "override_id"

    override_id: Name
    account_id: Name
    terms: OverrideTerms
    status: OverrideStatus = OverrideStatus.OPEN
    signatures: tuple[Signature, ...] = Field(min_length=1, max_length=SIGNERS)
    signed_by: tuple[Name, ...] = Field(min_length=1, max_length=SIGNERS)
    opened_at: UtcDatetime
    in_force_at: UtcDatetime | None = None
    ended_at: UtcDatetime | None = None

    def covers(self, strategy_id: str | None, symbol: str, now: datetime) -> bool:
        """Whether it counts at `now` (UTC) for an order of its account."""
        terms = self.terms
        return (
            self.status is OverrideStatus.IN_FORCE
            and terms.issued_at <= now < terms.expires_at
            and terms.strategy_id in {None, strategy_id}
            and terms.symbol in {None, symbol}
        )


def override_statement(terms: OverrideTerms) -> dict[str, Json]:
    """The statement that both people sign."""
    return {**_HEAD, **terms.json_value()}


def terms_in(signature: Signature) -> OverrideTerms | Refusal:
    """The terms that an envelope states; nothing is verified yet.

    Returns:
        Or `STATEMENT_UNREADABLE`, `SIGNATURE_INVALID`.
    """
    try:
        stated = statement_in(signed_payload(signature, KIND))
        told = {k: v for k, v in stated.items() if k not in _HEAD}
        terms = OverrideTerms.model_validate_json(canonical_bytes(told))  # type: ignore[arg-type]  # parsed JSON
    except (InputError, IntegrityError) as error:
        return refuse(error.code, error.message)
    except ValidationError:
        return refuse("STATEMENT_UNREADABLE", "this states no override")
    if override_statement(terms) != stated:
        return refuse("STATEMENT_UNREADABLE", "this states no override")
    return terms


def decide_override(
    known: RiskOverride | None,
    added: Signature,
    register: Register,
    limits: DeskLimits,
    *,
    actor: Person,
    now: datetime,
) -> RiskOverride | Refusal:
    """Open an override with its first signature, or put it into force with its second.

    Args:
        known: The override under the statement's id, None when there is none.
        added: One signature, of the acting person.
        register: People and keys that count, and the name of the log.
        limits: Which checks are soft, and the longest life.
        actor: Who acts, with the roles of this login.
        now: Instant of the command (UTC).

    Returns:
        Or a refusal: those of `terms_in`, `PROPOSAL_CLOSED`, `ALREADY_SIGNED`, `OVERRIDE_HARD`,
        `OVERRIDE_TOO_LONG`, `OTHER_LOG`, `OTHER_TENANT`, `PROPOSAL_EXPIRED`, `KEY_NOT_ENROLLED`,
        `KEY_REVOKED`, `SIGNATURE_INVALID`, `SIGNER_NOT_ACTING`, `PERSON_DISABLED`, `ROLE`,
        `RISK_REVIEWER_NEEDED`.
    """
    terms = terms_in(added)
    if isinstance(terms, Refusal):
        return terms
    refusal = (
        _closed(known, terms, actor)
        or _terms_refusal(terms, register.origin, limits, actor, now)
        or _signer_refusal(terms, added, register, actor, now)
    )
    if refusal is not None:
        return refusal
    if known is None:
        return RiskOverride(
            override_id=terms.override_id,
            account_id=terms.account_id,
            terms=terms,
            signatures=(added,),
            signed_by=(actor.person_id,),
            opened_at=now,
        )
    first = register.person(known.signed_by[0])
    if not _risk_reviewed((first, actor)):
        return refuse("RISK_REVIEWER_NEEDED", "one of the two must review risk")
    return known.amended(
        status=OverrideStatus.IN_FORCE,
        signatures=(*known.signatures, added),
        signed_by=(*known.signed_by, actor.person_id),
        in_force_at=now,
    )


def decide_end_override(known: RiskOverride, now: datetime) -> RiskOverride | Refusal:
    """End an override at `now` (UTC); `PROPOSAL_CLOSED` when it is over already."""
    if known.status is OverrideStatus.ENDED or known.terms.expires_at <= now:
        return refuse("PROPOSAL_CLOSED", "it is over already", override=known.override_id)
    return known.amended(status=OverrideStatus.ENDED, ended_at=now)


def override_holds(override: RiskOverride, register: Register, now: datetime) -> bool:
    """Whether both signatures, keys, people and roles still count at `now` (UTC)."""
    if len(set(override.signed_by)) != SIGNERS or len(override.signatures) != SIGNERS:
        return False
    people = [register.person(person_id) for person_id in override.signed_by]
    pairs = zip(people, override.signatures, strict=True)
    sound = all(
        person is not None
        and terms_in(signature) == override.terms
        and _signer_refusal(override.terms, signature, register, person, now) is None
        for person, signature in pairs
    )
    return sound and override.terms.log_origin == register.origin and _risk_reviewed(people)


def _closed(known: RiskOverride | None, terms: OverrideTerms, actor: Person) -> Refusal | None:
    if known is None:
        return None
    if known.status is not OverrideStatus.OPEN or known.terms != terms:
        return refuse("PROPOSAL_CLOSED", "it takes no signature", override=known.override_id)
    if actor.person_id in known.signed_by:
        return refuse("ALREADY_SIGNED", "two different people sign", person=actor.person_id)
    return None


def _terms_refusal(
    terms: OverrideTerms, origin: str, limits: DeskLimits, actor: Person, now: datetime
) -> Refusal | None:
    row = limits.rows.get(terms.check)
    if row is None or not row.soft:
        return refuse("OVERRIDE_HARD", "this check has no override", check=terms.check)
    if terms.log_origin != origin:
        return refuse("OTHER_LOG", "this was signed for another log", log=terms.log_origin)
    if terms.tenant != actor.tenant:
        return refuse("OTHER_TENANT", "this was signed for another tenant", tenant=terms.tenant)
    life = seconds_between(terms.issued_at, terms.expires_at)
    if not 0 < life <= limits.override_seconds_max:
        longest = limits.override_seconds_max
        return refuse("OVERRIDE_TOO_LONG", "it would live too long", seconds=life, longest=longest)
    if not terms.issued_at <= now < terms.expires_at:
        return refuse("PROPOSAL_EXPIRED", "outside its time", until=terms.expires_at)
    return None


def _signer_refusal(
    terms: OverrideTerms, signature: Signature, register: Register, person: Person, now: datetime
) -> Refusal | None:
    key = register.key(signature.key_id)
    if key is None or now < key.effective_at:
        return refuse("KEY_NOT_ENROLLED", "no such key is enrolled", key_id=signature.key_id)
    if not key.counts_at(now):
        return refuse("KEY_REVOKED", "this key counts no longer", key_id=signature.key_id)
    statement = canonical_bytes(override_statement(terms)).decode()
    problem = signature_problem(signature, key, KIND, statement)
    if problem:
        return refuse("SIGNATURE_INVALID", problem, key_id=key.key_id)
    if key.person_id != person.person_id:
        return refuse("SIGNER_NOT_ACTING", "everybody signs for themselves", person=key.person_id)
    return authorize(Action.OVERRIDE_RISK, person.held_roles(), active=person.active)


def _risk_reviewed(people: Sequence[Person | None]) -> bool:
    return any(p is not None and Role.RISK_REVIEWER in p.held_roles() for p in people)
