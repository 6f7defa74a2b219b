"""What flows do, without an engine."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.commands import Outcome
from counterseal.desk.dispatch import LEASE_SECONDS
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.identity.dsse import sign_statement
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.policy.words import DecisionWord
from counterseal.signals.intake import TextFormat
from counterseal.signals.model import SignalRecord
from flows.inbox import keep, kept
from flows.work import carry_out, judge_log, layout_of, read_terms, take_in
from flows.workplace import Workplace, working_at, workplace
from tests.world import ACCOUNT, NONE, START, SYMBOL, World

SIGNAL: dict[str, object] = {
    "signal_id": "s1",
    "strategy_id": "mean-reversion",
    "strategy_version": "1",
    "timestamp": START.isoformat(),
    "direction": "LONG",
    "target_tx_equivalent": "0.25",
    "confidence": "0.7",
    "reason": {"signals_only": True},
}
TERMS: dict[str, object] = {
    "signal_id": "s1",
    "account_id": ACCOUNT,
    "symbol": SYMBOL,
    "max_quantity": "2",
    "price": "20000",
    "request_reason": "mean reversion after a sharp move",
    "author_ids": ["author"],
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


@pytest.fixture
def place(world: World) -> Workplace:
    """The world as a run of a requesting service sees it."""
    return Workplace(
        world.settings, clock=world.clock, feed=world.feed, service_id="quant", desk=world.desk
    )


def kept_rows(place: Workplace, *rows: dict[str, object]) -> str:
    return keep(place.settings, json.dumps(rows).encode())


def requests(world: World) -> tuple[ApprovalRequest, ...]:
    with world.store.reader() as reader:
        return reader.find(ApprovalRequest)


def test_the_steps_of_a_file_are_sealed_together(world: World, place: Workplace) -> None:
    """Decision 0023: signals in one part, then requests; each names the size that covers it."""
    rows = [SIGNAL | {"signal_id": f"s{n}"} for n in range(3)]
    asked = [TERMS | {"signal_id": f"s{n}"} for n in range(3)]
    before = len(world.notes())

    report = take_in(place, kept_rows(place, *rows), kept_rows(place, *asked), "run-1")

    assert len(world.notes()) - before == 2
    assert {step.sealed_size for step in report.requests} == {len(world.log())}
    assert max(step.sealed_size for step in report.signals) < len(world.log())


def test_a_kept_file_becomes_signals_and_requests(world: World, place: Workplace) -> None:
    """Workflow 5: the source's digest travels into the record."""
    source = kept_rows(place, SIGNAL, SIGNAL | {"signal_id": "s2"})
    report = take_in(place, source, kept_rows(place, TERMS), "run-1")
    assert report.exit_status == 0
    assert [step.subject_id for step in report.signals] == ["s1", "s2"]
    [request] = requests(world)
    assert [step.subject_id for step in report.requests] == [request.approval_request_id]
    with world.store.reader() as reader:
        record = reader.get(SignalRecord, "s1")
    assert record is not None
    assert record.source_digest == source
    assert request.payload.requester_id == "quant"


def test_i1_the_same_work_in_another_run_is_a_replay(world: World, place: Workplace) -> None:
    """Workflow, invariant 4: starts are at-least-once, effects exactly-once."""
    source, terms = kept_rows(place, SIGNAL), kept_rows(place, TERMS)
    take_in(place, source, terms, "run-1")
    before = world.log()
    again = take_in(place, source, terms, "run-2")
    assert [step.replayed for step in (*again.signals, *again.requests)] == [True, True]
    assert (again.exit_status, world.log()) == (0, before)


def test_i2_a_refusal_is_reported_and_recorded(world: World, place: Workplace) -> None:
    """Workflow, invariant 3: the other signals of the file go on."""
    future = SIGNAL | {"timestamp": "2026-01-06T00:00:00Z", "signal_id": "s0"}
    report = take_in(place, kept_rows(place, future, SIGNAL), kept_rows(place, TERMS), "run-1")
    assert [step.codes for step in report.signals] == [("SIGNAL_FROM_FUTURE",), ()]
    assert report.exit_status == 1
    assert [row.type for row in world.log()][-3:-1] == ["command.refused", "signal.admitted"]


def test_a_flat_signal_asks_for_nothing_and_spoils_no_other(place: Workplace) -> None:
    """TX-E7: there is nothing to approve in standing aside."""
    flat = SIGNAL | {"signal_id": "s0", "direction": "FLAT", "target_tx_equivalent": "0"}
    terms = kept_rows(place, TERMS | {"signal_id": "s0"}, TERMS)
    report = take_in(place, kept_rows(place, flat, SIGNAL), terms, "run-1")
    assert [step.codes for step in report.requests] == [("FLAT_SIGNAL",), ()]


def test_a_service_that_is_nobody_is_refused(world: World, place: Workplace) -> None:
    """Workflow, invariant 6: flows act as their own identity, with the rights that it was given."""
    stranger = Workplace(world.settings, clock=world.clock, service_id="no-one", desk=world.desk)
    report = take_in(stranger, kept_rows(place, SIGNAL), None, "run-1")
    assert [step.codes for step in report.signals] == [("NOT_FOUND",)]


def test_a_service_without_a_person_may_do_nothing_to_a_case(world: World) -> None:
    """Workflow, invariant 6: the identity of dispatch has no person, so it has no right."""
    request = world.requested()
    dispatch = Workplace(world.settings, clock=world.clock, service_id="flows", desk=world.desk)
    service = dispatch.actor("run")
    withdrawn = world.desk.approvals.withdraw(request, service, key=world.key())
    prepared = world.desk.approvals.prepare(
        request,
        DecisionWord.RESEARCH_APPROVED,
        "looks good to me as a service",
        service,
        shown_hash=NONE,
        key=world.key(),
    )
    assert service.issuer == SERVICE_ISSUER
    assert [o.refusal and o.refusal.code for o in (withdrawn, prepared)] == ["NOT_FOUND"] * 2


def test_a_broken_line_takes_nothing_in(world: World, place: Workplace) -> None:
    """TX-E2: bad input is told by its line."""
    report = take_in(place, kept_rows(place, SIGNAL, {"signal_id": "s2"}), None, "run-1")
    assert [error.line for error in report.errors] == [2]
    assert report.exit_status == 2
    assert [row.type for row in world.log()].count("signal.admitted") == 0


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('{"signal_id": "s1"}', "TERMS_INVALID"),
        (json.dumps([TERMS, TERMS]), "TERMS_INVALID"),
        (json.dumps([TERMS | {"max_quantity": 0.5}]), "NOT_CANONICAL"),
        (json.dumps([TERMS | {"approved": True}]), "TERMS_INVALID"),
        ('[{"signal_id": "s1", "signal_id": "s2"}]', "DUPLICATE_KEY"),
        ("terms", "NOT_JSON"),
    ],
)
def test_terms_that_cannot_be_read_are_bad_input(rows: str, code: str) -> None:
    """Style 4: no binary fraction, a key is named once, and nothing else travels along."""
    with pytest.raises(InputError) as caught:
        read_terms(rows)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("[]", TextFormat.JSON),
        (' {"a": 1}', TextFormat.JSON_LINES),
        ('{"a": 0.5}\n{"a": 2}', TextFormat.JSON_LINES),
        ('{\n"a": 1}', TextFormat.JSON),
        ("signal_id,direction\n", TextFormat.CSV),
        ("", TextFormat.CSV),
    ],
)
def test_the_layout_follows_from_the_content(text: str, layout: TextFormat) -> None:
    """Workflow 5: a digest has no suffix."""
    assert layout_of(text) == layout


def test_i1_a_kept_file_is_what_its_name_says(place: Workplace) -> None:
    """Workflow, invariant 3: re-read and re-verified, also when it was changed in place."""
    digest = keep(place.settings, b"signals")
    assert keep(place.settings, b"signals") == digest
    assert kept(place.settings, digest) == "signals"
    folder = place.settings.counterseal_home / "inbox"
    [path] = folder.iterdir()
    path.write_bytes(b"other signals")
    with pytest.raises(IntegrityError, match="INBOX_CHANGED"):
        kept(place.settings, digest)


@pytest.mark.parametrize("digest", ["../counterseal.sqlite", "sha256:00", "", NONE])
def test_a_digest_leads_to_no_other_file(place: Workplace, digest: str) -> None:
    """A run's parameter may be forged."""
    with pytest.raises(InputError, match=r"DIGEST_INVALID|INBOX_MISSING"):
        kept(place.settings, digest)


def test_a_hand_started_execute_submits_nothing(world: World, place: Workplace) -> None:
    """Workflow 7: an id that no batch has is refused, and the attempt is on the record."""
    request = world.requested()
    report = carry_out(place, request, 1, "run-1")
    assert [step.codes for step in report.orders] == [("NOT_FOUND",)]
    assert report.exit_status == 1
    assert world.log()[-1].type == "command.refused"
    assert world.fills() == ()


def test_a_stale_attempt_ends_without_effect(world: World, place: Workplace) -> None:
    """Workflow 7: fenced by the attempt number; the right one submits."""
    world.approved(quantity=2)
    mandate = world.mandate()
    batch = world.done(world.desk.dispatch.claim(mandate, world.service(), key=world.key()))
    assert carry_out(place, batch, 2, "run-1").orders == ()
    [order] = carry_out(place, batch, 1, "run-2").orders
    assert not order.codes
    assert carry_out(place, batch, 1, "run-3").orders == ()
    assert len(world.fills()) == 1


def withdrawn(world: World, request_id: str) -> Outcome:
    return world.desk.approvals.withdraw(request_id, world.actor("quant"), key=world.key())


def revoked(world: World, request_id: str) -> Outcome:
    actor, revocations = world.actor("risk"), world.desk.revocations
    prepared = revocations.prepare(
        request_id, "the data was wrong", actor, key=world.key()
    ).prepared
    assert prepared is not None
    statement, private = prepared.statement.json_value(), world.private_key("risk")
    signed = prepared.signed(sign_statement(private, "revoke", statement, "key-of-risk"))
    return revocations.revoke(request_id, signed, actor, key=world.key())


@pytest.mark.parametrize("end", [withdrawn, revoked])
def test_a_case_that_is_cancelled_takes_its_run_along(
    world: World, place: Workplace, end: Callable[[World, str], Outcome]
) -> None:
    """Governance part 1, row "run and case in step": claimed, then cancelled: its run submits
    nothing and ends, the other case of the batch goes on, and no later run is started for it.
    """
    cancelled, other = world.approved(quantity=2), world.approved(quantity=2)
    mandate = world.mandate()
    batch = world.done(world.desk.dispatch.claim(mandate, world.service(), key=world.key()))
    world.done(end(world, cancelled))
    first, second = carry_out(place, batch, 1, "run-1").orders
    assert "TERMINAL" in first.codes
    assert not second.codes
    standing = {one.approval_request_id: one.consumed_by_order for one in requests(world)}
    assert standing == {cancelled: None, other: second.subject_id}
    assert {fill.order_id for fill in world.fills()} == {second.subject_id}
    assert world.log()[-1].type == "batch.done"
    assert carry_out(place, batch, 1, "run-2").orders == ()
    nothing = world.desk.dispatch.claim(mandate, world.service(), key=world.key())
    assert nothing.refusal is not None
    assert nothing.refusal.code == "NOTHING_DUE"


def test_a_run_that_is_cancelled_cancels_no_case(world: World, place: Workplace) -> None:
    """Governance 8, test 16: the engine has no authority; the next attempt does the work, once."""
    request = world.approved(quantity=2)
    mandate = world.mandate()
    batch = world.done(world.desk.dispatch.claim(mandate, world.service(), key=world.key()))
    assert requests(world)[0].status is RequestStatus.APPROVED_FOR_PAPER
    world.after(LEASE_SECONDS)
    world.quote()
    again = world.done(world.desk.dispatch.claim(mandate, world.service(), key=world.key()))
    assert again == batch
    assert carry_out(place, batch, 1, "cancelled").orders == ()
    [order] = carry_out(place, batch, 2, "next").orders
    assert not order.codes
    assert requests(world)[0].approval_request_id == request
    assert requests(world)[0].status is RequestStatus.CONSUMED


def test_i3_the_log_is_judged_by_what_lies_outside_it(
    world: World, place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workflow 5: without a key inconclusive, with it verified, and a forged row is found."""
    world.approved()
    assert judge_log(place).exit_status == 3
    monkeypatch.setenv("COUNTERSEAL_LOG_VKEY", world.log_key.key.text)
    assert judge_log(place).exit_status == 0
    world.forge("UPDATE approval_requests SET requester_id = 'risk'")
    forged = judge_log(place)
    assert (forged.verdict.exit_status, forged.exit_status) == (0, 1)
    assert {d.column for d in forged.reconciliation.differences} == {"requester_id"}


def test_a_run_works_where_it_was_told_to(place: Workplace) -> None:
    """Workflow, invariant 2: the home is no parameter of a run."""
    with working_at(place):
        assert workplace() is place
    assert workplace().service_id == "flows"
