"""Exercises on the pure core, with the real model and with broken ones."""

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from counterseal.audit.retention import due_ranges
from counterseal.broker.gateway import PaperBroker
from counterseal.broker.model import NOT_MODELLED, SimulationRequest, SimulationResult
from counterseal.broker.models import answer_of
from counterseal.identity.oidc import Claims, judge_claims
from counterseal.kernel.model import Refusal, refuse
from counterseal.oms.model import OrderChange
from counterseal.policy.access import AccessRules
from counterseal.policy.gate import Ballot
from counterseal.portfolio.valuation import Valuation, value_account
from counterseal.readiness import exercises, law_exercises
from counterseal.readiness.exercises import core_exercises
from counterseal.readiness.model import Exercise


@dataclass
class Moody:
    """A broker that answers another thing every time, and says that it models everything."""

    provider: str = "paper"
    asked: list[SimulationRequest] = field(default_factory=list)

    def heartbeat(self, now: datetime) -> datetime | None:
        return now

    def answer(self, request: SimulationRequest) -> SimulationResult:
        self.asked.append(request)
        answer = PaperBroker().answer(request.amended(selected_outcome=None))
        return answer.amended(warnings=(), reason=f"MOOD_{len(self.asked)}")


def _told() -> dict[Exercise, bool | None]:
    return {e.name: e.passed for e in core_exercises(PaperBroker())}


def test_the_core_shows_what_it_does() -> None:
    """TX-L1 to TX-L5: every exercise ran, and latency and queue stand in the answer."""
    told = _told()

    assert set(told.values()) == {True}
    assert len(told) == 13


def test_a_moody_broker_is_not_deterministic_and_reaches_one_outcome() -> None:
    """TX-L3:deterministic_broker_simulation_enabled and the five outcomes, false side."""
    told = {e.name: e.passed for e in core_exercises(Moody())}

    assert told[Exercise.MODEL_REPEATS] is False
    assert told[Exercise.FIVE_OUTCOMES] is False
    assert told[Exercise.LATENCY_AND_QUEUE_MODELLED] is True


@pytest.mark.parametrize(
    "silent",
    [
        {"modelled": ("partial_fills",), "not_modelled": NOT_MODELLED},
        {"latency_ms": 0},
        {"queue_left": None},
    ],
)
def test_an_answer_that_leaves_latency_or_the_queue_out_is_seen(
    monkeypatch: pytest.MonkeyPatch, silent: dict[str, object]
) -> None:
    """TX-L3:latency_queue_position_model_enabled, false side."""

    def answer(self: PaperBroker, request: SimulationRequest) -> SimulationResult:
        del self
        return answer_of(request).amended(**silent)

    monkeypatch.setattr(PaperBroker, "answer", answer)

    assert _told()[Exercise.LATENCY_AND_QUEUE_MODELLED] is False


def _always(answer: object) -> object:
    def given_always(*_: object, **__: object) -> object:
        return answer

    return given_always


def _forgetful(order: object, *_: object, **__: object) -> OrderChange:
    return OrderChange(order=order)  # type: ignore[arg-type]  # the exercise hands an order


def _same_equity(*told: object, **named: object) -> Valuation:
    value = value_account(*told, **named)  # type: ignore[arg-type]  # handed through
    return value.amended(equity=value.cash)


def _whatever_is_held(rows: object, schedule: object, _: object, now: object) -> object:
    return due_ranges(rows, schedule, (), now)  # type: ignore[arg-type]  # handed through


NO: Refusal = refuse("ROLE", "no")


@pytest.mark.parametrize(
    ("name", "broken", "told"),
    [
        ("authorize", _always(None), Exercise.ALLOW_AND_DENY),
        ("authorize", _always(NO), Exercise.ALLOW_AND_DENY),
        ("authorize", _always(None), Exercise.DENY_BY_DEFAULT),
        ("apply_event", _forgetful, Exercise.ILLEGAL_MOVE_REFUSED),
        ("apply_event", _always(NO), Exercise.DUPLICATE_REPORT_IGNORED),
        ("apply_fill", _forgetful, Exercise.DUPLICATE_REPORT_IGNORED),
        ("apply_event", _always(NO), Exercise.LATE_FILL_COUNTED),
        ("apply_fill", _forgetful, Exercise.LATE_FILL_COUNTED),
        ("apply_fill", _always(NO), Exercise.LATE_FILL_COUNTED),
        ("apply_fill", _always(NO), Exercise.DUPLICATE_REPORT_IGNORED),
        ("value_account", _same_equity, Exercise.EQUITY_FOLLOWS_QUOTE),
        ("due_ranges", _always(()), Exercise.HELD_RECORD_KEPT),
        ("due_ranges", _always(("all of it",)), Exercise.HELD_RECORD_KEPT),
        ("due_ranges", _whatever_is_held, Exercise.HELD_RECORD_KEPT),
    ],
)
def test_an_exercise_sees_what_is_broken(
    monkeypatch: pytest.MonkeyPatch, name: str, broken: object, told: Exercise
) -> None:
    """TX-L8: the probe exercises the real thing; break it and the flag is false."""
    assert _told()[told] is True

    monkeypatch.setattr(exercises, name, broken)

    assert _told()[told] is False


def _believing(claims: Claims, rules: AccessRules, now: datetime, **_: object) -> object:
    """A decision that asks for a known issuer and for nothing else."""
    known = rules.issuer(claims.issuer) is not None
    told = law_exercises._CLAIMS if known else claims
    return judge_claims(told, rules, now, nonce="probe")


def _counting_ballots(_: object, ballots: list[Ballot], *__: object, **___: object) -> object:
    """A gate that counts ballots, whoever gave them."""
    return tuple(ballots) if len(ballots) > 1 else refuse("VOTES_MISSING", "no")


@pytest.mark.parametrize(
    ("name", "broken", "told"),
    [
        ("judge_claims", _believing, Exercise.FOREIGN_TOKEN_REFUSED),
        ("judge_claims", _always(refuse("TOKEN_INVALID", "no")), Exercise.FOREIGN_TOKEN_REFUSED),
        ("check_manifest", _always(None), Exercise.MANIFEST_SIGNED),
        ("decide_activation", _always(()), Exercise.MANIFEST_SIGNED),
        ("decide_activation", _always(refuse("VOTES_MISSING", "no")), Exercise.MANIFEST_SIGNED),
        ("decide_activation", _counting_ballots, Exercise.MANIFEST_SIGNED),
    ],
)
def test_an_exercise_sees_who_is_believed_too_easily(
    monkeypatch: pytest.MonkeyPatch, name: str, broken: object, told: Exercise
) -> None:
    """TX-L1:rbac_abac_enforced, TX-L7:auth_provider_enabled: the false side of each exercise."""
    assert _told()[told] is True

    monkeypatch.setattr(law_exercises, name, broken)

    assert _told()[told] is False
