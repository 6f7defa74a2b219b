"""Readiness boundaries of the seeded home: flags as probed, held against what must be so.

A flag that no software may set, and every flag that speaks against paper, must be off; what the
paper path itself needs must be on. What could not be checked is told, and never counts as on.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from counterseal.desk.views.blueprint import (
    ALL_AREAS_ENABLED,
    BLUEPRINT_ONLY,
    AreaStatus,
    blueprint,
)
from counterseal.readiness.areas import follows, unsafe
from counterseal.readiness.flags import NEVER
from counterseal.readiness.report import Readiness, readiness_of
from storage.probes import observe
from storage.settings import Settings
from ui.checklist.checked import Checked, equal, none
from ui.cli.session import CLOCK

ROWS: Final[Mapping[str, str]] = {
    "paper-compliance-approval-readiness-check": "TX-L1",
    "paper-risk-cross-account-readiness-check": "TX-L2",
    "paper-broker-simulation-readiness-check": "TX-L3",
    "paper-oms-production-readiness-check": "TX-L4",
    "paper-audit-worm-readiness-check": "TX-L5",
    "paper-audit-compliance-trail-readiness-check": "TX-L6",
}
_NEEDED: Final[Mapping[str, str]] = {
    "TX-L1": (
        "local_paper_approval_queue_enabled local_sqlite_persistence_enabled"
        " local_dual_review_rule_enabled local_hash_chain_enabled"
    ),
    "TX-L2": (
        "local_paper_guardrails_enabled local_paper_state_enabled"
        " risk_evaluation_detail_enabled duplicate_idempotency_local_check_enabled"
    ),
    "TX-L3": (
        "deterministic_broker_simulation_enabled local_quote_snapshot_preview_enabled"
        " paper_ack_reject_partial_fill_fill_cancel_enabled"
    ),
    "TX-L4": (
        "order_state_machine_enabled local_sqlite_persistence_enabled"
        " local_outbox_metadata_enabled duplicate_idempotency_metadata_enabled"
        " execution_report_metadata_enabled timeout_candidate_scan_enabled"
        " explicit_paper_timeout_mark_enabled"
    ),
    "TX-L5": "local_sqlite_audit_enabled local_hash_chain_enabled",
    "TX-L6": "local_sqlite_audit_enabled local_hash_chain_preview_enabled",
}
"""What the original had on; here the probe must say so."""
_AREAS: Final = 8
_SAFE: Final[Mapping[str, bool]] = {
    "paper_only": True,
    "read_only": True,
    "live_trading_enabled": False,
    "broker_api_called": False,
    "order_created": False,
    "database_written": False,
    "credentials_collected": False,
    "production_oms_enabled": False,
    "production_trading_ready": False,
}


@lru_cache(maxsize=1)
def _readiness(settings: Settings) -> Readiness:
    return readiness_of(observe(settings, CLOCK.now()))


def boundary(row: str, settings: Settings) -> list[Checked]:
    """One boundary of the home that these settings name."""
    told = _readiness(settings)
    one = next(found for found in told.boundaries if found.row == row)
    flags = {flag.name: flag for flag in (*one.flags, *one.safety_flags)}
    off = [name for name in _NEEDED[row].split() if flags[name].value is not True]
    granted = [name for name in flags if name in NEVER and flags[name].value is not False]
    differ = [flag.name for flag in one.flags if told.flag(flag.name) != flag]
    blind = [name for name, flag in flags.items() if flag.value is None]
    return [
        equal("a home was read", told.home_problem, ""),
        none("needed and not on", off),
        none("granted to itself", granted),
        none("against paper", [flag.name for flag in unsafe(flags.values())]),
        none("told otherwise elsewhere", differ),
        equal("its state follows from its flags", follows(one, told), True),
        Checked("state", True, f"{one.readiness_state}, {len(one.missing)} missing"),
        Checked("could not be checked", True, ", ".join(blind) or "none"),
    ]


def plan(settings: Settings) -> list[Checked]:
    """The blueprint of a production order system (TX-I11)."""
    told = blueprint(_readiness(settings).flags)
    wrong = [
        area.area_id
        for area in told.areas
        if (area.status is AreaStatus.ENABLED) is not all(c.met for c in area.acceptance_criteria)
        or area.disabled_in_current_release is (area.status is AreaStatus.ENABLED)
    ]
    enabled = [area.area_id for area in told.areas if area.status is AreaStatus.ENABLED]
    state = ALL_AREAS_ENABLED if len(enabled) == len(told.areas) else BLUEPRINT_ONLY
    flags = {flag.name: flag.value for flag in told.safety_flags}
    bad = [name for name, safe in _SAFE.items() if flags.get(name) is not safe]
    return [
        equal("areas", len(told.areas), _AREAS),
        none("enabled without its criteria", wrong),
        equal("state", told.state, state),
        none("safety flags other than safe", bad),
        Checked("enabled areas", True, ", ".join(enabled) or "none"),
    ]
