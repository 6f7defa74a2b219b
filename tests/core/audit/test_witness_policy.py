"""The policy file: who is trusted, and when enough of them agree."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.note import COSIGNATURE, NoteSigner, encode_base64
from counterseal.audit.trust_policy import Group, parse_policy
from counterseal.kernel.errors import InputError
from tests.core.audit.outside_cases import LOG_KEY, POLICY, WITNESSES, policy_text

W1, W2, W3 = (signer.key for signer in WITNESSES)
LOG = f"log {LOG_KEY.text}\n"
ONE = f"witness w1 {W1.text}\n"
POST_QUANTUM = f"w.example+00000000+{encode_base64(bytes([6]) + bytes(1312))}"
"""A key of a type that is read one day."""
TWO = f"witness w2 {W2.text}\n"


def test_a_policy_names_logs_witnesses_groups_and_a_quorum() -> None:
    """TX-K7: the format of the C2SP text, with blanks, comments and URLs."""
    text = (
        f"# who we trust\n\n \t log {LOG_KEY.text}  http://127.0.0.1/log \n"
        f"witness\tw1\t{W1.text} http://127.0.0.1:1\n{TWO}"
        "   # both\ngroup both all w1 w2\nquorum both"
    )
    policy = parse_policy(text.encode())
    assert [(log.key, log.url) for log in policy.logs] == [(LOG_KEY, "http://127.0.0.1/log")]
    assert [(w.name, w.url) for w in policy.witnesses] == [
        (b"w1", "http://127.0.0.1:1"),
        (b"w2", None),
    ]
    assert policy.witness_keys == (W1, W2)
    assert policy.groups == (Group(b"both", 2, (b"w1", b"w2")),)
    assert policy.quorum == b"both"


@pytest.mark.parametrize(
    ("rule", "enough"),
    [("any", 1), ("all", 3), ("1", 1), ("2", 2), ("3", 3)],
)
def test_a_group_is_met_by_its_number_of_members(rule: str, enough: int) -> None:
    """TX-K7: from both sides of the threshold."""
    policy = parse_policy(policy_text().replace(b"two 2", f"two {rule}".encode()))
    keys = (W1, W2, W3)
    assert policy.met_by(keys[:enough])
    assert not policy.met_by(keys[: enough - 1])


def test_groups_nest_as_in_the_published_example() -> None:
    """TX-K7: two of X and one of Y."""
    signers = [NoteSigner(f"w{n}.example", bytes([n]) * 32, COSIGNATURE) for n in range(1, 7)]
    names = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
    lines = [f"witness {name} {s.key.text}" for name, s in zip(names, signers, strict=True)]
    lines += ["group X 2 X1 X2 X3", "group Y any Y1 Y2 Y3", "group both all X Y", "quorum both"]
    policy = parse_policy("\n".join(lines).encode())
    x1, x2, _, y1, y2, _ = (signer.key for signer in signers)
    assert policy.met_by([x1, x2, y1])
    assert not policy.met_by([x1, y1, y2])
    assert not policy.met_by([x1, x2])


def test_i3_a_quorum_of_none_vouches_for_nothing() -> None:
    """TX-K7."""
    policy = parse_policy(policy_text("none"))
    assert policy.quorum is None
    assert not policy.met_by([W1, W2, W3])


def test_a_single_witness_may_be_the_quorum() -> None:
    """TX-K7."""
    policy = parse_policy(policy_text("w2"))
    assert policy.met_by([W2])
    assert not policy.met_by([W1, W3])


def test_names_are_bytes_and_not_letters() -> None:
    """TX-K7: the Kelvin sign is no K, and an undecodable name is a name."""
    kelvin = f"witness K {W1.text}\nquorum \u212a\n"
    with pytest.raises(InputError):
        parse_policy(kelvin.encode())
    odd = f"witness N {W1.text}\nquorum N\n".encode().replace(b" N", b" \xff\xfe")
    assert parse_policy(odd).met_by([W1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        LOG,
        ONE + "quorum w1\nquorum w1\n",
        ONE + "quorum w2\n",
        "quorum w1\n" + ONE,
        ONE + "quorum\n",
        ONE + "quorum w1 w1\n",
        "quorums none\n",
        "log\nquorum none\n",
        LOG.replace("\n", " url more\n") + "quorum none\n",
        LOG + LOG + "quorum none\n",
        f"log {W1.text}\nquorum none\n",
        f"witness w1 {LOG_KEY.text}\nquorum none\n",
        f"witness w1 {W1.text} url more\nquorum none\n",
        ONE + ONE + "quorum none\n",
        ONE + ONE.replace("w1", "w9", 1) + "quorum none\n",
        ONE.replace("witness w1", "witness none") + "quorum none\n",
        ONE + TWO.replace("w2", "w1", 1) + "quorum none\n",
        ONE + "group\nquorum w1\n",
        ONE + "group g\nquorum w1\n",
        ONE + "group g all\nquorum g\n",
        ONE + "group g 0 w1\nquorum g\n",
        ONE + "group g 2 w1\nquorum g\n",
        ONE + "group g 01 w1\nquorum g\n",
        ONE + "group g some w1\nquorum g\n",
        ONE + "group g all none\nquorum g\n",
        ONE + "group g any w1 w1\nquorum g\n",
        ONE + "group g all w1\ngroup h all w1\nquorum g\n",
        ONE + "group g all g\nquorum g\n",
        ONE + "group w1 all w1\nquorum w1\n",
        ONE + "group g all w2\n" + TWO + "quorum g\n",
        ONE + "quorum w1\r\n",
        ONE + "quorum w1\x00\n",
        ONE + "quorum\x0bw1\n",
        ONE + "quorum\x7fw1\n",
        "# a comment\x01\n" + ONE + "quorum w1\n",
    ],
)
def test_i1_what_is_not_understood_is_refused(text: str) -> None:
    """TX-K7: fail closed."""
    with pytest.raises(InputError) as refused:
        parse_policy(text.encode())
    assert refused.value.code == "TRUST_POLICY_MALFORMED"


@pytest.mark.parametrize("item", ["name", W1.text + "A", POST_QUANTUM])
def test_i1_a_key_that_is_not_understood_refuses_the_policy(item: str) -> None:
    """TX-K7."""
    with pytest.raises(InputError):
        parse_policy(f"witness w1 {item}\nquorum none\n".encode())


def test_i2_one_public_key_under_two_names_is_refused() -> None:
    """TX-K7: nobody counts twice, and the log is no witness of itself."""
    twin = NoteSigner("twin.example", bytes([41]) * 32, COSIGNATURE)
    own = NoteSigner("own.example", bytes(range(32)), COSIGNATURE)
    for signer in (twin, own):
        text = LOG + ONE + f"witness w9 {signer.key.text}\nquorum none\n"
        with pytest.raises(InputError) as refused:
            parse_policy(text.encode())
        assert refused.value.code == "TRUST_POLICY_MALFORMED"


def test_i1_the_recommended_number_of_entries_is_read_and_an_absurd_one_is_not() -> None:
    """TX-K7: at least 32 logs, witnesses and groups."""

    def many(count: int) -> bytes:
        lines = [
            f"log {NoteSigner(f'log{n}', n.to_bytes(32, 'big')).key.text}" for n in range(count)
        ]
        for n in range(count):
            key = NoteSigner(f"w{n}", (1000 + n).to_bytes(32, "big"), COSIGNATURE).key
            lines += [f"witness w{n} {key.text}", f"group g{n} all w{n}"]
        return "\n".join([*lines, "quorum g0"]).encode()

    policy = parse_policy(many(40))
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (40, 40, 40)
    for content in (many(200), b"#" * 300_000 + b"\nquorum none\n"):
        with pytest.raises(InputError):
            parse_policy(content)


def test_i1_groups_have_a_bound_too() -> None:
    """TX-K7: names, none and the witness included."""

    def chained(count: int) -> bytes:
        lines = [ONE, "group g0 all w1"] + [f"group g{n} all g{n - 1}" for n in range(1, count)]
        return "\n".join([*lines, f"quorum g{count - 1}"]).encode()

    assert parse_policy(chained(254)).met_by([W1])
    with pytest.raises(InputError):
        parse_policy(chained(255))


@given(st.sets(st.integers(0, 2)))
def test_i3_more_cosignatures_never_undo_a_quorum(chosen: set[int]) -> None:
    """TX-K7."""
    keys = [WITNESSES[n].key for n in chosen]
    assert POLICY.met_by(keys) == (len(chosen) >= 2)
    assert not POLICY.met_by(keys) or POLICY.met_by([W1, W2, W3])


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_i1_no_bytes_crash_the_reader(content: bytes) -> None:
    """TX-K7."""
    for tail in (b"", b"\nquorum none\n"):
        with contextlib.suppress(InputError):
            parse_policy(content + tail)
