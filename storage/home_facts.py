"""The facts of one home that readiness looks at.

Job: read a home's log, tables and policy once, and count what holds and what does not.

Invariants
  I1  Counts come from the bytes of this call; nothing is taken over from an earlier one.
  I2  The log is verified under the key that the home publishes: an auditor pins it outside.

Not here: opening a home (home_reader), its runs (home_runs), who is outside (outsiders), what
follows (readiness).
Source: TX-L1 to TX-L6.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import inspect

from counterseal.approvals.batch import statement_of
from counterseal.approvals.history import verify_chain
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.audit.evidence import Evidence
from counterseal.audit.verdict import Finding
from counterseal.broker.model import Fill
from counterseal.broker.models import MODELS
from counterseal.desk.case_facts import case_facts, shared_facts
from counterseal.desk.installation import (
    INSTALLATION_ID,
    Installation,
    PolicyActivation,
    in_force,
)
from counterseal.desk.policy_votes import check_activation
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, PersonStatus
from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.kernel.errors import CountersealError, IntegrityError
from counterseal.oms.ingest import IngestedReport
from counterseal.oms.model import ExecutionReport, OrderKey, OutboxEntry
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.desk_limits import DeskLimits
from counterseal.policy.words import Role
from counterseal.portfolio.model import Account
from counterseal.readiness.model import (
    AccessSeen,
    CasesSeen,
    HomeSeen,
    LogSeen,
    OrdersSeen,
    PolicySeen,
)
from counterseal.risk.model import RiskState
from storage.data_keys import data_keys
from storage.home_reader import HomeReader
from storage.home_runs import home_runs
from storage.outsiders import outsiders_of
from storage.policy_files import bundle_from, read_policy_files
from storage.reconcile import reconcile
from storage.settings import Settings
from storage.system import process_clock
from storage.verification import pinned_evidence, verify_home, with_signer

_BAD_CHECKPOINT: Final = {Finding.SIG_INVALID, Finding.KEY_UNKNOWN, Finding.ROOT_MISMATCH}
_NO_LOGIN: Final = {"demo", "unsafe-demo", "service"}
_REVIEWERS: Final = {Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}


def home_facts(reader: HomeReader, settings: Settings) -> HomeSeen:
    """Everything that readiness looks at in a home.

    Raises:
        IntegrityError: `INSTALLATION_MISSING`, or a stored document that does not hold.
        AdapterError: when the database fails meanwhile.
    """
    installation = reader.get(Installation, INSTALLATION_ID)
    if installation is None:
        raise IntegrityError("INSTALLATION_MISSING", "this home does not say what it is")
    law = _law(reader)
    return HomeSeen(
        mode=installation.mode,
        log=_log(reader, settings),
        cases=_cases(reader),
        orders=_orders(reader, settings),
        policy=_policy(reader, settings, law, installation.origin),
        access=_access(reader, law),
        runs=home_runs(reader),
    )


def _log(reader: HomeReader, settings: Settings) -> LogSeen:
    evidence = _evidence(reader, settings)
    verdict = verify_home(reader, evidence).verdict
    outsiders = outsiders_of(reader, settings)
    totals, codes = verdict.totals, {finding.code for finding in verdict.findings}
    whole = totals.checkpoints_valid == totals.checkpoints_seen > 0
    differences = reconcile(settings.database, data_keys(settings)).differences
    return LogSeen(
        size=totals.size,
        sealed=totals.size - totals.unsealed,
        findings=verdict.findings_count,
        checkpoint_verified=whole and not codes & _BAD_CHECKPOINT,
        head_compared=bool(evidence.heads),
        guards_missing=reader.missing_guards(),
        differences=len(differences),
        decision_differences=sum(d.table == ApprovalDecision.KIND for d in differences),
        witnesses=outsiders.witnesses,
        stamps=outsiders.stamps,
    )


def _evidence(reader: HomeReader, settings: Settings) -> Evidence:
    """The home's own key, with the signer's head where the signer can be asked."""
    pinned = pinned_evidence(reader)
    try:
        return with_signer(pinned, reader, settings)
    except CountersealError:
        return pinned


def _keyed(reader: HomeReader, keys: Sequence[PersonKey]) -> Sequence[Person]:
    """Active people who hold an active key of their own."""
    keyed = {key.person_id for key in keys if key.revoked_at is None}
    active = [p for p in reader.find(Person) if p.status is PersonStatus.ACTIVE]
    return [person for person in active if person.person_id in keyed]


def _holding(people: Sequence[Person], *roles: Role) -> int:
    return sum(bool(person.held_roles() & set(roles)) for person in people)


def _cases(reader: HomeReader) -> CasesSeen:
    requests, decisions = reader.find(ApprovalRequest), reader.find(ApprovalDecision)
    keys = reader.find(PersonKey)
    stored = {activation.bundle_hash for activation in reader.find(PolicyActivation)}
    by_id = {key.key_id: key for key in keys}
    keyed = _keyed(reader, keys)
    return CasesSeen(
        requests=len(requests),
        unresolved=sum(r.payload.policy_bundle_hash not in stored for r in requests),
        decisions=len(decisions),
        unverified=_unverified(reader, requests, decisions),
        without_login=sum(not _has_login(d, by_id.get(d.key_id)) for d in decisions),
        reviewers_with_keys=_holding(keyed, *_REVIEWERS),
        administrators_with_keys=_holding(keyed, Role.ADMINISTRATOR),
        operators_with_keys=_holding(keyed, Role.OPERATOR),
    )


def _unverified(
    reader: HomeReader, requests: Sequence[ApprovalRequest], decisions: Sequence[ApprovalDecision]
) -> int:
    """Decisions that do not hold, from the first bad one of a case on, or without a case."""
    cases: dict[str, list[ApprovalDecision]] = {r.approval_request_id: [] for r in requests}
    orphans, shared = 0, shared_facts(reader)
    for decision in decisions:
        case = cases.get(decision.approval_request_id)
        if case is None:
            orphans += 1
        else:
            case.append(decision)
    for request in requests:
        case = sorted(cases[request.approval_request_id], key=lambda d: d.sequence)
        report = verify_chain(request, case, case_facts(reader, request, None, shared))
        orphans += 0 if report.holds else max(1, len(case) - report.checked)
    return orphans


def _has_login(decision: ApprovalDecision, key: PersonKey | None) -> bool:
    if key is None:
        return False
    try:
        statement = statement_of(decision, key)
    except CountersealError:
        return False
    methods = set(statement.auth.amr)
    return bool(methods) and not methods & _NO_LOGIN and not decision.demo_labels


def _orders(reader: HomeReader, settings: Settings) -> OrdersSeen:
    reports, fills = reader.find(ExecutionReport), reader.find(Fill)
    outbox, states = reader.find(OutboxEntry), reader.find(RiskState)
    models = {fill.model_name for fill in fills if fill.model_version not in MODELS}
    spoken = {report.gateway for report in reader.find(IngestedReport)}
    gateways = {*models, *spoken, *(entry.action for entry in outbox)}
    return OrdersSeen(
        outbox=len(outbox),
        keys_unique=_keys_unique(settings),
        reports=len(reports),
        reports_broken=sum(not _adds_up(report) for report in reports),
        gateways=tuple(sorted(gateways)),
        quote_bases=tuple(sorted({str(fill.quote.basis) for fill in fills})),
        accounts=len(reader.find(Account)),
        kill_switches=sum(state.kill_switch_active for state in states),
        heartbeats_missing=sum(not state.broker_heartbeat_healthy for state in states),
    )


def _keys_unique(settings: Settings) -> bool:
    engine = settings.database.reading()
    try:
        found = inspect(engine).get_pk_constraint(OrderKey.KIND)["constrained_columns"]
    finally:
        engine.dispose()
    return found == [OrderKey.KEY]


def _adds_up(report: ExecutionReport) -> bool:
    filled, leaves = report.cumulative_filled_quantity, report.leaves_quantity
    return filled + leaves + report.rest_quantity == report.order_quantity


def _law(reader: HomeReader) -> tuple[PolicyActivation, PolicyBundle] | None:
    """What is in force now, and its validated rules."""
    active = in_force(reader.find(PolicyActivation), process_clock().now())
    if active is None:
        return None
    return active, bundle_from(active.contents, active.version, active.effective_from)


def _policy(
    reader: HomeReader,
    settings: Settings,
    law: tuple[PolicyActivation, PolicyBundle] | None,
    origin: str,
) -> PolicySeen:
    if law is None:
        return PolicySeen()
    active, bundle = law
    same = _same_files(settings, active.version, active.contents)
    return PolicySeen(
        bundle_hash=bundle.bundle_hash,
        matches=bundle.bundle_hash == active.bundle_hash and same,
        limits=bool(bundle.limits.json_value()),
        group_limits=_group_limits(bundle.limits.desk),
        retention_rules=len(bundle.retention.rules),
        votes=_votes(reader, active, origin),
    )


def _group_limits(limits: DeskLimits) -> int:
    """Rows that bound a group of accounts or a tenant."""
    return len(limits.account_group_position_max) + len(limits.tenant_position_max)


def _votes(reader: HomeReader, activation: PolicyActivation, origin: str) -> int:
    """Votes behind an activation, each verified anew; none when it is not to be believed."""
    try:
        check_activation(reader, activation, origin)
    except IntegrityError:
        return 0
    return 0 if activation.bootstrap else len(activation.signatures)


def _access(reader: HomeReader, law: tuple[PolicyActivation, PolicyBundle] | None) -> AccessSeen:
    believed = set() if law is None else {rule.issuer for rule in law[1].access.issuers}
    sessions = reader.find(LoginSession)
    return AccessSeen(
        providers=len(believed),
        provider_logins=sum(session.issuer in believed for session in sessions),
        sessions_open=sum(session.status is SessionStatus.OPEN for session in sessions),
    )


def _same_files(settings: Settings, version: str, stored: Mapping[str, bytes]) -> bool:
    """Whether a folder that has this version has exactly what was activated."""
    if not any(settings.counterseal_policies.glob(f"*/{version}")):
        return True
    try:
        return read_policy_files(settings.counterseal_policies, version) == stored
    except CountersealError:
        return False
