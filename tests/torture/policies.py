"""Is every rule of the policy needed? Mutants of it, and cases or a sweep that must notice each.

A mutant is the shipped rule text with one rule removed, turned round, loosened or with another
reason, or with one part of a condition dropped, turned round or moved by one. The bundle's own
cases judge it first; what they let pass goes through the sweep. A mutant that lives stands in
`equivalent_rules.txt`, with the reason why nobody can tell it from the rules, or is a missing case.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cedarpy import policies_from_json_str, policies_to_json_str

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import PolicyBundle, RuleText
from counterseal.policy.cases import CaseFile, run_cases
from counterseal.policy.cedar import schema_flaws
from counterseal.policy.sweep import WORDS, sweep
from storage.policy_drafts import cases_from
from storage.policy_files import bundle_from, read_policy_files
from storage.settings import POLICY_VERSION

ROOT = Path(__file__).parents[2]
REVIEWED = Path(__file__).parent / "equivalent_rules.txt"
AT = datetime(2026, 1, 5, tzinfo=UTC)
TURNED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
MOVED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
Told = Callable[[str], None]
Tree = dict[str, Any]


class RuleMutant(NamedTuple):
    """One changed rule; `part` is true for a change inside a condition."""

    name: str
    text: RuleText
    part: bool


def shipped() -> tuple[PolicyBundle, CaseFile]:
    """The bundle of the repository, and its cases."""
    files = read_policy_files(ROOT / "policies", POLICY_VERSION)
    return bundle_from(files, POLICY_VERSION, AT), cases_from(files)


@cache
def rule_mutants(text: RuleText) -> tuple[RuleMutant, ...]:
    """Every mutant, in the order of the rules."""
    whole: Tree = json.loads(policies_to_json_str(text.rules))
    places: Mapping[str, Tree] = whole["staticPolicies"]
    reasons = sorted({r["annotations"]["reason"] for r in places.values() if _forbids(r)})
    found = []
    for place in sorted(places, key=lambda p: (len(p), p)):
        name = places[place]["annotations"]["id"]
        for what, changed, part in _changes(places[place], reasons):
            tree = copy.deepcopy(whole)
            if changed is None:
                del tree["staticPolicies"][place]
            else:
                tree["staticPolicies"][place] = changed
            rules = policies_from_json_str(json.dumps(tree))
            found.append(RuleMutant(f"{name}: {what}", text.amended(rules=rules), part))
    return tuple(found)


def survives(mutant: RuleMutant, bundle: PolicyBundle, cases: CaseFile, every: int = 1) -> bool:
    """Whether neither the validator, nor a case, nor the sweep notices a mutant."""
    try:
        if schema_flaws(mutant.text):
            return False
    except PolicyError:
        return False
    if run_cases(mutant.text, cases.cases):
        return False
    return sweep(bundle.amended(rules=mutant.text), every=every).holds


def reviewed() -> dict[str, str]:
    """Mutants that nobody can tell from the rules, each with its reason.

    Raises:
        ValueError: for a line without a reason, or a mutant listed twice.
    """
    found: dict[str, str] = {}
    for line in REVIEWED.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, mark, reason = line.partition(" | ")
            if not mark or not reason.strip() or name in found:
                raise ValueError(f"no reason, or listed twice: {line}")
            found[name] = reason
    return found


def campaign(sample: int | None, seed: int, told: Told, every: int = 1) -> Iterator[str]:
    """Mutants that live without being excused; the score is told.

    Args:
        sample: How many of them; None for all, and for the whole sweep of the shipped rules.
        seed: Of the sample.
        told: Takes the score.
        every: Of the sweeps that mutants go through.
    """
    bundle, cases = shipped()
    excused = reviewed()
    mutants = rule_mutants(bundle.rules)
    stale = sorted(set(excused) - {mutant.name for mutant in mutants})
    chance = random.Random(seed)  # noqa: S311 - a repeatable sample
    judged = mutants if sample is None else chance.sample(mutants, sample)
    living = [m for m in judged if m.name not in excused and survives(m, bundle, cases, every)]
    score = len(judged) - len(living)
    rules = sum(not mutant.part for mutant in judged)
    told(f"policy mutants: {score} of {len(judged)} killed or excused ({rules} of whole rules)")
    if sample is None:
        report = sweep(bundle)
        told(f"sweep: {report.asked} requests, {report.allowed} allowed; {WORDS}")
        yield from (f"{v.sentence}: {v.example}" for v in report.violations)
    yield from (f"lives: {mutant.name}" for mutant in living)
    yield from (f"excused, but no mutant: {name}" for name in stale)


def _forbids(rule: Tree) -> bool:
    return bool(rule["effect"] == "forbid")


def _changes(rule: Tree, reasons: list[str]) -> Iterator[tuple[str, Tree | None, bool]]:
    """What becomes of a rule, in words; None when it is gone."""
    yield "removed", None, False
    if _forbids(rule):
        own = rule["annotations"]["reason"]
        other = next(r for r in reasons if r != own)
        notes = {**rule["annotations"], "reason": other}
        yield f"reason {other}", {**rule, "annotations": notes}, False
    for scope in ("principal", "action", "resource"):
        if rule[scope] != {"op": "All"}:
            yield f"any {scope}", {**rule, scope: {"op": "All"}}, False
    for number, condition in enumerate(rule["conditions"]):
        rest = [c for n, c in enumerate(rule["conditions"]) if n != number]
        yield "without its condition", {**rule, "conditions": rest}, False
        turned = "unless" if condition["kind"] == "when" else "when"
        other_way = [*rest, {**condition, "kind": turned}]
        yield "condition turned round", {**rule, "conditions": other_way}, False
        for what, body in _parts(condition["body"], ""):
            changed = {**rule, "conditions": [*rest, {**condition, "body": body}]}
            yield what, changed, True


def _parts(body: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    """One part of an expression dropped, turned round or moved by one; `path` tells them apart."""
    (operator, inside), *_ = body.items()
    if operator in {"&&", "||"}:
        for side, other in (("left", "right"), ("right", "left")):
            yield f"{path}{operator} without its {side}", inside[other]
            for what, part in _parts(inside[side], f"{path}{side} "):
                yield what, {operator: {**inside, side: part}}
        return
    if operator == "!":
        yield f"{path}not dropped", inside["arg"]
        return
    if operator in TURNED:
        yield f"{path}{operator} -> {TURNED[operator]}", {TURNED[operator]: inside}
    else:
        yield f"{path}{operator} turned round", {"!": {"arg": body}}
    if operator in MOVED:
        yield f"{path}{operator} -> {MOVED[operator]}", {MOVED[operator]: inside}
    for side in ("left", "right") if isinstance(inside, dict) else ():
        items = inside.get(side, {}).get("Set") or []
        for place in range(len(items)):
            fewer = [item for n, item in enumerate(items) if n != place]
            if fewer:
                less = {operator: {**inside, side: {"Set": fewer}}}
                yield f"{path}{operator} set without {place}", less
