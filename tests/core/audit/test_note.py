"""Notes, checkpoints, cosignatures and receipts: known answers and strictness."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    read_checkpoint,
    sign_checkpoint,
)
from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.note import (
    COSIGNATURE,
    NOTE_BYTES_MAX,
    Note,
    NoteSigner,
    VerifierKey,
    open_note,
    parse_note,
    parse_vkey,
)
from counterseal.audit.receipt import Receipt, check_receipt, parse_receipt
from counterseal.kernel.errors import CountersealError, InputError, IntegrityError
from tests.core.audit.log_builder import ORIGIN, SIGNER

LOG_VKEY = "counterseal.example/log1+2ab9690b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_VKEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
PAYLOAD = (
    "KrlpC5rq8Prg3qSFa3YTNZ325AdbDmv4N9EHnN2kc/sSVvx3vc9pRf1uPVLj2tK1MbA6DYmEGOVHCr5fWD9wy1CyYgY="
)
COSIGNED = (
    "IDJKvgAAAABrATv4NuenIKKFK1cfiXnLXCaCassof6cmf6a567QtAzT26/mg2EHPe0b8EQrMFIUTJlhxIWYKC9qcYkd7Qhl3"
    "Z0zRBQ=="
)
TIME = 1795243000
WITNESS = NoteSigner("witness.example/w1", bytes(range(32, 64)), COSIGNATURE)
STRANGER = NoteSigner("stranger.example", bytes(32))
TREE = Tree(leaf_hash(b"record-%d" % n) for n in range(7))
SIGNED = sign_checkpoint(Checkpoint(ORIGIN, 7, TREE.root()), SIGNER)
NOTE = cosign_checkpoint(SIGNED, WITNESS, TIME)
RECEIPT = Receipt(4, TREE.inclusion_path(4), NOTE)
KEY = SIGNER.key


def test_known_keys_and_payloads_come_out() -> None:
    """TX-K7."""
    assert KEY.text == LOG_VKEY
    assert WITNESS.key.text == WITNESS_VKEY
    assert (
        f"{ORIGIN}\n7\nrEm//C5LXcDmoPx2uAhg0sI5VbhNRT21QRNDcuLFqR8=\n\n"
        f"\u2014 {ORIGIN} {PAYLOAD}\n\u2014 witness.example/w1 {COSIGNED}\n"
    ) == NOTE
    assert len(RECEIPT.text.encode()) == 490


def test_a_checkpoint_opens_under_pinned_keys_with_its_times() -> None:
    """TX-K7."""
    opened = open_checkpoint(NOTE, parse_vkey(LOG_VKEY), [parse_vkey(WITNESS_VKEY)])
    assert opened.checkpoint == Checkpoint(ORIGIN, 7, TREE.root())
    assert [line.unix_seconds for line in opened.lines] == [None, TIME]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+2ab9690b",
        LOG_VKEY.replace("2ab9690b", "2ab9690c"),
        LOG_VKEY.replace("2ab9690b", "2AB9690B"),
        LOG_VKEY.replace("log1", "log 1"),
        LOG_VKEY.removesuffix("4"),
        LOG_VKEY + "\n",
        LOG_VKEY.replace("+AQ", "+AA"),
    ],
)
def test_a_vkey_of_another_form_is_refused(text: str) -> None:
    """TX-K7."""
    with pytest.raises(InputError):
        parse_vkey(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\x00", "a\ud800"])
def test_a_key_name_with_blank_plus_or_control_is_refused(name: str) -> None:
    """TX-K7."""
    with pytest.raises(InputError, match="KEY_INVALID"):
        VerifierKey(name, 1, bytes(32))


def test_unknown_signers_are_passed_over_and_never_suffice() -> None:
    """TX-K7."""
    body = parse_note(SIGNED).body
    both = Note(body, (STRANGER.line(body), SIGNER.line(body)))
    assert [line.key for line in open_note(both, [KEY])] == [KEY]
    with pytest.raises(IntegrityError, match="KEY_UNKNOWN"):
        open_note(Note(body, (STRANGER.line(body),)), [KEY])
    with pytest.raises(IntegrityError, match="KEY_UNKNOWN"):
        open_note(both, [])


def test_one_bad_signature_of_a_known_key_refuses_the_note() -> None:
    """TX-K7."""
    body = parse_note(NOTE).body
    bad = SIGNER.line(body.replace("7\n", "8\n"))
    with pytest.raises(IntegrityError, match="SIG_INVALID"):
        open_note(Note(body, (WITNESS.line(body, TIME), bad)), [KEY, WITNESS.key])
    with pytest.raises(IntegrityError, match="SIG_INVALID"):
        open_note(Note(body, (SIGNER.line(body), bad)), [KEY])


def test_the_key_of_another_log_never_vouches_for_this_one() -> None:
    """TX-K7."""
    other = NoteSigner("counterseal.example/log2", bytes(range(32)))
    body = parse_note(SIGNED).body
    with pytest.raises(IntegrityError, match="KEY_UNKNOWN"):
        open_checkpoint(Note(body, (other.line(body),)).text, other.key)
    with pytest.raises(IntegrityError, match="KEY_UNKNOWN"):
        open_checkpoint(Note(body, (WITNESS.line(body, TIME),)).text, KEY, [WITNESS.key])
    with pytest.raises(InputError, match="KEY_INVALID"):
        sign_checkpoint(read_checkpoint(SIGNED), other)


def test_a_time_is_signed_by_witnesses_and_only_by_them() -> None:
    """TX-K7."""
    with pytest.raises(InputError, match="KEY_INVALID"):
        SIGNER.line("text\n", TIME)
    with pytest.raises(InputError, match="KEY_INVALID"):
        WITNESS.line("text\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "text",
        SIGNED.removesuffix("\n"),
        SIGNED + "\n",
        SIGNED.replace("\n", "\r\n"),
        SIGNED.replace("\n\n", "\n"),
        SIGNED.replace("\u2014", "-"),
        SIGNED.replace("\u2014 ", "\u2014  "),
        SIGNED.replace("7\n", "7\t\n"),
        SIGNED[:-2] + "\n",
        SIGNED.replace("YgY=", "YgZ="),
        SIGNED.replace("YgY=", "Yg-="),
        "text\n\n\u2014 name AAAAAA==\n",
        "text\n\n\u2014 name\n",
        "text\n" + "x" * NOTE_BYTES_MAX,
        "text\n\n" + "\u2014 name AAAAAAA=\n" * 65,
    ],
)
def test_a_note_of_another_form_is_refused(text: str) -> None:
    """TX-K7."""
    with pytest.raises(InputError):
        parse_note(text)
    with pytest.raises(InputError):
        parse_note(text.encode())


def test_bytes_that_are_no_text_are_refused() -> None:
    """TX-K7."""
    with pytest.raises(InputError, match="NOTE_MALFORMED"):
        parse_note(b"\xff\n\n" + SIGNED.encode())


def test_sixteen_lines_and_empty_lines_in_the_text_are_accepted() -> None:
    """TX-K7."""
    body = "one\n\n\ntwo\n"
    note = Note(body, tuple(STRANGER.line(body) for _ in range(16)))
    assert parse_note(note.text) == note


@pytest.mark.parametrize(
    "body",
    [
        f"{ORIGIN}\n07\n{'A' * 43}=\n",
        f"{ORIGIN}\n-1\n{'A' * 43}=\n",
        f"{ORIGIN}\n+1\n{'A' * 43}=\n",
        f"{ORIGIN}\n9223372036854775808\n{'A' * 43}=\n",
        f"{ORIGIN}\n\u0661\n{'A' * 43}=\n",
        f"{ORIGIN}\n7\n{'A' * 42}==\n",
        f"{ORIGIN}\n7\nAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\nextension\n",
        f"{ORIGIN}\n7\n{'A' * 43}=",
        f"{ORIGIN}\n7\n",
        f"\n7\n{'A' * 43}=\n",
        f"a b\n7\n{'A' * 43}=\n",
    ],
)
def test_a_checkpoint_of_another_form_is_refused(body: str) -> None:
    """TX-K7."""
    with pytest.raises(InputError):
        parse_checkpoint(body)


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_i2_any_changed_byte_of_a_checkpoint_is_noticed(at: int, flip: int) -> None:
    """TX-K7: it is refused, or only the unauthenticated name of a line is lost."""
    changed = bytearray(NOTE.encode())
    changed[at] ^= flip
    try:
        opened = open_checkpoint(bytes(changed), KEY, [WITNESS.key])
    except CountersealError:
        return
    assert opened.checkpoint == Checkpoint(ORIGIN, 7, TREE.root())
    assert len(opened.lines) == 1


@given(st.text(st.sampled_from("\n \u2014+ab0=A\r\t"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_i1_what_is_parsed_prints_back(text: str) -> None:
    """TX-K7."""
    for candidate in (text, f"{text}\n\n\u2014 name AAAAAAA=\n"):
        try:
            note = parse_note(candidate)
        except InputError:
            continue
        assert note.text == candidate


def test_a_receipt_reads_back_and_proves_its_record() -> None:
    """TX-K7."""
    for receipt in (RECEIPT, Receipt(4, RECEIPT.path, NOTE, b"extra")):
        assert parse_receipt(receipt.text) == receipt
        opened = check_receipt(receipt, b"record-4", KEY, [WITNESS.key])
        assert opened.checkpoint.size == 7


def test_a_receipt_for_other_bytes_or_another_place_is_refused() -> None:
    """TX-K7."""
    for receipt, body in (
        (RECEIPT, b"record-5"),
        (Receipt(5, RECEIPT.path, NOTE), b"record-4"),
        (Receipt(4, RECEIPT.path[:-1], NOTE), b"record-4"),
    ):
        with pytest.raises(IntegrityError, match="PROOF_INVALID"):
            check_receipt(receipt, body, KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        RECEIPT.text.replace("@v1", "@v2"),
        RECEIPT.text.replace("index 4", "index 04"),
        RECEIPT.text.replace("index 4", "index -4"),
        RECEIPT.text.replace("index 4\n", ""),
        RECEIPT.text.replace("index 4", "extra \nindex 4"),
        RECEIPT.text.replace("index 4", "index 4\nAAAA"),
        RECEIPT.text.replace("index 4", "index 4" + f"\n{'A' * 43}=" * 64),
        RECEIPT.text.replace("index 4\n", "index 4\n\n"),
        RECEIPT.text.replace("\n", "\r\n"),
    ],
)
def test_a_receipt_of_another_form_is_refused(text: str) -> None:
    """TX-K7."""
    with pytest.raises(InputError):
        parse_receipt(text)
