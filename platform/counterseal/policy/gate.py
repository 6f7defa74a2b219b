"""Who brings a policy into force, and when.

Job: decide on a proposal, on a vote and on an activation, from what was checked and signed.

Invariants
  I1  A policy comes into force only after every step of the gate, and by two valid votes of
      different people, none of them an author or the same person as one.
  I2  A vote counts only for exactly the bundle hash and diff hash of its proposal.
  I3  A proposal that replaces another bundle than the one in force, or whose time is over, takes
      neither vote nor activation.

Not here: the steps (policy.gate_checks), signatures and links between people (desk.policies).
Source: governance part 4 (activation gate, steps 5 and 6; IT-02).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.gate_checks import GateReport, PolicyDraft
from counterseal.policy.proposal import (
    CheckResult,
    GateStep,
    PolicyProposal,
    PolicyVote,
    policy_texts,
)

VOTES: Final = 2
OPEN_DAYS: Final = 7
"""How long a proposal may be voted on and activated."""
FUTURE_DAYS_MAX: Final = 90
"""How far ahead an activation may take effect."""

Selves = Callable[[str], frozenset[str]]
"""Every id that is the same person as the given one, itself included."""


class Ballot(NamedTuple):
    """A vote, and whether its signature holds under an enrolled key of the voter."""

    vote: PolicyVote
    valid: bool


def decide_proposal(
    proposal_id: str,
    draft: PolicyDraft,
    report: GateReport,
    *,
    author_ids: Sequence[str],
    proposer_id: str,
    in_force: str,
    now: datetime,
) -> PolicyProposal | Refusal:
    """Put a draft to the vote.

    Args:
        proposal_id: New.
        draft: As checked.
        report: What the steps said.
        author_ids: Who wrote it; the proposer is one of them, named or not.
        proposer_id: From the verified login.
        in_force: Hash of the bundle that it would replace.
        now: The command's one instant.

    Returns:
        The proposal; or the report's refusal, `POLICY_STEP_MISSING` or `POLICY_ACTIVE`.
    """
    if report.refusal is not None:
        return report.refusal
    missing = missing_step(report.results)
    if missing is not None or draft.bundle is None or report.diff is None:
        return refuse("POLICY_STEP_MISSING", "a step of the gate is missing", step=missing)
    if draft.bundle.bundle_hash == in_force:
        return refuse("POLICY_ACTIVE", "this bundle is in force", bundle=in_force)
    if report.diff.replaces != in_force or report.diff.proposed != draft.bundle.bundle_hash:
        return _superseded(report.diff.replaces, in_force)
    return PolicyProposal(
        proposal_id=proposal_id,
        bundle_hash=draft.bundle.bundle_hash,
        version=draft.version,
        files=policy_texts(draft.files),
        author_ids=tuple(sorted({*author_ids, proposer_id})),
        replaces=in_force,
        checks=report.results,
        diff_hash=report.results[-1].result_hash,
        proposed_by=proposer_id,
        proposed_at=now,
        expires_at=now + timedelta(days=OPEN_DAYS),
    )


def check_vote(
    proposal: PolicyProposal,
    earlier: Sequence[PolicyVote],
    voter_id: str,
    *,
    in_force: str,
    selves: Selves,
    now: datetime,
) -> Refusal | None:
    """Whether a person may vote for a proposal now, whatever the rules in force say besides.

    Returns:
        None; or `PROPOSAL_EXPIRED`, `POLICY_CHANGED`, `AUTHOR_CONFLICT` or `ALREADY_REVIEWED`.
    """
    closed = _closed(proposal, in_force, now)
    if closed is not None:
        return closed
    own = selves(voter_id)
    if own & set(proposal.author_ids):
        return refuse("AUTHOR_CONFLICT", "an author does not approve an own policy", actor=voter_id)
    if own & {vote.person_id for vote in earlier}:
        return refuse("ALREADY_REVIEWED", "nobody approves a policy twice", actor=voter_id)
    return None


def decide_activation(
    proposal: PolicyProposal,
    ballots: Sequence[Ballot],
    activator_id: str,
    *,
    in_force: str,
    selves: Selves,
    effective_from: datetime,
    now: datetime,
) -> tuple[PolicyVote, ...] | Refusal:
    """The votes that bring a proposal into force.

    Args:
        proposal: As recorded.
        ballots: All votes for it.
        activator_id: Who asks; no author.
        in_force: Hash of the bundle in force.
        selves: Who is the same person as whom.
        effective_from: From when it is to count; not before now.
        now: The command's one instant.

    Returns:
        Two votes; or `PROPOSAL_EXPIRED`, `POLICY_CHANGED`, `POLICY_STEP_MISSING`,
        `AUTHOR_CONFLICT`, `VOTES_MISSING` or `EFFECTIVE_TIME`.
    """
    closed = _closed(proposal, in_force, now) or _unchecked(proposal)
    if closed is not None:
        return closed
    if selves(activator_id) & set(proposal.author_ids):
        return refuse("AUTHOR_CONFLICT", "an author does not activate an own policy")
    counted = counted_votes(proposal, ballots, selves)
    if len(counted) < VOTES:
        return refuse(
            "VOTES_MISSING",
            "two different people who did not write it approve a policy",
            valid=len(counted),
            needed=VOTES,
        )
    if not now <= effective_from <= now + timedelta(days=FUTURE_DAYS_MAX):
        return refuse(
            "EFFECTIVE_TIME", "a policy counts from now on, or from a day soon", told=effective_from
        )
    return counted


def counted_votes(
    proposal: PolicyProposal, ballots: Sequence[Ballot], selves: Selves
) -> tuple[PolicyVote, ...]:
    """The first votes that hold, name exactly this, and come from different non-authors."""
    barred = set(proposal.author_ids)
    counted: list[PolicyVote] = []
    for ballot in sorted(ballots, key=lambda b: (b.vote.voted_at, b.vote.vote_id)):
        vote = ballot.vote
        named = (vote.proposal_id, vote.bundle_hash, vote.diff_hash)
        exact = named == (proposal.proposal_id, proposal.bundle_hash, proposal.diff_hash)
        own = selves(vote.person_id)
        if ballot.valid and exact and not own & barred:
            counted.append(vote)
            barred |= own
    return tuple(counted[:VOTES])


def missing_step(results: Sequence[CheckResult]) -> str | None:
    """The first step that was not done, or that looked at nothing where there is something."""
    done = {result.step: result for result in results}
    for step in GateStep:
        result = done.get(step)
        if result is None or (step is not GateStep.DIFF and not result.checked):
            return step.value
    return None


def _unchecked(proposal: PolicyProposal) -> Refusal | None:
    """A stored proposal says what its steps found; one that failed is none."""
    step = missing_step(proposal.checks)
    failed = [c.step for c in proposal.checks if c.found and c.step is not GateStep.DIFF]
    diff = proposal.checks[-1].result_hash
    if step is None and not failed and diff == proposal.diff_hash and proposal.texts_hold:
        return None
    return refuse("POLICY_STEP_MISSING", "the proposal is not as it was checked", step=step)


def _closed(proposal: PolicyProposal, in_force: str, now: datetime) -> Refusal | None:
    if not proposal.open_at(now):
        return refuse(
            "PROPOSAL_EXPIRED", "the time for this proposal is over", until=proposal.expires_at
        )
    if proposal.replaces != in_force:
        return _superseded(proposal.replaces, in_force)
    return None


def _superseded(replaces: str, in_force: str) -> Refusal:
    return refuse(
        "POLICY_CHANGED",
        "another bundle is in force than the one to be replaced; propose anew",
        replaces=replaces,
        in_force=in_force,
    )
