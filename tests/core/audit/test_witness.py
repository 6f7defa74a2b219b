"""A witness's decision, request by request, and what a log takes in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from counterseal.audit.merkle import EMPTY_ROOT
from counterseal.audit.note import NoteSigner, encode_base64, parse_note
from counterseal.audit.witness import (
    AddCheckpoint,
    cosigned_lines,
    decide_cosigning,
    parse_add_checkpoint,
    with_lines,
)
from counterseal.kernel.errors import CountersealError, InputError, IntegrityError
from counterseal.kernel.model import Refusal
from tests.core.audit.log_builder import ORIGIN, SIGNER
from tests.core.audit.outside_cases import (
    LOG_KEY,
    OTHER,
    STRANGER,
    THIEF,
    TIME,
    TREE,
    WITNESSES,
    a_note,
)

W1 = WITNESSES[0]


def at_size(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, TREE.root(size))


def asked(old: int, new: int, note: str | None = None) -> AddCheckpoint:
    proof = TREE.consistency_path(old, new) if 0 < old < new else ()
    return AddCheckpoint(old, proof, note or a_note(new))


def answer(held: Checkpoint | None, request: AddCheckpoint) -> str | int:
    decided = decide_cosigning(held, request, [LOG_KEY])
    return decided.code if isinstance(decided, Refusal) else decided.size


def test_the_request_is_read_as_it_is_written() -> None:
    """TX-K7: the body of add-checkpoint."""
    request = asked(3, 7)
    lines = request.text.split("\n")
    assert (lines[0], lines[1:5]) == ("old 3", [encode_base64(h) for h in request.proof])
    assert lines[5:8] == ["", ORIGIN, "7"]
    assert parse_add_checkpoint(request.text.encode()) == request
    assert parse_add_checkpoint(asked(0, 7).text.encode()) == asked(0, 7)


HASH = encode_base64(bytes(32))
NOTE = a_note()


@pytest.mark.parametrize(
    "body",
    [
        "",
        NOTE,
        f"old 3\n{NOTE}",
        f"old\n\n{NOTE}",
        f"old 03\n\n{NOTE}",
        f"old -1\n\n{NOTE}",
        f"old 3 \n\n{NOTE}",
        f"old 9223372036854775808\n\n{NOTE}",
        f"old 3\n{HASH} \n\n{NOTE}",
        f"old 3\n{encode_base64(bytes(31))}\n\n{NOTE}",
        f"old 3\n{HASH[:-1]}\n\n{NOTE}",
        "old 3\n" + f"{HASH}\n" * 64 + f"\n{NOTE}",
        f"old 3\n\n{NOTE.replace(ORIGIN, ORIGIN + ' x', 1)}",
        f"old 3\n\n{NOTE[:-1]}",
        "old 3\n\nnot a checkpoint\n\n\u2014 x AAAAAAAA\n",
        f"old 3\n\n{NOTE}".replace("\n", "\r\n"),
    ],
)
def test_a_malformed_request_is_refused(body: str) -> None:
    """TX-K7: status 400."""
    with pytest.raises(InputError):
        parse_add_checkpoint(body.encode())


def test_a_request_beyond_its_bounds_is_refused() -> None:
    """TX-K7."""
    body = f"old 3\n\n{NOTE}".encode()
    for wrong in (body + b"x" * 300_000, body + b"\xff"):
        with pytest.raises(InputError) as refused:
            parse_add_checkpoint(wrong)
        assert refused.value.code == "REQUEST_MALFORMED"
    most = parse_add_checkpoint(f"old 9223372036854775807\n\n{NOTE}".encode())
    assert most.old == 2**63 - 1
    full = "old 3\n" + f"{HASH}\n" * 63 + f"\n{NOTE}"
    assert len(parse_add_checkpoint(full.encode()).proof) == 63


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_bytes_crash_the_reader_of_requests(content: bytes) -> None:
    """TX-K7."""
    for body in (content, b"old 0\n\n" + content, asked(3, 7).text.encode()[: len(content)]):
        with pytest.raises(CountersealError):
            parse_add_checkpoint(body)


def test_i2_a_proven_extension_is_remembered() -> None:
    """TX-K7: status 200, from nothing and from what is held; the same head again, too."""
    assert decide_cosigning(None, asked(0, 7), [LOG_KEY]) == at_size(7)
    assert decide_cosigning(at_size(3), asked(3, 7), [LOG_KEY]) == at_size(7)
    assert decide_cosigning(at_size(7), asked(7, 7), [LOG_KEY]) == at_size(7)
    assert decide_cosigning(None, asked(0, 0), [LOG_KEY]) == Checkpoint(ORIGIN, 0, EMPTY_ROOT)


def test_i3_an_unknown_log_or_signature_is_refused_first() -> None:
    """TX-K7: status 404 and 403, before the witness says anything about its memory."""
    elsewhere = NoteSigner("elsewhere.example", bytes([7]) * 32)
    note = sign_checkpoint(Checkpoint("elsewhere.example", 2, TREE.root(2)), elsewhere)
    assert answer(at_size(3), asked(9, 2, note)) == "UNKNOWN_ORIGIN"
    forged = a_note(7, signer=THIEF)
    assert answer(at_size(3), asked(9, 7, forged)) == "LOG_SIGNATURE_INVALID"
    broken = NOTE.replace("\n7\n", "\n8\n")
    assert answer(None, asked(0, 8, broken)) == "LOG_SIGNATURE_INVALID"


def test_i3_lines_of_strangers_beside_the_logs_own_do_no_harm() -> None:
    """TX-K7: unknown keys are ignored."""
    note = with_lines(a_note(7, signer=THIEF), parse_note(a_note(7, w1=0)).lines)
    assert answer(at_size(3), asked(3, 7, note)) == 7


def test_an_old_size_above_the_new_is_refused() -> None:
    """TX-K7: status 400."""
    assert answer(at_size(8), asked(8, 7, a_note(7))) == "OLD_SIZE_ABOVE_NEW"


@pytest.mark.parametrize(("held", "old"), [(3, 2), (3, 4), (3, 0), (0, 3), (9, 7)])
def test_another_old_size_than_held_is_refused_with_the_size(held: int, old: int) -> None:
    """TX-K7: status 409; a smaller checkpoint than held never gets further than this."""
    decided = decide_cosigning(at_size(held) if held else None, asked(old, 7), [LOG_KEY])
    assert isinstance(decided, Refusal)
    assert decided.code == "OLD_SIZE_STALE"
    assert ("held", str(held)) in [(fact.name, fact.value) for fact in decided.details]


def test_i1_two_trees_under_the_real_key_are_refused() -> None:
    """A6: status 422; the log's own signature does not help."""
    assert answer(at_size(7), asked(7, 7, a_note(7, OTHER))) == "FORK_AT_SIZE"
    assert answer(None, AddCheckpoint(0, (), a_note(0, OTHER))) == 0
    assert answer(at_size(3), asked(3, 7, a_note(7, OTHER))) == "PROOF_INVALID"


def test_i1_a_tree_of_no_records_has_one_root() -> None:
    """A6: status 422."""
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, TREE.root(1)), SIGNER)
    assert answer(None, AddCheckpoint(0, (), note)) == "FORK_AT_SIZE"


@given(st.integers(1, 19), st.integers(1, 20), st.data())
@settings(max_examples=60, deadline=None)
def test_i2_only_the_one_proof_is_taken(old: int, grow: int, data: st.DataObject) -> None:
    """TX-K7: status 422 for every other."""
    new = min(old + grow, 20)
    proof = TREE.consistency_path(old, new)
    where = data.draw(st.integers(0, len(proof) - 1))
    wrong = [
        (),
        (*proof, EMPTY_ROOT),
        proof[1:],
        (*proof[:where], EMPTY_ROOT, *proof[where + 1 :]),
    ]
    assert answer(at_size(old), asked(old, new)) == new
    for bad in wrong:
        assert answer(at_size(old), AddCheckpoint(old, bad, a_note(new))) == "PROOF_INVALID"


def test_i2_a_proof_where_none_belongs_is_refused() -> None:
    """TX-K7: status 422, from nothing and for the same size."""
    extra = (EMPTY_ROOT,)
    assert answer(None, AddCheckpoint(0, extra, a_note(7))) == "PROOF_INVALID"
    assert answer(at_size(7), AddCheckpoint(7, extra, a_note(7))) == "PROOF_INVALID"


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 20)), max_size=30))
@settings(max_examples=60, deadline=None)
def test_i1_whatever_is_asked_one_growing_tree_is_cosigned(
    requests: list[tuple[int, bool, int]],
) -> None:
    """A5, A6: sizes never fall, and one size never has two roots."""
    held: Checkpoint | None = None
    for size, honest, old in requests:
        tree = TREE if honest else OTHER
        start = 0 if held is None else held.size
        for claimed in (old, start):
            proof = tree.consistency_path(claimed, size) if 0 < claimed < size else ()
            request = AddCheckpoint(claimed, proof, a_note(size, tree))
            decided = decide_cosigning(held, request, [LOG_KEY])
            if isinstance(decided, Checkpoint):
                assert held is None or decided.size > held.size or decided == held
                held = decided


def lines_of(*signers: NoteSigner, note: str = NOTE, seconds: int = TIME) -> bytes:
    body = parse_note(note).body
    return "".join(signer.line(body, seconds).text for signer in signers).encode()


def test_i4_good_lines_are_taken_in_and_strangers_passed_over() -> None:
    """TX-K7."""
    lines = cosigned_lines(NOTE, lines_of(STRANGER, W1, W1), [W1.key])
    assert [line.name for line in lines] == [W1.key.name]
    opened = open_checkpoint(with_lines(NOTE, lines), LOG_KEY, [W1.key])
    assert [line.unix_seconds for line in opened.lines] == [None, TIME]


def test_i4_a_fresher_line_takes_the_place_of_its_elder() -> None:
    """TX-K7: the heartbeat."""
    fresh = cosigned_lines(NOTE, lines_of(W1, seconds=TIME + 60), [W1.key])
    renewed = with_lines(a_note(w1=0, w2=0), fresh)
    opened = open_checkpoint(renewed, LOG_KEY, [w.key for w in WITNESSES])
    assert [line.unix_seconds for line in opened.lines] == [None, TIME + 60, TIME]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (b"", "NOTE_MALFORMED"),
        (b"\xff\n", "NOTE_MALFORMED"),
        (b"ok\n", "NOTE_MALFORMED"),
        (b"another body\n\n" + lines_of(W1), "NOTE_MALFORMED"),
        (lines_of(W1)[:-1], "NOTE_MALFORMED"),
        (lines_of(STRANGER), "KEY_UNKNOWN"),
        (lines_of(W1, note=a_note(8)), "SIG_INVALID"),
        (lines_of(W1) + lines_of(W1, note=a_note(8)), "SIG_INVALID"),
    ],
)
def test_i4_any_other_answer_is_refused(given: bytes, code: str) -> None:
    """TX-K7: a wrong key, a replayed line, a line over another tree."""
    with pytest.raises((InputError, IntegrityError)) as refused:
        cosigned_lines(NOTE, given, [W1.key])
    assert refused.value.code == code


def test_a_time_beyond_63_bits_is_refused_on_both_sides() -> None:
    """TX-K7: cosignature/v1."""
    body = parse_note(NOTE).body
    for seconds in (-1, 2**63):
        with pytest.raises(InputError):
            W1.line(body, seconds)
    assert cosigned_lines(NOTE, lines_of(W1, seconds=2**63 - 1), [W1.key])
    line = W1.line(body, 5)
    late = line.text.replace(
        encode_base64(line.key_id + line.payload),
        encode_base64(line.key_id + b"\xff" * 8 + line.payload[8:]),
    )
    with pytest.raises(IntegrityError):
        cosigned_lines(NOTE, late.encode(), [W1.key])
