"""What people sign beside decisions, checked in the log's bytes; and what a purge leaves of it."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import orjson
import pytest

from counterseal.audit.record import StoredRow
from counterseal.audit.retention import Purge, PurgeStatus
from counterseal.audit.rollback import ROLLED_BACK, Rollback, RollbackApproval, rollback_statement
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.signed_log import MARKS, TYPES, SignedLog
from counterseal.identity.access_reviews import AccessReview
from counterseal.kernel.model import Document
from counterseal.policy import gate_checks
from counterseal.policy.proposal import PolicyVote
from counterseal.policy.sweep import sweep
from counterseal.policy.words import DecisionWord, Role
from counterseal.risk.override import OverrideStatus, RiskOverride, override_statement
from tests.core.audit.log_builder import edited
from tests.desk.casework import amended
from tests.desk.keeping import YEAR, KeptWorld
from tests.desk.policy_room import PARAMS, THRESHOLD, PolicyWorld
from tests.desk.test_people import claim_and_signature
from tests.desk.test_revocations import prepared, revoked, signed
from tests.desk.test_risk_overrides import drafted
from tests.desk.test_risk_overrides import granted as overridden
from tests.storage.forger import Documents, documents_of, only
from tests.storage.rollback_record import record_a_rollback
from tests.world import START, World

ODD: tuple[object, ...] = (
    None,
    1,
    True,
    "",
    "x",
    [],
    {},
    [1],
    {"a": 1},
    "A" * 200,
    10**15,
    "2026",
    [None],
    "ed25519",
)


@pytest.fixture
def world(tmp_path: Path) -> KeptWorld:
    return KeptWorld(tmp_path / "home")


def found(rows: Sequence[StoredRow], start: int = 0) -> list[tuple[int, str]]:
    """Place and layer of what people did not sign; from a place on, when one is named."""
    log = SignedLog(lambda *streams: [row for row in rows if row.stream in streams], start)
    assert len([*log.tapped(rows[start:])]) == len(rows) - start
    return [(one.seq, one.layer) for one in log.close().kept]


def changed(
    rows: Sequence[StoredRow], kind: type[Document], change: Callable[[Documents], object]
) -> tuple[list[StoredRow], int]:
    """The log with the last record of a kind changed, and its place."""
    place = max(row.seq for row in rows if kind.KIND in documents_of(row))
    told = documents_of(rows[place])
    change(told)
    forged = edited(rows[place], {"after": {"documents": told, "facts": {}}})
    return [*rows[:place], forged, *rows[place + 1 :]], place


def test_a_purge_needs_two_people_and_what_it_took_is_not_asked_for(world: KeptWorld) -> None:
    """TX-K4: a purged case is accounted for elsewhere; who agreed to purge it is checked here."""
    request_id = world.approved()
    world.done(world.submitted(request_id))
    world.after(6.1 * YEAR)
    purge_id = world.purged()
    rows = world.log()
    assert any(row.body == b"" for row in rows)
    assert found(rows) == []
    assert found(rows, len(rows) - 2) == []

    def one_person(told: Documents) -> None:
        approvals = told[Purge.KIND][0]["approvals"]
        assert isinstance(approvals, list)
        told[Purge.KIND][0]["approvals"] = approvals[:1]

    def more(told: Documents) -> None:
        told[Purge.KIND][0]["ranges"] = [{"stream": "people", "first": 1, "last": 9}]

    for change in (one_person, more):
        forged, place = changed(rows, Purge, change)
        assert documents_of(rows[place])[Purge.KIND][0]["status"] == PurgeStatus.PURGED.value
        assert found(forged) == [(place, f"purge:{purge_id}")]


def test_a_revocation_was_signed_for_the_case_that_it_ends(world: KeptWorld) -> None:
    """TX-K4, governance 2.9: another signature, and one over another case, are found."""
    one, two = world.approved(), world.approved()
    for request_id in (one, two):
        assert revoked(world, request_id, signed(world, prepared(world, request_id))) is None
    rows = world.log()
    assert found(rows) == []
    first, last = (row for row in rows if row.type == "approval.revoked")
    signature = orjson.loads(first.body)["approver_sig"]
    for other in (signature, signature | {"signature": "AAAA"}, signature | {"key_id": "none"}):
        forged = [*rows[: last.seq], edited(last, {"approver_sig": other}), *rows[last.seq + 1 :]]
        assert found(forged) == [(last.seq, f"event:{last.event_id}")]


def test_an_access_review_says_what_was_signed(world: KeptWorld) -> None:
    """IT-04: the list that was reviewed cannot be another one later."""
    claim, signature = claim_and_signature(world, "officer-1")
    officer = world.actor("officer-1")
    world.done(world.desk.leaving.attest_review(claim, signature, officer, key=world.key()))
    rows = world.log()
    assert found(rows) == []
    others: tuple[dict[str, object], ...] = (
        {"people_count": 99},
        {"attested_by": "officer-2"},
        {"review_id": "other"},
        {"tenant": "other"},
    )
    for words in others:
        forged, place = changed(rows, AccessReview, partial(_with, AccessReview, words))
        assert [seq for seq, _ in found(forged)] == [place]


def test_a_second_first_policy_and_a_policy_without_votes_are_found(world: KeptWorld) -> None:
    """TX-K4, governance part 4: whoever writes the log puts no law into force."""
    rows = world.log()
    like = next(row for row in rows if PolicyActivation.KIND in documents_of(row))
    [activation] = documents_of(like)[PolicyActivation.KIND]
    name = "sha256:" + "7" * 64
    voted = {"bootstrap": False, "proposal_id": "ppr_1"}
    for words in ({}, voted):
        told: Documents = {}
        only(PolicyActivation, activation | {"bundle_hash": name} | words)(told)
        last = edited(rows[-1], {"after": {"documents": told, "facts": {}}})
        assert found([*rows[:-1], last]) == [(last.seq, f"policy:{name}")]
    only(PolicyActivation, activation | {"version": "9"})(told)
    last = edited(rows[-1], {"after": {"documents": told, "facts": {}}})
    assert found([*rows[:-1], last]) == [(last.seq, f"policy:{activation['bundle_hash']}")]


def _with(kind: type[Document], words: dict[str, object], told: Documents) -> None:
    told[kind.KIND][0].update(words)


def test_a_vote_is_for_exactly_one_policy_and_two_of_them_activate_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Governance part 4: votes and activation are in the log with the voters' signatures."""
    monkeypatch.setattr(gate_checks, "sweep", partial(sweep, every=61))
    made = PolicyWorld(tmp_path / "home").staffed()
    made.version((PARAMS, THRESHOLD, 'required_from_notional: "500000"'))
    made.agreed_on()
    rows = made.log()
    assert found(rows) == []
    votes: tuple[dict[str, object], ...] = (
        {"person_id": "vera"},
        {"diff_hash": "sha256:" + "7" * 64},
        {"bundle_hash": "sha256:" + "7" * 64},
    )
    for words in votes:
        forged, place = changed(rows, PolicyVote, partial(_with, PolicyVote, words))
        assert found(forged)[0][0] == place
        assert [layer.partition(":")[0] for _, layer in found(forged)] == ["vote", "policy"]
    last = changed(rows, PolicyActivation, partial(_with, PolicyActivation, {"signatures": []}))
    assert [seq for seq, _ in found(last[0])] == [last[1]]


def test_a_rollback_that_two_people_did_not_declare_is_found(world: KeptWorld) -> None:
    """TX-K4: two signatures over exactly this declaration, by two people."""
    record_a_rollback(world)
    rows = world.log()
    [told] = documents_of(rows[-1])[Rollback.KIND]
    plan = Rollback.model_validate_json(orjson.dumps(told))

    def declared(*names: str) -> list[StoredRow]:
        approvals = tuple(
            RollbackApproval(
                person_id=name,
                signature=world.signed_by(
                    "rollback", rollback_statement(plan, name, f"key-of-{name}"), name
                )[0],
            )
            for name in names
        )
        whole = plan.amended(approvals=approvals).json_value()
        after = {"documents": {Rollback.KIND: [whole]}, "facts": {}}
        return [*rows[:-1], edited(rows[-1], {"after": after, "type": ROLLED_BACK})]

    assert found(declared("officer-1", "officer-2")) == []
    for names in ((), ("officer-1",), ("officer-1", "officer-1")):
        assert found(declared(*names)) == [(rows[-1].seq, f"rollback:{plan.origin}")]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("risk", "compliance"), False),
        (("compliance", "risk"), False),
        (("compliance", "researcher"), True),
        (("risk", "operator"), True),
        (("risk", "risk"), True),
        (("risk",), True),
    ],
)
def test_an_override_counts_by_two_people_with_the_right_one_of_whom_reviews_risk(
    world: KeptWorld, names: tuple[str, ...], problem: bool
) -> None:
    """TX-H, part 4; TX-K4: true signatures of other people put no override into force."""
    world.done(world.granted("researcher", Role.COMPLIANCE_REVIEWER))
    terms = drafted(world)
    made = RiskOverride(
        override_id=terms.override_id,
        account_id=terms.account_id,
        terms=terms,
        status=OverrideStatus.IN_FORCE,
        signatures=world.signed_by("override", override_statement(terms), *names),
        signed_by=names,
        opened_at=terms.issued_at,
        in_force_at=terms.issued_at,
    )
    rows = world.log()
    after = {"documents": {RiskOverride.KIND: [made.json_value()]}, "facts": {}}
    told = found([*rows[:-1], edited(rows[-1], {"after": after, "approver_sig": None})])
    assert told == ([(rows[-1].seq, f"override:{made.override_id}")] if problem else [])


def test_an_override_that_a_signer_left_can_still_be_ended(world: KeptWorld) -> None:
    """TX-H, part 4: what was signed with the right stays signed, wherever the pass begins."""
    override = overridden(world)
    world.done(world.granted("compliance", Role.AUDITOR))
    ended = world.desk.overrides.end(override, world.actor("risk"), reason="x", key=world.key())
    world.done(ended)
    rows = world.log()
    assert found(rows) == []
    assert found(rows, len(rows) - 1) == []


def test_a_log_that_is_gone_on_from_anywhere_is_as_good(world: KeptWorld) -> None:
    """TX-K5: at every place; carried decisions and cases that began before it included."""
    request_id = world.approved()
    world.done(amended(world, request_id, {"max_quantity": 3, "tx_equivalent": "0.15"}))
    pending = world.requested()
    world.done(world.reviewed(pending, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(pending, "risk", DecisionWord.APPROVED_FOR_PAPER))
    rows = world.log()
    for start in range(len(rows)):
        assert found(rows, start) == []


def test_records_without_a_mark_are_not_parsed_and_none_of_them_matters(world: World) -> None:
    """TX-K4: the pass over all records finds what the pass over the marked ones finds."""
    world.approved()
    rows = world.log()
    marked = [r for r in rows if r.type in TYPES or any(mark in r.body for mark in MARKS)]
    assert len(marked) < len(rows)
    whole, some = SignedLog(lambda *_: ()), SignedLog(lambda *_: ())
    for log, told in ((whole, rows), (some, marked)):
        for row in told:
            log.take(row)
        assert log.close().count == 0
    assert SignedLog(lambda *_: ()).close().count == 0
    assert world.clock.now() >= START


def test_whatever_stands_in_a_record_the_pass_ends(world: KeptWorld) -> None:
    """TX-K4: a hostile record is found or says nothing; it stops no verification."""
    world.approved()
    world.mandate()
    rows = world.log()
    pick = random.Random(20260105)  # noqa: S311 - mutations, not secrets
    marked = [row.seq for row in rows if any(mark in row.body for mark in MARKS)]
    for _ in range(150):
        seq = pick.choice(marked)
        value = orjson.loads(rows[seq].body)
        place, name = pick.choice([*_places(value["after"]), (value, "approver_sig")])
        place[name] = pick.choice(ODD)
        body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        found([*rows[:seq], rows[seq]._replace(body=body), *rows[seq + 1 :]])
    odd = [rows[0]._replace(seq="0"), rows[0]._replace(body="text"), rows[0]._replace(body=b"{")]  # type: ignore[arg-type]  # as a hostile file has it
    assert found([*odd, *rows]) == []


def _places(value: object) -> list[tuple[object, object]]:
    """Every container in parsed JSON with each of its names or places."""
    inner: list[tuple[object, object]] = []
    if isinstance(value, dict):
        inner = [(value, name) for name in value]
    elif isinstance(value, list):
        inner = [(value, place) for place in range(len(value))]
    below = [one for place, name in inner for one in _places(place[name])]  # type: ignore[index]  # the same
    return [*inner, *below]
