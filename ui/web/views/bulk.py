"""Several requests of one stage, decided by one signature: each shown, judged and proved alone."""

from typing import Final, NamedTuple

import streamlit as st

from counterseal.approvals.batch import KIND
from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.statement import Opened, meaning_of
from counterseal.desk.bulk import BulkItem, BulkPreparation, PreparedBatch, SignedBatch
from counterseal.desk.views.bulk import BulkCandidate, bulk_candidate, own_register
from counterseal.desk.views.duties import DutyKind, duties
from counterseal.desk.views.threads import CaseThread, case_thread
from counterseal.identity.keys import PersonKey
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Refusal, Signature, refuse
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import StageRule
from counterseal.policy.words import DecisionWord, EvidenceSection, Stage
from storage.home_reader import HomeReader
from ui.web import house
from ui.web.agreeing import Unsigned, unsigned
from ui.web.drafts import Draft, restored
from ui.web.looked import opened
from ui.web.parts import panels
from ui.web.parts.pieces import choice, facts
from ui.web.parts.words import number, short, verb
from ui.web.signing import keys_for
from ui.web.views.bulk_rows import SEEN, leave, results, row, ticked
from ui.web.views.fresh_proof import Away, proved
from ui.web.views.one_signature import Ceremony, ceremony
from ui.web.visit import here, link
from ui.web.wording import say, term

NAME: Final = "bulk"
REASON, TOLD, BEGUN = f"{NAME}-reason", f"{NAME}-told", f"{NAME}-begun"
RESTORED: Final = f"{NAME}-restored"
_ENDINGS: Final = (DecisionWord.NEEDS_DATA, DecisionWord.REJECTED)


class Round(NamedTuple):
    """What waits for one person in one stage, read at one moment; what ends first stands first.

    Attributes:
        waiting: How many requests wait in each stage.
        rows: Those that one ceremony can hold, and what stands around each.
        keys: With which the person can sign here.
    """

    waiting: dict[Stage, int]
    stage: Stage
    rows: tuple[tuple[BulkCandidate, CaseThread], ...]
    keys: tuple[PersonKey, ...]
    bundle: PolicyBundle

    @property
    def words(self) -> tuple[DecisionWord, ...]:
        """What may be said of all of them."""
        return (self.rule.decision, *_ENDINGS)

    @property
    def rule(self) -> StageRule:
        """The policy's rule of the stage."""
        return next(rule for rule in self.bundle.approval.stages if rule.id == self.stage)

    @property
    def word(self) -> DecisionWord | None:
        """The verdict that is chosen; None before."""
        told = st.session_state.get(_word_key(self.stage))
        return next((word for word in self.words if word.value == told), None)


class Chosen(NamedTuple):
    """What is chosen: what was shown of each request by its id, a word and why."""

    shown: dict[str, str]
    word: DecisionWord
    reason: str


def show() -> None:
    """The page."""
    link("approvals", say("request.queue"))
    panels.title(say("bulk.title"), say("bulk.scope"))
    told = st.session_state.get(TOLD)
    if told is not None:
        results(told, _over)
    with house.reading() as reader:
        most = house.law(reader).bundle.approval.bulk_max
        found = _round(reader) if most > 1 else None
    if most == 1:
        panels.empty(say("bulk.off"), say("bulk.off_then"))
        return
    if found is None:
        panels.empty(say("approvals.nothing_mine"), say("bulk.nothing_then"))
        return
    _restore(found)
    left, right = st.columns([1.72, 1], gap="large")
    with left:
        _list(found)
    with right, st.container(border=True, key="decision"):
        _card(found)


def _round(reader: HomeReader) -> Round | None:
    """What waits for who is here; None when nothing does."""
    now, person_id = house.CLOCK.now(), here().person.person_id
    bundle = house.law(reader).bundle
    told = duties(reader, bundle, person_id, now)
    due = () if isinstance(told, Refusal) else told.duties
    asked = [reader.get(ApprovalRequest, d.subject_id) for d in due if d.kind is DutyKind.REVIEW]
    by_stage: dict[Stage, list[ApprovalRequest]] = {}
    for one in asked:
        if one is not None and one.next_stage is not None:
            by_stage.setdefault(one.next_stage, []).append(one)
    if not by_stage:
        return None
    stages = {stage: len(by_stage[stage]) for stage in Stage if stage in by_stage}
    words = {stage.value: _named(stage, count) for stage, count in stages.items()}
    stage = Stage(choice("stage", say("bulk.stage"), words))
    keys, rules = keys_for(reader, person_id), bundle.approval
    register = own_register(reader, bundle, person_id, keys[0] if keys else None)
    found = Round(stages, stage, (), keys, bundle)
    word, kept, rows = found.word or found.words[0], house.record_facts(reader), []
    for one in by_stage[stage][: rules.bulk_max]:
        name = one.approval_request_id
        stands = bulk_candidate(reader, register, name, person_id, word, kept, now)
        around = case_thread(reader, name, rules.void_matrix)
        if not isinstance(stands, Refusal) and not isinstance(around, Refusal):
            rows.append((stands, around))
    return found._replace(rows=tuple(rows))


def _named(stage: Stage, count: int) -> str:
    return say("bulk.stage_count", stage=term(stage), count=number(count))


def _word_key(stage: Stage) -> str:
    return f"{NAME}-word-{stage.value}"


def _restore(found: Round) -> None:
    """What was being written when the browser was sent away for a proof."""
    if RESTORED in st.session_state:
        return
    st.session_state[RESTORED] = True
    draft = restored(here().session.person_id, NAME, 1)
    if draft is not None:
        st.session_state[REASON] = draft.reason
        if draft.decision in found.words:
            st.session_state[_word_key(found.stage)] = draft.decision


def _list(found: Round) -> None:
    for stands, around in found.rows:
        row(stands, around)
    beyond = found.waiting[found.stage] - len(found.rows)
    if beyond > 0:
        most = number(found.bundle.approval.bulk_max)
        st.caption(say("bulk.beyond", count=number(beyond), most=most))


def _card(found: Round) -> None:
    """The one verdict and the one reason, and the signature over all that is chosen."""
    st.header(say("decision.heading"), anchor=False)
    st.radio(
        say("decision.verdict"),
        [word.value for word in found.words],
        key=_word_key(found.stage),
        index=None,
        horizontal=True,
        format_func=lambda word: verb(DecisionWord(word)),
    )
    hint = say("bulk.reason_hint")
    st.text_area(say("decision.reason"), key=REASON, height=96, placeholder=hint, max_chars=2_000)
    word = found.word
    shown = {
        one.detail.history.request.approval_request_id: one.detail.shown_hash
        for one, _ in found.rows
        if not one.codes and ticked(one)
    }
    reason = str(st.session_state.get(REASON, "")).strip()
    if word is not None and shown:
        _what(found, word, len(shown))
    if word is None or not shown or _closed(found.bundle) or not found.keys:
        st.button(_label(shown), disabled=True, width="stretch")
        st.caption(say("bulk.choose_first") if found.keys else say("decision.no_key"))
        return
    chosen = Chosen(shown, word, reason)
    _sign(chosen, found.keys, found.bundle)


def _label(shown: dict[str, str]) -> str:
    return say("bulk.sign", count=number(len(shown))) if shown else say("bulk.sign_none")


def _sign(chosen: Chosen, keys: tuple[PersonKey, ...], bundle: PolicyBundle) -> None:
    def away() -> Away:
        told = Draft(request_id=NAME, version=1, decision=chosen.word.value, reason=chosen.reason)
        return told, (NAME, None)

    if not proved(NAME, bundle, away):
        return
    signed_together = Ceremony(
        name=f"{NAME}-signature",
        about=_about(chosen),
        prepare=lambda own: _prepared(chosen, own),
        hand_in=_handed_in,
    )
    ceremony(signed_together, keys, _label(chosen.shown), say("bulk.done"))


def _what(found: Round, word: DecisionWord, count: int) -> None:
    """What the one signature will cover."""
    rules = found.bundle
    facts(
        (say("bulk.covers"), say("bulk.decisions", count=number(count))),
        (say("decision.verdict"), f"{verb(word)}, {term(found.stage)}"),
        (say("decision.meaning"), term(meaning_of(word, found.rule))),
        (say("decision.policy"), f"{rules.version}, {short(rules.bundle_hash)}"),
    )
    st.caption(say("bulk.alone"))


def _closed(bundle: PolicyBundle) -> bool:
    """Say what the policy wants opened that this page cannot show; whether that ends it here."""
    rule = bundle.approval.evidence_shown_required
    closed = ", ".join(term(one) for one in rule.sections if one not in SEEN)
    if closed and rule.blocks:
        st.warning(say("bulk.one_by_one", sections=closed))
    elif closed:
        st.caption(say("decision.unopened", sections=closed))
    return bool(closed) and rule.blocks


def _prepared(chosen: Chosen, key: PersonKey) -> Unsigned | Refusal:
    """Have the desk prepare what may be signed; what may not be is told beside it."""
    if not chosen.reason:
        return refuse("REASON_TOO_SHORT", "say why")
    command_key = house.command_key()
    preparation = house.desk().bulk.prepare_batch(
        chosen.shown,
        chosen.word,
        chosen.reason,
        here().session.actor,
        key=command_key,
        scheme=key.scheme,
        key_id=key.key_id,
        opened=_opened(chosen),
    )
    prepared, settled = preparation.prepared, preparation.settled
    if prepared is None:
        told = (item.refusal for item in settled if item.refusal is not None)
        st.session_state[TOLD] = settled
        return preparation.refusal or next(told, refuse("NOT_FOUND", "nothing to sign"))
    st.session_state[BEGUN] = (prepared, settled)
    waiting = unsigned(_about(chosen), KIND, prepared.statement.json_value(), key)
    return waiting.amended(command_key=command_key)


def _handed_in(waiting: Unsigned, signature: Signature) -> BulkPreparation:
    """Put each decision to the desk; what came of each is told above."""
    begun: tuple[PreparedBatch, tuple[BulkItem, ...]] = st.session_state.pop(BEGUN)
    signed = SignedBatch(prepared=begun[0], signature=signature)
    actor, key = here().session.actor, waiting.command_key
    items = house.desk().bulk.review_batch(signed, actor, key=key)
    st.session_state[TOLD] = (*begun[1], *items)
    leave(item.request_id for item in items if item.refusal is None)
    if all(item.refusal is None for item in items):
        for name in (REASON, _word_key(begun[0].statement.stage)):
            st.session_state.pop(name, None)
    return BulkPreparation(settled=items)


def _about(chosen: Chosen) -> str:
    return digest([chosen.word.value, chosen.reason, *sorted(chosen.shown.values())])


def _opened(chosen: Chosen) -> Opened:
    """What was seen of every one of them, for the shortest time."""
    seen = [opened(one) for one in chosen.shown.values()]
    sections = tuple(s for s in EvidenceSection if all(s in one.sections for one in seen))
    return Opened(sections=sections, seconds=min(one.seconds for one in seen))


def _over() -> None:
    st.session_state.pop(TOLD, None)
