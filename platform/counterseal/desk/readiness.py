"""A rehearsal: one governed case on a scratch desk, with every refusal that must come.

Job: try out on a throw-away store, under the policy in force, what readiness flags claim.

Invariants
  I1  What could not be tried is told as such: a stopped rehearsal never passes anything.

Not here: the scratch people (desk.scratch), the store (storage.probes), flags (readiness.decide).
Source: TX-L8: probes that must be refused run against a scratch store, never the real one.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import Fill, SimulationOutcome
from counterseal.desk.batches import Batch
from counterseal.desk.commands import CommandRecord, Outcome
from counterseal.desk.exposure import risk_snapshot
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.scratch import OPERATOR, ScratchHouse
from counterseal.kernel.errors import CountersealError, InputError
from counterseal.kernel.model import Refusal
from counterseal.market.quotes import QuoteBasis
from counterseal.policy.evaluation import PolicyEvaluation, Verdict, replay_all
from counterseal.policy.words import DecisionWord
from counterseal.readiness.model import Exercise, Exercised
from counterseal.risk.model import Check, CheckName, RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent

REHEARSED: Final = (
    Exercise.REQUESTER_REFUSED,
    Exercise.UNSIGNED_REFUSED,
    Exercise.SAME_REVIEWER_REFUSED,
    Exercise.ONE_REVIEW_REFUSED,
    Exercise.DUPLICATE_REFUSED,
    Exercise.DUPLICATE_LOGGED,
    Exercise.ATTRIBUTES_DENY,
    Exercise.STATE_DENIES,
    Exercise.ENVIRONMENT_DENIES,
    Exercise.ALL_CHECKS_RUN,
    Exercise.SNAPSHOT_FROM_PORTFOLIO,
    Exercise.CALLER_QUOTES_ONLY,
    Exercise.TIMEOUT_SCAN_ANSWERS,
    Exercise.TIMEOUT_PREVIEW_ANSWERS,
    Exercise.READING_RECORDED,
    Exercise.OTHER_TENANT_REFUSED,
    Exercise.POLICY_RESOLVES,
)
"""What a whole rehearsal tells."""

_ENVIRONMENT: Final = re.compile(r"\b(?:context|resource|principal)\.(\w*mode|environment)\b")
"""Where a rule reads what a trading mode or an environment would be called."""


def completed(
    told: Sequence[Exercised], names: Iterable[Exercise], why: str
) -> tuple[Exercised, ...]:
    """What was told, and the rest of the names as not carried out."""
    done = {one.name for one in told}
    rest = (name for name in names if name not in done)
    return (*told, *(Exercised(name=name, passed=None, evidence=why) for name in rest))


class Rehearsal:
    """One governed case, told as exercises."""

    def __init__(self, house: ScratchHouse) -> None:
        self._house = house
        self._bench = house.desk.bench
        self._told: list[Exercised] = []

    def run(self) -> tuple[Exercised, ...]:
        """Found, review, submit, read, and everything in between that must be refused."""
        stopped = "not reached"
        try:
            self._house.found()
            self._reviewed_case()
            self._resting_order()
            self._readings()
        except CountersealError as error:
            stopped = f"the rehearsal stopped: {error.code} {error.got or ''}".strip()
        return completed(self._told, REHEARSED, stopped)

    def claim(self) -> str | None:
        """Leave an approved request in a batch that a first worker claimed; None if refused."""
        house = self._house
        try:
            house.approved()
            mandate, worker = house.mandate(), house.service("worker-1")
            claimed = house.desk.dispatch.claim(mandate, worker, key="claim-first")
            return house.done(claimed)
        except CountersealError:
            return None

    def execute_claimed(self, batch_id: str) -> Exercised:
        """A second worker, after a restart, executes what the first one claimed: once."""
        worker, dispatch = self._house.service("worker-2"), self._house.desk.dispatch
        with self._bench.store.reader() as reader:
            batch = reader.get(Batch, batch_id)
        if batch is None:
            return Exercised(name=Exercise.QUEUE_SURVIVES, passed=False, evidence="batch is gone")
        waiting = dispatch.claim(batch.mandate_id, worker, key="claim-second")
        done = dispatch.execute(batch_id, batch.attempt, worker)
        again = dispatch.execute(batch_id, batch.attempt, worker)
        codes = waiting.refusal.codes if waiting.refusal else ()
        told = (
            "claimed, restarted, then a second worker on the same database: its claim answered"
            f" {', '.join(codes) or 'accepted'}; executed {len(done)}, then again {len(again)}"
        )
        passed = "NOTHING_DUE" in codes and len(done) == 1 and not again
        return Exercised(name=Exercise.QUEUE_SURVIVES, passed=passed, evidence=told)

    def submit_under_switch(self) -> Exercised:
        """Submit an approved case after another process set the kill switch of the account."""
        name = Exercise.SWITCH_STOPS_OTHER_PROCESS
        try:
            outcome = self._house.submit(self._house.approved())
        except CountersealError as error:
            return Exercised(name=name, passed=None, evidence=f"the case stopped: {error.code}")
        codes = outcome.refusal.codes if outcome.refusal else ()
        told = f"after the switch was set elsewhere: {', '.join(codes) or 'accepted'}"
        return Exercised(name=name, passed=CheckName.KILL_SWITCH in codes, evidence=told)

    def _tell(self, name: Exercise, passed: bool | None, evidence: str) -> None:
        self._told.append(Exercised(name=name, passed=passed, evidence=evidence))

    def _passed(self, *names: Exercise) -> bool:
        return {one.name for one in self._told if one.passed} >= set(names)

    def _refused(self, name: Exercise, outcome: Outcome, *expected: str) -> None:
        codes = outcome.refusal.codes if outcome.refusal else ()
        passed = bool(set(codes) & set(expected))
        self._tell(name, passed, f"answered: {', '.join(codes) or 'accepted'}")

    def _reviewed_case(self) -> None:
        house = self._house
        request_id = house.requested()
        research, paper = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
        asked = house.review(request_id, "requester", research)
        self._refused(Exercise.REQUESTER_REFUSED, asked, "REQUESTER_IS_REVIEWER")
        asked = house.review(request_id, "reviewer", research, own=False)
        self._refused(Exercise.UNSIGNED_REFUSED, asked, "SIGNATURE_INVALID")
        house.done(house.review(request_id, "reviewer", research))
        asked = house.review(request_id, "reviewer", paper)
        self._refused(Exercise.SAME_REVIEWER_REFUSED, asked, "ALREADY_REVIEWED")
        self._refused(Exercise.ONE_REVIEW_REFUSED, house.submit(request_id), "STAGES_MISSING")
        house.done(house.review(request_id, "risk", paper))
        order_id = house.done(house.submit(request_id))
        again = house.submit(request_id)
        self._refused(Exercise.DUPLICATE_REFUSED, again, "ALREADY_CONSUMED")
        self._logged(again)
        self._rules(request_id)
        self._filled_order(order_id)

    def _rules(self, request_id: str) -> None:
        """What the rules said in this case; a denial counts when the desk refused by it."""
        with self._bench.store.reader() as reader:
            answers = reader.find(PolicyEvaluation, subject=request_id)
        text = self._bench.bundle.rules
        again = all(answer.same for answer in replay_all(answers, text))
        engines = ", ".join(sorted({answer.engine for answer in answers}))
        shown, told = _both(answers, "requester", "reviewer")
        shown = shown and again and self._passed(Exercise.REQUESTER_REFUSED)
        told = f"{engines or 'nobody'}: {told}; asked again, the same: {again}"
        self._tell(Exercise.ATTRIBUTES_DENY, shown, told)
        shown, told = _both(answers, OPERATOR, OPERATOR)
        shown = shown and self._passed(Exercise.ONE_REVIEW_REFUSED, Exercise.DUPLICATE_REFUSED)
        self._tell(Exercise.STATE_DENIES, shown, told)
        read = sorted(set(_ENVIRONMENT.findall(text.rules)))
        told = f"what the rules read of mode or environment: {', '.join(read) or 'nothing'}"
        self._tell(Exercise.ENVIRONMENT_DENIES, None if read else False, told)

    def _filled_order(self, order_id: str) -> None:
        with self._bench.store.reader() as reader:
            intent = reader.get(PaperOrderIntent, order_id)
            evaluations = reader.find(RiskEvaluation, order_id=order_id)
            fills = reader.find(Fill, order_id=order_id)
        if intent is None or not evaluations or not fills:
            raise InputError("REHEARSAL_STOPPED", "the order left no fill", got=order_id)
        self._checks(evaluations[0].checks)
        self._portfolio(intent)
        bases = {str(fill.quote.basis) for fill in fills}
        told = f"a fill was priced by: {', '.join(sorted(bases))}"
        self._tell(Exercise.CALLER_QUOTES_ONLY, bases == {QuoteBasis.CALLER}, told)

    def _logged(self, duplicate: Outcome) -> None:
        """Whether a second order of one approval left a record of its refusal."""
        with self._bench.store.reader() as reader:
            records = [c for c in reader.find(CommandRecord) if c.event_id == duplicate.event_id]
        refused = [record.refusal.code for record in records if record.refusal is not None]
        told = f"{duplicate.event_id or 'no event'} records {', '.join(refused) or 'no refusal'}"
        self._tell(Exercise.DUPLICATE_LOGGED, bool(refused), told)

    def _checks(self, checks: tuple[Check, ...]) -> None:
        names, skipped = tuple(c.name for c in checks), [c.name for c in checks if c.skipped]
        told = f"{len(checks)} checks told, {len(skipped)} of them skipped"
        self._tell(Exercise.ALL_CHECKS_RUN, names == tuple(CheckName) and not skipped, told)

    def _portfolio(self, intent: PaperOrderIntent) -> None:
        with self._bench.store.reader() as reader:
            snapshot = risk_snapshot(reader, self._bench, intent, self._house.now)
        held = snapshot.position_tx_equivalent
        told = f"the snapshot holds {held}, {intent.tx_equivalent_exposure} was filled"
        passed = held == intent.tx_equivalent_exposure
        self._tell(Exercise.SNAPSHOT_FROM_PORTFOLIO, passed, told)

    def _resting_order(self) -> None:
        house, lifecycle = self._house, self._house.desk.lifecycle
        order_id = house.done(house.submit(house.approved(), SimulationOutcome.ACKNOWLEDGE))
        later = house.now + timedelta(minutes=1)
        found = lifecycle.timeouts(later)
        told = f"orders found after a minute: {len(found)}"
        self._tell(Exercise.TIMEOUT_SCAN_ANSWERS, order_id in {o.order_id for o in found}, told)
        run = next((o.workflow_run_id for o in found if o.order_id == order_id), "")
        preview = lifecycle.preview_timeout(order_id, workflow_run_id=run, now=later)
        refused = isinstance(preview, Refusal)
        told = f"the preview says {preview.code if isinstance(preview, Refusal) else preview.event}"
        self._tell(Exercise.TIMEOUT_PREVIEW_ANSWERS, not refused, told)

    def _readings(self) -> None:
        with self._bench.store.reader() as reader:
            before, requests = len(reader.find(CommandRecord)), reader.find(ApprovalRequest)
            stored = {a.bundle_hash for a in reader.find(PolicyActivation)}
        with self._bench.store.reader() as reader:
            added = len(reader.find(CommandRecord)) - before
        told = f"{len(requests)} requests were read, and left {added} records"
        self._tell(Exercise.READING_RECORDED, added > 0, told)
        told = f"a reader of no tenant was given {len(requests)} requests of one"
        self._tell(Exercise.OTHER_TENANT_REFUSED, not requests, told)
        named = {r.payload.policy_bundle_hash for r in requests}
        told = f"{len(named)} policies named by requests, {len(named & stored)} of them stored"
        self._tell(Exercise.POLICY_RESOLVES, bool(named) and named <= stored, told)


def _both(answers: Sequence[PolicyEvaluation], denied: str, allowed: str) -> tuple[bool, str]:
    """Whether rules denied one person and allowed another, and by which."""
    against = _rule_ids(answers, denied, Verdict.DENY)
    favour = _rule_ids(answers, allowed, Verdict.ALLOW)
    told = (
        f"{denied} denied by {', '.join(against) or 'no rule'},"
        f" {allowed} allowed by {', '.join(favour) or 'no rule'}"
    )
    return bool(against and favour), told


def _rule_ids(answers: Sequence[PolicyEvaluation], who: str, verdict: Verdict) -> tuple[str, ...]:
    """The rules that gave one person this verdict, sorted."""
    said = (a for a in answers if a.principal.id == who and a.verdict is verdict)
    return tuple(sorted({rule for answer in said for rule in answer.rule_ids}))
