"""What may be decided together.

Job: put each request to the rules as it would stand in one person's ceremony, without acting.

Invariants
  I1  A ceremony is in the own name and by one key: no grant and no other key makes a way.
  I2  There is no second rule set: the use case objects by the same answer.

Not here: the ceremony (desk.bulk), a single review (views.duties).
Source: governance rules 2.7 (N12) and 2.10 (click: explain).
"""

from dataclasses import replace
from datetime import datetime

from counterseal.desk.approvals import load_case
from counterseal.desk.ports import Reader
from counterseal.desk.views.approvals import RequestDetail, request_detail
from counterseal.desk.views.history import ChainVerdict, RecordFacts
from counterseal.desk.views.marks import PaperView
from counterseal.desk.views.standing import Case, Register, load_register, review_codes
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import Name, Refusal, refuse
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import DecisionWord


class BulkCandidate(PaperView):
    """One request as it would stand in a ceremony.

    Attributes:
        detail: The case as it is shown; its `shown_hash` is what the ceremony will name.
        codes: Everything against the word by this person and key; empty when they may try.
    """

    detail: RequestDetail
    codes: tuple[Name, ...]


def own_register(
    reader: Reader, bundle: PolicyBundle, person_id: str, key: PersonKey | None
) -> Register:
    """The register as a ceremony of a person sees it: this one key of theirs, and no grants."""
    keys = {} if key is None else {person_id: (key,)}
    return replace(load_register(reader, bundle), keys=keys, delegated=())


def bulk_candidate(
    reader: Reader,
    register: Register,
    request_id: str,
    person_id: str,
    word: DecisionWord,
    facts: RecordFacts,
    now: datetime,
) -> BulkCandidate | Refusal:
    """One request and a word at `now` (UTC); refusal `NOT_FOUND`.

    Args:
        reader: Of one moment.
        register: As `own_register` gives it.
        request_id: The case.
        person_id: Who would decide.
        word: What they would decide.
        facts: How records are kept.
        now: UTC.
    """
    person, case = register.people.get(person_id), load_case(reader, request_id)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=person_id)
    if isinstance(case, Refusal):
        return case
    detail = request_detail(reader, request_id, register.bundle, facts, now)
    if isinstance(detail, Refusal):
        return detail
    if detail.history.verdict is ChainVerdict.FORGED:
        return BulkCandidate(detail=detail, codes=("CHAIN_BROKEN",))
    codes = review_codes(register, Case(*case), person, word, now)
    return BulkCandidate(detail=detail, codes=codes)
