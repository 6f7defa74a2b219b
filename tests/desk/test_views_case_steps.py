"""The way of a case with people's names, and the one reason why a verdict is not for somebody."""

from decimal import Decimal

import pytest

from counterseal.approvals.reasons import ReasonCode
from counterseal.desk.views.case_steps import CaseStep, StepState, case_steps
from counterseal.desk.views.duties import explanation
from counterseal.desk.views.hindrance import Hindrance, HindranceKind, hindrance_of
from counterseal.desk.views.threads import CaseThread, case_thread
from counterseal.identity.people import Person
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord
from tests.desk.casework import amended, decided, stored
from tests.world import LARGE, World

RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("steps") / "home")


def way(world: World, request_id: str) -> tuple[CaseStep, ...]:
    bundle, now = world.desk.bench.bundle, world.clock.now()
    request, decisions = stored(world, request_id), decided(world, request_id)
    with world.store.reader() as reader:
        told = explanation(reader, bundle, request_id, "officer-1", now)
        assert not isinstance(told, Refusal)
        return case_steps(reader, bundle, request, decisions, told.turn, now)


def states(steps: tuple[CaseStep, ...]) -> list[str]:
    return [step.state for step in steps]


def hindered(world: World, request_id: str, name: str, word: DecisionWord) -> Hindrance | None:
    bundle, now = world.desk.bench.bundle, world.clock.now()
    with world.store.reader() as reader:
        told = explanation(reader, bundle, request_id, name, now)
        person = reader.get(Person, name)
    assert not isinstance(told, Refusal)
    assert person is not None
    codes = next((act.codes for act in told.acts if act.name == word), ())
    bound, rules = stored(world, request_id).payload, bundle.approval
    return hindrance_of(codes, person, bound, rules, told.turn, key_class=1)


def test_each_step_names_who_did_it_who_may_and_who_comes_later(world: World) -> None:
    """UI-10: the requester, though a reviewer, is named nowhere; who reviewed comes no more."""
    request_id = world.requested()
    first, second, submit = way(world, request_id)
    assert states((first, second, submit)) == ["due", "later", "later"]
    assert (first.people, first.since) == (("compliance", "researcher"), world.clock.now())
    assert (second.people, submit.people) == (("compliance", "risk"), ("operator",))
    world.after(7)
    world.done(world.reviewed(request_id, "compliance", RESEARCH))
    first, second, _ = way(world, request_id)
    assert states((first, second)) == ["done", "due"]
    assert [(one.person_id, one.at) for one in first.taken] == [("compliance", world.clock.now())]
    assert second.people == ("risk",)


def test_a_larger_request_has_a_third_review_and_a_used_one_is_done(world: World) -> None:
    """UI-10: the steps are those that the request needs."""
    assert len(way(world, world.requested(quantity=LARGE))) == 4
    world.quote()
    request_id = world.approved(quantity=1)
    assert states(way(world, request_id)) == ["done", "done", "due"]
    world.done(world.submitted(request_id, quantity=1))
    assert states(way(world, request_id)) == ["done", "done", "done"]
    assert [(one.person_id, one.at) for one in way(world, request_id)[-1].taken] == [
        ("operator", world.clock.now())
    ]


def test_of_a_rejected_case_nothing_is_due_and_nobody_comes(world: World) -> None:
    """UI-10: what was not reached stays without names."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    assert {(step.state, step.people) for step in way(world, request_id)} == {(StepState.LATER, ())}


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("quant", HindranceKind.NOT_ALLOWED, ReasonCode.REQUESTER_IS_REVIEWER),
        ("operator", HindranceKind.NOT_ALLOWED, ReasonCode.ROLE),
        ("author", HindranceKind.NOT_ALLOWED, ReasonCode.AUTHOR_CONFLICT),
        ("risk", HindranceKind.WAITING, ReasonCode.ROLE),
    ],
)
def test_one_reason_says_what_kind_of_no_it_is_and_who_can(
    world: World, name: str, kind: HindranceKind, code: ReasonCode
) -> None:
    """UI-08, UI-09: own request, role and authorship keep out; another's step only waits."""
    told = hindered(world, world.requested(), name, RESEARCH)
    assert told is not None
    assert (told.kind, told.code) == (kind, code)
    assert told.people == ("compliance", "researcher")


def test_who_decided_before_is_not_allowed_and_who_may_is_not_hindered(world: World) -> None:
    """UI-08: the next step is another person's."""
    request_id = world.requested()
    assert hindered(world, request_id, "researcher", RESEARCH) is None
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    told = hindered(world, request_id, "researcher", RISK)
    assert told is not None
    assert (told.kind, told.code) == (HindranceKind.NOT_ALLOWED, ReasonCode.ALREADY_REVIEWED)


def test_a_rule_that_compares_amounts_tells_both(world: World) -> None:
    """UI-08: value and limit of the authority, and of the class of keys."""
    request_id, rules = world.requested(), world.desk.bench.bundle.approval
    bound = stored(world, request_id).payload.amended(notional=Decimal(25_000_000))
    with world.store.reader() as reader:
        person = reader.get(Person, "researcher")
        asked = explanation(
            reader, world.desk.bench.bundle, request_id, "researcher", world.clock.now()
        )
    assert person is not None
    assert not isinstance(asked, Refusal)

    def told(code: ReasonCode) -> Hindrance | None:
        return hindrance_of((code,), person, bound, rules, asked.turn, key_class=0)

    above, weak, other = map(
        told, (ReasonCode.ABOVE_AUTHORITY, ReasonCode.KEY_CLASS_TOO_LOW, ReasonCode.POLICY_CHANGED)
    )
    assert above is not None
    assert weak is not None
    assert other is not None
    assert (above.value, above.limit) == (Decimal(25_000_000), Decimal(20_000_000))
    assert (weak.value, weak.limit) == (Decimal(0), Decimal(1))
    assert (other.kind, other.value) == (HindranceKind.BLOCKED, None)


def test_an_amendment_tells_which_earlier_decisions_count_and_the_rest(world: World) -> None:
    """UI-05, UI-06: a price bound voids risk alone; every other field is counted as the same."""
    newer = world.done(amended(world, world.approved(), {"price_max": Decimal(20_500)}))
    with world.store.reader() as reader:
        thread = case_thread(reader, newer, world.desk.bench.bundle.approval.void_matrix)
    assert isinstance(thread, CaseThread)
    [change] = thread.changes
    fields = len(type(stored(world, newer).payload).model_fields)
    assert (len(change.fields), change.unchanged) == (1, fields - 1)
    assert [(one.reviewer_id, one.counts) for one in change.earlier] == [
        ("researcher", True),
        ("risk", False),
    ]
