"""The sixth boundary: the compliance trail and its areas.

Job: the six areas with their gaps, controls and acceptance, each tied to its flags.

Invariants
  I1  An area is enabled only when every flag it rests on is true.

Not here: values (readiness.decide).
Source: TX-L6.
"""

from typing import Final

from counterseal.readiness.boundaries import SAFETY, AreaPlan, BoundaryPlan, Entry, words

_AREAS: Final = (
    AreaPlan(
        "append_only_audit_service",
        "Append-only audit service",
        words("append_only_audit_service_enabled append_only_enforced_by_storage"),
        "whoever holds the database file can write beside the sequencer",
        "a service of its own that alone may append, with a fixed sequence",
        "writers cannot update or delete accepted events; the sequence can be replayed; a failed"
        " append is seen and stops unsafe progress",
    ),
    AreaPlan(
        "immutable_audit_log_or_worm",
        "Immutable log or write-once storage",
        words("immutable_audit_log_enabled worm_storage_enabled"),
        "no storage outside the operator's reach holds the records",
        "object lock or an equal control, and a head witnessed outside",
        "operators cannot alter records; integrity is checked independently; retention and hold"
        " can be enforced",
    ),
    AreaPlan(
        "reviewer_identity_rbac_abac",
        "Reviewer identity, roles and attributes",
        words(
            "reviewer_identity_enforced rbac_abac_enforced tenant_scoped_audit_access_enabled"
            " auth_provider_enabled"
        ),
        "no login provider, and no tenant scope on reading",
        "verified login, roles and attributes by a signed policy, tenant scope",
        "every decision is bound to a verified identity within role and tenant, with the session"
        " in the event",
    ),
    AreaPlan(
        "decision_history",
        "Decision history",
        words("decision_history_immutable"),
        "no decisions compared with the log yet, or they differ",
        "corrections that keep the original, compared with the log",
        "history is complete and append-only; corrections keep the original; exports carry"
        " identity and sequence",
    ),
    AreaPlan(
        "retention_policy",
        "Retention",
        words("retention_policy_enforced legal_hold_enabled restore_drill_verified"),
        "a schedule, a hold or a restore drill is not shown",
        "schedule, legal hold, backup, restore, disposal",
        "records are kept for their period; a hold blocks deletion; restore drills prove"
        " continuity",
    ),
    AreaPlan(
        "export_policy",
        "Export",
        words(
            "export_policy_enforced export_approval_workflow_enabled"
            " audit_access_monitoring_enabled"
        ),
        "no approval before an export, and reading leaves no record",
        "approved export with checksums and custody, logged access",
        "exports are approved and carry checksums and custody references; access is logged",
    ),
)
TRAIL: Final = BoundaryPlan(
    row="TX-L6",
    service="paper-execution/audit-integrity/compliance-trail-readiness",
    unready="local_sqlite_hash_chain_not_formal_compliance_trail",
    shown="local_audit_trail_shown_not_formal_compliance_trail",
    summary="What a formal trail would need, area by area.",
    flags=words(
        "local_sqlite_audit_enabled local_hash_chain_preview_enabled"
        " append_only_audit_service_enabled immutable_audit_log_enabled worm_storage_enabled"
        " reviewer_identity_enforced rbac_abac_enforced decision_history_immutable"
        " retention_policy_enforced legal_hold_enabled export_policy_enforced"
        " export_approval_workflow_enabled tenant_scoped_audit_access_enabled"
        " audit_access_monitoring_enabled production_compliance_trail_ready"
    ),
    safety=words(
        SAFETY + "external_db_written auth_provider_enabled reviewer_login_created"
        " append_only_audit_service_enabled immutable_log_claim compliance_claim"
    ),
    required=(
        Entry("audit service", "append_only_audit_service_enabled"),
        Entry("storage that cannot be altered", "immutable_audit_log_enabled"),
        Entry("identity, session, roles, attributes, tenants", "rbac_abac_enforced"),
        Entry("decision history with corrections", "decision_history_immutable"),
        Entry("retention, hold, backup, restore, disposal", "restore_drill_verified"),
        Entry("approved export, redaction, checksum, access log", "export_policy_enforced"),
        Entry("reviews by people outside this product", "production_compliance_trail_ready"),
    ),
    areas=_AREAS,
)
