"""The statuses of the controls from the log, and signed words: governance part 7, test 18."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, repeat
from pathlib import Path

import orjson
import pytest

from counterseal.audit.record import StoredRow
from counterseal.desk.commands import Outcome
from counterseal.desk.views.controls import (
    NOTICE,
    ControlStatus,
    ControlView,
    controls_at,
    records_of,
)
from counterseal.identity.attestations import (
    ControlAttestation,
    ControlClaim,
    Stating,
    attestation_statement,
)
from counterseal.kernel.canonical import canonical_bytes, digest
from counterseal.kernel.clock import utc_text
from counterseal.policy.controls import Catalogue
from counterseal.policy.words import DecisionWord
from storage.control_file import read_controls
from tests.desk.keeping import code
from tests.desk.test_people import claim_and_signature
from tests.desk.test_signed_log import changed, found
from tests.world import START, World

CATALOGUE = read_controls()
DAY = timedelta(days=1)
S = ControlStatus
ZEROS = "0" * 64


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def claim(world: World, control_id: str = "MA-10", **changes: object) -> ControlClaim:
    control = CATALOGUE.control(control_id)
    told: dict[str, object] = {
        "terms": world.terms(),
        "control_id": control_id,
        "control_digest": digest(None) if control is None else control.digest,
        "states": Stating.EVIDENCE,
        "reason": "the report of the year was read and signed",
        "valid_until": world.clock.now() + 100 * DAY,
    }
    return ControlClaim.model_validate(told | changes)


def said(world: World, told: ControlClaim, name: str = "compliance", signer: str = "") -> Outcome:
    statement = attestation_statement(told)
    (signature,) = world.signed_by("attest", statement, signer or name)
    attest = world.desk.attestations.attest
    return attest(told, signature, CATALOGUE, world.actor(name), key=world.key())


def seen(
    world: World, control_id: str, at: datetime | None = None, catalogue: Catalogue = CATALOGUE
) -> ControlView:
    view = controls_at(catalogue, world.log(), at or world.clock.now()).control(control_id)
    assert view is not None
    return view


def row(seq: int, kind: str, at: datetime = START, **body: object) -> StoredRow:
    """A stored row as the view reads it."""
    told = canonical_bytes({"after": {"documents": {}}, **body})  # type: ignore[dict-item]  # JSON
    text = utc_text(at)
    return StoredRow(seq, ZEROS, "s", 1, ZEROS, f"e{seq}", kind, text, text, ZEROS, told)


def status(rows: Sequence[StoredRow], control_id: str, now: datetime = START) -> ControlStatus:
    view = controls_at(CATALOGUE, rows, now).control(control_id)
    assert view is not None
    return view.status


def ran(seq: int, critical: int, at: datetime = START) -> StoredRow:
    """A comparison that found so many critical differences."""
    documents = {"reconciliation_runs": [{"critical": critical}]}
    return row(seq, "reconciliation.recorded", at, after={"documents": documents})


def test_a_governed_order_evidences_the_controls_that_it_passed(world: World) -> None:
    """MA-02, MA-03, FS-02, IT-05, ES-03; nothing else is claimed of a day without a drill."""
    fresh = controls_at(CATALOGUE, world.log(), world.clock.now())
    assert (fresh.notice, fresh.size) == (NOTICE, len(world.log()))
    before = {one.id: one.status for one in fresh.controls}
    assert [before[name] for name in ("MA-01", "MA-02", "FS-02")] == [
        S.EVIDENCED,
        S.NO_EVIDENCE,
        S.NO_EVIDENCE,
    ]

    world.done(world.submitted(world.approved()))
    told = controls_at(CATALOGUE, world.log(), world.clock.now())
    after = {one.id: one.status for one in told.controls}
    for name in ("MA-02", "MA-03", "MA-04", "MA-05", "FS-02", "FS-03", "IT-05", "ES-03", "MR-03"):
        assert after[name] is S.EVIDENCED, name
    for name in ("MA-09", "MA-10", "FA-05", "R6-16", "R6-18", "BK-03", "IT-04", "ES-05"):
        assert after[name] is S.NO_EVIDENCE, name


def test_i1_the_same_log_and_instant_give_the_same_answer_and_the_places_of_the_log(
    world: World,
) -> None:
    world.done(world.submitted(world.approved()))
    rows, now = world.log(), world.clock.now()
    one = controls_at(CATALOGUE, rows, now)
    assert one == controls_at(CATALOGUE, iter(rows), now)
    for view in one.controls:
        control = CATALOGUE.control(view.id)
        assert control is not None
        places = list(records_of(control, rows))
        assert [row.seq for row in view.rows] == places[-len(view.rows) :] or not places
        assert len(places) == view.count + len(view.exceptions)
        types = {name for query in control.queries for name in query.types}
        assert all(rows[place].type in types for place in places)


def test_evidence_turns_stale_at_its_age_and_a_policy_in_force_does_not(world: World) -> None:
    """Half-open: as old as it may be is too old."""
    world.done(world.submitted(world.approved()))
    at = world.clock.now()
    last = 30 * DAY
    assert seen(world, "MA-02", at + last - timedelta(seconds=1)).status is S.EVIDENCED
    late = seen(world, "MA-02", at + last)
    assert (late.status, late.because) == (S.STALE, "too old: limits checked")
    assert seen(world, "MA-01", at + 9999 * DAY).status is S.EVIDENCED


def test_i3_a_refused_attempt_is_evidence_that_a_control_works(world: World) -> None:
    """FS-03: the requester may not review; shown as what it is."""
    refused = world.reviewed(world.requested(), "quant", DecisionWord.RESEARCH_APPROVED)
    assert code(refused) == "REQUESTER_IS_REVIEWER"
    view = seen(world, "FS-03")
    assert view.status is S.EVIDENCED
    assert [(one.type, one.refusal) for one in view.rows] == [("command.refused", True)]

    other = world.desk.setup.reset_state("nowhere", world.actor("operator"), key=world.key())
    assert code(other) == "NOT_FOUND"
    assert seen(world, "FS-03").count == 1


def test_an_access_review_evidences_its_control(world: World) -> None:
    """IT-04, R6-19: one part of the second is still missing."""
    told, signature = claim_and_signature(world, "officer-1")
    officer = world.actor("officer-1")
    world.done(world.desk.leaving.attest_review(told, signature, officer, key=world.key()))
    assert seen(world, "IT-04").status is S.EVIDENCED
    assert seen(world, "R6-19").because == "nothing on record: penetration test"
    assert seen(world, "IT-04", world.clock.now() + 90 * DAY).status is S.STALE


def test_i4_a_signed_word_counts_until_its_end(world: World) -> None:
    """MA-10: no record of the platform could say it."""
    now = world.clock.now()
    world.done(said(world, claim(world, file_digest=digest("report"))))
    view = seen(world, "MA-10")
    assert (view.status, view.count, view.word_counts) == (S.EVIDENCED, 1, True)
    assert view.word is not None
    assert (view.word.attested_by, view.word.file_digest) == ("compliance", digest("report"))
    assert seen(world, "MA-10", now + 100 * DAY - timedelta(seconds=1)).status is S.EVIDENCED
    assert seen(world, "MA-10", now + 100 * DAY).status is S.STALE
    assert seen(world, "MA-09").status is S.NO_EVIDENCE


def test_i4_a_word_over_another_text_counts_no_longer_and_the_newest_word_counts(
    world: World,
) -> None:
    world.done(said(world, claim(world)))
    own = CATALOGUE.control("MA-10")
    assert own is not None
    other = Catalogue(schema_version=1, controls=(own.amended(requirement="Another text."),))
    assert seen(world, "MA-10", catalogue=other).status is S.STALE

    aside = claim(world, states=Stating.NOT_APPLICABLE, reason="there is no chief executive here")
    world.done(said(world, aside))
    view = seen(world, "MA-10")
    assert (view.status, view.count) == (S.NOT_APPLICABLE, 2)
    assert view.because.startswith("signed by compliance until ")
    assert seen(world, "MA-10", world.clock.now() + 100 * DAY).status is S.NO_EVIDENCE


@pytest.mark.parametrize(
    ("name", "signer", "changes", "expected"),
    [
        ("risk", "", {}, "ROLE"),
        ("compliance", "risk", {}, "KEY_NOT_ENROLLED"),
        ("compliance", "", {"control_id": "MA-99"}, "CONTROL_UNKNOWN"),
        ("compliance", "", {"control_digest": digest("old")}, "SNAPSHOT_CHANGED"),
        ("compliance", "", {"reason": ""}, "REASON_TOO_SHORT"),
        ("compliance", "", {"valid_until": START}, "ATTESTATION_PERIOD"),
        ("compliance", "", {"control_id": "MA-02"}, "SNAPSHOT_CHANGED"),
        ("nobody", "compliance", {}, "NOT_FOUND"),
    ],
)
def test_what_speaks_against_a_word_is_on_record_and_changes_no_status(
    world: World, name: str, signer: str, changes: dict[str, object], expected: str
) -> None:
    """Governance 7: unknown control, not entitled, forged, over, without a reason."""
    refused = said(world, claim(world).amended(**changes), name, signer)
    assert code(refused) == expected
    last = world.log()[-1]
    assert (last.type, last.stream) == ("command.refused", "controls")
    assert orjson.loads(last.body)["reason"]["code"] == expected
    assert seen(world, "MA-10").status is S.NO_EVIDENCE


def test_a_word_is_none_where_records_evidence_the_control_and_is_said_once(world: World) -> None:
    assert code(said(world, claim(world, "MA-02"))) == "EVIDENCED_BY_RECORDS"
    told = claim(world)
    world.done(said(world, told))
    assert code(said(world, told)) == "NONCE_USED"
    assert seen(world, "MA-10").count == 1


def test_a_word_that_nobody_signed_is_found_in_the_log(world: World) -> None:
    """TX-K4: whoever writes the log cannot say it in a person's name."""
    world.done(said(world, claim(world)))
    rows = world.log()
    assert found(rows) == []
    others: tuple[dict[str, object], ...] = (
        {"control_id": "MA-09"},
        {"states": "not_applicable"},
        {"reason": "something else was said"},
        {"valid_until": utc_text(START + 300 * DAY)},
        {"attested_by": "risk"},
        {"attestation_id": "other"},
        {"file_digest": digest("another report")},
    )

    def told(words: dict[str, object], documents: dict[str, list[dict[str, object]]]) -> None:
        documents[ControlAttestation.KIND][0] |= words

    for words in others:
        forged, place = changed(rows, ControlAttestation, partial(told, words))
        assert next(seq for seq, _ in found(forged)) == place, words


def test_a_word_by_somebody_without_the_role_is_found_in_the_log(world: World) -> None:
    """Governance 5: the signature holds, the right was never given."""
    world.done(said(world, claim(world)))
    told = claim(world)
    (signature,) = world.signed_by("attest", attestation_statement(told), "risk")
    words = ControlAttestation(
        attestation_id=told.terms.nonce,
        tenant=told.terms.tenant,
        attested_by="risk",
        attested_at=world.clock.now(),
        signature=signature,
        **{name: value for name, value in told if name != "terms"},
    ).json_value()
    replaced = partial(_replaced, words)
    forged, place = changed(world.log(), ControlAttestation, replaced)
    assert (place, "attestation:" + told.terms.nonce) in found(forged)


def _replaced(
    words: Mapping[str, object], documents: dict[str, list[Mapping[str, object]]]
) -> None:
    documents[ControlAttestation.KIND] = [words]


def test_i2_differences_speak_against_reconciliation_until_they_are_gone() -> None:
    """R6-18: a comparison without critical differences, or a person who accepted them."""
    clean, bad = ran(0, 0), ran(1, 2, START + DAY)
    assert status([clean], "R6-18") is S.EVIDENCED
    rows = [clean, bad]
    assert status(rows, "R6-18", START + 2 * DAY) is S.EXCEPTION
    assert status(rows, "R6-18", START + 900 * DAY) is S.EXCEPTION
    resolved = row(2, "reconciliation.resolved", START + DAY)
    for after in (resolved, ran(2, 0, START + DAY)):
        assert status([*rows, after], "R6-18", START + DAY) is S.EVIDENCED
    assert status([*rows, resolved, ran(3, 1)], "R6-18") is S.EXCEPTION


def test_i2_only_what_is_about_the_same_order_answers_a_dead_letter() -> None:
    """IT-06, TX-I6: another order that was tried again answers nothing."""

    def about(seq: int, kind: str, order: str) -> StoredRow:
        return row(seq, kind, subject={"type": "order", "id": order, "version": 1})

    rows = [about(0, "outbox.dead_letter", "o1"), about(1, "outbox.replayed", "o2")]
    assert status(rows, "IT-06") is S.EXCEPTION
    assert status([*rows, about(2, "outbox.replayed", "o1")], "IT-06") is S.NO_EVIDENCE
    view = controls_at(CATALOGUE, rows, START).control("IT-06")
    assert view is not None
    assert [(one.seq, one.open) for one in view.exceptions] == [(0, True)]
    assert view.because == "spoken against by record 0"


def test_i2_a_rollback_speaks_against_the_records_while_it_is_young_and_no_word_covers_it(
    world: World,
) -> None:
    """BK-01, R6-13: what nothing answers grows old like evidence."""
    words = claim(world, "R6-13", states=Stating.NOT_APPLICABLE)
    world.done(said(world, words))
    log = world.log()
    assert status(log, "R6-13", world.clock.now()) is S.NOT_APPLICABLE
    rolled = [*log, row(len(log), "log.rolled_back", world.clock.now())]
    assert status(rolled, "R6-13", world.clock.now()) is S.EXCEPTION
    assert status(rolled, "R6-13", world.clock.now() + 365 * DAY) is S.NO_EVIDENCE


def test_records_that_cannot_be_read_evidence_no_more_than_their_type() -> None:
    """TX-K4: purged and damaged bodies say nothing; the type of a heartbeat is all that it says."""
    good = row(0, "log.heartbeat")
    for body in (b"", b"{", b"[]", b'{"after":[1]}', b'{"after":{"documents":{"x":1}}}'):
        rows = [good._replace(type="risk.evaluated", body=body), good._replace(seq=1, body=body)]
        told = controls_at(CATALOGUE, rows, START)
        alive, limits = told.control("IS-05"), told.control("MA-02")
        assert alive is not None
        assert limits is not None
        assert (alive.count, limits.count) == (1, 0)
        worded = good._replace(type="control.attested", body=body)
        assert status([worded], "MA-10") is S.NO_EVIDENCE
    assert status([good._replace(recorded_at="never")], "IS-05") is S.NO_EVIDENCE


def test_a_long_log_is_read_once_and_only_the_newest_records_are_kept() -> None:
    """Governance 7: one pass, whatever the number of controls."""
    size, read = 30_000, 0
    others = ("batch.claimed", "log.heartbeat", "order.unsettled")

    def rows() -> Iterator[StoredRow]:
        nonlocal read
        kinds = chain.from_iterable(repeat(others))
        for seq in range(size):
            read += 1
            kind = next(kinds)
            subject = {"type": "order", "id": f"o{seq}", "version": 1}
            yield row(seq, kind, START + timedelta(seconds=seq), subject=subject)

    told = controls_at(CATALOGUE, rows(), START + timedelta(seconds=size))
    assert (read, told.size, told.newest) == (
        size,
        size,
        utc_text(START + timedelta(seconds=size - 1)),
    )
    alive, settled = told.control("IS-05"), told.control("R6-18")
    assert alive is not None
    assert settled is not None
    assert (alive.count, len(alive.rows), alive.rows[-1].seq) == (10_000, 20, size - 2)
    assert settled.status is S.EXCEPTION
    assert (settled.open_exceptions, len(settled.exceptions)) == (10_000, 20)
    assert settled.because == "spoken against by record 29999 and 9999 before"
