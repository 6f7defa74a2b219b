"""A case, or the whole log, to take along: each file with the command that writes the same."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.approvals import load_case
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from counterseal.oms.model import Order
from storage.home_reader import HomeReader
from ui.web import house
from ui.web.exporting import (
    Export,
    checkpoint_export,
    demo_of,
    demo_text,
    log_export,
    log_text,
    records_of,
    records_text,
    risk_of,
    risk_text,
    run_of,
    run_text,
    signatures_of,
    signatures_zip,
)
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, copyable, plain
from ui.web.parts.words import moment, number, order_words
from ui.web.views.evidence_pack import pack
from ui.web.visit import here, link
from ui.web.wording import say, term

ROWS = 8
RECORDS = 1_000
"""So many of the newest records are looked at for the cases that they belong to."""
CASE, NAMED, STREAM = "case", "evidence-case", "case:"


def show() -> None:
    """Cases, or the chosen one, beside what is of the whole log."""
    asked = st.query_params.get(CASE, "")
    left, right = st.columns([1.72, 1], gap="large")
    with house.reading() as reader:
        with left:
            if asked:
                _chosen(reader, asked)
            else:
                _cases(reader)
        with right:
            _log(reader)


def _chosen(reader: HomeReader, asked: str) -> None:
    """The case of this id or reference, when it is an own one."""
    st.button(say("evidence.back"), on_click=_choose, args=("",))
    tenant = here().person.tenant
    by_id = reader.get(ApprovalRequest, asked)
    named = reader.find(ApprovalRequest, request_reference=asked) if by_id is None else (by_id,)
    own = [one for one in named if one.tenant == tenant]
    if own:
        _case(reader, own[0])
    else:
        panels.empty(say("evidence.no_such_case"), say("common.not_yours"))


def newest_cases(reader: HomeReader, tenant: str) -> list[ApprovalRequest]:
    """Own cases that the newest records belong to, the newest first; however long the log is."""
    ends = reader.ends()
    if ends is None:
        return []
    rows = list(reader.records(max(ends[1] - RECORDS, ends[0]), ends[1]))
    streams = dict.fromkeys(str(row.stream) for row in reversed(rows))
    ids = (one.removeprefix(STREAM) for one in streams if one.startswith(STREAM))
    found = (reader.get(ApprovalRequest, one) for one in ids)
    return [one for one in found if one is not None and one.tenant == tenant][:ROWS]


def _cases(reader: HomeReader) -> None:
    st.header(say("evidence.cases"), anchor=False)
    st.text_input(
        say("evidence.named"),
        key=NAMED,
        placeholder=say("evidence.named_hint"),
        max_chars=120,
        on_change=_find,
    )
    found = newest_cases(reader, here().person.tenant)
    if not found:
        panels.empty(say("evidence.no_case"), say("evidence.no_case_then"))
        return
    st.caption(say("evidence.newest"))
    for request in found:
        _row(request)


def _row(request: ApprovalRequest) -> None:
    with st.container(border=True, key=f"row-{request.approval_request_id}"):
        what, state, way = st.columns([5, 4, 2], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{plain(order_words(request.payload))}**")
            st.caption(moment(request.created_at))
        with state:
            badges(badge(term(request.status), Tone.OFF))
        with way:
            st.button(
                say("evidence.choose"),
                key=f"choose:{request.approval_request_id}",
                width="stretch",
                on_click=_choose,
                args=(request.approval_request_id,),
            )


def _find() -> None:
    _choose(str(st.session_state.get(NAMED, "")).strip())


def _choose(request_id: str) -> None:
    if request_id:
        st.query_params[CASE] = request_id
    else:
        st.query_params.pop(CASE, None)


def _case(reader: HomeReader, request: ApprovalRequest) -> None:
    about = request.approval_request_id
    st.header(order_words(request.payload), anchor=False)
    st.caption(f"{request.request_reference}, {moment(request.created_at)}")
    pack(about)
    _offer(
        say("evidence.records"),
        say("evidence.records_told"),
        records_of(about),
        records_text(reader, about),
    )
    _signatures(reader, about)
    orders = reader.find(Order, approval_request_id=about)
    if orders:
        make = partial(demo_text, house.settings(), about)
        _offer(say("evidence.order"), say("evidence.order_told"), demo_of(about), make)
    for order in orders:
        make = partial(risk_text, house.settings(), order.order_id)
        told = say("evidence.risk_told", order=order.order_reference)
        _offer(say("evidence.risk"), told, risk_of(order.order_id), make)
        make = partial(run_text, house.settings(), order.workflow_run_id)
        told = say("evidence.run_told", order=order.order_reference)
        _offer(say("evidence.run"), told, run_of(order.workflow_run_id), make)
    if not orders:
        _absent(say("evidence.run"), say("evidence.no_order"))
    link("request", say("order.request"), id=about)


def _signatures(reader: HomeReader, request_id: str) -> None:
    case = load_case(reader, request_id)
    decisions = () if isinstance(case, Refusal) else case[1]
    if not decisions:
        _absent(say("evidence.signatures"), say("evidence.no_decision"))
        return
    try:
        made = signatures_zip(reader, request_id, decisions)
    except CountersealError as error:
        _absent(say("evidence.signatures"), say("evidence.not_made", code=error.code))
        return
    told = say("evidence.signatures_told", count=number(len(decisions)))
    _offer(say("evidence.signatures"), told, signatures_of(request_id), made)


def _offer(name: str, told: str, export: Export, content: str | bytes | Callable[[], str]) -> None:
    """One file: what it is, its download, and the command that writes the same bytes."""
    with st.container(border=True, key=f"export-{export.name}"):
        what, way = st.columns([3, 2], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{name}**")
            st.caption(told)
        with way:
            st.download_button(
                say("evidence.download"),
                content,
                file_name=export.name,
                mime=export.mime,
                key=f"get:{export.name}",
                width="stretch",
                on_click="ignore",
            )
        st.code(export.command, language=None, wrap_lines=True)


def _absent(name: str, why: str) -> None:
    with st.container(border=True, gap=None):
        st.markdown(f"**{name}**")
        st.caption(why)


def _log(reader: HomeReader) -> None:
    st.header(say("evidence.log"), anchor=False)
    newest = reader.newest_checkpoint()
    _offer(
        say("evidence.integrity"),
        say("evidence.integrity_told"),
        log_export(),
        partial(log_text, house.settings()),
    )
    if newest is None:
        _absent(say("evidence.checkpoint"), say("audit.no_checkpoint"))
    else:
        told = say("evidence.checkpoint_told", count=number(newest.size))
        _offer(say("evidence.checkpoint"), told, checkpoint_export(), newest.note)
    with st.container(border=True):
        st.header(say("evidence.limit"), anchor=False)
        st.text(say("evidence.limit_told"))
        copyable(
            say("evidence.whole"),
            "counterseal audit verify --vkey KEY_FILE --expect checkpoint.txt",
        )
