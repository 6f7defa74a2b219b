"""Observations to judge: everything shown, nothing shown, nothing seen, and a sign of live."""

from datetime import UTC, datetime
from typing import Final

from counterseal.kernel.model import DomainModel
from counterseal.readiness.model import (
    AccessSeen,
    CasesSeen,
    EffectsSeen,
    Exercise,
    Exercised,
    HomeSeen,
    LogSeen,
    Observation,
    OrdersSeen,
    PartsSeen,
    PolicySeen,
    RunKind,
    RunSeen,
    SettingsSeen,
)

AT: Final = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
GOOD_PARTS: Final = (
    *("alembic", "api_base_url", "auth_boundary", "ci:demo", "ci:torture", "cli.demo"),
    *(
        "cli.people",
        "gitleaks",
        "load_test",
        "rate_limit",
        "runbook",
        "sample_mode",
        "session_cookie",
    ),
    *("staging", "telemetry", "vault", "web.demo", "web.login", "web.permission", "web.tenant"),
    *("next_public", "live_control", "session_cookie"),
)
"""A name for every word that a probe of presence looks for, except credentials."""


def outcomes(passed: bool | None) -> tuple[Exercised, ...]:
    """Every exercise with one outcome."""
    return tuple(Exercised(name=e, passed=passed, evidence="told by a test") for e in Exercise)


def run(kind: RunKind, *, at: datetime = AT, whole: bool = True) -> RunSeen:
    """A stored run that is due again after a minute."""
    return RunSeen(
        kind=kind, run_id="run-1", at=at, due_seconds=60, whole=whole, told="told by a test"
    )


FULL_HOME: Final = HomeSeen(
    mode="demo",
    log=LogSeen(
        size=9,
        sealed=9,
        findings=0,
        checkpoint_verified=True,
        head_compared=True,
        guards_missing=(),
        differences=0,
        decision_differences=0,
        witnesses=1,
        stamps=1,
    ),
    cases=CasesSeen(
        requests=1,
        unresolved=0,
        decisions=2,
        unverified=0,
        without_login=0,
        reviewers_with_keys=2,
        administrators_with_keys=2,
        operators_with_keys=1,
    ),
    orders=OrdersSeen(
        outbox=1,
        keys_unique=True,
        reports=2,
        reports_broken=0,
        gateways=("paper-broker-sim",),
        quote_bases=("caller",),
        accounts=1,
        kill_switches=1,
        heartbeats_missing=0,
    ),
    policy=PolicySeen(
        bundle_hash="sha256:1",
        matches=True,
        limits=True,
        group_limits=2,
        votes=2,
        retention_rules=4,
    ),
    access=AccessSeen(providers=1, provider_logins=1, sessions_open=1),
    runs=tuple(run(kind) for kind in RunKind),
)
BARE_HOME: Final = HomeSeen(
    mode="paper",
    log=LogSeen(
        size=9,
        sealed=0,
        findings=1,
        checkpoint_verified=False,
        head_compared=False,
        guards_missing=("guard_audit_records_update",),
        differences=1,
        decision_differences=1,
        witnesses=0,
    ),
    cases=CasesSeen(
        requests=1, unresolved=1, decisions=2, unverified=1, without_login=1, reviewers_with_keys=0
    ),
    orders=OrdersSeen(
        outbox=0,
        keys_unique=False,
        reports=1,
        reports_broken=1,
        gateways=(),
        quote_bases=("book",),
        accounts=2,
        kill_switches=0,
        heartbeats_missing=1,
    ),
    policy=PolicySeen(),
)
PAPER: Final = SettingsSeen(
    trading_mode="paper",
    live_trading_enabled=False,
    broker_provider="paper",
    database_kind="sqlite",
)
IDLE: Final = EffectsSeen(writing_opens=0, orders_added=0, outside_connections=0)
BUSY: Final = EffectsSeen(writing_opens=3, orders_added=1, outside_connections=2)
FULL: Final = Observation(
    at=AT,
    settings=PAPER,
    home=FULL_HOME,
    exercised=outcomes(True),
    parts=PartsSeen(names=GOOD_PARTS, kinds_without_tenant=()),
    effects=IDLE,
)
"""Everything installed and shown, on a paper home in SQLite."""

MANAGED: Final = FULL.amended(
    settings=PAPER.amended(database_kind="postgresql", database_url_told=True)
)
BARE: Final = Observation(
    at=AT,
    settings=PAPER,
    home=BARE_HOME,
    exercised=outcomes(False),
    parts=PartsSeen(names=(), kinds_without_tenant=("orders",)),
    effects=BUSY,
)
"""Everything looked at, nothing shown."""

BLIND: Final = Observation(at=AT, settings=PAPER)
"""Nothing looked at but the settings."""

LIVE: Final = BARE.amended(
    settings=PAPER.amended(
        trading_mode="live", live_trading_enabled=True, broker_provider="acme", database_kind="x"
    ),
    home=BARE_HOME.amended(orders=BARE_HOME.orders.amended(gateways=("acme-gateway",))),
    parts=PartsSeen(names=("setting.broker_password",), kinds_without_tenant=()),
)
"""Signs of live trading everywhere; no such thing can be started here."""


def changed(seen: Observation, path: str, value: object) -> Observation:
    """The observation with one value replaced, by its dotted path."""
    first, _, rest = path.partition(".")
    return seen.amended(**{first: _inside(getattr(seen, first), rest, value)})


def _inside(whole: DomainModel, path: str, value: object) -> object:
    if not path:
        return value
    first, _, rest = path.partition(".")
    return whole.amended(**{first: _inside(getattr(whole, first), rest, value)})


def with_outcome(seen: Observation, exercise: Exercise, passed: bool | None) -> Observation:
    """The observation with another outcome of one exercise."""
    told = Exercised(name=exercise, passed=passed, evidence="told by a test")
    rest = tuple(e for e in seen.exercised if e.name is not exercise)
    return seen.amended(exercised=(*rest, told))


def without(seen: Observation, exercise: Exercise) -> Observation:
    """The observation as if an exercise had not been carried out."""
    return seen.amended(exercised=tuple(e for e in seen.exercised if e.name is not exercise))
