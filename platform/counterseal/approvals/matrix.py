"""Which decisions survive an amendment.

Job: compare two payload versions and say which stages must review again.

Invariants
  I1  A field without a row voids every stage.
  I2  A decision carries only under the same bundle, unexpired, with a key that still counts.
  I3  No decision survives a change that the matrix marks for its stage.
  I4  Decisions carry in order: none of a later stage without the whole stage before it.

Not here: writing the new version (desk).
Source: governance rule 2.3; policies/approval (void_matrix).
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from counterseal.approvals.model import ApprovalDecision, RequestPayload
from counterseal.identity.keys import PersonKey
from counterseal.policy.params import StageRule, VoidRow
from counterseal.policy.words import Stage


def changed_fields(old: RequestPayload, new: RequestPayload) -> tuple[str, ...]:
    """Names of the payload fields that differ, in the order of the model."""
    before, after = dict(old), dict(new)
    return tuple(name for name in RequestPayload.model_fields if before[name] != after[name])


def named_rows(
    matrix: Sequence[VoidRow], old: RequestPayload, new: RequestPayload
) -> tuple[VoidRow, ...]:
    """The rows of the matrix for the fields that differ, in the order of the model."""
    rows = {row.field: row for row in matrix}
    return tuple(rows[name] for name in changed_fields(old, new) if name in rows)


def voided_stages(
    matrix: Sequence[VoidRow], old: RequestPayload, new: RequestPayload
) -> frozenset[Stage]:
    """Stages whose decisions do not carry from the old version to the new one."""
    voided: set[Stage] = set()
    rows = {row.field: row for row in matrix}
    before, after = dict(old), dict(new)
    for name in changed_fields(old, new):
        row = rows.get(name)
        if row is None:
            return frozenset(Stage)
        was, now = before[name], after[name]
        lower = _lower(was, now)
        reduced = row.voids_when_lower if lower else None
        voided.update(row.voids if reduced is None else reduced)
    return frozenset(voided)


def _lower(was: object, now: object) -> bool:
    if isinstance(was, Decimal) and isinstance(now, Decimal):
        return now < was
    return isinstance(was, int) and isinstance(now, int) and now < was


def carried_decisions(
    decisions: Sequence[ApprovalDecision],
    old: RequestPayload,
    new: RequestPayload,
    *,
    matrix: Sequence[VoidRow],
    rules: Sequence[StageRule],
    keys: Sequence[PersonKey],
    now: datetime,
) -> tuple[ApprovalDecision, ...]:
    """Approvals of the old version that still count for the new one, in their order.

    `rules` are the stages that the new version requires.
    """
    if old.policy_bundle_hash != new.policy_bundle_hash:
        return ()
    voided = voided_stages(matrix, old, new)
    good = {key.key_id for key in keys if key.counts_at(now)}
    found: list[ApprovalDecision] = []
    for rule in rules:
        of_stage = [
            d
            for d in decisions
            if d.approves and d.stage == rule.id and now < d.expires_at and d.key_id in good
        ]
        found += [] if rule.id in voided else of_stage[: rule.quorum]
        if rule.id in voided or len(of_stage) < rule.quorum:
            break
    return tuple(found)
