"""Every refusal of the approvals room can happen, and stands in the stream of its case."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from counterseal.approvals.reasons import ReasonCode
from counterseal.approvals.review_checks import SignedReview
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.identity.dsse import sign_statement
from counterseal.kernel.canonical import Json, digest
from counterseal.policy.words import DecisionWord, Role, Stage
from tests.desk.casework import WORDS, codes, delegated, limited, review_under, signed_review
from tests.world import LARGE, NONE, World

RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
REJECTED = DecisionWord.REJECTED


def sent(
    world: World,
    request_id: str,
    name: str,
    word: DecisionWord,
    changes: Mapping[str, Json] | None = None,
    *,
    signer: str | None = None,
    key_id: str | None = None,
    wait: int = 0,
    reason: str = WORDS,
) -> Outcome:
    """Prepare, sign what was changed, wait, send."""
    actor = world.actor(name)
    answer = world.desk.approvals.prepare(
        request_id, word, reason, actor, shown_hash=NONE, key=world.key()
    )
    if answer.prepared is None:
        return Outcome(subject_id=request_id, refusal=answer.refusal, sealed_size=0)
    statement = {**answer.prepared.statement.json_value(), **(changes or {})}
    signed = SignedReview(
        decision=word,
        reason=answer.prepared.reason,
        comment_salt=answer.prepared.comment_salt,
        signature=sign_statement(
            world.private_key(signer or name), "decision", statement, key_id or f"key-of-{name}"
        ),
    )
    world.after(wait)
    return world.desk.approvals.review(request_id, signed, actor, key=world.key())


def asked(world: World, **changes: object) -> Outcome:
    payload = world.payload(world.signal()).amended(**changes)
    return world.desk.approvals.request(payload, world.actor("quant"), key=world.key())


def after(world: World, *reviews: tuple[str, DecisionWord], quantity: int = 4) -> str:
    request_id = world.requested(quantity=quantity)
    for name, word in reviews:
        world.done(world.reviewed(request_id, name, word))
    return request_id


def late(world: World) -> Outcome:
    """A review prepared for the last seat, sent when the seat is taken."""
    request_id = after(world, ("researcher", RESEARCH))
    signed = signed_review(world, request_id, "compliance", RISK)
    world.done(world.reviewed(request_id, "risk", RISK))
    assert isinstance(signed, SignedReview)
    return world.desk.approvals.review(
        request_id, signed, world.actor("compliance"), key=world.key()
    )


def repeated(world: World) -> Outcome:
    request_id = world.requested()
    signed = signed_review(world, request_id, "researcher", RESEARCH)
    assert isinstance(signed, SignedReview)
    send, actor = world.desk.approvals.review, world.actor("researcher")
    world.done(send(request_id, signed, actor, key=world.key()))
    return send(request_id, signed, actor, key=world.key())


def spent(world: World) -> Outcome:
    request_id = world.approved()
    world.done(world.submitted(request_id))
    return world.submitted(request_id)


def forged(world: World, sql: str, act: Callable[[str], Outcome], *, approved: bool) -> Outcome:
    request_id = world.approved() if approved else world.requested()
    world.forge(sql)
    return act(request_id)


def under(world: World, **law: object) -> None:
    """The same desk under another law."""
    bundle = world.desk.bench.bundle.amended(**law)
    world.desk = Desk(replace(world.desk.bench, bundle=bundle))


def keyed(world: World) -> Outcome:
    rules = world.desk.bench.bundle.approval
    stages = tuple(rule.amended(key_class_min=2) for rule in rules.stages)
    request_id = world.requested()
    under(world, approval=rules.amended(stages=stages))
    return sent(world, request_id, "researcher", RESEARCH)


def other_law(world: World) -> Outcome:
    request_id = world.requested()
    under(world, bundle_hash=digest("another bundle"))
    return sent(world, request_id, "researcher", RESEARCH)


def by_delegate(world: World) -> Outcome:
    delegated(world, "quant", "risk", Stage.RESEARCH)
    return sent(world, after(world, ("researcher", RESEARCH)), "risk", RISK)


def out_of_scope(world: World) -> Outcome:
    grant = delegated(world, "researcher", "risk", Stage.RESEARCH, bounds={"notional_max": "1"})
    answer = review_under(world, world.requested(), "risk", RESEARCH, grant)
    assert isinstance(answer, Outcome)
    return answer


def unreached(world: World) -> Outcome:
    request_id = world.requested()
    limited(world, "researcher", Role.RESEARCH_REVIEWER, "trend")
    return sent(world, request_id, "researcher", RESEARCH)


def waited(world: World, request_id: str, seconds: int, *, submit: bool) -> Outcome:
    world.after(seconds)
    if submit:
        world.quote()
        return world.submitted(request_id)
    return sent(world, request_id, "researcher", RESEARCH)


MOVED = "UPDATE approval_requests SET tenant = 'tenant-2'"
STOLEN = (
    "UPDATE person_keys SET status = 'revoked', revoked_reason = 'compromised', "
    "revoked_at = '2026-01-05T00:45:00.000000Z' WHERE person_id = 'risk'"
)
PROVOKED: Mapping[str, Callable[[World], Outcome]] = {
    "NOT_FOUND": lambda w: w.submitted("apr_none"),
    "REQUESTER_IS_REVIEWER": lambda w: sent(w, w.requested(), "quant", RESEARCH),
    "ALREADY_REVIEWED": repeated,
    "AUTHOR_CONFLICT": lambda w: sent(
        w, w.done(asked(w, author_ids=("researcher",))), "researcher", RESEARCH
    ),
    "DELEGATION_CONFLICT": by_delegate,
    "TERMINAL": lambda w: w.submitted(after(w, ("researcher", REJECTED))),
    "NOT_PENDING": late,
    "LOST_RACE": late,
    "ALREADY_CONSUMED": spent,
    "ROLE": lambda w: sent(w, w.requested(), "risk", RESEARCH),
    "OTHER_TENANT": lambda w: forged(
        w, MOVED, lambda r: sent(w, r, "researcher", RESEARCH), approved=False
    ),
    "ABOVE_AUTHORITY": lambda w: sent(
        w, w.done(asked(w, notional=Decimal(20_000_001))), "researcher", RESEARCH
    ),
    "STRATEGY_SCOPE": unreached,
    "KEY_CLASS_TOO_LOW": keyed,
    "OUT_OF_ORDER": lambda w: sent(w, w.requested(), "risk", RISK),
    "STAGE_FULL": lambda w: sent(w, after(w, ("researcher", RESEARCH)), "compliance", RESEARCH),
    "STAGES_MISSING": lambda w: w.submitted(w.requested()),
    "COMPLIANCE_MISSING": lambda w: w.submitted(
        after(w, ("researcher", RESEARCH), ("risk", RISK), quantity=LARGE), quantity=LARGE
    ),
    "REAUTH_REQUIRED": lambda w: sent(w, w.requested(), "researcher", RESEARCH, wait=121),
    "PAYLOAD_CHANGED": lambda w: w.submitted(w.approved(), quantity=5),
    "POLICY_CHANGED": other_law,
    "EVIDENCE_CHANGED": lambda w: sent(
        w, w.requested(), "researcher", RESEARCH, {"evidence_pack_hash": digest("other")}
    ),
    "SNAPSHOT_CHANGED": lambda w: sent(
        w, w.requested(), "researcher", RESEARCH, {"meaning": "authorised_paper"}
    ),
    "SIGNATURE_INVALID": lambda w: sent(w, w.requested(), "researcher", RESEARCH, signer="risk"),
    "KEY_NOT_ENROLLED": lambda w: sent(w, w.requested(), "researcher", RESEARCH, key_id="key-x"),
    "KEY_REVOKED": lambda w: forged(w, STOLEN, w.submitted, approved=True),
    "NONCE_USED": repeated,
    "GRANT_INVALID": out_of_scope,
    "REVIEW_EXPIRED": lambda w: waited(w, w.requested(), 3600, submit=False),
    "EXECUTION_EXPIRED": lambda w: waited(w, w.approved(), 3600, submit=True),
    "UNSTAFFABLE": lambda w: asked(w, author_ids=("researcher", "risk", "compliance")),
    "REASON_TOO_SHORT": lambda w: sent(w, w.requested(), "researcher", RESEARCH, reason="short"),
    "NOT_PAPER_ONLY": lambda w: sent(
        w, w.requested(), "researcher", RESEARCH, {"paper_only": False}
    ),
    "ANSWER_INVALID": lambda w: asked(w, answers="apr_none"),
    "USES_ABOVE_POLICY": lambda w: asked(w, uses_max=11),
}


@pytest.mark.parametrize("code", PROVOKED)
def test_the_refusal_can_happen_and_is_recorded_in_its_case(tmp_path: Path, code: str) -> None:
    """N10, governance 2.8, test 17: the code comes back, and the record names it."""
    world = World(tmp_path / "home")
    outcome = PROVOKED[code](world)
    assert code in codes(outcome)
    assert set(codes(outcome)) <= set(ReasonCode)
    record = orjson.loads(world.log()[-1].body)
    assert record["type"] == "command.refused"
    assert record["stream"].startswith("case:")
    assert record["reason"]["code"] == codes(outcome)[0]
    [stored] = record["after"]["documents"]["commands"]
    assert stored["refusal"]["codes"] == list(codes(outcome))
