"""What people signed, in packs: each scheme alone, and cases that packs show in part."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.approvals.batch import leaf_envelope, prove_leaf
from counterseal.approvals.model import BatchPath
from counterseal.audit.keys import KeyRecord, revocation_text, rotation_text, walk_keys
from counterseal.audit.note import Note, NoteSigner
from counterseal.desk.exports import ExportScope, ScopeKind
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.signatures import verify_message
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Signature
from counterseal.policy.words import DecisionWord
from evidence.verify import FoundError, Reader, base, notes, read_vkey, signatures, verify
from tests.core.approvals.test_batch import batch_of, signed, statements
from tests.core.identity.signers import key as key_of
from tests.core.identity.signers import sign, statement
from tests.desk.casework import amended
from tests.desk.keeping import NEXT, YEAR
from tests.evidence.pack_room import ALL, PackWorld, Read, of_case
from tests.world import ORIGIN
from ui.cli.evidence_verify import verified

SCHEMES = tuple(SignatureScheme)


def both(pack: Read, world: PackWorld) -> str:
    """What both verifiers say; the command judges people besides."""
    reader = Reader(read_vkey(world.log_key.key.text))
    alone, told = verify(pack.path, reader), verified(pack.path, reader)
    assert alone["finding"] == told["finding"] is None
    assert "people" in told["checked"]
    assert alone["records"] == told["records"]
    return str(told["outcome"])


@pytest.fixture
def world(tmp_path: Path) -> PackWorld:
    made = PackWorld(tmp_path / "home")
    made.audited()
    return made


def test_a_case_that_begins_before_the_period_is_no_forgery(
    world: PackWorld, tmp_path: Path
) -> None:
    """A part of a case proves less, and contradicts nothing."""
    request = world.requested()
    world.done(world.reviewed(request, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.after(600)
    since = world.clock.now()
    world.done(world.reviewed(request, "risk", DecisionWord.APPROVED_FOR_PAPER))
    world.approved()
    scope = ExportScope(kind=ScopeKind.PERIOD, since=since, until=since + timedelta(hours=1))
    for n, shift in enumerate((timedelta(), timedelta(seconds=-300))):
        moved = scope.amended(since=since + shift)
        assert both(world.packed(tmp_path / f"pack-{n}", moved), world) == "verified"


def test_versions_and_purged_cases_hold_for_both(world: PackWorld, tmp_path: Path) -> None:
    old = world.approved()
    new = world.done(amended(world, old, {"request_reason": "another good reason"}))
    assert both(world.packed(tmp_path / "new", of_case(new)), world) == "verified"
    world.after(6.1 * YEAR)
    world.purged()
    for n, scope in enumerate((of_case(new), ALL)):
        pack = world.packed(tmp_path / f"purged-{n}", scope)
        told = verify(pack.path, Reader(read_vkey(world.log_key.key.text)))
        assert told["records"]["purged"] == pack.totals.purged > 0
        assert both(pack, world) == "verified"


def test_erased_data_is_counted_and_cannot_be_opened(world: PackWorld, tmp_path: Path) -> None:
    world.done(world.named("ann", "Ann-Example"))
    world.done(world.named("bob", "Bob-Example"))
    world.done(world.erase("ann"))
    pack = world.packed(tmp_path / "pack", ALL, openings=True)
    told = verify(pack.path, Reader(read_vkey(world.log_key.key.text)))
    counts = told["personal_data"]
    assert counts["erased"] == 1
    assert counts["opened"] == len(pack.lines("data/pii/openings.jsonl")) > 0
    assert sum(counts.values()) == sum(len(one["pii"]) for one in pack.records)


def test_a_rotated_log_key_is_followed_from_the_first(world: PackWorld, tmp_path: Path) -> None:
    world.done(world.rotated(world.log_key, NEXT))
    pack = world.packed(tmp_path / "pack", ALL)
    told = verify(pack.path, Reader(read_vkey(world.log_key.key.text)))
    assert told["finding"] is None
    assert told["checked"]["log_keys"].startswith("2 keys")


def raw(scheme: SignatureScheme) -> tuple[dict[str, object], bytes, bytes]:
    """A key's record, a signature in the scheme's own bytes, and the message."""
    told = sign(scheme, "decision", statement(scheme).json_value())
    message, _ = signatures.envelope_of(told.json_value(), "decision", "here")
    return {**key_of(scheme).json_value()}, signatures.decoded(told.signature), message


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_is_verified_as_the_product_does(scheme: SignatureScheme) -> None:
    """Governance part 3: sealed key, ssh-keygen, passkey."""
    key, signature, message = raw(scheme)
    assert signatures.by_person(key, signature, message)
    assert not signatures.by_person(key, signature, message + b"\n")
    assert not signatures.by_person(key | {"scheme": "rsa"}, signature, message)


@cache
def _raw(scheme: SignatureScheme) -> tuple[dict[str, object], bytes, bytes]:
    return raw(scheme)


@given(scheme=st.sampled_from(SCHEMES), at=st.integers(0, 5_000), bit=st.integers(0, 7))
def test_a_changed_signature_is_refused_by_both(scheme: SignatureScheme, at: int, bit: int) -> None:
    key, signature, message = _raw(scheme)
    changed = bytearray(signature)
    changed[at % len(changed)] ^= 1 << bit
    try:
        verify_message(bytes(changed), message, key_of(scheme))
        ours = True
    except IntegrityError:
        ours = False
    try:
        theirs = signatures.by_person(key, bytes(changed), message)
    except (FoundError, *base.UNREADABLE):
        theirs = False
    assert theirs is ours is False


@pytest.mark.parametrize("change", ["none", "index", "size", "path", "request", "root"])
def test_a_decision_of_a_batch_stands_at_its_place_in_it(change: str) -> None:
    """2.7 (N12): the leaf leads to the root that was signed."""
    members = statements(5)
    batch = batch_of(members)
    path: BatchPath = prove_leaf(signed(batch), members, "apr_02")
    leaf_message, stated = signatures.envelope_of(
        leaf_envelope(members[2]).json_value(), "decision", "here"
    )
    told = dict(path.json_value())
    _, whole = signatures.envelope_of(_json(path.signature), "batch", "here")
    leaf, request = base.sha(b"\0", leaf_message), str(stated["request_id"])
    if change in {"index", "size"}:
        told[change] = int(str(told[change])) + 1
    if change == "path":
        told["path"] = [*reversed(path.path)]
    if change == "root":
        whole["root"] = "sha256:" + "00" * 32
    request = "apr_03" if change == "request" else request
    assert signatures.in_batch(told, whole, leaf, request) is (change == "none")


def _json(signature: Signature) -> base.Json:
    return {**signature.json_value()}


KEYS = tuple(NoteSigner(ORIGIN, bytes([n]) * 32) for n in range(1, 5))
"""The first is the one that is pinned."""
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["key.rotated", "key.revoked"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(["both", "old", "new", "stranger"]),
        st.integers(-1, 1_200),
    ),
    max_size=5,
)


def change(seq: int, step: tuple[str, int, int, str, int]) -> KeyRecord:
    kind, one, other, by, until = step
    old, new = KEYS[one], KEYS[other]
    if kind == "key.rotated":
        text = rotation_text(old.key, new.key, seq + until)
    else:
        text = revocation_text(old.key, new.key, "LOST")
    signers = {"both": (old, new), "old": (old,), "new": (new,), "stranger": (KEYS[3],)}[by]
    return KeyRecord(seq, kind, Note(text, tuple(one.line(text) for one in signers)).text)


@given(STEPS)
def test_keys_of_the_log_are_walked_as_the_product_walks_them(
    steps: list[tuple[str, int, int, str, int]],
) -> None:
    """Two programs, one rule: each change is signed by the key in force."""
    first = KeyRecord(0, "installation.created", KEYS[0].key.text)
    records = [first, *(change(3 * n + 3, step) for n, step in enumerate(steps))]
    ring, irregular = walk_keys(KEYS[0].key, records)
    try:
        spans = notes.walked_keys(
            read_vkey(KEYS[0].key.text), [(r.seq, r.type, r.text) for r in records]
        )
    except (FoundError, ValueError):
        assert irregular
        return
    assert not irregular
    ours = [
        (s.key.public_key, s.after, s.until or 1 << 63, s.revoked or 1 << 63) for s in ring.spans
    ]
    assert [(s.key.public, s.after, s.until, s.revoked) for s in spans] == ours
