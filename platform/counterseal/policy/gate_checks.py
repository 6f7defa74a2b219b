"""What a policy must pass before anybody may vote for it.

Job: run the four steps of the gate over a draft, and stop at the first that fails.

Invariants
  I1  The steps come in their order, and none is left out: a report without a refusal has all four.
  I2  A step that fails gives a counterexample in words, and nothing after it is looked at.
  I3  Rules that the start-up self-test would refuse never pass, so that no home is locked out.

Not here: who proposes and votes (policy.gate), the files (storage.policy_files).
Source: governance part 4 (activation gate, steps 1 to 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.cases import CaseFile, run_cases, uncovered
from counterseal.policy.cedar import read_rules
from counterseal.policy.counterfactual import DiffReport, diff_decisions
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.lint import lint
from counterseal.policy.proposal import (
    TEXTS_BYTES_MAX,
    CheckResult,
    GateStep,
    policy_texts,
    texts_size,
)
from counterseal.policy.self_test import allowed_cases
from counterseal.policy.sweep import WORDS, SweepReport, sweep

_FLAWED = "POLICY_FLAWED"


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """A policy version as it lies in its folder.

    Attributes:
        flaw: Why it cannot be read; empty when it can.
        bundle, cases: None exactly when it cannot be read.
    """

    version: str
    files: Mapping[str, bytes]
    bundle: PolicyBundle | None = None
    cases: CaseFile | None = None
    flaw: str = ""


class GateReport(DomainModel):
    """How far a draft came.

    Attributes:
        results: Of the steps that were done, in order.
        refusal: Why the last of them failed; None when all four passed.
        diff: Of the fourth step.
        sweep: Of the third.
    """

    results: tuple[CheckResult, ...] = ()
    refusal: Refusal | None = None
    sweep: SweepReport | None = None
    diff: DiffReport | None = None


def check_draft(
    draft: PolicyDraft, evaluations: Sequence[PolicyEvaluation], replaces: str
) -> GateReport:
    """Run the steps.

    Args:
        draft: What is proposed.
        evaluations: The newest recorded decisions, for the replay diff.
        replaces: Hash of the bundle in force.

    Returns:
        A report; its refusal is `POLICY_FLAWED`, `POLICY_CASE_FAILED` or
        `POLICY_INVARIANT_BROKEN`.
    """
    bundle, cases = draft.bundle, draft.cases
    if bundle is None or cases is None:
        return GateReport(refusal=_flawed([draft.flaw or "the policy cannot be read"]))
    results, refusal = _before_sweep(draft, bundle, cases)
    if refusal is not None:
        return GateReport(results=results, refusal=refusal)
    swept = sweep(bundle)
    permissive = allowed_cases(bundle.rules, bundle.approval)
    found = len(swept.violations) + len(permissive)
    told: dict[str, Json] = {"sweep": swept.json_value(), "self_test": list(permissive)}
    results = (*results, _result(GateStep.SWEEP, swept.asked, found, told))
    broken = _broken(swept, permissive)
    if broken is not None:
        return GateReport(results=results, refusal=broken, sweep=swept)
    diff = diff_decisions(evaluations, replaces, bundle)
    last = _result(GateStep.DIFF, diff.decisions, len(diff.flips), diff.json_value())
    return GateReport(results=(*results, last), sweep=swept, diff=diff)


def _before_sweep(
    draft: PolicyDraft, bundle: PolicyBundle, cases: CaseFile
) -> tuple[tuple[CheckResult, ...], Refusal | None]:
    """Steps 1 and 2: what is written, and what it says to its own cases."""
    flaws = [*lint(bundle.rules), *_too_long(draft.files)]
    if flaws:
        return (), _flawed(flaws)
    named = [rule.id for rule in read_rules(bundle.rules)]
    bare = uncovered(bundle.rules, cases.cases)
    if bare:
        return (), _flawed([f"{rule}: no case of tests.yaml expects it" for rule in bare])
    rules = _result(GateStep.RULES, len(named), 0, {"rules": named})
    failures = run_cases(bundle.rules, cases.cases)
    names: list[Json] = [case.name for case in cases.cases]
    told: dict[str, Json] = {"cases": names, "failures": [one.json_value() for one in failures]}
    done = (rules, _result(GateStep.CASES, len(names), len(failures), told))
    if not failures:
        return done, None
    first = failures[0]
    return done, refuse(
        "POLICY_CASE_FAILED",
        f"{first.name}: expected {first.expected}, got {first.got}"[:2000],
        failed=len(failures),
        cases=len(names),
    )


def _flawed(flaws: Sequence[str]) -> Refusal:
    return refuse(_FLAWED, flaws[0][:2000], flaws=len(flaws))


def _too_long(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """A policy travels in the records of its proposal and its activation."""
    size = texts_size(policy_texts(files))
    if size <= TEXTS_BYTES_MAX:
        return ()
    return (f"the policy takes {size} bytes of a record, {TEXTS_BYTES_MAX} are the most",)


def _broken(swept: SweepReport, permissive: Sequence[str]) -> Refusal | None:
    if swept.violations:
        first = swept.violations[0]
        return refuse(
            "POLICY_INVARIANT_BROKEN",
            f"{first.sentence}: but {first.example}"[:2000],
            invariant=first.invariant,
            violations=sum(violation.count for violation in swept.violations),
            requests=swept.asked,
            scope=WORDS,
        )
    if permissive:
        return refuse(
            "POLICY_INVARIANT_BROKEN",
            f"the start-up self-test must be refused, but is allowed: {permissive[0]}",
            violations=len(permissive),
        )
    return None


def _result(step: GateStep, checked: int, found: int, told: Json) -> CheckResult:
    return CheckResult(step=step, checked=checked, found=found, result_hash=digest(told))
