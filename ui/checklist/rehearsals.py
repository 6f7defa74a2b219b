"""Checks that are rehearsed on a scratch store under the policy of the settings."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from counterseal.readiness.model import Exercise, Exercised
from storage.scratch import rehearse
from storage.settings import Settings
from ui.checklist.checked import Checked

_E = Exercise
CHECKS: Final[Mapping[str, tuple[Exercise, ...]]] = {
    "paper-approval-workflow-check": (
        *(_E.REQUESTER_REFUSED, _E.UNSIGNED_REFUSED, _E.SAME_REVIEWER_REFUSED),
        *(_E.ONE_REVIEW_REFUSED, _E.STATE_DENIES, _E.POLICY_RESOLVES),
    ),
    "paper-risk-guardrails-check": (
        *(_E.ALL_CHECKS_RUN, _E.SNAPSHOT_FROM_PORTFOLIO, _E.DUPLICATE_REFUSED),
        *(_E.ACCOUNT_TREE_LIMITS, _E.TENANT_RISK_APART, _E.EQUITY_POLLED),
        *(_E.STATE_AFTER_RESTART, _E.SWITCH_STOPS_OTHER_PROCESS),
    ),
    "paper-oms-reliability-check": (
        *(_E.ACCEPTED_BEFORE_PROCESSED, _E.WORKER_DRAINS, _E.MESSAGE_SENT_ONCE),
        *(_E.MESSAGE_SURVIVES, _E.SECOND_WORKER_REFUSED, _E.DEAD_LETTER_REPLAYED),
        *(_E.QUEUE_SURVIVES, _E.DUPLICATE_LOGGED, _E.REPORTS_INGESTED, _E.REPORTS_REPEATED),
        *(_E.CONTRADICTION_MARKED, _E.UNKNOWN_BLOCKS, _E.DOUBT_ENDED, _E.FILL_TAKEN_BACK),
        *(_E.MISMATCH_LOCKS, _E.MISMATCH_RESOLVED),
    ),
    "paper-oms-timeout-check": (
        *(_E.TIMEOUT_SCAN_ANSWERS, _E.TIMEOUT_PREVIEW_ANSWERS, _E.TIMEOUT_MARKED_ONCE),
    ),
}
"""What must have passed, by the name of the check."""


@lru_cache(maxsize=1)
def _rehearsed(settings: Settings) -> Mapping[Exercise, Exercised]:
    return {one.name: one for one in rehearse(settings)}


def rehearsed(name: str, settings: Settings) -> list[Checked]:
    """Every exercise of a check; one that was not carried out has not passed."""
    told = _rehearsed(settings)
    return [
        Checked(exercise.value, told[exercise].passed is True, told[exercise].evidence)
        for exercise in CHECKS[name]
    ]
