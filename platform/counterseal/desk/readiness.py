"""A rehearsal: one governed case on a scratch desk, with every refusal that must come.

Job: try out on a throw-away store, under the policy in force, what readiness flags claim.

Invariants
  I1  What could not be tried is told as such: a stopped rehearsal never passes anything.

Not here: the scratch people (desk.scratch), the store (storage.probes), flags (readiness.decide).
Source: TX-L8: probes that must be refused run against a scratch store, never the real one.
"""

from datetime import timedelta
from typing import Final

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import Fill, SimulationOutcome
from counterseal.desk.batches import Batch
from counterseal.desk.commands import CommandRecord, Outcome
from counterseal.desk.exposure import risk_snapshot
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.scratch import OTHER_ACCOUNT, ScratchHouse
from counterseal.kernel.errors import CountersealError, InputError
from counterseal.kernel.model import Refusal
from counterseal.market.quotes import QuoteBasis
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
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
    Exercise.ALL_CHECKS_RUN,
    Exercise.SNAPSHOT_FROM_PORTFOLIO,
    Exercise.ACCOUNTS_ADD_UP,
    Exercise.CALLER_QUOTES_ONLY,
    Exercise.ACCEPTED_BEFORE_PROCESSED,
    Exercise.TIMEOUT_SCAN_ANSWERS,
    Exercise.TIMEOUT_PREVIEW_ANSWERS,
    Exercise.READING_RECORDED,
    Exercise.OTHER_TENANT_REFUSED,
    Exercise.POLICY_RESOLVES,
)
"""What a whole rehearsal tells."""


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
        done = {told.name for told in self._told}
        rest = (name for name in REHEARSED if name not in done)
        untold = (Exercised(name=name, passed=None, evidence=stopped) for name in rest)
        return (*self._told, *untold)

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

    def _tell(self, name: Exercise, passed: bool, evidence: str) -> None:
        self._told.append(Exercised(name=name, passed=passed, evidence=evidence))

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
        self._refused(Exercise.DUPLICATE_REFUSED, house.submit(request_id), "ALREADY_CONSUMED")
        self._filled_order(order_id)

    def _filled_order(self, order_id: str) -> None:
        with self._bench.store.reader() as reader:
            intent, order = reader.get(PaperOrderIntent, order_id), reader.get(Order, order_id)
            evaluations = reader.find(RiskEvaluation, order_id=order_id)
            fills = reader.find(Fill, order_id=order_id)
        if intent is None or order is None or not evaluations or not fills:
            raise InputError("REHEARSAL_STOPPED", "the order left no fill", got=order_id)
        self._checks(evaluations[0].checks)
        self._accounts(intent)
        bases = {str(fill.quote.basis) for fill in fills}
        told = f"a fill was priced by: {', '.join(sorted(bases))}"
        self._tell(Exercise.CALLER_QUOTES_ONLY, bases == {QuoteBasis.CALLER}, told)
        waiting = order.state in {OrderState.NEW, OrderState.RISK_CHECKED}
        told = f"{order.state} when the submit returned"
        self._tell(Exercise.ACCEPTED_BEFORE_PROCESSED, waiting, told)

    def _checks(self, checks: tuple[Check, ...]) -> None:
        names, skipped = tuple(c.name for c in checks), [c.name for c in checks if c.skipped]
        told = f"{len(checks)} checks told, {len(skipped)} of them skipped"
        self._tell(Exercise.ALL_CHECKS_RUN, names == tuple(CheckName) and not skipped, told)

    def _accounts(self, intent: PaperOrderIntent) -> None:
        elsewhere = intent.amended(account_id=OTHER_ACCOUNT)
        with self._bench.store.reader() as reader:
            own = risk_snapshot(reader, self._bench, intent, self._house.now)
            other = risk_snapshot(reader, self._bench, elsewhere, self._house.now)
        held, added = own.position_tx_equivalent, other.position_tx_equivalent
        told = f"the snapshot holds {held}, {intent.tx_equivalent_exposure} was filled"
        passed = held == intent.tx_equivalent_exposure
        self._tell(Exercise.SNAPSHOT_FROM_PORTFOLIO, passed, told)
        told = f"{held} in one account; the snapshot of the other says {added}"
        self._tell(Exercise.ACCOUNTS_ADD_UP, added == held, told)

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
