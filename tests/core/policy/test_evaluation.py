"""Records of answers: kept with everything that they depended on, and asked again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings

from counterseal.kernel.model import Refusal, parse_document, refuse
from counterseal.policy.evaluation import (
    JudgedRefusal,
    PolicyEvaluation,
    Verdict,
    bare,
    judge,
    replay,
    replay_all,
    snapshot_hash,
    with_evaluation,
)
from counterseal.policy.question import RuleAction, question
from tests.core.policy.rules_room import (
    HASH,
    person,
    request,
    reviewing,
    shipped,
    without,
)
from tests.core.policy.test_oracle import Asked, acts

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ALLOWED = question(person(), RuleAction.APPROVE, request(), reviewing())
DENIED = question(person(), RuleAction.APPROVE, request(requester="rex"), reviewing(key_class=0))


def kept(asked: object = ALLOWED) -> PolicyEvaluation:
    return judge("apr_1", asked, shipped(), bundle_hash=HASH, now=NOW)  # type: ignore[arg-type] # a question


def test_an_answer_is_kept_with_its_question() -> None:
    """Governance invariant 9, N10: verdict, rules, reasons, engine, entities and context."""
    record = kept(DENIED)
    assert (record.verdict, record.codes) == (
        Verdict.DENY,
        ("KEY_CLASS_TOO_LOW", "REQUESTER_IS_REVIEWER"),
    )
    assert record.rule_ids == ("key.class", "sod.requester_may_not_review")
    assert record.question == DENIED
    assert record.engine.startswith("cedarpy-")
    assert parse_document(PolicyEvaluation, record.model_dump_json().encode()) == record


def test_a_record_is_named_by_its_content() -> None:
    """Governance 2.8: the same question at the same instant is one record, another is another."""
    assert kept().evaluation_id == kept().evaluation_id != kept(DENIED).evaluation_id
    later = judge("apr_1", ALLOWED, shipped(), bundle_hash=HASH, now=NOW.replace(hour=10))
    assert later.evaluation_id != kept().evaluation_id
    assert snapshot_hash(ALLOWED) != snapshot_hash(DENIED)


@settings(max_examples=60, deadline=None)
@given(acts)
def test_a_replay_under_the_same_rules_says_the_same(case: Asked) -> None:
    """N3: same verdict, same rule ids, same reasons, from the record alone."""
    again = replay(kept(question(*case)), shipped())
    assert again.same
    assert again.differs == ()


def test_a_replay_under_other_rules_names_what_differs() -> None:
    """N4: what a change would flip, and what only gets another reason."""
    records = (kept(), kept(DENIED))
    laxer = replay_all(records, without("sod.requester_may_not_review"))
    assert [one.differs for one in laxer] == [(), ("rule_ids", "codes")]
    open_ = replay(records[1], without("sod.requester_may_not_review", "key.class"))
    assert (open_.verdict, open_.differs) == (Verdict.ALLOW, ("verdict", "rule_ids", "codes"))


def test_a_replay_of_a_changed_record_differs() -> None:
    """Governance invariant 9: a forged verdict does not survive being asked again."""
    forged = kept(DENIED).amended(verdict=Verdict.ALLOW, rule_ids=("review.research.approve",))
    assert "verdict" in replay(forged.amended(codes=()), shipped()).differs


def test_an_engine_that_fails_is_another_verdict_than_a_denial() -> None:
    """Governance invariant 5: an error is recorded as one, and replays as a difference."""
    broken = shipped().amended(rules="permit (")
    record = judge("apr_1", ALLOWED, broken, bundle_hash=HASH, now=NOW)
    assert (record.verdict, record.codes) == (Verdict.ERROR, ("POLICY_ERROR",))
    assert replay(kept(), broken).differs == ("verdict", "rule_ids", "codes")


def test_a_refusal_carries_its_evaluations_and_is_told_without_them() -> None:
    """N10: the rules that said no are facts of the refusal; callers get the refusal alone."""
    refusal = refuse("ROLE", "refused", actor="rex")
    judged = with_evaluation(refusal, kept(DENIED), kept())
    assert isinstance(judged, JudgedRefusal)
    assert {d.name: d.value for d in judged.details} == {
        "actor": "rex",
        "rules": "key.class,sod.requester_may_not_review",
    }
    told = bare(judged)
    assert type(told) is Refusal
    assert told.codes == refusal.codes
    assert bare(refusal) == refusal


@pytest.mark.parametrize("field", ["entities", "context"])
def test_a_record_is_bounded(field: str) -> None:
    """Governance 2.8: nobody fills the log with one question."""
    with pytest.raises(ValueError, match=field):
        kept().amended(**{field: "x" * 60_001})
