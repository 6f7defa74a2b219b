"""The policies of a home, as people compare them: which counts, what came before, what is proposed.

Job: tell every version with its standing, every proposal with its votes, and what differs in the
texts of two versions.

Invariants
  I1  A proposal that can be voted on no more says why it cannot: activated, expired, or overtaken
      by another policy than the one that it would replace.
  I2  Two versions are compared by what their files say, wherever the files of a version lie.

Not here: checks and votes (desk.policies), who may vote (views.signing), drafts (storage).
Source: governance part 4; ui part 1 (Settings: policy versions, diff).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import unified_diff
from enum import StrEnum
from typing import Final

from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.desk.ports import Reader
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.proposal import PolicyProposal, PolicyText, PolicyVote

CONTEXT_LINES: Final = 2
"""Equal lines that stand around each difference."""


class VersionStanding(StrEnum):
    """Whether an activated version counts."""

    IN_FORCE = "in_force"
    TO_COME = "to_come"
    SUPERSEDED = "superseded"


class ProposalStanding(StrEnum):
    """What may become of a proposal."""

    OPEN = "open"
    ACTIVATED = "activated"
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"


class PolicyVersion(DomainModel):
    """A version that was activated."""

    activation: PolicyActivation
    standing: VersionStanding


class PolicyCandidate(DomainModel):
    """A version that was proposed; votes in the order in which they were given."""

    proposal: PolicyProposal
    standing: ProposalStanding
    votes: tuple[PolicyVote, ...]


class PolicyShelf(DomainModel):
    """Every version of a home; the newest first, of proposals and of activations alike."""

    versions: tuple[PolicyVersion, ...]
    candidates: tuple[PolicyCandidate, ...]

    @property
    def active(self) -> PolicyActivation | None:
        """The one that counts; None before any activation."""
        told = (one for one in self.versions if one.standing is VersionStanding.IN_FORCE)
        return next((one.activation for one in told), None)


class FileChange(DomainModel):
    """One file of two versions.

    Attributes:
        path: Without the folder of its version.
        lines: A unified diff without its head; those of a file that only one version has are all
            added, or all removed.
    """

    path: Name
    lines: tuple[str, ...]


def policy_shelf(reader: Reader, now: datetime) -> PolicyShelf:
    """The policies of a home at `now` (UTC)."""
    activations = reader.find(PolicyActivation)
    active = in_force(activations, now)
    versions = sorted(activations, key=lambda one: one.effective_from, reverse=True)
    proposals = sorted(reader.find(PolicyProposal), key=lambda one: one.proposed_at, reverse=True)
    return PolicyShelf(
        versions=tuple(
            PolicyVersion(activation=one, standing=version_standing(one, active, now))
            for one in versions
        ),
        candidates=tuple(
            PolicyCandidate(
                proposal=one,
                standing=proposal_standing(one, activations, now),
                votes=_votes(reader, one),
            )
            for one in proposals
        ),
    )


def version_standing(
    one: PolicyActivation, active: PolicyActivation | None, now: datetime
) -> VersionStanding:
    """Whether an activated version counts at an instant, beside the one that does."""
    if one == active:
        return VersionStanding.IN_FORCE
    return VersionStanding.TO_COME if now < one.effective_from else VersionStanding.SUPERSEDED


def proposal_standing(
    one: PolicyProposal, activations: Sequence[PolicyActivation], now: datetime
) -> ProposalStanding:
    """What may become of a proposal at an instant."""
    if any(activation.proposal_id == one.proposal_id for activation in activations):
        return ProposalStanding.ACTIVATED
    if not one.open_at(now):
        return ProposalStanding.EXPIRED
    active = in_force(activations, now)
    overtaken = active is not None and active.bundle_hash != one.replaces
    return ProposalStanding.OVERTAKEN if overtaken else ProposalStanding.OPEN


def changed_files(
    version: str, files: Iterable[PolicyText], other: str, others: Iterable[PolicyText]
) -> tuple[FileChange, ...]:
    """What the files of another version say otherwise, in the order of their paths."""
    before, after = _by_place(version, files), _by_place(other, others)
    told = ((path, _lines(before.get(path), after.get(path))) for path in {**before, **after})
    return tuple(FileChange(path=path, lines=lines) for path, lines in sorted(told) if lines)


def _votes(reader: Reader, one: PolicyProposal) -> tuple[PolicyVote, ...]:
    found = reader.find(PolicyVote, proposal_id=one.proposal_id)
    return tuple(sorted(found, key=lambda vote: (vote.voted_at, vote.vote_id)))


def _by_place(version: str, files: Iterable[PolicyText]) -> dict[str, str]:
    """Texts by path, without the folder that the version gave its name to."""
    return {
        "/".join(part for part in file.path.split("/") if part != version): file.text
        for file in files
    }


def _lines(before: str | None, after: str | None) -> tuple[str, ...]:
    old, new = ((text or "").splitlines() for text in (before, after))
    _, _, *told = [*unified_diff(old, new, n=CONTEXT_LINES, lineterm="")] or ("", "")
    return tuple(told)
