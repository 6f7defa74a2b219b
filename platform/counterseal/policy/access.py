"""Who gets in, for how long, and how often a secret may be guessed.

Job: hold the document about access as validated values, and the back-off that follows from it.

Invariants
  I1  An issuer that the document does not name is believed in nothing.
  I2  A wait never shrinks with another wrong answer, and never exceeds the longest one.
  I3  A claim value that no row maps stands for no role.

Not here: secrets and counters (storage.credentials), what a login needs (identity).
Source: policies/access; governance part 5 (limits, OIDC).
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.words import Role

Issuer = Annotated[
    str,
    StringConstraints(
        max_length=120,
        pattern=r"^(https://[!-~]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[!-~]*)?)$",
    ),
]
"""Who vouches for a token: an https address, or plain http on this machine."""

Span = Annotated[int, Field(ge=1, le=30 * 24 * 3600)]
_DOUBLINGS_MAX: Final = 40


class ClaimedRole(DomainModel):
    """One row of a role map: this value of the role claim stands for this role."""

    value: Name
    role: Role


class IssuerRule(DomainModel):
    """An identity provider that is believed.

    Attributes:
        client_id: The audience that its tokens must name.
        acr_values: Levels, one of which a token must state; empty = any.
        amr_values: Methods, all of which a token must state; empty = any.
        roles_claim: The claim that lists roles; None = the provider says nothing about roles.
        role_map: What its values stand for. They narrow the roles that two people granted, and
            never grant one.
    """

    issuer: Issuer
    client_id: Name
    acr_values: tuple[Name, ...] = Field(default=(), max_length=20)
    amr_values: tuple[Name, ...] = Field(default=(), max_length=20)
    roles_claim: Name | None = None
    role_map: tuple[ClaimedRole, ...] = Field(default=(), max_length=100)

    def roles_of(self, values: Iterable[str]) -> tuple[Role, ...] | None:
        """Roles that claim values stand for, sorted; None when this provider tells none."""
        if self.roles_claim is None:
            return None
        told = set(values)
        return tuple(sorted({row.role for row in self.role_map if row.value in told}))


class AccessRules(DomainModel):
    """The whole document; a policy without one has these values. Spans in seconds.

    Attributes:
        session_seconds: Longest life of a login session.
        idle_seconds: Time without a sign of life that ends it.
        enrolment_seconds: Life of a single-use enrolment token.
        clock_skew_seconds: How far a token's issuer may be ahead.
        totp_drift_steps: Steps of a one-time code that may be early or late.
        account_attempts, source_attempts: Wrong answers without a wait.
        backoff_seconds, backoff_seconds_max: First and longest wait.
        attempts_forgotten_seconds: Quiet time after which wrong answers are forgotten.
        signing_drill_days: A reviewer who signed nothing for so long is asked to show that they
            can.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    session_seconds: Span = 28_800
    idle_seconds: Span = 900
    password_length_min: int = Field(default=12, ge=8, le=64)
    totp_period_seconds: int = Field(default=30, ge=15, le=120)
    totp_drift_steps: int = Field(default=1, ge=0, le=2)
    enrolment_seconds: Span = 900
    clock_skew_seconds: int = Field(default=60, ge=0, le=300)
    account_attempts: int = Field(default=5, ge=1, le=20)
    source_attempts: int = Field(default=20, ge=1, le=1_000)
    backoff_seconds: Span = 30
    backoff_seconds_max: Span = 3_600
    attempts_forgotten_seconds: Span = 86_400
    signing_drill_days: int = Field(default=90, ge=1, le=366)
    issuers: tuple[IssuerRule, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.backoff_seconds > self.backoff_seconds_max:
            raise ValueError("the first wait exceeds the longest")
        if self.backoff_seconds_max > self.attempts_forgotten_seconds:
            raise ValueError("wrong answers are forgotten while their wait still runs")
        names = [rule.issuer for rule in self.issuers]
        if len(names) != len(set(names)):
            raise ValueError("an issuer is named twice")
        return self

    def issuer(self, issuer: str) -> IssuerRule | None:
        """The rule of an issuer, compared byte by byte; None for one that nobody named."""
        return next((rule for rule in self.issuers if rule.issuer == issuer), None)

    def wait(self, attempts: int, allowed: int) -> timedelta:
        """How long nobody is heard after so many wrong answers in a row; zero while allowed."""
        beyond = attempts - allowed
        if beyond < 0:
            return timedelta(0)
        seconds = self.backoff_seconds * 2 ** min(beyond, _DOUBLINGS_MAX)
        return timedelta(seconds=min(seconds, self.backoff_seconds_max))
