"""What was seen, and the flags that follow from it.

Job: the observation that adapters gather, and the values that the decision gives back.

Invariants
  I1  What was not looked at is None or absent: never false, never true.
  I2  A flag names its probe, and tells what that probe saw.

Not here: how facts are gathered (storage.probes), what follows from them (readiness.decide).
Source: TX-L8.
"""

from enum import StrEnum

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Text


class Exercise(StrEnum):
    """Something tried out: on the pure core, or on a scratch store with the policy in force."""

    ONE_REVIEW_REFUSED = "one_review_refused"
    REQUESTER_REFUSED = "requester_refused"
    SAME_REVIEWER_REFUSED = "same_reviewer_refused"
    UNSIGNED_REFUSED = "unsigned_refused"
    ALLOW_AND_DENY = "allow_and_deny"
    DENY_BY_DEFAULT = "deny_by_default"
    MANIFEST_SIGNED = "manifest_signed"
    ATTRIBUTES_DENY = "attributes_deny"
    STATE_DENIES = "state_denies"
    ENVIRONMENT_DENIES = "environment_denies"
    POLICY_RESOLVES = "policy_resolves"
    OTHER_TENANT_REFUSED = "other_tenant_refused"
    HELD_RECORD_KEPT = "held_record_kept"
    ALL_CHECKS_RUN = "all_checks_run"
    SNAPSHOT_FROM_PORTFOLIO = "snapshot_from_portfolio"
    DUPLICATE_REFUSED = "duplicate_refused"
    ACCOUNTS_ADD_UP = "accounts_add_up"
    ACCOUNT_TREE_LIMITS = "account_tree_limits"
    TENANT_RISK_APART = "tenant_risk_apart"
    SWITCH_STOPS_OTHER_PROCESS = "switch_stops_other_process"
    STATE_AFTER_RESTART = "state_after_restart"
    EQUITY_FOLLOWS_QUOTE = "equity_follows_quote"
    EQUITY_POLLED = "equity_polled"
    MODEL_REPEATS = "model_repeats"
    PREVIEW_ANSWERS = "preview_answers"
    FIVE_OUTCOMES = "five_outcomes"
    CALLER_QUOTES_ONLY = "caller_quotes_only"
    BOOK_REPLAYED = "book_replayed"
    DUPLICATE_REPORT_IGNORED = "duplicate_report_ignored"
    LATENCY_AND_QUEUE_MODELLED = "latency_and_queue_modelled"
    ILLEGAL_MOVE_REFUSED = "illegal_move_refused"
    TIMEOUT_SCAN_ANSWERS = "timeout_scan_answers"
    TIMEOUT_PREVIEW_ANSWERS = "timeout_preview_answers"
    ACCEPTED_BEFORE_PROCESSED = "accepted_before_processed"
    QUEUE_SURVIVES = "queue_survives"
    MESSAGE_SURVIVES = "message_survives"
    SECOND_WORKER_REFUSED = "second_worker_refused"
    WORKER_DRAINS = "worker_drains"
    DEAD_LETTER_REPLAYED = "dead_letter_replayed"
    MESSAGE_SENT_ONCE = "message_sent_once"
    DUPLICATE_LOGGED = "duplicate_logged"
    TIMEOUT_MARKED_ONCE = "timeout_marked_once"
    REPORTS_INGESTED = "reports_ingested"
    REPORTS_REPEATED = "reports_repeated"
    CONTRADICTION_MARKED = "contradiction_marked"
    UNKNOWN_BLOCKS = "unknown_blocks"
    DOUBT_ENDED = "doubt_ended"
    MISMATCH_LOCKS = "mismatch_locks"
    MISMATCH_RESOLVED = "mismatch_resolved"
    AMENDED_UNDER_RISK = "amended_under_risk"
    AMEND_REFUSED_BY_RISK = "amend_refused_by_risk"
    CHANGES_ARE_EVENTS = "changes_are_events"
    LATE_FILL_COUNTED = "late_fill_counted"
    FILL_TAKEN_BACK = "fill_taken_back"
    LOG_REFUSES_CHANGE = "log_refuses_change"
    DIRECT_APPEND_REFUSED = "direct_append_refused"
    OBJECT_LOCKED = "object_locked"
    EXPORT_REFUSED_AND_LOGGED = "export_refused_and_logged"
    EXPORT_APPROVED = "export_approved"
    READING_RECORDED = "reading_recorded"
    LOGGED_IN = "logged_in"
    SECOND_FACTOR_ASKED = "second_factor_asked"
    SESSION_ENDED = "session_ended"
    FOREIGN_TOKEN_REFUSED = "foreign_token_refused"  # noqa: S105 - the name of an exercise
    RESTORED_FROM_BACKUP = "restored_from_backup"
    HOSTED_ANSWERS = "hosted_answers"


class Exercised(DomainModel):
    """What came of an exercise; `passed` is None when it could not be carried out."""

    name: Exercise
    passed: bool | None
    evidence: Text


class SettingsSeen(DomainModel):
    """Settings in force, as told, before any check of their safety.

    Attributes:
        database_url_told: A database was named by a URL, not by the home.
    """

    trading_mode: str
    live_trading_enabled: bool
    broker_provider: str
    database_kind: Name
    database_url_told: bool = False


class LogSeen(DomainModel):
    """A home's log, verified under the key that the home publishes.

    Attributes:
        size: Records; `sealed` of them lie under a good checkpoint.
        findings: Contradictions that the verifier met.
        checkpoint_verified: Every stored checkpoint holds, and there is one.
        head_compared: The signer's memory outside the home was readable and compared, too.
        guards_missing: Append-only guards that are absent or altered.
        differences: Places where tables differ from the log; `decision_differences` in decisions.
        witnesses: Known witnesses that cosigned the newest checkpoint; None when their evidence
            cannot be read.
        stamps: Verified time-stamps of checkpoints; None as for witnesses.
    """

    size: int = Field(ge=0)
    sealed: int = Field(ge=0)
    findings: int = Field(ge=0)
    checkpoint_verified: bool
    head_compared: bool
    guards_missing: tuple[str, ...]
    differences: int = Field(ge=0)
    decision_differences: int = Field(ge=0)
    witnesses: int | None = Field(ge=0)
    stamps: int | None = Field(default=0, ge=0)


class CasesSeen(DomainModel):
    """A home's approvals.

    Attributes:
        unresolved: Requests whose policy hash resolves to no stored bundle.
        unverified: Decisions that fail under the enrolled keys.
        without_login: Decisions whose signed statement names no login.
        reviewers_with_keys, administrators_with_keys, operators_with_keys: Active people of these
            roles who hold an active key of their own.
    """

    requests: int = Field(ge=0)
    unresolved: int = Field(ge=0)
    decisions: int = Field(ge=0)
    unverified: int = Field(ge=0)
    without_login: int = Field(ge=0)
    reviewers_with_keys: int = Field(ge=0)
    administrators_with_keys: int = Field(default=0, ge=0)
    operators_with_keys: int = Field(default=0, ge=0)


class OrdersSeen(DomainModel):
    """A home's orders and accounts.

    Attributes:
        keys_unique: The database itself refuses a second row for an idempotency key.
        reports_broken: Reports whose quantities do not add up.
        gateways: Names of everything that orders were handed to.
        quote_bases: Where the quotes that priced fills came from.
        kill_switches, heartbeats_missing: Accounts whose switches say so.
    """

    outbox: int = Field(ge=0)
    keys_unique: bool
    reports: int = Field(ge=0)
    reports_broken: int = Field(ge=0)
    gateways: tuple[str, ...]
    quote_bases: tuple[str, ...]
    accounts: int = Field(ge=0)
    kill_switches: int = Field(ge=0)
    heartbeats_missing: int = Field(ge=0)


class RunKind(StrEnum):
    """What leaves a document by running; the value is its kind, with the key where it has one."""

    RECONCILIATION = "reconciliation_runs"
    TIMEOUT_SCAN = "duty_rounds.timeouts"
    WORKER = "duty_rounds.deliver"
    LOSS_WATCH = "duty_rounds.losses"
    MARKET_WATCH = "duty_rounds.marks"
    CALIBRATION = "calibration_runs"


class RunSeen(DomainModel):
    """The newest stored run of a kind.

    Attributes:
        run_id: Key of its document, a reference into the log.
        at: When it ended (UTC). due_seconds: Until the next one must have run; None for a run that
            does not grow old.
        whole: Its result is stored, with all that its flag asks for.
        told: Its result in words.
    """

    kind: RunKind
    run_id: Name
    at: UtcDatetime
    due_seconds: int | None = Field(default=None, ge=1)
    whole: bool
    told: Text


class PolicySeen(DomainModel):
    """A home's policy; `bundle_hash` is empty when none was activated.

    Attributes:
        matches: The policy files equal those activated.
        limits: The activated bundle holds the limits.
        group_limits: Its limits of groups of accounts and of tenants, counted.
        votes: People whose verified votes stand behind the activation; the first one has none.
        retention_rules: How many rules of retention it holds.
    """

    bundle_hash: str = ""
    matches: bool = False
    limits: bool = False
    group_limits: int = Field(default=0, ge=0)
    votes: int = Field(default=0, ge=0)
    retention_rules: int = Field(default=0, ge=0)


class AccessSeen(DomainModel):
    """Who gets into a home.

    Attributes:
        providers: Identity providers that the policy in force believes.
        provider_logins: Logins that one of them opened here, ever.
        sessions_open: Logins that stand open in the registry.
    """

    providers: int = Field(default=0, ge=0)
    provider_logins: int = Field(default=0, ge=0)
    sessions_open: int = Field(default=0, ge=0)


class HomeSeen(DomainModel):
    """What a home holds, read without writing. `mode` is `demo` or `paper`."""

    mode: Name
    log: LogSeen
    cases: CasesSeen
    orders: OrdersSeen
    policy: PolicySeen
    access: AccessSeen = AccessSeen()
    runs: tuple[RunSeen, ...] = ()

    def run_of(self, kind: RunKind) -> RunSeen | None:
        """The newest run of a kind; None when none was stored."""
        return next((run for run in self.runs if run.kind is kind), None)


class EffectsSeen(DomainModel):
    """What this very call did, measured.

    Attributes:
        writing_opens: How often this process opened a file of the home for writing.
        orders_added: Orders more than before, whoever wrote them.
        outside_connections: Sockets that were connected to an address of the network.
    """

    writing_opens: int = Field(ge=0)
    orders_added: int
    outside_connections: int = Field(ge=0)


class PartsSeen(DomainModel):
    """What this installation consists of, by inspection.

    Attributes:
        names: Tables, use cases, settings, modules of windows and flows, make targets, CI jobs.
        kinds_without_tenant: Document kinds that carry no tenant.
    """

    names: tuple[str, ...]
    kinds_without_tenant: tuple[str, ...]


class Observation(DomainModel):
    """Everything seen, at one instant.

    Attributes:
        home: None when it could not be read; `home_problem` is then the code of the reason.
        exercised: Each exercise at most once; one that is absent was not carried out.
    """

    at: UtcDatetime
    settings: SettingsSeen
    home: HomeSeen | None = None
    home_problem: str = ""
    exercised: tuple[Exercised, ...] = ()
    parts: PartsSeen | None = None
    effects: EffectsSeen | None = None

    def of(self, exercise: Exercise) -> Exercised | None:
        """What came of an exercise, or None when it was not carried out."""
        return next((e for e in self.exercised if e.name is exercise), None)


class Flag(DomainModel):
    """One flag: the outcome of its probe.

    Attributes:
        value: None means that it could not be checked; it never counts as true.
        row: Where the flag is asked for, such as `TX-L1`.
        looks_at: What the probe looks at; `evidence`: what it saw.
        checked_at: When (UTC). log_size: Records of the home's log at that time, a reference into
            it; None when no home was read.
    """

    name: Name
    row: Name
    value: bool | None
    probe: Name
    looks_at: Text
    evidence: Text
    checked_at: UtcDatetime | None = None
    log_size: int | None = Field(default=None, ge=0)


class Area(DomainModel):
    """One area of the compliance trail (TX-L6)."""

    area_id: Name
    title: Text
    status: Name
    current_state: Text
    gap: str
    required_controls: Text
    acceptance_criteria: Text


class Boundary(DomainModel):
    """What one boundary says today.

    Attributes:
        readiness_state: A name that follows the flags.
        safety_defaults: The settings in force, as told.
        current_scope: Names of the flags that are true.
        missing, required_before: Entries that stay until their flag is true.
        page_missing, page_required: The part of them that the page shows.
        supported: Decision words, for the approval boundary only.
    """

    row: Name
    service: Name
    readiness_state: Name
    summary: Text
    flags: tuple[Flag, ...]
    safety_defaults: SettingsSeen
    safety_flags: tuple[Flag, ...]
    current_scope: tuple[Name, ...]
    missing: tuple[Text, ...]
    required_before: tuple[Text, ...]
    page_missing: tuple[Text, ...]
    page_required: tuple[Text, ...]
    areas: tuple[Area, ...] = ()
    supported: tuple[Name, ...] = ()
    docs: tuple[Name, ...]
    warnings: tuple[Text, ...]
