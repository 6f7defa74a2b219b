"""The table of the design: what each kind of evidence, added to those before, excludes."""

from datetime import timedelta

import pytest

from counterseal.audit.evidence import Evidence, Freshness, TablesCompared, head_of_note
from counterseal.audit.note import VerifierKey
from counterseal.audit.outside import OutsideEvidence
from counterseal.audit.verdict import (
    Attacker,
    AttackerVerdict,
    Finding,
    Outcome,
    Shortfall,
    Standing,
    Verdict,
)
from counterseal.audit.verify import verify_log
from counterseal.kernel.errors import InputError
from tests.core.audit.attack_corpus import Kit, Level, cosigned, evidence_at, received, stamped
from tests.core.audit.attacks import STRANGER
from tests.core.audit.log_builder import NOW, ORIGIN, SIGNER, STEP, Log, edited, rechained, spaced
from tests.core.audit.outside_cases import POLICY

LOG = spaced((3, 2, 2, 1))
SIZES = [checkpoint.size for checkpoint in LOG.checkpoints]
KIT = Kit(head=0, kept=(0, 1), latest=(2, 2), stamp=2, receipt=2)
"""A head of three records, cosigned at three and five, held and stamped at seven; eight exist."""

TABLE = {
    #                 A1  A2  A3a A3b A4  A5  A6  A7  A8
    Level.ALONE: "     E8  E8  -   -   -   -   -   -   - ",
    Level.PINNED: "    E8  E8  -   -   E8  no  -   -   - ",
    Level.HEAD: "      E8  E8  -   E3  E8  E3  no  -   - ",
    Level.WITNESSED: " E8  E8  -   E7  E8  E7  E5  E5  - ",
    Level.STAMPED: "   E8  E8  -   E7  E8  E7  E5  E7  - ",
    Level.RECEIVED: "  E8  E8  E7  E7  E8  E7  E5  E7  - ",
    Level.RECONCILED: "E8  E8  E7  E7  E8  E7  E5  E7  no",
}
"""Excluded for so many records, not excluded, or no evidence."""
WORDS = {Standing.NOT_EXCLUDED: "no", Standing.NO_EVIDENCE: "-"}


def told(verdict: Verdict) -> dict[Attacker, AttackerVerdict]:
    return {one.attacker: one for one in verdict.attackers}


def judged(evidence: Evidence, log: Log = LOG) -> Verdict:
    return verify_log(log.rows, log.checkpoints, evidence)


@pytest.mark.parametrize("level", list(Level))
def test_each_kind_of_evidence_excludes_what_the_table_says(level: Level) -> None:
    """A1 to A8: on an honest log, with every bound."""
    verdict = judged(evidence_at(level, LOG, KIT))
    found = [
        f"E{one.bound_seq + 1}" if one.bound_seq is not None else WORDS[one.verdict]
        for one in verdict.attackers
    ]
    assert found == TABLE[level].split()
    assert verdict.outcome is (Outcome.OK if level >= Level.HEAD else Outcome.INCONCLUSIVE)
    assert verdict.shortfalls == ()


def test_the_words_say_what_no_evidence_can_cover() -> None:
    """A1, A3a, A7, A8: the footnotes of the table, in the verdict itself."""
    alone = told(judged(evidence_at(Level.ALONE, LOG)))
    assert "did not recompute it too" in alone[Attacker.A1].because[0]
    assert "no acknowledged record lies there" in alone[Attacker.A3A].because[0]
    full = told(judged(evidence_at(Level.RECONCILED, LOG, KIT)))
    assert "bounded by reconciliation: 7 rows" in full[Attacker.A8].because[0]
    assert "each record from 3 on was written between two sightings" in full[Attacker.A7].because[0]
    assert full[Attacker.A6].bound_time == NOW + STEP + timedelta(seconds=5)


def test_a_minority_of_witnesses_excludes_nobody_and_is_told() -> None:
    """A6: QUORUM_NOT_MET is no contradiction."""
    few = OutsideEvidence(kept=(cosigned(LOG, 3, 0),), latest=(cosigned(LOG, 3, 0),))
    verdict = judged(Evidence(log_key=SIGNER.key, outside=few, policy=POLICY))
    assert verdict.shortfalls == (Shortfall.QUORUM_NOT_MET,)
    assert told(verdict)[Attacker.A6].verdict is Standing.NOT_EXCLUDED
    assert verdict.findings == ()


def test_what_nobody_saw_lately_is_inconclusive_however_much_is_excluded() -> None:
    """HEARTBEAT_STALE: with the same evidence, a moment before and after."""
    evidence = evidence_at(Level.STAMPED, LOG, KIT)
    newest = judged(evidence).evidence_at
    assert newest is not None
    limit = timedelta(minutes=3)
    for late, outcome, shortfalls in (
        (timedelta(0), Outcome.OK, ()),
        (timedelta(seconds=1), Outcome.INCONCLUSIVE, (Shortfall.HEARTBEAT_STALE,)),
    ):
        fresh = Freshness(newest + limit + late, limit)
        aged = Evidence(
            evidence.log_key,
            evidence.heads,
            outside=evidence.outside,
            policy=POLICY,
            fresh=fresh,
        )
        verdict = judged(aged)
        assert (verdict.outcome, verdict.shortfalls) == (outcome, shortfalls)
    unseen = Evidence(evidence.log_key, evidence.heads, fresh=Freshness(newest, limit))
    assert judged(unseen).shortfalls == (Shortfall.HEARTBEAT_STALE,)


def test_evidence_without_a_pinned_key_opens_nothing() -> None:
    """KEY_UNKNOWN: a policy names witnesses, not the log."""
    outside = OutsideEvidence(kept=(cosigned(LOG, 1, 0, 1),))
    for evidence in (Evidence(outside=outside), Evidence(receipts=(received(LOG, 1),))):
        with pytest.raises(InputError, match="KEY_UNKNOWN"):
            judged(evidence)


def test_what_another_key_signed_is_a_contradiction_wherever_it_lies() -> None:
    """A4: notes, stamps and receipts under a key that is not the log's."""
    key: VerifierKey = STRANGER.key
    for evidence in (
        Evidence(key, outside=OutsideEvidence(latest=(cosigned(LOG, 3, 0),)), policy=POLICY),
        Evidence(key, outside=OutsideEvidence(stamps=(stamped(LOG, 3),)), policy=POLICY),
        Evidence(key, receipts=(received(LOG, 3),)),
    ):
        layers = {one.layer.partition(":")[0] for one in judged(evidence).findings}
        assert layers & {"witness", "stamp", "receipt"}
        assert judged(evidence).outcome is Outcome.TAMPERED
    assert key.name == ORIGIN


def test_a_receipt_of_a_record_that_is_another_now_is_a_contradiction() -> None:
    """A3a, A5: whoever kept a receipt sees the rewritten log, and a receipt of another record."""
    receipt = received(LOG, 1)
    rows = rechained([edited(LOG.rows[0], {"meaning": "other"}), *LOG.rows[1:]])
    verdict = verify_log(rows, (), Evidence(SIGNER.key, receipts=(receipt,)))
    assert Finding.FORK_AT_SIZE in {one.code for one in verdict.findings}
    moved = type(receipt)(0, receipt.path, receipt.checkpoint)
    verdict = judged(Evidence(SIGNER.key, receipts=(moved,)))
    assert [(one.seq, one.layer) for one in verdict.findings] == [(0, "receipt:0")]
    head = head_of_note(LOG.checkpoint, SIGNER.key)
    assert judged(Evidence(SIGNER.key, (head,), receipts=(receipt,))).outcome is Outcome.OK


def test_a_time_that_outsiders_contradict_is_named_by_its_record() -> None:
    """A7: earlier than the tree that was seen before it, or later than one that holds it."""
    for at, seen in ((3, NOW.replace(year=2025)), (0, NOW + 9 * STEP)):
        log = spaced((3, 2, 2, 1), {at: seen})
        evidence = evidence_at(Level.STAMPED, log, KIT)
        verdict = judged(evidence, log)
        assert {one.code for one in verdict.findings} == {Finding.TIME_OUTSIDE_WINDOW}
        assert verdict.first_bad is not None
        assert verdict.first_bad.seq == (7 if at else 0)
        assert told(verdict)[Attacker.A7].verdict is Standing.DETECTED


def test_one_sighting_dates_nothing() -> None:
    """A7: what was there at a time may claim any earlier one; not excluded, and said so."""
    early = spaced((3, 2, 2, 1), {1: NOW.replace(year=2025)})
    for log in (LOG, early):
        outside = OutsideEvidence(stamps=(stamped(log, 2),))
        verdict = judged(Evidence(SIGNER.key, outside=outside), log)
        assert verdict.findings == ()
        assert told(verdict)[Attacker.A7].verdict is Standing.NOT_EXCLUDED
        assert "one sighting, of 7 records" in told(verdict)[Attacker.A7].because[0]


def test_tables_that_differ_are_a_fact_that_was_never_logged() -> None:
    """A8: named by their place, on the last record."""
    evidence = Evidence(SIGNER.key, tables=TablesCompared(9, ("orders/ord_1/state",)))
    verdict = judged(evidence)
    assert [(one.seq, one.code, one.layer) for one in verdict.findings] == [
        (SIZES[-1] - 1, Finding.TABLE_DIFFERS, "table:orders/ord_1/state")
    ]
    assert told(verdict)[Attacker.A8].verdict is Standing.DETECTED
