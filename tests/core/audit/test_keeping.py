"""Whatever a keeper does, in whatever order, an auditor who pinned the first key follows it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.accounts import standings
from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.evidence import Evidence, head_of_signer
from counterseal.audit.privacy import Opening, PiiState
from counterseal.audit.purges import RecordState
from counterseal.audit.signer import SignerState
from counterseal.audit.verdict import Outcome, Verdict
from counterseal.audit.verify import StoredCheckpoint, verify_log
from tests.core.audit.keeper import Keeper
from tests.core.audit.log_builder import ORIGIN, SIGNER

STREAMS = ("case:one", "case:two", "system")
PEOPLE = ("ann", "bob")
Act = tuple[str | int, ...]
ACTS = st.one_of(
    st.tuples(st.just("case"), st.sampled_from(STREAMS), st.sampled_from(PEOPLE)),
    st.tuples(st.just("hold"), st.sampled_from((*STREAMS, "*"))),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
    st.tuples(st.sampled_from(("release", "purge", "rotate", "revoke"))),
    st.tuples(st.just("wait"), st.integers(min_value=1, max_value=25)),
)
SEQUENCES = st.lists(ACTS, min_size=1, max_size=16)


@dataclass
class Sealed:
    """A kept log whose every act ends under a checkpoint of the key in force."""

    keeper: Keeper = field(default_factory=Keeper)
    notes: list[StoredCheckpoint] = field(default_factory=list)
    gone: dict[str, Opening] = field(default_factory=dict)

    def act(self, name: str | int, *told: str | int) -> None:
        keeper, before = self.keeper, dict(self.keeper.openings)
        if name == "wait":
            for _ in range(int(told[0])):
                keeper.write("log.heartbeat", "system", {})
        else:
            getattr(keeper, str(name))(*told)
        self.gone |= {one: before[one] for one in before.keys() - keeper.openings.keys()}
        if self.notes and self.notes[-1].size == keeper.head.size:
            return
        old = keeper.signers[-2] if name == "rotate" else keeper.signers[-1]
        successor = keeper.signers[-1] if name == "rotate" else None
        told_head = Checkpoint(ORIGIN, keeper.head.size, keeper.head.root)
        note = sign_checkpoint(told_head, old, successor)
        self.notes.append(StoredCheckpoint(keeper.head.size, note))

    def verdict(self, openings: Sequence[Opening] | None = None) -> Verdict:
        keeper = self.keeper
        state = SignerState(origin=ORIGIN, size=keeper.head.size, root=keeper.head.root.hex())
        shown = tuple(keeper.openings.values()) if openings is None else tuple(openings)
        evidence = Evidence(log_key=SIGNER.key, heads=(head_of_signer(state),), openings=shown)
        return verify_log(keeper.rows, self.notes, evidence)


def kept(acts: Sequence[Act]) -> Sealed:
    sealed = Sealed()
    for act in acts:
        sealed.act(*act)
    return sealed


@settings(max_examples=60, deadline=None)
@given(acts=SEQUENCES)
def test_after_every_act_the_log_verifies_from_the_first_key(acts: list[Act]) -> None:
    """Design tests "erase, hold, purge, rotate, revoke": every absence accounted, step by step."""
    sealed = Sealed()
    for act in acts:
        before = dict(sealed.keeper.roots)
        sealed.act(*act)
        verdict = sealed.verdict()
        assert (verdict.outcome, verdict.findings) == (Outcome.OK, ())
        assert before.items() <= sealed.keeper.recomputed().items()


@settings(max_examples=60, deadline=None)
@given(acts=SEQUENCES)
def test_what_each_record_is_told_to_be_adds_up_to_the_account(acts: list[Act]) -> None:
    """Design 7, 9: records present, purged, held; personal data opened, withheld, erased."""
    keeper = kept(acts).keeper
    told = standings(keeper.rows, keeper.openings.values())
    report = keeper.accounts().report(keeper.head.size, keeper.openings.values())
    states = Counter(one.state for one in told)
    records, pii = report.records, report.pii
    assert pii is not None
    assert records.held == states[RecordState.HELD]
    assert records.present == states[RecordState.PRESENT] + states[RecordState.HELD]
    assert (records.purged, states[RecordState.MISSING]) == (states[RecordState.PURGED], 0)
    blocks = Counter(block.state for one in told for block in one.blocks)
    assert (blocks[PiiState.OPENED], blocks[PiiState.ERASED]) == (pii.opened, pii.erased)
    assert (blocks[PiiState.WITHHELD], blocks[PiiState.MISSING]) == (0, 0)
    for one in told:
        by = [one.purged_by, *(block.erased_by for block in one.blocks)]
        assert all(seq > one.seq for seq in by if seq is not None)


@settings(max_examples=40, deadline=None)
@given(acts=SEQUENCES, place=st.integers(min_value=0, max_value=1_000))
def test_what_is_erased_or_purged_never_opens_again_unseen(acts: list[Act], place: int) -> None:
    """Design codes PII_NOT_ERASED, PII_OPENING_MISMATCH, when a destroyed opening comes back."""
    sealed = kept(acts)
    if not sealed.gone:
        return
    back = sealed.gone[sorted(sealed.gone)[place % len(sealed.gone)]]
    verdict = sealed.verdict([*sealed.keeper.openings.values(), back])
    codes = {found.code.value for found in verdict.findings}
    assert verdict.outcome is Outcome.TAMPERED
    assert codes & {"PII_NOT_ERASED", "PII_OPENING_MISMATCH"}


@settings(max_examples=40, deadline=None)
@given(acts=SEQUENCES, place=st.integers(min_value=0, max_value=1_000))
def test_a_purged_record_whose_hash_is_changed_is_found(acts: list[Act], place: int) -> None:
    """Design 7: what is kept of a purged record still leads to every signed root."""
    sealed = kept([("case", "case:one", "ann"), ("wait", 25), ("purge",), *acts])
    gone = [row.seq for row in sealed.keeper.rows if not row.body]
    seq = gone[place % len(gone)]
    row = sealed.keeper.rows[seq]
    sealed.keeper.rows[seq] = row._replace(leaf_hash="1" * 64)
    assert sealed.verdict().outcome is Outcome.TAMPERED
