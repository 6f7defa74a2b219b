"""Arbitrary bytes in a pack: an answer with a code, never a traceback, never a false acceptance."""

import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.audit.note import NoteSigner
from evidence.verify import Reader, UnusableError, read_vkey, verify
from evidence.verify.notes import Vkey, opened, read_head
from tests.evidence import own_packs
from tests.evidence.own_packs import Files, Logged, exported, into_folder, packed
from tests.in_memory import memory
from tests.world import ORIGIN, World

NAMES = (
    *("bagit.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "statement.dsse.json"),
    *("data/pack.json", "data/records.jsonl", "data/withheld.jsonl", "data/checkpoint"),
    *("data/proof", "data/completeness.jsonl", "data/log.vkey", "data/expected"),
    *("data/consistency", "data/pii/openings.jsonl"),
)
LOG_KEY = NoteSigner(ORIGIN, bytes(range(32)))
SOME = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@functools.cache
def log() -> Logged:
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        world = World(Path(folder) / "home")
        return exported(world, "case", world.approved())


@functools.cache
def whole() -> Files:
    return packed(log(), kept=own_packs.note_at(log(), 20, LOG_KEY))


def answered(files: Files) -> str:
    """The finding's code; empty when there is none."""
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        place = into_folder(files, Path(folder) / "pack")
        told = verify(place, Reader(read_vkey(log().vkey)))
        shutil.rmtree(place)
    assert json.loads(json.dumps(told)) == told
    return "" if told["finding"] is None else str(told["finding"]["code"])


def signed(files: Files) -> Files:
    """As the exporter would hand it over: nothing but the content is wrong."""
    try:
        files = own_packs.stated(files, log().private)
    except (ValueError, AttributeError, TypeError, KeyError):
        return own_packs.bagged(files)
    return own_packs.bagged(files)


def test_the_pack_that_is_changed_here_is_whole() -> None:
    assert answered(whole()) == ""


@SOME
@given(st.sampled_from(NAMES), st.binary(max_size=300), st.booleans())
def test_arbitrary_bytes_are_answered(name: str, content: bytes, resigned: bool) -> None:
    files = whole() | {name: content}
    again = signed(files) if resigned else files
    code = answered(again)
    empty = not content and name == "data/pii/openings.jsonl"
    assert code or again == whole() or (resigned and (empty or written_anew(name)))


def written_anew(name: str) -> bool:
    """Who signs writes these."""
    return name == "statement.dsse.json" or "manifest" in name


@SOME
@given(st.sampled_from(NAMES), st.data())
def test_a_part_that_is_altered_is_answered(name: str, data: st.DataObject) -> None:
    content = whole().get(name, b"{}\n")
    at = data.draw(st.integers(0, len(content)))
    cut = data.draw(st.integers(0, 30))
    changed = content[:at] + data.draw(st.binary(max_size=30)) + content[at + cut :]
    if changed != content:
        answered(signed(whole() | {name: changed}))
        assert answered(whole() | {name: changed})


@SOME
@given(JSON, st.sampled_from(["pack", "claims", "scope", "counts", "entries", "statement"]))
def test_odd_values_in_the_place_of_others_are_answered(value: object, where: str) -> None:
    files = dict(whole())
    told = json.loads(files["data/pack.json"])
    line = json.loads(files["data/completeness.jsonl"].splitlines()[0])
    if where in told:
        told[where] = value
    if where == "claims":
        told["claims"] = [value]
    if where == "entries":
        line["entries"] = [value]
        files["data/completeness.jsonl"] = own_packs.canonical(line) + b"\n"
    content = value if where == "pack" else told
    if where == "statement":
        files["statement.dsse.json"] = json.dumps(value).encode()
    files["data/pack.json"] = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    assert answered(own_packs.bagged(files))
    assert answered(signed(files)) or where == "statement"


@pytest.mark.parametrize("parse", [read_vkey, read_head], ids=["vkey", "checkpoint"])
@given(text=st.text(max_size=120))
def test_a_key_or_checkpoint_is_read_or_refused(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except (ValueError, IndexError):
        return
    assert "+" in text or "\n" in text


@given(note=st.binary(max_size=200), key=st.binary(min_size=32, max_size=32))
def test_a_note_is_opened_or_refused(note: bytes, key: bytes) -> None:
    try:
        _, good = opened(note, [Vkey("name", 1, key)])
    except (ValueError, UnusableError):
        return
    assert not good
