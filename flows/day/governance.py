"""What a day shows of its governance.

Job: find in a home's documents which ways of deciding occurred, how often, and the first of each.

Invariants
  I1  Everything told here is read from recorded documents; nothing is repeated from the plan.
  I2  Every recorded answer of the rules is asked again, under the rules that gave it.

Not here: what was planned (plan), how it is shown (ui).
Source: governance rules 2.3, 2.6, 2.7; N3, N6, N8, N10, N12.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from counterseal.approvals.comments import CaseComment
from counterseal.approvals.delegation import DelegationGrant
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.commands import CommandRecord
from counterseal.desk.ports import Reader
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Detail, DomainModel, Name, details
from counterseal.policy.counterfactual import ReplayReport, replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation
from storage.law import activated_rules


class Way(StrEnum):
    """A way in which something was decided, or not."""

    REFUSED = "refused attempt, by rule"
    DELEGATED = "review by a delegate"
    BATCH = "one signature over several decisions"
    CARRIED = "decision carried to an amended version"
    OWN_MACHINE = "signed on the own machine"
    ASKED_AGAIN = "asked again with what was missing"
    THREAD = "talked about in a thread"


class Shown(DomainModel):
    """A way of deciding that occurred.

    Attributes:
        times: How often; `request_id` and `told` are of the first.
    """

    what: Way
    times: int
    request_id: Name
    told: tuple[Detail, ...]


def shown(reader: Reader) -> tuple[Shown, ...]:
    """Each way of deciding that occurred, in the order of `Way`."""
    found: dict[Way, list[tuple[str, tuple[Detail, ...]]]] = {}
    for way, request_id, told in (*_refused(reader), *_decided(reader), *_asked(reader)):
        found.setdefault(way, []).append((request_id, told))
    return tuple(
        Shown(what=way, times=len(found[way]), request_id=found[way][0][0], told=found[way][0][1])
        for way in Way
        if way in found
    )


def replayed(reader: Reader) -> ReplayReport:
    """Every recorded answer of the rules, asked again.

    Raises:
        PolicyError: `POLICY_HASH_MISMATCH` when the stored rules are not those that were activated.
    """
    return replay_recorded(reader.find(PolicyEvaluation), activated_rules(reader))


def rules_behind(command: CommandRecord) -> tuple[str, ...]:
    """Ids of the rules that refused a command; none when no rule was asked."""
    told = () if command.refusal is None else command.refusal.details
    named = next((fact.value for fact in told if fact.name == "rules"), "")
    return tuple(name for name in named.split(",") if name)


_Found = Iterator[tuple[Way, str, tuple[Detail, ...]]]


def _refused(reader: Reader) -> _Found:
    for command in _in_time(reader.find(CommandRecord)):
        rules = rules_behind(command)
        if command.refusal is not None and rules:
            told = details(
                who=command.actor_id, reason=command.refusal.code, rules=", ".join(rules)
            )
            yield Way.REFUSED, command.subject_id.removeprefix("case:"), told


def _decided(reader: Reader) -> _Found:
    grants = {grant.grant_id: grant for grant in reader.find(DelegationGrant)}
    keys = {key.key_id: key for key in reader.find(PersonKey)}
    found = reader.find(ApprovalDecision)
    for one in sorted(found, key=lambda d: (d.decided_at, d.approval_request_id, d.sequence)):
        request_id = one.approval_request_id
        if one.grant_id is not None:
            yield Way.DELEGATED, request_id, _under(one, grants[one.grant_id])
        if one.batch is not None and one.batch.index == 0 and one.carried is None:
            told = details(who=one.reviewer_id, stage=one.stage, decisions=one.batch.size)
            yield Way.BATCH, request_id, told
        if one.carried is not None:
            changed = ", ".join(one.carried.changed)
            told = details(who=one.reviewer_id, stage=one.stage, changed=changed)
            yield Way.CARRIED, request_id, told
        if keys[one.key_id].scheme is SignatureScheme.SSHSIG:
            yield Way.OWN_MACHINE, request_id, _machine(one, keys[one.key_id])


def _asked(reader: Reader) -> _Found:
    comments = sorted(reader.find(CaseComment), key=lambda c: (c.created_at, c.comment_id))
    for request in sorted(reader.find(ApprovalRequest), key=lambda r: r.created_at):
        cited = request.payload.answers
        if cited is not None:
            yield Way.ASKED_AGAIN, request.approval_request_id, details(cites=cited)
        own = [c for c in comments if c.approval_request_id == request.approval_request_id]
        if own:
            told = details(who=", ".join(_persons(own)), comments=len(own))
            yield Way.THREAD, request.approval_request_id, told


def _under(decision: ApprovalDecision, grant: DelegationGrant) -> tuple[Detail, ...]:
    return details(
        who=decision.reviewer_id,
        in_the_name_of=grant.delegator,
        grant=grant.grant_id,
        until=utc_text(grant.valid_until),
    )


def _machine(decision: ApprovalDecision, key: PersonKey) -> tuple[Detail, ...]:
    return details(
        who=decision.reviewer_id,
        scheme=key.scheme,
        key_class=key.key_class,
        enrolled_by=", ".join(key.enrolled_by),
    )


def _persons(comments: Iterable[CaseComment]) -> list[str]:
    return list(dict.fromkeys(comment.person_id for comment in comments))


def _in_time(commands: Iterable[CommandRecord]) -> Sequence[CommandRecord]:
    return sorted(commands, key=lambda c: (c.decided_at, c.idempotency_key))
