"""How often outsiders are to see the log.

Job: hold the document about outside evidence as validated values.

Invariants
  I1  A log counts as stale only after several heartbeats failed to come, never after one.

Not here: gathering evidence (storage.attesting), what it proves (audit).
Source: policies/audit; design row "heartbeat every T while idle".
"""

from datetime import timedelta

from pydantic import Field

from counterseal.kernel.model import DomainModel


class EvidenceRules(DomainModel):
    """The whole document; a policy without one has these values.

    Attributes:
        heartbeat_seconds: Age of the newest record at which a heartbeat is due (T).
        stamp_seconds: Time between two time-stamps (N).
        stale_after_heartbeats: How many heartbeats may fail to come before the log counts as stale.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    heartbeat_seconds: int = Field(default=60, ge=1, le=86_400)
    stamp_seconds: int = Field(default=600, ge=1, le=604_800)
    stale_after_heartbeats: int = Field(default=3, ge=2, le=1_000)

    @property
    def heartbeat(self) -> timedelta:
        """T."""
        return timedelta(seconds=self.heartbeat_seconds)

    @property
    def stamp(self) -> timedelta:
        """N."""
        return timedelta(seconds=self.stamp_seconds)

    @property
    def fresh(self) -> timedelta:
        """How old the newest evidence may be: `audit verify --fresh` of this policy."""
        return self.heartbeat * self.stale_after_heartbeats
