"""Votes for a policy: what a signature on one says, and whether it holds.

Job: read a signed vote against its proposal and the register of keys.

Invariants
  I1  A vote holds only under a key of the voter that counted when it was given.
  I2  What was signed is compared with the whole statement that the desk would have asked for.
  I3  An activation is believed only with two such votes; a bundle that nobody approved stays out.

Not here: who may vote (policy rules), how many are needed (policy.gate).
Source: governance part 4 (activation gate, step 5), invariant 11.
"""

from datetime import datetime, timedelta

from counterseal.approvals.independence import closure
from counterseal.desk.case_facts import links_of_case
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.people import enrolled_keys, key_of
from counterseal.desk.ports import Reader
from counterseal.identity.keys import PersonKey
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Refusal, Signature, refuse
from counterseal.policy.gate import VOTES, Ballot, Selves, counted_votes
from counterseal.policy.proposal import KIND, PolicyProposal, PolicyVote, vote_statement

_NAMED = ("proposal_id", "policy_bundle_hash", "diff_hash", "replaces")


def read_vote(
    reader: Reader,
    proposal: PolicyProposal,
    signature: Signature,
    voter_id: str,
    *,
    origin: str,
    life: timedelta,
    now: datetime,
) -> PolicyVote | Refusal:
    """A vote, when its signature says exactly this and was made just now.

    Returns:
        The vote; or `KEY_NOT_ENROLLED`, `SIGNATURE_INVALID` or `VOTE_MISMATCH`.
    """
    key = key_of(reader, voter_id, signature.scheme)
    if key is None or key.key_id != signature.key_id or not key.counts_at(now):
        return refuse("KEY_NOT_ENROLLED", "no key of this person", person=voter_id)
    try:
        shown = verify_signed(signature, key, KIND)
        issued_at = parse_utc(str(shown.get("issued_at")))
    except IntegrityError as error:
        return refuse("SIGNATURE_INVALID", error.message, key_id=key.key_id)
    except ValueError:
        return refuse("SIGNATURE_INVALID", "the vote names no time", key_id=key.key_id)
    wanted = vote_statement(proposal, voter_id, key.key_id, origin, issued_at)
    other = [name for name in _NAMED if shown.get(name) != wanted[name]]
    if other:
        return refuse("VOTE_MISMATCH", "the vote is for something else", differs=",".join(other))
    if shown != wanted or not proposal.proposed_at <= issued_at <= now < issued_at + life:
        return refuse("SIGNATURE_INVALID", "the vote is no fresh vote of this person")
    return PolicyVote(
        vote_id=f"vot_{proposal.proposal_id.removeprefix('ppr_')}:{voter_id}",
        proposal_id=proposal.proposal_id,
        bundle_hash=proposal.bundle_hash,
        diff_hash=proposal.diff_hash,
        person_id=voter_id,
        key_id=key.key_id,
        voted_at=now,
        signature=signature,
    )


def ballots_of(reader: Reader, proposal: PolicyProposal, origin: str) -> tuple[Ballot, ...]:
    """Every recorded vote for a proposal, each verified anew."""
    votes = reader.find(PolicyVote, proposal_id=proposal.proposal_id)
    keys = {key.key_id: key for key in enrolled_keys(reader, {vote.key_id for vote in votes})}
    return tuple(
        Ballot(vote, valid=_holds(proposal, vote, keys.get(vote.key_id), origin)) for vote in votes
    )


def selves_at(reader: Reader, proposal: PolicyProposal, now: datetime) -> Selves:
    """Who is one person with whom, from the day of the proposal on."""
    links = links_of_case(reader, proposal.proposed_at, now)
    return lambda person_id: closure(person_id, links)


def check_activation(reader: Reader, activation: PolicyActivation, origin: str) -> None:
    """Believe an activation only with the votes that it must have; bootstrap has none.

    Raises:
        IntegrityError: `POLICY_UNAPPROVED`.
    """
    if not _approved(reader, activation, origin):
        raise IntegrityError(
            "POLICY_UNAPPROVED",
            "two people's votes do not stand behind the policy in force",
            field="policy_activations",
            got=activation.bundle_hash,
        )


def _approved(reader: Reader, activation: PolicyActivation, origin: str) -> bool:
    if activation.bootstrap:
        return activation.proposal_id is None and _is_first(reader, activation)
    proposal = reader.get(PolicyProposal, activation.proposal_id or "")
    if proposal is None or not _same(proposal, activation):
        return False
    selves = selves_at(reader, proposal, activation.effective_from)
    counted = counted_votes(proposal, ballots_of(reader, proposal, origin), selves)
    signed = tuple(vote.signature for vote in counted)
    return len(counted) == VOTES and signed == activation.signatures


def _is_first(reader: Reader, activation: PolicyActivation) -> bool:
    """Bootstrap happens once, before every other activation."""
    known = reader.find(PolicyActivation)
    only = sum(one.bootstrap for one in known) == 1
    return only and all(activation.effective_from <= one.effective_from for one in known)


def _same(proposal: PolicyProposal, activation: PolicyActivation) -> bool:
    told = (activation.bundle_hash, activation.version, activation.files, activation.author_ids)
    meant = (proposal.bundle_hash, proposal.version, proposal.files, proposal.author_ids)
    return told == meant and proposal.texts_hold


def _holds(proposal: PolicyProposal, vote: PolicyVote, key: PersonKey | None, origin: str) -> bool:
    if key is None or key.person_id != vote.person_id or not key.counts_at(vote.voted_at):
        return False
    try:
        shown = verify_signed(vote.signature, key, KIND)
        issued_at = parse_utc(str(shown.get("issued_at")))
    except (IntegrityError, ValueError):
        return False
    if not proposal.proposed_at <= issued_at <= vote.voted_at < proposal.expires_at:
        return False
    return shown == vote_statement(proposal, vote.person_id, key.key_id, origin, issued_at)
