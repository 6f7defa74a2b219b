"""Who brings a policy into force, and when."""

from datetime import timedelta

import pytest

from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Refusal, Signature, refuse
from counterseal.policy.counterfactual import DiffReport
from counterseal.policy.gate import (
    FUTURE_DAYS_MAX,
    OPEN_DAYS,
    Ballot,
    check_vote,
    counted_votes,
    decide_activation,
    decide_proposal,
    missing_step,
)
from counterseal.policy.gate_checks import GateReport, PolicyDraft, check_draft
from counterseal.policy.proposal import CheckResult, GateStep, PolicyProposal, PolicyVote
from tests.core.policy.shelf import NOW, lacking, shipped

OLD = digest("the bundle in force")
OTHER = digest("something else")
SIGNATURE = Signature(payload_type="t", payload="p", key_id="k", scheme="ed25519", signature="s")


def alone(person_id: str) -> frozenset[str]:
    return frozenset({person_id})


def draft() -> PolicyDraft:
    bundle, cases, files = shipped()
    return PolicyDraft("2026.12.1", files, bundle, cases)


def report() -> GateReport:
    """What a draft that passes everything has behind it."""
    diff = DiffReport(
        replaces=OLD, proposed=shipped().bundle.bundle_hash, decisions=0, reasons_changed=0
    )
    results = tuple(
        CheckResult(step=step, checked=9, found=0, result_hash=digest(step.value))
        for step in list(GateStep)[:-1]
    )
    last = CheckResult(
        step=GateStep.DIFF, checked=0, found=0, result_hash=digest(diff.json_value())
    )
    return GateReport(results=(*results, last), diff=diff)


def decided(told: GateReport, in_force: str = OLD) -> PolicyProposal | Refusal:
    return decide_proposal(
        "ppr_1",
        draft(),
        told,
        author_ids=("arno",),
        proposer_id="scribe",
        in_force=in_force,
        now=NOW,
    )


def proposal() -> PolicyProposal:
    made = decided(report())
    assert isinstance(made, PolicyProposal)
    return made


def vote(person_id: str, **changes: object) -> PolicyVote:
    told = proposal()
    made = PolicyVote(
        vote_id=f"vot_{person_id}",
        proposal_id=told.proposal_id,
        bundle_hash=told.bundle_hash,
        diff_hash=told.diff_hash,
        person_id=person_id,
        key_id=f"key-of-{person_id}",
        voted_at=NOW,
        signature=SIGNATURE,
    )
    return made.amended(**changes)


def ballots(*votes: PolicyVote) -> list[Ballot]:
    return [Ballot(one, valid=True) for one in votes]


def activated(*told: Ballot, **changes: object) -> tuple[PolicyVote, ...] | Refusal:
    facts: dict[str, object] = {
        "in_force": OLD,
        "selves": alone,
        "effective_from": NOW,
        "now": NOW,
    }
    return decide_activation(proposal(), told, "vera", **(facts | changes))  # type: ignore[arg-type]  # names are those of the function


def code(found: object) -> str:
    return found.code if isinstance(found, Refusal) else ""


def test_a_proposal_names_everything_that_a_vote_is_for() -> None:
    """Gate step 5: bundle hash, diff hash, authors, and an end."""
    made = proposal()
    assert made.bundle_hash == shipped().bundle.bundle_hash
    assert made.diff_hash == made.checks[-1].result_hash
    assert made.author_ids == ("arno", "scribe")
    assert made.expires_at == NOW + timedelta(days=OPEN_DAYS)
    assert made.texts_hold


def test_a_failed_step_is_the_answer() -> None:
    """Gate: the refusal of the step, with its counterexample, and no proposal."""
    failed = refuse("POLICY_INVARIANT_BROKEN", "nobody decides twice: but researcher does")
    assert decided(GateReport(refusal=failed)) == failed


@pytest.mark.parametrize("step", list(GateStep))
def test_i1_a_missing_step_is_refused(step: GateStep) -> None:
    """Part 8, test 9: the gate refuses a missing step."""
    whole = report()
    fewer = tuple(result for result in whole.results if result.step is not step)
    refused = decided(whole.amended(results=fewer))
    assert code(refused) == "POLICY_STEP_MISSING"
    assert missing_step(fewer) == step.value


@pytest.mark.parametrize("step", list(GateStep)[:-1])
def test_i1_a_step_that_looked_at_nothing_is_missing(step: GateStep) -> None:
    """A sweep over nothing shows nothing; a fresh home has no decisions to replay."""
    whole = report()
    idle = tuple(r.amended(checked=0) if r.step is step else r for r in whole.results)
    assert code(decided(whole.amended(results=idle))) == "POLICY_STEP_MISSING"
    assert missing_step(whole.results) is None


def test_the_bundle_in_force_is_not_proposed_again() -> None:
    """POLICY_ACTIVE; and a diff against another bundle than the one in force is stale."""
    assert code(decided(report(), shipped().bundle.bundle_hash)) == "POLICY_ACTIVE"
    assert code(decided(report(), OTHER)) == "POLICY_CHANGED"


def test_i1_two_votes_of_different_people_activate() -> None:
    """Gate step 6."""
    counted = activated(*ballots(vote("viktor"), vote("vera")))
    assert not isinstance(counted, Refusal)
    assert [one.person_id for one in counted] == ["vera", "viktor"]


@pytest.mark.parametrize(
    "votes",
    [
        ballots(vote("vera")),
        ballots(vote("vera"), vote("vera", vote_id="again")),
        ballots(vote("vera"), vote("scribe")),
        ballots(vote("vera"), vote("arno")),
        ballots(vote("vera"), vote("viktor", diff_hash=OTHER)),
        ballots(vote("vera"), vote("viktor", bundle_hash=OTHER)),
        ballots(vote("vera"), vote("viktor", proposal_id="ppr_2")),
        [*ballots(vote("vera")), Ballot(vote("viktor"), valid=False)],
        [],
    ],
    ids=[
        "one",
        "one person twice",
        "the proposer",
        "an author",
        "another diff",
        "another bundle",
        "another proposal",
        "a signature that does not hold",
        "none",
    ],
)
def test_i1_fewer_than_two_votes_that_count_activate_nothing(votes: list[Ballot]) -> None:
    """Part 8, test 9; I2: exactly this bundle and diff, by two non-authors."""
    assert code(activated(*votes)) == "VOTES_MISSING"


def test_i1_two_names_of_one_person_are_one_vote() -> None:
    """N9: after closure; and a name of an author is no vote at all."""

    def same(person_id: str) -> frozenset[str]:
        pair = frozenset({"vera", "viktor"})
        return pair if person_id in pair else frozenset({person_id})

    def author(person_id: str) -> frozenset[str]:
        return frozenset({person_id, "arno"}) if person_id == "viktor" else alone(person_id)

    both = ballots(vote("vera"), vote("viktor"))
    assert code(activated(*both, selves=same)) == "VOTES_MISSING"
    assert len(counted_votes(proposal(), both, author)) == 1


def test_i3_a_proposal_ends_half_open() -> None:
    """PROPOSAL_EXPIRED at its end, not a moment before."""
    both, end = ballots(vote("vera"), vote("viktor")), proposal().expires_at
    late = end - timedelta(microseconds=1)
    assert code(activated(*both, now=end, effective_from=end)) == "PROPOSAL_EXPIRED"
    assert code(activated(*both, now=late, effective_from=late)) == ""
    assert code(voting("vera", now=end)) == "PROPOSAL_EXPIRED"


def test_i3_another_bundle_came_into_force_meanwhile() -> None:
    """POLICY_CHANGED: the diff was against the other one."""
    both = ballots(vote("vera"), vote("viktor"))
    assert code(activated(*both, in_force=OTHER)) == "POLICY_CHANGED"
    assert code(voting("vera", in_force=OTHER)) == "POLICY_CHANGED"


def test_an_activation_takes_effect_soon_and_not_before() -> None:
    """EFFECTIVE_TIME on both sides."""
    both = ballots(vote("vera"), vote("viktor"))
    second, most = timedelta(seconds=1), timedelta(days=FUTURE_DAYS_MAX)
    assert code(activated(*both, effective_from=NOW - second)) == "EFFECTIVE_TIME"
    assert code(activated(*both, effective_from=NOW + most)) == ""
    assert code(activated(*both, effective_from=NOW + most + second)) == "EFFECTIVE_TIME"


def test_an_author_does_not_activate() -> None:
    """IT-02: the activator is no author."""
    both = ballots(vote("vera"), vote("viktor"))
    own = activated(*both, selves=lambda i: frozenset({i, "arno"} if i == "vera" else {i}))
    assert code(own) == "AUTHOR_CONFLICT"


def voting(person_id: str, *earlier: PolicyVote, **changes: object) -> Refusal | None:
    facts: dict[str, object] = {"in_force": OLD, "selves": alone, "now": NOW}
    return check_vote(proposal(), earlier, person_id, **(facts | changes))  # type: ignore[arg-type]  # names are those of the function


def test_an_author_does_not_vote_and_nobody_votes_twice() -> None:
    """Gate step 5, whatever the rules in force say."""
    assert code(voting("arno")) == "AUTHOR_CONFLICT"
    assert code(voting("vera", vote("vera"))) == "ALREADY_REVIEWED"
    assert voting("viktor", vote("vera")) is None


def test_a_proposal_that_was_changed_after_its_checks_is_none() -> None:
    """POLICY_STEP_MISSING: other texts, another diff, a step that failed."""
    made = proposal()
    both = ballots(vote("vera"), vote("viktor"))
    text = made.files[0].amended(text="changed")
    failed = (made.checks[0], made.checks[1].amended(found=1), *made.checks[2:])
    for broken in (
        made.amended(files=(text, *made.files[1:])),
        made.amended(diff_hash=OTHER),
        made.amended(checks=failed),
    ):
        found = decide_activation(
            broken, both, "vera", in_force=OLD, selves=alone, effective_from=NOW, now=NOW
        )
        assert code(found) == "POLICY_STEP_MISSING"


def test_a_draft_that_cannot_be_read_fails_the_first_step() -> None:
    """POLICY_FLAWED, with the flaw."""
    found = check_draft(PolicyDraft("v", {}, flaw="params.yaml: no"), (), OLD).refusal
    assert found == refuse("POLICY_FLAWED", "params.yaml: no", flaws=1)


def test_a_draft_fails_at_its_first_flaw() -> None:
    """Steps 1 and 2: lint, a rule without case, a case that fails; nothing after is looked at."""
    bundle, cases, files = shipped()
    nameless = bundle.rules.rules.replace('@id("key.class")\n', "")
    flawed = bundle.amended(rules=bundle.rules.amended(rules=nameless))
    assert code(check_draft(PolicyDraft("v", files, flawed, cases), (), OLD).refusal) == (
        "POLICY_FLAWED"
    )
    fewer = cases.amended(cases=tuple(c for c in cases.cases if "key.class" not in c.expect.rules))
    bare = check_draft(PolicyDraft("v", files, bundle, fewer), (), OLD)
    assert (code(bare.refusal), bare.results) == ("POLICY_FLAWED", ())
    bent = bundle.amended(rules=lacking(bundle.rules, "key.class"))
    failed = check_draft(PolicyDraft("v", files, bent, cases), (), OLD)
    assert code(failed.refusal) == "POLICY_CASE_FAILED"
    assert [result.step for result in failed.results] == [GateStep.RULES, GateStep.CASES]


def test_a_policy_that_no_record_can_carry_is_refused() -> None:
    """POLICY_FLAWED: proposal and activation carry every text."""
    bundle, cases, files = shipped()
    padded = {**files, "approval/v/long.yaml": b"#" * 39_000}
    assert code(check_draft(PolicyDraft("v", padded, bundle, cases), (), OLD).refusal) == (
        "POLICY_FLAWED"
    )
