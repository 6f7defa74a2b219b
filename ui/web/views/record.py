"""One record of the log: what it says, its hashes recomputed, and its way up to a signed root."""

import streamlit as st

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.record import StoredRow
from counterseal.desk.views.event_checks import EventCheck
from counterseal.desk.views.inclusion import Inclusion, inclusion_steps
from counterseal.desk.views.records import AuditEntry, audit_entry
from counterseal.kernel.errors import CountersealError
from storage.home_reader import HomeReader
from ui.web import house
from ui.web.log_check import first_bad
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, copyable, facts, table
from ui.web.parts.words import absent, moment, number, short
from ui.web.proofs import proof_of
from ui.web.visit import link
from ui.web.wording import say

CASE = "case:"
DIGITS_MAX = 15


def show() -> None:
    """The page."""
    asked = st.query_params.get("seq", "")
    known = asked.isascii() and asked.isdigit() and len(asked) <= DIGITS_MAX
    link("audit", say("record.back"))
    with house.reading() as reader:
        row = reader.record(int(asked)) if known else None
        if row is None:
            panels.not_found(say("record.title"))
            return
        _record(reader, row)


def _record(reader: HomeReader, row: StoredRow) -> None:
    entry, check = audit_entry(row), first_bad(reader, row.seq)
    held = check is not None and check.event_hash_valid and check.previous_hash_valid
    good, bad = badge(say("record.holds"), Tone.GOOD), badge(say("record.differs"), Tone.BAD)
    heading = say("record.heading", seq=number(row.seq))
    panels.title(heading, say("record.scope"), good if held else bad)
    left, right = st.columns(2, gap="large")
    with left:
        _says(row, entry)
        _chain(row, check)
    with right:
        _proof(reader, row)
    with st.expander(say("record.body")):
        body = row.body.decode("utf-8", "replace") if row.body else ""
        st.code(body or say("record.purged"), language="json", wrap_lines=True)


def _says(row: StoredRow, entry: AuditEntry) -> None:
    unreadable = absent(say("record.unreadable"))
    reason = " ".join(filter(None, (entry.reason_code, entry.reason_text)))
    number_in = number(row.stream_seq) if type(row.stream_seq) is int else "0"
    with st.container(border=True):
        st.header(say("record.facts"), anchor=False)
        facts(
            (say("record.event"), str(row.type)),
            (say("record.occurred"), moment(entry.timestamp) if entry.timestamp else unreadable),
            (say("record.actor"), entry.actor or unreadable),
            (say("record.about"), entry.resource or unreadable),
            (say("record.reason"), reason or absent(say("record.none_given"))),
            (
                say("record.stream"),
                say("record.stream_told", stream=str(row.stream), number=number_in),
            ),
            (say("record.event_id"), str(row.event_id)),
        )
        if str(row.stream).startswith(CASE):
            about = str(row.stream).removeprefix(CASE)
            link("request", say("record.case"), id=about)
            link("evidence", say("record.export"), case=about)


def _chain(row: StoredRow, check: EventCheck | None) -> None:
    if check is None:
        return
    with st.container(border=True):
        st.header(say("record.chain"), anchor=False)
        before = say("record.previous_recomputed", seq=number(max(row.seq - 1, 0)))
        facts(
            (say("record.stored"), check.stored_event_hash),
            (say("record.recomputed"), check.expected_event_hash),
            (say("record.previous"), check.stored_previous_hash),
            (before, check.expected_previous_hash),
        )


def _proof(reader: HomeReader, row: StoredRow) -> None:
    with st.container(border=True):
        st.header(say("record.proof"), anchor=False)
        try:
            proof = proof_of(reader, row)
        except CountersealError as error:
            st.text(say("record.no_proof", code=error.code))
            return
        if proof is None:
            st.text(say("record.not_sealed"))
            return
        receipt, signed = proof.receipt, read_checkpoint(proof.receipt.checkpoint)
        _climb(inclusion_steps(row.seq, signed.size, proof.leaf, receipt.path, signed.root))
        st.download_button(
            say("record.download"),
            receipt.text,
            file_name=proof.file_name,
            mime="text/plain",
            on_click="ignore",
        )
        command = f"counterseal audit prove {row.seq}"
        copyable(say("record.yourself"), command)


def _climb(told: Inclusion) -> None:
    count, size = number(len(told.steps)), number(told.size)
    st.text(say("record.proof_told", count=count, size=size))
    heads = (say("record.step"), say("record.side"), say("record.sibling"), say("record.result"))
    rows = [("0", "", "", f"{short(told.leaf)} {say('record.leaf')}")]
    for place, step in enumerate(told.steps, start=1):
        side = say("record.left") if step.on_left else say("record.right")
        end = f" {say('record.root')}" if place == len(told.steps) else ""
        rows.append((str(place), side, short(step.sibling), f"{short(step.node)}{end}"))
    table(say("record.proof"), heads, rows, numeric={0})
