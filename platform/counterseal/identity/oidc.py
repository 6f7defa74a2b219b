"""What an identity provider's claims prove.

Job: judge the claims of an ID token.

Invariants
  I1  Claims whose signature nobody verified prove nothing.
  I2  An issuer that the policy does not name proves nothing, whatever it claims.
  I3  A step-up proves only that the same subject of the same issuer authenticated just now.
  I4  A token without time of authentication never counts as fresh.

Not here: fetching tokens (storage.oidc), verifying them (storage.oidc_tokens), who the subject is
    (identity.accounts).
Source: OpenID Connect Core 1.0, 3.1.3.7 (validation), 2 (claims).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import Field

from counterseal.identity.accounts import subject_key
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Actor, DomainModel, Refusal, Sha256, refuse
from counterseal.policy.access import AccessRules, IssuerRule
from counterseal.policy.words import Role

NOT_STATED: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Time of an authentication that the provider does not tell: never fresh."""


class Claims(DomainModel):
    """What a token says; times in UTC.

    Attributes:
        verified: Whether its signature held. Claims made by hand have it false.
        token_digest: SHA-256 of what the issuer signed: header and claims, as sent.
        told: Further claims with text values, as (name, value).
    """

    issuer: str
    subject: str = Field(min_length=1, max_length=255)
    audience: tuple[str, ...]
    authorized_party: str | None = None
    issued_at: UtcDatetime
    expires_at: UtcDatetime
    not_before: UtcDatetime | None = None
    auth_time: UtcDatetime | None = None
    nonce: str | None = None
    acr: str = "none"
    amr: tuple[str, ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    verified: bool = False
    token_digest: Sha256


class Judged(DomainModel):
    """Claims that count: who, by what, and the roles that the role map leaves (None = all)."""

    account_id: str
    proved: Actor
    claimed_roles: tuple[Role, ...] | None


def judge_claims(
    claims: Claims,
    rules: AccessRules,
    now: datetime,
    *,
    nonce: str | None,
    fresh_within: timedelta | None = None,
    same_as: LoginSession | None = None,
) -> Judged | Refusal:
    """Whether a token's claims count now.

    Args:
        claims: As verified.
        rules: Issuers and clock skew.
        now: The instant asked about.
        nonce: Sent with the request for this token; None when who ran the flow has compared it.
        fresh_within: For a step-up: how long ago the authentication may be.
        same_as: For a step-up: the session that it renews.

    Returns:
        Or the first of `TOKEN_INVALID`, `ISSUER_UNKNOWN`, `AUDIENCE_WRONG`, `TOKEN_FROM_FUTURE`,
        `TOKEN_EXPIRED`, `NONCE_WRONG`, `USER_SWITCHED`, `ASSURANCE_TOO_LOW`, `REAUTH_REQUIRED`.
    """
    if not claims.verified:
        return refuse("TOKEN_INVALID", "nobody verified the signature of these claims")
    rule = rules.issuer(claims.issuer)
    if rule is None:
        return refuse("ISSUER_UNKNOWN", "this issuer is not believed", issuer=claims.issuer)
    account_id = subject_key(claims.issuer, claims.subject)
    refusal = (
        _audience_refusal(claims, rule)
        or _time_refusal(claims, now, timedelta(seconds=rules.clock_skew_seconds))
        or _binding_refusal(claims, account_id, nonce, same_as)
        or _assurance_refusal(claims, rule)
        or _freshness_refusal(claims, now, fresh_within)
    )
    if refusal is not None:
        return refusal
    proved = Actor(
        id=account_id,
        issuer=claims.issuer,
        amr=claims.amr or ("federated",),
        acr=claims.acr,
        auth_time=min(claims.auth_time or NOT_STATED, now),
        session=account_id,
    )
    values = [value for name, value in claims.told if name == rule.roles_claim]
    return Judged(account_id=account_id, proved=proved, claimed_roles=rule.roles_of(values))


def _audience_refusal(claims: Claims, rule: IssuerRule) -> Refusal | None:
    party = claims.authorized_party
    if rule.client_id not in claims.audience or (party is not None and party != rule.client_id):
        return refuse("AUDIENCE_WRONG", "the token is for somebody else", client=rule.client_id)
    if len(claims.audience) > 1 and party is None:
        return refuse("AUDIENCE_WRONG", "several audiences and no authorized party")
    return None


def _time_refusal(claims: Claims, now: datetime, skew: timedelta) -> Refusal | None:
    starts = (claims.issued_at, claims.not_before, claims.auth_time)
    if any(start is not None and start > now + skew for start in starts):
        return refuse("TOKEN_FROM_FUTURE", "the token begins later", issued=claims.issued_at)
    if not now < claims.expires_at:
        return refuse("TOKEN_EXPIRED", "the token has expired", until=claims.expires_at)
    return None


def _binding_refusal(
    claims: Claims, account_id: str, nonce: str | None, same_as: LoginSession | None
) -> Refusal | None:
    if nonce is not None and claims.nonce != nonce:
        return refuse("NONCE_WRONG", "the token answers another request")
    if same_as is not None and (claims.issuer, account_id) != (same_as.issuer, same_as.account_id):
        return refuse("USER_SWITCHED", "somebody else authenticated", session=same_as.session_id)
    return None


def _assurance_refusal(claims: Claims, rule: IssuerRule) -> Refusal | None:
    level = not rule.acr_values or claims.acr in rule.acr_values
    if level and set(rule.amr_values) <= set(claims.amr):
        return None
    return refuse("ASSURANCE_TOO_LOW", "a stronger login is needed", acr=claims.acr)


def _freshness_refusal(
    claims: Claims, now: datetime, fresh_within: timedelta | None
) -> Refusal | None:
    if fresh_within is None:
        return None
    if claims.auth_time is not None and now - claims.auth_time <= fresh_within:
        return None
    return refuse("REAUTH_REQUIRED", "authenticate again", auth_time=claims.auth_time)
