"""Bounds and forms of receipts, checkpoints, notes, records and the tree, each from both sides."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.audit.checkpoint import (
    SIZE_MAX,
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from counterseal.audit.merkle import (
    HASH_SIZE,
    PROOF_LENGTH_MAX,
    Tree,
    check_consistency,
    check_inclusion,
    leaf_hash,
)
from counterseal.audit.note import (
    COSIGNATURE,
    LINES_MAX,
    NOTE_BYTES_MAX,
    TIME_MAX,
    TIME_SIZE,
    Note,
    NoteSigner,
    SignatureLine,
    VerifierKey,
    cosigned_message,
    encode_base64,
    open_note,
    parse_note,
    parse_vkey,
)
from counterseal.audit.receipt import Receipt, parse_receipt
from counterseal.audit.record import BODY_BYTES_MAX, parse_record
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.keeper import a_signer
from tests.core.audit.log_builder import ORIGIN, SIGNER, a_log, edited

TREE = Tree(leaf_hash(b"record-%d" % n) for n in range(7))
HEAD = Checkpoint(ORIGIN, 7, TREE.root())
SIGNED = sign_checkpoint(HEAD, SIGNER)
HASH = bytes(HASH_SIZE)


def sized(length: int) -> str:
    """A receipt of so many characters, most of them in its unauthenticated line."""
    signed, path = parse_note(SIGNED), TREE.inclusion_path(4)
    strangers = [SignatureLine("s" * n, bytes(4), bytes(64)) for n in range(1, 5)]
    notes = [Note(signed.body, (*signed.lines, stranger)).text for stranger in strangers]
    bare = [Receipt(4, path, note, b"") for note in notes]
    fits = next(one for one in bare if (length - len(one.text)) % 4 == 0)
    return Receipt(4, path, fits.checkpoint, bytes((length - len(fits.text)) // 4 * 3)).text


def test_a_receipt_is_as_long_as_a_note_at_most() -> None:
    """A3a: its size is bounded before anything is read, from both sides."""
    text = sized(NOTE_BYTES_MAX)
    assert len(text) == NOTE_BYTES_MAX
    assert parse_receipt(text).text == text
    with pytest.raises(InputError, match="RECEIPT_MALFORMED"):
        parse_receipt(sized(NOTE_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "text",
    [
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nindex 4",
        f"c2sp.org/tlog-proof@v1\nindex 4\n{SIGNED.partition(chr(10) * 2)[0]}",
        f"c2sp.org/tlog-proof@v1\n\n{SIGNED}",
        f"c2sp.org/tlog-proof@v1\nextra AAAA\n\n{SIGNED}",
        f"c2sp.org/tlog-proof@v1\nindex {SIZE_MAX + 1}\n\n{SIGNED}",
        "\n".join(["c2sp.org/tlog-proof@v1", "index 4", *([encode_base64(HASH)] * 64), "", SIGNED]),
    ],
)
def test_a_receipt_without_a_part_or_beyond_a_bound_is_no_receipt(text: str) -> None:
    """A3a: told as a receipt that is malformed, not as a note that is."""
    with pytest.raises(InputError, match="RECEIPT_MALFORMED"):
        parse_receipt(text)


def test_a_receipt_at_its_bounds_is_read() -> None:
    """A3a: the last place that a log has, and the longest path."""
    for receipt in (
        Receipt(SIZE_MAX, (), SIGNED),
        Receipt(0, (HASH,) * PROOF_LENGTH_MAX, SIGNED),
    ):
        assert parse_receipt(receipt.text) == receipt


def test_a_checkpoint_ends_with_its_third_line() -> None:
    """A4: nothing that nobody audits stands behind the root, with or without its newline."""
    assert parse_checkpoint(HEAD.text) == HEAD
    for more in ("x", " ", "extension"):
        with pytest.raises(InputError, match="CHECKPOINT_MALFORMED"):
            parse_checkpoint(f"{HEAD.text}{more}")


def test_both_keys_sign_while_one_takes_over() -> None:
    """A5: who pinned the old key and who pinned the new one open the same note."""
    new = a_signer(1)
    note = sign_checkpoint(HEAD, SIGNER, new)
    for key in (SIGNER.key, new.key):
        assert open_checkpoint(note, key).checkpoint == HEAD
    assert [line.key_id for line in parse_note(note).lines] == [SIGNER.key.key_id, new.key.key_id]
    with pytest.raises(InputError, match="KEY_INVALID"):
        sign_checkpoint(HEAD, SIGNER, NoteSigner("counterseal.example/other", bytes(32)))


EIGHT = Tree(leaf_hash(b"record-%d" % n) for n in range(8))


def test_a_proof_in_a_larger_tree_is_none_in_a_smaller_one() -> None:
    """A6: the right half of eight records is no log of four, though every hash is a true one."""
    for index in range(4, 8):
        leaf, path = EIGHT.subtree(0, index), EIGHT.inclusion_path(index)
        assert check_inclusion(index, 8, leaf, path, EIGHT.root())
        assert not check_inclusion(index - 4, 4, leaf, path, EIGHT.root())
    pair = Tree(EIGHT.subtree(0, n) for n in range(2))
    assert not check_inclusion(0, 1, EIGHT.subtree(0, 1), pair.inclusion_path(1), pair.root())
    proof = EIGHT.consistency_path(7)
    assert check_consistency(7, 8, EIGHT.root(7), EIGHT.root(), proof)
    assert not check_consistency(3, 4, EIGHT.root(7), EIGHT.root(), proof)


def test_hashes_cut_at_another_place_prove_nothing() -> None:
    """A5: the same bytes go into the node, but neither part of them is a hash."""
    leaf, (first, *rest) = EIGHT.subtree(0, 0), EIGHT.inclusion_path(0)
    root = EIGHT.root()
    assert check_inclusion(0, 8, leaf, [first, *rest], root)
    for at in (0, 1, 31):
        assert not check_inclusion(0, 8, leaf[:at], [leaf[at:] + first, *rest], root)
    assert not check_inclusion(0, 8, leaf + first[:1], [first[1:], *rest], root)


SEED = bytes(range(32, 64))
WITNESS = NoteSigner("witness.example/w1", SEED, COSIGNATURE)


@pytest.mark.parametrize(("kind", "length"), [(0, 32), (2, 32), (5, 32), (1, 31), (4, 33), (1, 0)])
def test_a_key_of_another_kind_or_length_is_none(kind: int, length: int) -> None:
    """A4: two kinds of 32 bytes each are known."""
    with pytest.raises(InputError, match="KEY_INVALID"):
        VerifierKey("name", kind, bytes(length))


@pytest.mark.parametrize("text", ["name+XYZ+?", "name+2ab9690+?", "name+2AB9690B+?", "name+?"])
def test_a_key_line_is_refused_for_its_form_before_its_key_is_read(text: str) -> None:
    """A4: name, eight digits, key."""
    with pytest.raises(InputError, match="KEY_INVALID"):
        parse_vkey(text)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_of_another_length_makes_no_signer(length: int) -> None:
    """A5: neither cut nor padded; told as the other errors of keys are."""
    with pytest.raises(InputError, match="KEY_INVALID"):
        NoteSigner(ORIGIN, bytes(length))


def test_the_size_of_a_note_and_the_number_of_its_lines_are_bounded_from_both_sides() -> None:
    """A4: before anything of it is decoded or verified, as text and as bytes."""
    lines = "\u2014 name AAAAAAA=\n"
    front = "x" * (NOTE_BYTES_MAX - len(f"\n\n{lines}"))
    assert len(parse_note(f"{front}\n\n{lines}").lines) == 1
    assert len(parse_note(f"text\n\n{lines * LINES_MAX}").lines) == LINES_MAX
    most = "x" * (NOTE_BYTES_MAX - len(f"\n\n{lines}".encode()))
    assert len(parse_note(f"{most}\n\n{lines}".encode()).lines) == 1
    for text in (f"{front}x\n\n{lines}", f"text\n\n{lines * (LINES_MAX + 1)}"):
        for given in (text, text.encode()):
            with pytest.raises(InputError, match="NOTE_TOO_LONG"):
                parse_note(given)


@pytest.mark.parametrize(
    "text",
    [
        "\u2014 name AAAAAAA=\n",
        "\n\u2014 name AAAAAAA=\n",
        "text\n\n\u2014 a+b AAAAAAA=\n",
        "text\n\n\u2014  AAAAAAA=\n",
        "text\n\n\u2014 a\u00a0b AAAAAAA=\n",
    ],
)
def test_a_note_without_a_text_or_with_a_name_that_no_key_has_is_none(text: str) -> None:
    """A4: what a signer could not have written."""
    with pytest.raises(InputError, match="NOTE_MALFORMED"):
        parse_note(text)


@pytest.mark.parametrize("body", ["", "text", "a\tb\n", "a\x00\n", "a\ud800\n", "a\r\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(body: str) -> None:
    """A5: nobody could open it."""
    with pytest.raises(InputError, match="NOTE_MALFORMED"):
        SIGNER.line(body)


def test_a_time_of_64_bits_is_neither_signed_nor_believed() -> None:
    """A7: from both sides, also when the signature is good."""
    body = HEAD.text
    for seconds in (0, TIME_MAX):
        note = Note(body, (WITNESS.line(body, seconds),))
        assert open_note(note, [WITNESS.key])[0].unix_seconds == seconds
    for seconds in (-1, TIME_MAX + 1):
        with pytest.raises(InputError, match="NOTE_MALFORMED"):
            WITNESS.line(body, seconds)
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    good = private.sign(cosigned_message(body, TIME_MAX + 1))
    payload = (TIME_MAX + 1).to_bytes(TIME_SIZE, "big") + good
    line = SignatureLine(WITNESS.key.name, WITNESS.key.key_id, payload)
    with pytest.raises(IntegrityError, match="SIG_INVALID"):
        open_note(Note(body, (line,)), [WITNESS.key])


def test_a_stored_record_is_bounded_when_it_is_read_too() -> None:
    """A1: whoever wrote it, from both sides."""
    row = a_log((1,)).rows[0]
    spare = BODY_BYTES_MAX - len(edited(row, {"meaning": ""}).body)
    assert len(parse_record(edited(row, {"meaning": "x" * spare}).body)["meaning"]) == spare
    with pytest.raises(InputError, match="RECORD_TOO_LONG"):
        parse_record(edited(row, {"meaning": "x" * (spare + 1)}).body)
