"""The log: whether it holds, its head, its records, its checkpoints and its keys."""

from collections.abc import Iterator

import streamlit as st

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.note import parse_note
from counterseal.audit.record import StoredRow
from counterseal.desk.views.event_checks import check_events
from counterseal.desk.views.integrity import IntegrityState
from counterseal.desk.views.records import audit_entry
from storage.home_reader import HomeReader
from storage.record_search import FOUND_MAX
from storage.verification import pinned_evidence
from ui.web import house
from ui.web.log_check import LogCheck, log_check
from ui.web.parts import panels
from ui.web.parts.chain import Block, chain
from ui.web.parts.log_banner import log_banner
from ui.web.parts.pieces import Card, Tone, cards, choice, copyable, facts, page_of, plain, table
from ui.web.parts.words import moment, number, short
from ui.web.visit import link
from ui.web.wording import say

ROWS = 15
HEAD_BLOCKS = 5
WORDS = "q"
AGAIN = "verify-again"


def show() -> None:
    """The page."""
    panels.title(say("audit.title"), say("audit.scope"))
    named = {
        "log": say("audit.view_log"),
        "checkpoints": say("audit.view_checkpoints"),
        "keys": say("audit.view_keys"),
    }
    view, button = st.columns([4, 1], vertical_alignment="center")
    with view:
        chosen = choice("view", say("audit.view"), named)
    with button:
        again = st.button(say("audit.verify_now"), key=AGAIN, width="stretch")
    with house.reading() as reader:
        check = log_check(reader, again=again)
        log_banner(check, reader.ends())
        if chosen == "checkpoints":
            _checkpoints(reader)
        elif chosen == "keys":
            _keys(reader)
        else:
            _log(reader, check)


def _log(reader: HomeReader, check: LogCheck | None) -> None:
    _counts(reader, check)
    ends = reader.ends()
    if ends is None:
        return
    st.header(say("audit.head"), anchor=False)
    first = max(ends[1] - HEAD_BLOCKS - 1, ends[0])
    chain(*_blocks(list(reader.records(first, ends[1])), check))
    events, limits = st.columns([1.72, 1], gap="large")
    with events:
        _events(reader, ends)
    with limits:
        _limits(check)


def _counts(reader: HomeReader, check: LogCheck | None) -> None:
    ends = reader.ends()
    size = 0 if ends is None else ends[1] - ends[0]
    newest = reader.newest_checkpoint()
    sealed = 0 if newest is None else newest.size
    after = 0 if ends is None else max(ends[1] - sealed, 0)
    view = None if check is None or check.facts is None else check.view
    unknown = say("audit.not_counted")
    witnesses = None if check is None or check.facts is None else check.facts.witnesses
    heads = "0" if check is None else number(check.heads)
    cards(
        Card(
            say("audit.records"),
            number(size),
            "" if view is None else say("audit.cases", count=number(view.workflows_checked)),
        ),
        Card(
            say("audit.bad_links"),
            unknown if view is None else number(view.broken_chain_count),
            ""
            if view is None
            else say(
                "audit.bad_note",
                missing=number(view.missing_hash_count),
                repeated=number(view.duplicate_audit_ids_count),
            ),
        ),
        Card(
            say("audit.checkpoints"),
            number(sealed),
            say("audit.checkpoint_note", count=number(after)),
        ),
        Card(
            say("audit.outside"),
            say("audit.unreadable") if witnesses is None else number(witnesses),
            say("audit.outside_note", heads=heads),
        ),
    )


def _blocks(rows: list[StoredRow], check: LogCheck | None) -> Iterator[Block]:
    """The newest records; the state of each link is that of the check, never more."""
    firsts = {one.seq: one for one in check_events(rows)}
    bad = None if check is None else check.view.first_bad
    shown = rows[1:] if len(rows) > HEAD_BLOCKS else rows
    for row in shown:
        entry, held = audit_entry(row), firsts.get(row.seq)
        yield Block(
            seq=row.seq,
            event=str(row.type),
            actor=entry.actor,
            previous=short(str(row.prev)),
            digest=short(str(row.leaf_hash)),
            link=_link(row.seq, check, bad),
            differs=bool(held and not held.event_hash_valid),
        )


def _link(seq: int, check: LogCheck | None, bad: int | None) -> Tone:
    """Green only up to where a check reached without a doubt; all behind a break is unknown."""
    if check is None or seq >= check.size:
        return Tone.OFF
    if bad is not None:
        return Tone.OFF if seq > bad else Tone.BAD if seq == bad else Tone.GOOD
    return Tone.GOOD if check.view.state is IntegrityState.VERIFIED else Tone.OFF


def _events(reader: HomeReader, ends: tuple[int, int]) -> None:
    st.header(say("audit.events"), anchor=False)
    asked = st.query_params.get(WORDS, "")
    st.session_state[WORDS] = asked
    st.text_input(
        say("audit.search"),
        key=WORDS,
        placeholder=say("audit.search_hint"),
        max_chars=120,
        on_change=_searched,
    )
    if not asked:
        at = page_of(ends[1] - ends[0], ROWS, "page")
        _rows([*reader.records(max(ends[1] - at.stop, ends[0]), ends[1] - at.start)][::-1])
        return
    found = reader.found(asked)
    if not found:
        panels.empty(say("audit.none_found", words=asked), say("audit.none_found_then"))
        return
    count, said = number(len(found)), plain(asked)
    if len(found) == FOUND_MAX:
        st.caption(say("audit.found_most", count=count, words=said))
    else:
        st.caption(say("audit.found", count=count, words=said))
    rows = (reader.record(seq) for seq in found[page_of(len(found), ROWS, "page")])
    _rows([row for row in rows if row is not None])


def _searched() -> None:
    words = str(st.session_state.get(WORDS, "")).strip()
    st.query_params.pop("page", None)
    if words:
        st.query_params[WORDS] = words
    else:
        st.query_params.pop(WORDS, None)


def _rows(rows: list[StoredRow]) -> None:
    for row in rows:
        entry = audit_entry(row)
        with st.container(border=True, key=f"record-{row.seq}"):
            which, what, digest = st.columns([1, 4, 2], vertical_alignment="center")
            with which:
                link("record", say("audit.record", seq=number(row.seq)), seq=str(row.seq))
            with what, st.container(gap=None):
                st.markdown(f"**{plain(str(row.type))}** {plain(entry.actor)}")
                at = "" if entry.timestamp is None else moment(entry.timestamp)
                st.caption(f"{at} {plain(entry.resource)}")
            with digest:
                st.caption(f"`{short(str(row.leaf_hash))}`")


def _limits(check: LogCheck | None) -> None:
    """Computed from the probes: what is not there is said, and nothing else."""
    with st.container(border=True):
        st.header(say("audit.limits"), anchor=False)
        for gap in _gaps(check):
            st.markdown(f"- {gap}")
    copyable(say("audit.yourself"), "counterseal audit verify --vkey KEY_FILE --expect CHECKPOINT")


def _gaps(check: LogCheck | None) -> Iterator[str]:
    seen = None if check is None else check.facts
    if seen is None or not seen.worm_ledger:
        yield say("audit.gap_worm")
    if seen is None or not seen.centralized_audit_service:
        yield say("audit.gap_central")
    if seen is None or seen.witnesses is None:
        yield say("audit.gap_witness_unknown")
    elif not seen.witnesses:
        yield say("audit.gap_witness")
    if seen is None or seen.time_stamped is None:
        yield say("audit.gap_time_unknown")
    elif not seen.time_stamped:
        yield say("audit.gap_time")
    yield say("audit.gap_never")


def _checkpoints(reader: HomeReader) -> None:
    found = reader.checkpoints()
    if not found:
        panels.empty(say("audit.no_checkpoint"), say("audit.no_checkpoint_then"))
        return
    shown = [*found][::-1][page_of(len(found), ROWS, "page")]
    notes = [(one, read_checkpoint(one.note)) for one in shown]
    table(
        say("audit.view_checkpoints"),
        (say("audit.size"), say("audit.root"), say("audit.origin"), say("audit.signatures")),
        [
            (
                number(told.size),
                short(told.root.hex()),
                told.origin,
                number(len(parse_note(stored.note).lines)),
            )
            for stored, told in notes
        ],
        numeric={0, 3},
    )
    copyable(say("audit.newest_note"), found[-1].note)


def _keys(reader: HomeReader) -> None:
    [pinned] = pinned_evidence(reader).log_keys
    copyable(say("audit.key"), pinned.text)
    st.caption(say("audit.key_told"))
    facts((say("audit.origin"), pinned.name))
