"""Probes of what a home holds.

Job: read counts of a home as answers, each with the count that it rests on.

Invariants
  I1  Nothing recorded is nothing shown: an empty set never counts as "all of them".

Not here: gathering the counts (storage.probes).
Source: TX-L1 to TX-L6; TX-K5 for the empty log.
"""

from typing import Final

from counterseal.readiness.model import Exercise, HomeSeen, Observation
from counterseal.readiness.probes import (
    SQLITE,
    Found,
    Probe,
    built,
    every,
    exercised,
    in_home,
    inverse,
    readable,
)

_E = Exercise


def _all_of(count: int, bad: int, what: str) -> Found:
    if not count:
        return Found(False, f"nothing to check: no {what} recorded")
    return Found(not bad, f"{count} {what} checked, {bad} of them do not hold")


def _queue(home: HomeSeen) -> str:
    return f"{home.cases.requests} requests read"


def _store_read(home: HomeSeen) -> str:
    return f"{home.log.size} records read"


def _chain(home: HomeSeen) -> Found:
    log = home.log
    if not log.size:
        return Found(False, "the log is empty: nothing to verify")
    compared = "compared" if log.head_compared else "not readable"
    told = f"{log.size} records, {log.findings} contradictions; the signer's memory was {compared}"
    return Found(not log.findings, told)


def _checkpoint(home: HomeSeen) -> Found:
    told = f"newest checkpoint covers {home.log.sealed} of {home.log.size} records"
    return Found(home.log.checkpoint_verified and home.log.sealed > 0, told)


def _guards(home: HomeSeen) -> Found:
    gone = home.log.guards_missing
    return Found(not gone, f"guards missing or altered: {', '.join(gone) or 'none'}")


def _decisions(home: HomeSeen) -> Found:
    return _all_of(home.cases.decisions, home.cases.unverified, "decisions")


def _logins(home: HomeSeen) -> Found:
    return _all_of(home.cases.decisions, home.cases.without_login, "decisions with a login")


def _history(home: HomeSeen) -> Found:
    if home.log.findings:
        return Found(False, f"the log itself has {home.log.findings} contradictions")
    return _all_of(
        home.cases.decisions, home.log.decision_differences, "decisions compared with the log"
    )


def _policies(home: HomeSeen) -> Found:
    told = f"{home.cases.requests} requests, {home.cases.unresolved} of them unresolved"
    return Found(not home.cases.unresolved, told)


def _policy(home: HomeSeen) -> Found:
    told = f"activated {home.policy.bundle_hash or 'nothing'}, files equal: {home.policy.matches}"
    return Found(bool(home.policy.bundle_hash) and home.policy.matches, told)


_UNREAD: Final = "the folder of outside evidence could not be read"


def _witnesses(home: HomeSeen) -> Found:
    count = home.log.witnesses
    if count is None:
        return Found(None, _UNREAD)
    return Found(count > 0, f"known witnesses under the newest head: {count}")


def _stamps(home: HomeSeen) -> Found:
    count = home.log.stamps
    if count is None:
        return Found(None, _UNREAD)
    return Found(count > 0, f"verified time-stamps of checkpoints: {count}")


def _limits(home: HomeSeen) -> Found:
    return Found(home.policy.limits, f"limits from bundle {home.policy.bundle_hash or 'none'}")


def _group_limits(home: HomeSeen) -> Found:
    count = home.policy.group_limits
    return Found(count > 0, f"limits of account groups and tenants in force: {count}")


def _votes(home: HomeSeen) -> Found:
    count = home.policy.votes
    told = f"people whose signed votes stand behind the policy in force: {count}"
    return Found(count > 1, told if count else f"{told}; the first one takes force without votes")


def _providers(home: HomeSeen) -> Found:
    count = home.access.providers
    return Found(count > 0, f"identity providers that the policy in force believes: {count}")


def _provider_logins(home: HomeSeen) -> Found:
    count = home.access.provider_logins
    return Found(count > 0, f"logins that an identity provider opened here: {count}")


def _sessions_open(home: HomeSeen) -> Found:
    count = home.access.sessions_open
    return Found(count > 0, f"logins that stand open: {count}")


def _administrators(home: HomeSeen) -> Found:
    count = home.cases.administrators_with_keys
    return Found(count > 0, f"administrators with an active key of their own: {count}")


def _operators(home: HomeSeen) -> Found:
    count = home.cases.operators_with_keys
    return Found(count > 0, f"operators with an active key of their own: {count}")


def _accounts(home: HomeSeen) -> Found:
    return Found(home.orders.accounts > 0, f"simulated accounts: {home.orders.accounts}")


def _demo_account(home: HomeSeen) -> Found:
    count = home.orders.accounts
    return Found(count == 1, f"{home.mode} home with {count} simulated accounts")


def _demo(home: HomeSeen) -> Found:
    return Found(home.mode == "demo", f"{home.mode} home")


def _outbox(home: HomeSeen) -> str:
    return f"{home.orders.outbox} outbox entries read"


def _keys(home: HomeSeen) -> Found:
    return Found(home.orders.keys_unique, "the key column of order_keys, as the database holds it")


def _reports(home: HomeSeen) -> Found:
    told = f"{home.orders.reports} reports read, {home.orders.reports_broken} do not add up"
    return Found(not home.orders.reports_broken, told)


def _sums(home: HomeSeen) -> Found:
    return _all_of(home.orders.reports, home.orders.reports_broken, "reports")


def _clean(home: HomeSeen) -> Found:
    count = home.log.differences
    return Found(not count, f"tables differ from the log in {count} places")


def _retention(home: HomeSeen) -> Found:
    count = home.policy.retention_rules
    return Found(count > 0, f"retention rules in force: {count}")


def _callers(home: HomeSeen) -> Found:
    bases = home.orders.quote_bases
    told = f"fills priced from: {', '.join(bases) or 'no quote yet'}"
    return Found(all(basis == "caller" for basis in bases), told)


def _switches(home: HomeSeen) -> Found:
    count = home.orders.kill_switches
    return Found(count > 0, f"accounts with the kill switch set: {count}")


def _heartbeat(home: HomeSeen) -> Found:
    if not home.orders.accounts:
        return Found(False, "no account")
    told = f"accounts whose heartbeat is missing: {home.orders.heartbeats_missing}"
    return Found(not home.orders.heartbeats_missing, told)


def _reviewers(home: HomeSeen) -> Found:
    count = home.cases.reviewers_with_keys
    return Found(count > 0, f"reviewers with an active key of their own: {count}")


QUEUE: Final = readable("queue_read", "approval requests of the home", _queue)
STORE_READ: Final = readable("store_read", "the home's tables", _store_read)
SQLITE_STORE: Final = every("sqlite_store", SQLITE, STORE_READ)
CHAIN: Final = in_home("chain_verified", "every record of the log", _chain)
CHECKPOINT: Final = in_home("checkpoint_verified", "newest checkpoint, published key", _checkpoint)
GUARDS: Final = in_home("guards_live", "append-only guards of the home", _guards)
DECISIONS: Final = in_home("decisions_verified", "decisions under enrolled keys", _decisions)
LOGINS: Final = in_home("logins_stated", "login facts inside signed decisions", _logins)
IDENTITY: Final = every("reviewer_identity", DECISIONS, LOGINS)
HISTORY: Final = in_home("history_clean", "decisions against the log", _history)
POLICY: Final = in_home("policy_in_force", "activation in the log, policy files", _policy)
POLICIES: Final = every(
    "policies_resolve",
    exercised(_E.POLICY_RESOLVES),
    in_home("requests_resolve", "policy hash of every request", _policies),
)
WITNESSES: Final = in_home("head_witnessed", "cosignatures of the newest checkpoint", _witnesses)
APPEND_ONLY: Final = every("append_only", exercised(_E.LOG_REFUSES_CHANGE), GUARDS)
IMMUTABLE: Final = every("immutable", APPEND_ONLY, WITNESSES)
LIMITS: Final = in_home("limits_in_bundle", "limits of the activated bundle", _limits)
GROUP_LIMITS: Final = in_home("group_limits", "limits of the activated bundle", _group_limits)
MANIFEST: Final = every(
    "signed_policy",
    exercised(_E.MANIFEST_SIGNED),
    in_home("policy_voted", "signed votes behind the policy in force", _votes),
)
ATTRIBUTES: Final = every("attributes_enforced", POLICY, exercised(_E.ATTRIBUTES_DENY))
ENGINE: Final = every("engine_answers", exercised(_E.ALLOW_AND_DENY), exercised(_E.ATTRIBUTES_DENY))
DENY_BY_DEFAULT: Final = exercised(_E.DENY_BY_DEFAULT)
RBAC: Final = every("roles_enforced", POLICY, DENY_BY_DEFAULT)
RBAC_ABAC: Final = every("rbac_abac", DENY_BY_DEFAULT, ATTRIBUTES, MANIFEST)
SEPARATION: Final = every(
    "separation_of_duties",
    exercised(_E.REQUESTER_REFUSED),
    exercised(_E.SAME_REVIEWER_REFUSED),
)
LEGAL_HOLD: Final = exercised(_E.HELD_RECORD_KEPT)
SCHEDULE: Final = in_home("retention_schedule", "retention rules in force", _retention)
RETENTION: Final = every("retention_enforced", SCHEDULE, LEGAL_HOLD)
ACCOUNTS: Final = in_home("accounts_open", "accounts of the home", _accounts)
DEMO_ACCOUNT: Final = in_home("single_account", "accounts of the home", _demo_account)
DEMO_HOME: Final = in_home("demo_home", "the home's mode", _demo)
OUTBOX: Final = readable("outbox_read", "order outbox of the home", _outbox)
ORDER_KEYS: Final = in_home("keys_unique", "schema of order_keys", _keys)
REPORTS: Final = in_home("reports_read", "execution reports of the home", _reports)
SUMS: Final = in_home("sums_hold", "cum + leaves + rest of every report", _sums)
CLEAN: Final = in_home("tables_equal_log", "every table against the log", _clean)
RESTART: Final = every("state_after_restart", exercised(_E.STATE_AFTER_RESTART), CLEAN)
CALLER_ONLY: Final = every(
    "caller_quotes_only",
    exercised(_E.CALLER_QUOTES_ONLY),
    in_home("fills_by_caller", "quotes of all fills", _callers),
)
KILL_SWITCH: Final = in_home("kill_switch", "switches of the accounts", _switches)
HEARTBEAT: Final = in_home("heartbeat", "heartbeats of the accounts", _heartbeat)
REVIEWERS: Final = in_home("reviewer_keys", "reviewers and their keys", _reviewers)
ADMINISTRATORS: Final = in_home("admin_keys", "administrators and their keys", _administrators)
OPERATORS: Final = in_home("operator_keys", "operators and their keys", _operators)
LOGIN: Final = every("login", exercised(_E.LOGGED_IN), exercised(_E.SESSION_ENDED))
PROVIDER: Final = every(
    "identity_provider",
    exercised(_E.FOREIGN_TOKEN_REFUSED),
    in_home("provider_believed", "issuers of the policy in force", _providers),
    in_home("provider_met", "registered logins", _provider_logins),
)
OPEN_SESSIONS: Final = in_home("sessions_open", "registered logins", _sessions_open)
STAMPED: Final = in_home("time_stamped", "time-stamps under pinned roots", _stamps)
WORM: Final = built(_E.OBJECT_LOCKED, "worm", "object_lock", "object_store")


def _local(seen: Observation) -> Found:
    if seen.effects is None:
        return Found(None, "connections were not measured")
    count = seen.effects.outside_connections
    return Found(not count, f"network connections of this call: {count}")


LOCAL_ONLY: Final = every(
    "local_only", SQLITE, Probe("no_connection", "sockets connected by this call", _local)
)
HOSTED: Final = built(_E.HOSTED_ANSWERS, "hosted_backend", "hosted_service")
LOCAL_PRIMARY: Final = inverse("local_primary", HOSTED)
