"""What a version changed of the one before: field by field, and which decisions still count."""

import json

import streamlit as st

from counterseal.desk.views.check_figures import exact_of
from counterseal.desk.views.threads import VersionChange
from ui.web.case import Case
from ui.web.parts.pieces import Mark, Tone, table
from ui.web.parts.words import moment, number, verb
from ui.web.wording import say, term


def changes(case: Case) -> None:
    """The changes, or that there is nothing to compare."""
    if not case.thread.changes:
        st.caption(say("request.first"))
        return
    newest = case.thread.changes[0]
    before = str(newest.version - 1)
    with st.container(border=True):
        title = say("request.since", version=before)
        st.header(title, anchor=False)
        head = (say("request.field"), say("request.before"), say("request.now"))
        rows = [(c.field, _value(c.before), _value(c.after)) for c in newest.fields]
        table(say("request.changes"), head, rows)
        st.caption(say("request.rest", count=number(newest.unchanged)))
        if newest.earlier:
            _earlier(newest, say("request.earlier", version=before))


def _earlier(change: VersionChange, title: str) -> None:
    st.markdown(f"**{title}**")
    good = Mark(say("request.counts_on"), Tone.GOOD)
    gone = Mark(say("request.counts_no_longer"), Tone.WARN)
    head = (say("request.stage"), say("request.counts"), say("request.who"), say("request.at"))
    rows = [
        (
            term(one.stage),
            good if one.counts else gone,
            say("request.verdict_by", verdict=verb(one.decision), person=one.reviewer_id),
            moment(one.decided_at),
        )
        for one in change.earlier
    ]
    table(title, head, rows)


def _value(told: str) -> str:
    """A payload field as people read it: its number or text, or that there was nothing."""
    value = json.loads(told)
    if value is None:
        return say("request.nothing")
    text = value if isinstance(value, str) else told
    exact = exact_of(text)
    return text if exact is None else number(exact)
