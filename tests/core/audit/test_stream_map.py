"""The map of streams proves where a stream ended, that there was none, and nothing else (TX-M)."""

import hashlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.audit.merkle import EMPTY_ROOT, leaf_hash, node_hash
from counterseal.audit.stream_map import (
    MapEntry,
    StreamEnd,
    StreamMap,
    check_absence,
    check_entry,
    leaf_of,
    map_leaf,
    stream_key,
)
from counterseal.kernel.errors import InputError


def an_end(stream: str, stream_seq: int = 1) -> StreamEnd:
    head = hashlib.sha256(f"{stream}/{stream_seq}".encode()).hexdigest()
    return StreamEnd(stream, stream_seq, head)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
ENDS = st.dictionaries(NAMES, st.integers(1, 2**53 - 2), min_size=1, max_size=40).map(
    lambda seqs: [an_end(*one) for one in seqs.items()]
)


def changed(path: tuple[bytes, ...], place: int) -> tuple[bytes, ...]:
    """A path with one bit turned at a place, or one hash too many when it has none."""
    if not path:
        return (bytes(32),)
    at = place % len(path)
    return (*path[:at], bytes([path[at][0] ^ 1]) + path[at][1:], *path[at + 1 :])


def test_a_leaf_is_the_canonical_json_of_head_key_and_place() -> None:
    end = StreamEnd("case:apr_1", 3, "ab" * 32)
    key = hashlib.sha256(b"\x03case:apr_1").hexdigest()

    assert stream_key("case:apr_1").hex() == key
    assert map_leaf(end) == f'{{"head":"{"ab" * 32}","key":"{key}","seq":3}}'.encode()


def test_the_root_is_that_of_the_leaves_in_the_order_of_their_keys() -> None:
    ends = [an_end(f"case:{n}") for n in range(3)]
    one, two, three = (
        leaf_hash(map_leaf(end)) for end in sorted(ends, key=lambda e: stream_key(e.stream))
    )

    assert StreamMap(ends).root == node_hash(node_hash(one, two), three)


@given(ENDS)
def test_the_order_of_the_ends_changes_nothing(ends: list[StreamEnd]) -> None:
    assert StreamMap(reversed(ends)).root == StreamMap(ends).root
    assert StreamMap(ends).size == len(ends)


@given(ENDS)
def test_every_stream_is_proved_where_it_ended(ends: list[StreamEnd]) -> None:
    built = StreamMap(ends)
    entries = [built.present(end.stream) for end in ends]

    assert sorted(entry.index for entry in entries) == list(range(len(ends)))
    assert all(
        check_entry(end, entry, built.size, built.root)
        for end, entry in zip(ends, entries, strict=True)
    )


@given(ENDS, NAMES)
def test_a_stream_is_present_or_absent_never_both(ends: list[StreamEnd], name: str) -> None:
    built = StreamMap(ends)
    known = {end.stream for end in ends}
    if name in known:
        with pytest.raises(InputError, match="STREAM_KNOWN"):
            built.absent(name)
        return
    neighbours = built.absent(name)

    assert check_absence(name, neighbours, built.size, built.root)
    assert len(neighbours) == 2 or neighbours[0].index in {0, built.size - 1}
    with pytest.raises(InputError, match="STREAM_UNKNOWN"):
        built.present(name)


@given(ENDS, st.data())
def test_no_neighbours_prove_a_present_stream_absent(
    ends: list[StreamEnd], data: st.DataObject
) -> None:
    """The operator's best try: any one or two true entries of the map."""
    built = StreamMap(ends)
    stream = data.draw(st.sampled_from(ends)).stream
    picked = data.draw(st.lists(st.sampled_from(ends), max_size=3))
    entries = tuple(built.present(end.stream) for end in picked)

    assert not check_absence(stream, entries, built.size, built.root)


@given(ENDS, st.integers(0, 100), st.data())
def test_an_entry_proves_nothing_else(
    ends: list[StreamEnd], place: int, data: st.DataObject
) -> None:
    built = StreamMap(ends)
    end = data.draw(st.sampled_from(ends))
    entry, size, root = built.present(end.stream), built.size, built.root
    shorter = end._replace(stream_seq=end.stream_seq + 1)

    assert not check_entry(end._replace(stream="another"), entry, size, root)
    assert not check_entry(end._replace(head="00" * 32), entry, size, root)
    assert not check_entry(shorter, entry, size, root)
    assert not check_entry(shorter, replace(entry, leaf=leaf_of(shorter)), size, root)
    assert not check_entry(end, replace(entry, path=changed(entry.path, place)), size, root)
    assert not check_entry(end, replace(entry, path=(*entry.path, bytes(32))), size, root)
    assert not check_entry(end, replace(entry, index=entry.index + size), size, root)
    assert not check_entry(end, entry, size, bytes(32))


@given(st.lists(NAMES, min_size=2, max_size=20, unique=True))
def test_another_streams_entry_is_refused(names: list[str]) -> None:
    built = StreamMap([an_end(name) for name in names])
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        assert not check_entry(an_end(name), built.present(other), built.size, built.root)


def between(size: int = 7) -> tuple[StreamMap, str, tuple[MapEntry, ...]]:
    """A map, a name that is not in it, and the two neighbours of its key."""
    built = StreamMap([an_end(f"case:{n}") for n in range(size)])
    names = (f"none:{n}" for n in range(1_000))
    name = next(name for name in names if len(built.absent(name)) == 2)
    return built, name, built.absent(name)


def test_absence_needs_both_neighbours_in_their_order() -> None:
    built, name, (low, high) = between()

    assert check_absence(name, (low, high), built.size, built.root)
    assert not check_absence(name, (high, low), built.size, built.root)
    assert not check_absence(name, (low,), built.size, built.root)
    assert not check_absence(name, (high,), built.size, built.root)
    assert not check_absence(name, (), built.size, built.root)
    assert not check_absence(name, (low, high, high), built.size, built.root)


def test_neighbours_with_a_stream_left_out_between_them_are_refused() -> None:
    built, name, (low, high) = between()
    keys = sorted((built.present(f"case:{n}") for n in range(7)), key=lambda e: e.index)
    wider = (keys[low.index - 1], high) if low.index else (low, keys[high.index + 1])

    assert not check_absence(name, wider, built.size, built.root)


def test_neighbours_around_another_key_are_refused() -> None:
    """Adjacent and true, but the key lies beside them, or is one of them."""
    built, name, pair = between()
    others = [built.present(f"case:{n}") for n in range(7)]
    ordered = sorted(others, key=lambda entry: entry.index)
    pairs = [two for two in pairwise(ordered) if two != pair]

    assert len(pairs) == 5
    assert not any(check_absence(name, two, built.size, built.root) for two in pairs)
    for entry in others:
        stream = f"case:{others.index(entry)}"
        around = [two for two in pairwise(ordered) if entry in two]
        assert not any(check_absence(stream, two, built.size, built.root) for two in around)


def test_an_altered_neighbour_is_refused() -> None:
    built, name, (low, high) = between()
    moved = replace(high, index=high.index + 1)
    lying = replace(low, leaf=low.leaf._replace(seq=low.leaf.seq + 1))
    bent = replace(low, path=changed(low.path, 0))

    assert not check_absence(name, (low, moved), built.size, built.root)
    assert not check_absence(name, (lying, high), built.size, built.root)
    assert not check_absence(name, (bent, high), built.size, built.root)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_a_key_beyond_an_end_of_the_map_has_one_neighbour(size: int) -> None:
    built = StreamMap([an_end(f"case:{n}") for n in range(size)])
    found = {built.absent(f"none:{n}")[0].index for n in range(400) if len(_lone(built, n)) == 1}

    assert found == {0, size - 1}
    assert all(
        check_absence(f"none:{n}", _lone(built, n), built.size, built.root) for n in range(400)
    )


def _lone(built: StreamMap, number: int) -> tuple[MapEntry, ...]:
    return built.absent(f"none:{number}")


def test_an_empty_map_proves_nothing() -> None:
    empty = StreamMap(())

    assert (empty.size, empty.root, empty.absent("case:1")) == (0, EMPTY_ROOT, ())
    assert not check_absence("case:1", (), empty.size, empty.root)


def test_a_leaf_that_no_map_can_hold_is_refused_not_raised() -> None:
    built = StreamMap([an_end("case:1")])
    entry = built.present("case:1")
    beyond = replace(entry, leaf=entry.leaf._replace(seq=2**53))
    end = StreamEnd("case:1", 2**53, entry.leaf.head)

    assert not check_entry(end, beyond, built.size, built.root)
    assert not check_absence("case:2", (beyond,), built.size, built.root)


def test_a_stream_with_two_ends_is_refused() -> None:
    with pytest.raises(InputError, match="STREAM_TWICE"):
        StreamMap([an_end("case:1", 1), an_end("case:1", 2)])
