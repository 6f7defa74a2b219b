"""Drafts on their way: lines that are the canonical bytes, and bodies made by splicing."""

from typing import cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.audit.drafts import DraftWriter, Sealing, draft_bytes, lined, read_draft
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InputError
from tests.core.audit.log_builder import CLOCK, NOW, ORIGIN, a_draft

SEATED: dict[str, Json] = {
    "v": 1,
    "origin": ORIGIN,
    "seq": 7,
    "prev": "a" * 64,
    "stream_seq": 3,
    "stream_prev": "b" * 64,
    "recorded_at": "2026-01-02T00:45:00.000000Z",
    "clock": {"source": CLOCK["source"], "max_error_us": CLOCK["max_error_us"]},
}
TEXT = st.text(max_size=12) | st.sampled_from(
    ['\n"type":"x.y"', ',\n"stream":', "\\n", '"}', "\u2028"]
)
KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=6)
VALUES = st.dictionaries(KEYS, TEXT | st.lists(TEXT, max_size=3) | st.integers(0, 9), max_size=4)
WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)


def drafted(**changes: Json) -> dict[str, Json]:
    return cast("dict[str, Json]", {**a_draft(), **changes})


def body(content: bytes) -> bytes:
    return Sealing(ORIGIN, NOW, CLOCK).body(
        read_draft(content), seq=7, prev="a" * 64, stream_seq=3, stream_prev="b" * 64
    )


@given(after=VALUES, meaning=TEXT, stream=WORDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_i1_the_lines_joined_are_the_canonical_bytes(
    after: dict[str, Json], meaning: str, stream: str
) -> None:
    """TX-K7: whatever texts hold, a line ends where its member does."""
    draft = drafted(after=after, meaning=meaning, stream=stream)
    content = draft_bytes(draft)
    assert b"".join(content.split(b"\n")) == canonical_bytes(draft)
    found = read_draft(content)
    assert found.content == content
    assert [found.stream, found.type] == [stream, draft["type"]]
    assert [found.event_id, found.occurred_at] == [draft["event_id"], draft["occurred_at"]]
    assert found[1:] == lined(draft)[1:]
    assert found.content == lined(draft).content


@given(after=VALUES, meaning=TEXT, stream=WORDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_i2_a_spliced_body_is_the_canonical_form_of_the_whole(
    after: dict[str, Json], meaning: str, stream: str
) -> None:
    """TX-K7: as if draft and place had been encoded together."""
    draft = drafted(after=after, meaning=meaning, stream=stream)
    assert body(draft_bytes(draft)) == canonical_bytes({**draft, **SEATED})


@given(drafts=st.lists(st.builds(drafted, after=VALUES, meaning=TEXT, stream=WORDS), max_size=5))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_drafts_have_in_common_is_written_as_if_each_came_alone(
    drafts: list[dict[str, Json]],
) -> None:
    """TX-K7: neighbours that share texts and objects, and the same draft again."""
    writer = DraftWriter()
    shared = [{**draft, "actor": drafts[0]["actor"]} for draft in drafts for _ in range(2)]
    assert [writer.written(draft) for draft in shared] == [draft_bytes(draft) for draft in shared]


@pytest.mark.parametrize("change", [{"stream": "two words"}, {"pii": ["none"]}, {"subject": None}])
def test_what_does_not_fit_is_refused_beside_what_was_checked_and_leaves_nothing(
    change: dict[str, Json],
) -> None:
    """TX-K4: a draft that fails is no neighbour of the next."""
    writer = DraftWriter()
    assert writer.written(a_draft()) == draft_bytes(a_draft())
    for _ in range(2):
        with pytest.raises(InputError, match="RECORD_INVALID"):
            writer.written(drafted(**change))
    assert writer.written(a_draft()) == draft_bytes(a_draft())


OTHER = {
    "canonical bytes": lambda content: content.replace(b"\n", b""),
    "nothing": lambda _: b"",
    "no object": lambda _: b"[]",
    "one member less": lambda content: content.replace(b'"run":null,\n', b""),
    "one member more": lambda content: content.replace(b'"run":null', b'"rum":null,\n"run":null'),
    "another order": lambda content: content.replace(
        b'"run":null,\n"step":null', b'"step":null,\n"run":null'
    ),
    "another name": lambda content: content.replace(b'"run":', b'"ran":'),
    "what the sequencer sets": lambda content: content.replace(b'"run":null', b'"seq":1'),
    "no words": lambda content: content.replace(b'"stream":"', b'"stream":x"'),
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_i3_lines_of_another_format_are_refused(change: object) -> None:
    """TX-K4: also those of another version of this code."""
    content = draft_bytes({**a_draft(), "run": None, "step": None})
    assert body(content)
    assert callable(change)
    changed = change(content)
    assert changed != content
    with pytest.raises(InputError, match="NOT_CANONICAL"):
        body(changed)


def test_a_waiting_draft_is_json_as_any_other() -> None:
    """Reconcile reads drafts that wait."""
    assert orjson.loads(draft_bytes(a_draft())) == a_draft()
