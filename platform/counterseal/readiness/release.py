"""What the release document claims, and what of it holds by the flags.

Job: judge each level and phase of the document by the flags it rests on.

Invariants
  I1  A claim holds only while every flag it rests on was checked and is as it must be.
  I2  The production platform is not ready as long as any boundary misses anything or cannot be
      checked; no document makes it ready.
  I3  A gap is told until its flag is true.

Not here: reading the document (storage.release_file), the flags (readiness.decide).
Source: TX-A8; ui page note on Release.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from counterseal.kernel.model import DomainModel, Name
from counterseal.readiness.flags import PROBE_OF
from counterseal.readiness.model import RunSeen, SettingsSeen
from counterseal.readiness.report import Readiness


class ReleaseLevel(StrEnum):
    """What could be shown to whom, from the least to the most."""

    WEBSITE = "marketing_website"
    COMMAND_CENTER = "web_command_center"
    PREVIEW = "paper_research_preview"
    PRODUCTION = "production_trading_platform"


class Claim(StrEnum):
    """What a level is, when its flags hold."""

    PRESENTATION = "external_presentation_candidate"
    DEMO = "internal_demo_candidate"
    TECHNICAL = "internal_technical_preview"
    READY = "ready"


class Phase(StrEnum):
    """The phases of the roadmap; the first is phase 0."""

    COMPLIANCE = "compliance_boundary"
    INFRASTRUCTURE = "infrastructure_foundation"
    MARKET_DATA = "data_platform"
    STRATEGY = "strategy_sdk_and_backtest"
    EXECUTION = "risk_oms_broker_gateway"
    SHADOW = "command_center_and_shadow_trading"
    RELIABILITY = "reliability_and_go_live_readiness"


class SafetyMode(StrEnum):
    """What a phase may touch."""

    PAPER_ONLY = "paper_only"


class KnownGap(StrEnum):
    """What keeps this from being a production system."""

    BROKER = "no_real_broker"
    MATCHING = "no_market_matching"
    MARGIN = "no_margin_feed"
    RECONCILIATION = "no_real_account_reconciliation"
    ORDERS = "no_certified_order_system"
    LEDGER = "no_certified_ledger"
    APPROVAL = "no_formal_approval_authority"
    OPERATIONS = "no_reviewed_operations"


OPEN_BOUNDARIES: Final = "boundaries"
"""What speaks against production besides flags."""


class Standing(StrEnum):
    """How much of a claim the flags bear out."""

    HOLDS = "holds"
    PARTLY = "partly"
    NOT = "not"
    UNKNOWN = "not_checked"


def _known(name: str) -> str:
    if name not in PROBE_OF:
        raise ValueError(f"no probe sets a flag of this name: {name}")
    return name


class Condition(DomainModel):
    """A flag, and the value that it must have."""

    flag: Name
    must_be: bool = True

    _flag = field_validator("flag")(_known)


class LevelClaim(DomainModel):
    """What the document says of a level."""

    level: ReleaseLevel
    claim: Claim
    rests_on: tuple[Condition, ...] = Field(min_length=1)


class PhaseClaim(DomainModel):
    """What the document says of a phase."""

    phase: Phase
    safety_mode: SafetyMode
    rests_on: tuple[Condition, ...] = Field(min_length=1)


class Gap(DomainModel):
    """A gap that stays until a flag is true."""

    gap: KnownGap
    until: Name

    _until = field_validator("until")(_known)


class ReleaseDocument(DomainModel):
    """The release document; each level, phase and gap stands in it once, in order."""

    schema_version: Literal[1]
    levels: tuple[LevelClaim, ...]
    phases: tuple[PhaseClaim, ...]
    known_non_production_gaps: tuple[Gap, ...]
    docs: tuple[Name, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        told = (
            [one.level for one in self.levels],
            [one.phase for one in self.phases],
            [one.gap for one in self.known_non_production_gaps],
        )
        if told != ([*ReleaseLevel], [*Phase], [*KnownGap]):
            raise ValueError("each level, phase and gap must stand here once, in its order")
        return self


class Judged(DomainModel):
    """How conditions stand; `against` names the flags that speak against the claim or are unknown.

    Attributes:
        met: How many of `asked` conditions hold.
    """

    standing: Standing
    met: int = Field(ge=0)
    asked: int = Field(ge=1)
    against: tuple[Name, ...]


class LevelState(DomainModel):
    """A level today, and how much of its claim the flags bear out."""

    level: ReleaseLevel
    claim: Claim
    judged: Judged


class PhaseState(DomainModel):
    """A phase today; `number` counts from 0."""

    number: int = Field(ge=0)
    phase: Phase
    safety_mode: SafetyMode
    judged: Judged


class Baseline(DomainModel):
    """What is released (TX-A8).

    Attributes:
        release_level: The highest level whose claim holds; None when none does.
        production_ready: Whether nothing at all stands against production.
        boundaries_open: Boundaries that miss something or could not be checked.
        missing: Entries of all boundaries that are missing or required before.
        validation: Stored results of checks, never a constant.
        gaps: Those whose flag is not true.
    """

    version: Name
    release_level: ReleaseLevel | None
    levels: tuple[LevelState, ...]
    phases: tuple[PhaseState, ...]
    production_ready: bool
    boundaries_open: int = Field(ge=0)
    boundaries: int = Field(ge=0)
    missing: int = Field(ge=0)
    safety_defaults: SettingsSeen
    live_trading_enabled: bool | None
    validation: tuple[RunSeen, ...]
    gaps: tuple[KnownGap, ...]
    docs: tuple[Name, ...]


def baseline(document: ReleaseDocument, told: Readiness, version: str) -> Baseline:
    """What holds of the document by the flags of `told`; `version` is that of the software."""
    open_now = [b for b in told.boundaries if b.missing or b.required_before]
    levels = tuple(_level(one, told, ready=not open_now) for one in document.levels)
    held = [one.level for one in levels if one.judged.standing is Standing.HOLDS]
    live = told.flag("live_trading_enabled")
    return Baseline(
        version=version,
        release_level=held[-1] if held else None,
        levels=levels,
        phases=tuple(_phase(n, one, told) for n, one in enumerate(document.phases)),
        production_ready=ReleaseLevel.PRODUCTION in held,
        boundaries_open=len(open_now),
        boundaries=len(told.boundaries),
        missing=sum(len(b.missing) + len(b.required_before) for b in open_now),
        safety_defaults=told.safety_defaults,
        live_trading_enabled=None if live is None else live.value,
        validation=told.runs,
        gaps=tuple(one.gap for one in document.known_non_production_gaps if _open(one, told)),
        docs=document.docs,
    )


def _open(gap: Gap, told: Readiness) -> bool:
    flag = told.flag(gap.until)
    return flag is None or flag.value is not True


def _level(one: LevelClaim, told: Readiness, *, ready: bool) -> LevelState:
    judged = judge(one.rests_on, told)
    if one.level is ReleaseLevel.PRODUCTION and not ready:
        against = (*judged.against, OPEN_BOUNDARIES)
        judged = judged.amended(standing=Standing.NOT, against=against)
    return LevelState(level=one.level, claim=one.claim, judged=judged)


def _phase(number: int, one: PhaseClaim, told: Readiness) -> PhaseState:
    judged = judge(one.rests_on, told)
    return PhaseState(number=number, phase=one.phase, safety_mode=one.safety_mode, judged=judged)


def judge(conditions: Sequence[Condition], told: Readiness) -> Judged:
    """How conditions stand: what could not be checked is not met."""
    values = {flag.name: flag.value for flag in told.flags}
    met = [one for one in conditions if values.get(one.flag) is one.must_be]
    against = tuple(one.flag for one in conditions if one not in met)
    blind = any(values.get(name) is None for name in against)
    return Judged(
        standing=_standing(len(met), len(conditions), blind=blind),
        met=len(met),
        asked=len(conditions),
        against=against,
    )


def _standing(met: int, asked: int, *, blind: bool) -> Standing:
    if met == asked:
        return Standing.HOLDS
    if blind:
        return Standing.UNKNOWN
    return Standing.PARTLY if met else Standing.NOT
