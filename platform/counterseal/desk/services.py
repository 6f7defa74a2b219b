"""The platform's own identities, and what is theirs alone.

Job: know a service of the platform from a person, and append the records that only services make.

Invariants
  I1  A service has no person, no roles and no right to review; it acts for itself, or under a
      mandate.

Not here: mandates (desk.mandates), when services act (flows).
Source: governance rule 3; workflow part 3.
"""

from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Event, refuse

SERVICE_ISSUER: Final = "counterseal:service"
"""Issuer of the platform's own identities."""


def own_record(bench: Bench, event: Event, actor: Actor, *, key: str, rule: str) -> Outcome:
    """Append one event that nothing stored decides about, or give the recorded answer.

    Args:
        bench: Of the desk whose log it is.
        event: What is appended; its action names the command.
        actor: Who asks.
        key: Names the occasion; the same occasion again is a replay.
        rule: Why only services ask, in words.

    Refusals: `SERVICE_ONLY`.
    """
    command = Command(
        name=event.action,
        actor=actor,
        key=key,
        stream=event.stream,
        payload_digest=digest({"occasion": key}),
    )
    told = (
        Done(subject_id=event.subject.id, events=(event,))
        if actor.issuer == SERVICE_ISSUER
        else refuse("SERVICE_ONLY", rule, actor=actor.id)
    )
    return bench.recorder.run(command, lambda *_: told)
