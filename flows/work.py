"""What the flows do, in plain functions that know no engine.

Job: re-read what a run is about, call the desk under keys of its own, and report what came of it.

Invariants
  I1  Every key derives from what is worked on, never from the run: the same work again is a replay.
  I2  A refusal is reported, never raised; it is on the record already.
  I3  Evidence from outside the database is read before the log, so that a growing log is no lie.

Not here: rules (desk), schedules, retries and traces (intake, execute, verify_log).
Source: workflow parts 3 and 5.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Self, TypeVar

from pydantic import ValidationError

from counterseal.approvals.draft import RequestTerms
from counterseal.audit.evidence import Evidence
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.verdict import Verdict
from counterseal.desk.batches import Batch
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.kernel.canonical import canonical_bytes, digest, parse_json
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.kernel.model import Actor, DomainModel, Name, Sha256
from counterseal.signals.intake import LineError, TextFormat, parse_signals
from counterseal.signals.model import Provenance, StrategySignal
from flows.engine import hall_settings
from flows.inbox import kept
from flows.workplace import Workplace
from storage.data_keys import data_keys
from storage.home_keys import first_log_key, log_key_path
from storage.home_reader import read_home
from storage.outside_files import OutsideFiles, with_outside
from storage.outside_folder import OutsideFolder
from storage.reconcile import ReconcileReport, reconcile
from storage.settings import Settings
from storage.verification import verify_home, with_signer
from storage.verified_log import keep_verification

REFUSED: Final = 1
TAMPERED: Final = 1
BAD_INPUT: Final = 2
PART: Final = 250
"""Signals of a file that one commit holds: others who write wait as long as it takes."""

T = TypeVar("T")


class Step(DomainModel):
    """What came of one command.

    Attributes:
        subject_id: Signal, request or order.
        codes: Reasons of a refusal; empty when it was accepted.
        replayed: It had been done before.
        sealed_size: Size of the log that covers it; 0 when nothing was recorded.
    """

    subject_id: Name
    codes: tuple[Name, ...] = ()
    replayed: bool = False
    sealed_size: int = 0


class RoundReport(DomainModel):
    """What a round recorded, step by step; nothing on most rounds."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Self:
        """The report of what a desk answered, in its order."""
        return cls(steps=tuple(map(step_of, outcomes)))

    @property
    def exit_status(self) -> int:
        """0 all recorded, 1 something was refused."""
        return _status(self.steps)

    @property
    def subject(self) -> str:
        """Size of the log that covers what was recorded, as text."""
        return str(max((step.sealed_size for step in self.steps), default=0))


class IntakeReport(DomainModel):
    """What became of a kept file.

    Attributes:
        source: Digest of the file.
        signals, requests: In the order of the file.
        errors: Lines that are no signal; with any, nothing of the file was taken in.
    """

    source: Sha256
    signals: tuple[Step, ...]
    requests: tuple[Step, ...]
    errors: tuple[LineError, ...]

    @property
    def exit_status(self) -> int:
        """0 taken in, 1 something was refused, 2 the file has bad lines."""
        return BAD_INPUT if self.errors else _status((*self.signals, *self.requests))


class ExecuteReport(DomainModel):
    """What became of a batch; no step when the attempt was stale or the batch done."""

    batch_id: Name
    attempt: int
    orders: tuple[Step, ...]

    @property
    def exit_status(self) -> int:
        """0 all submitted or nothing to do, 1 something was refused."""
        return _status(self.orders)


class Claim(DomainModel):
    """A claimed batch, or why there is none.

    Attributes:
        attempt: 0 when nothing was claimed.
    """

    step: Step
    attempt: int = 0


class LogReport(DomainModel):
    """What the log proves, and whether the tables equal it."""

    verdict: Verdict
    reconciliation: ReconcileReport

    @property
    def exit_status(self) -> int:
        """0 verified, 1 tampered, 3 inconclusive."""
        return self.verdict.exit_status if self.reconciliation.clean else TAMPERED


class SignalTerms(RequestTerms):
    """The terms of the request that follows from one signal."""

    signal_id: Name


def take_in(place: Workplace, source: str, terms: str | None, run: str) -> IntakeReport:
    """Take the signals of a kept file in and, where there are terms, ask for approval of each.

    Args:
        place: Where to work.
        source: Digest of a kept file of signals, in any layout of `signals.intake`.
        terms: Digest of a kept JSON array of `SignalTerms`; None asks for nothing.
        run: The run's id, for tracing.

    Raises:
        InputError: those of `inbox.kept`; `TERMS_INVALID`.
        IntegrityError: `INBOX_CHANGED`; those of the desk.
        AdapterError: the desk's; the same call may be repeated when it says so.
    """
    text = kept(place.settings, source)
    asked = {} if terms is None else read_terms(kept(place.settings, terms))
    parsed = parse_signals(text, layout_of(text))
    if not parsed.signals:
        return IntakeReport(source=source, signals=(), requests=(), errors=parsed.errors)
    work = _Intake(place, place.opened(), place.actor(run), source, run)
    taken = tuple(work.in_parts(_Intake.propose, [*enumerate(parsed.signals)]))
    wanted = [(at, asked.get(s.subject_id)) for at, s in enumerate(taken) if not s.codes]
    terms_of = [(at, told) for at, told in wanted if told is not None]
    requests = tuple(work.in_parts(_Intake.request, terms_of))
    return IntakeReport(source=source, signals=taken, requests=requests, errors=parsed.errors)


def claim(place: Workplace, mandate_id: str, key: str, leaving: Collection[str] = ()) -> Claim:
    """Claim what is due under a mandate; the desk records the claim, and that nothing was due.

    Args:
        place: Where to work.
        mandate_id: An operator's signed permission.
        key: Of this claim; the same key gives the same batch.
        leaving: Requests that are left for a later batch.

    Raises:
        IntegrityError: the log is broken.
        AdapterError: the desk's.
    """
    desk = place.opened()
    outcome = desk.dispatch.claim(mandate_id, place.actor(key), key=key, leaving=leaving)
    with desk.bench.store.reader() as reader:
        batch = reader.get(Batch, outcome.subject_id) if outcome.accepted else None
    return Claim(step=step_of(outcome), attempt=0 if batch is None else batch.attempt)


def carry_out(place: Workplace, batch_id: str, attempt: int, run: str) -> ExecuteReport:
    """Submit what a batch names, each request verified again.

    Args:
        place: Where to work.
        batch_id: What was claimed.
        attempt: The claim that this run acts for; a stale one ends without effect.
        run: The run's id, for tracing.

    Raises:
        IntegrityError: the evidence behind a request is broken.
        AdapterError: the desk's; the same call may be repeated when it says so.
    """
    desk = place.opened()
    outcomes = desk.dispatch.execute(batch_id, attempt, place.actor(run), run=run)
    return ExecuteReport(batch_id=batch_id, attempt=attempt, orders=tuple(map(step_of, outcomes)))


def judge_log(place: Workplace) -> LogReport:
    """Verify the whole log against evidence outside the database, and the tables against the log.

    What was found is kept for who asks the house for it (storage.verified_log).

    Raises:
        InputError: the pinned key cannot be read.
        IntegrityError: the signer's memory is missing or damaged.
        AdapterError: the database cannot be read, or the signer's process cannot be reached.
    """
    settings, began = place.settings, place.clock.now()
    with read_home(settings) as reader:
        evidence = with_signer(Evidence(log_key=_pinned_key(settings)), reader, settings)
        if settings.counterseal_outside is not None:
            files = OutsideFiles.within(OutsideFolder(settings.counterseal_outside))
            evidence = with_outside(evidence, files)
        found = verify_home(reader, evidence)
    compared = reconcile(settings.database, data_keys(settings))
    with suppress(AdapterError):  # the verdict counts where it is told, too
        keep_verification(settings.counterseal_home, began, found, len(compared.differences))
    return LogReport(verdict=found.verdict, reconciliation=compared)


def layout_of(text: str) -> TextFormat:
    """How a text of signals is laid out, by its content alone, since a kept file has no suffix."""
    start = text.lstrip()
    if start.startswith("["):
        return TextFormat.JSON
    if not start.startswith("{"):
        return TextFormat.CSV
    first = start.splitlines()[0]
    try:
        parse_json(first)
    except InputError as error:
        lines = error.code != "NOT_JSON"
    else:
        lines = True
    return TextFormat.JSON_LINES if lines else TextFormat.JSON


def read_terms(text: str) -> dict[str, SignalTerms]:
    """Terms by their signal.

    Raises:
        InputError: `NOT_JSON`, `DUPLICATE_KEY`, `TERMS_INVALID`; decimals are text.
    """
    rows = parse_json(text)
    if not isinstance(rows, list):
        raise InputError("TERMS_INVALID", "terms are a JSON array", field="terms")
    try:
        read = [SignalTerms.model_validate_json(canonical_bytes(row)) for row in rows]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError("TERMS_INVALID", first["msg"], field=place) from None
    found = {terms.signal_id: terms for terms in read}
    if len(found) != len(read):
        raise InputError("TERMS_INVALID", "a signal has terms twice", field="signal_id")
    return found


@dataclass(frozen=True, slots=True)
class _Intake:
    """One file on its way in; every key names the file and the place in it.

    A part is recorded as a whole or not at all (decision 0023); the same file again goes on behind
    what was recorded.
    """

    place: Workplace
    desk: Desk
    actor: Actor
    source: str
    run: str

    def in_parts(
        self, step: "Callable[[_Intake, int, T], Step]", told: Sequence[tuple[int, T]]
    ) -> Iterator[Step]:
        """Do one step for many, committed and sealed together, a part at a time."""
        store = self.desk.bench.store
        for start in range(0, len(told), PART):
            with store.batch() as batch:
                inside = replace(self, desk=Desk(self.desk.bench.over(batch)))
                done = [step(inside, at, one) for at, one in told[start : start + PART]]
            size = store.seal()
            yield from (one.amended(sealed_size=size) for one in done)

    def propose(self, at: int, signal: StrategySignal) -> Step:
        """Offer one signal."""
        provenance = Provenance(
            source="inbox",
            source_digest=self.source,
            data_version=self.place.data_version,
            code_version=self.place.code_version,
            parameters_hash=digest(None),
        )
        outcome = self.desk.intake.propose(
            signal, provenance, self.actor, key=self._key(at), run=self.run
        )
        return step_of(outcome, signal.signal_id)

    def request(self, at: int, told: SignalTerms) -> Step:
        """Other terms are another request; a signal that cannot become one spoils no other."""
        terms = RequestTerms(**{k: v for k, v in told if k in RequestTerms.model_fields})
        try:
            outcome = self.desk.intake.request(
                told.signal_id,
                terms,
                self.actor,
                now=self.place.clock.now(),
                key=f"{self._key(at)}:{told.digest[7:23]}",
                run=self.run,
            )
        except InputError as error:
            return Step(subject_id=told.signal_id, codes=(error.code,))
        return step_of(outcome)

    def _key(self, at: int) -> str:
        return f"intake:{self.source[7:]}:{at}"


def _status(steps: Sequence[Step]) -> int:
    return REFUSED if any(step.codes for step in steps) else 0


def step_of(outcome: Outcome, subject_id: str | None = None) -> Step:
    """What a report says of an outcome; `subject_id` when it is not what the outcome names."""
    codes = () if outcome.refusal is None else outcome.refusal.codes
    return Step(
        subject_id=subject_id or outcome.subject_id,
        codes=codes,
        replayed=outcome.replayed,
        sealed_size=outcome.sealed_size,
    )


def _pinned_key(settings: Settings) -> VerifierKey | None:
    """The first key as told from outside the home; else the one that the home's files name."""
    told = hall_settings().counterseal_log_vkey
    if told is not None:
        return parse_vkey(told)
    return first_log_key(settings) if log_key_path(settings).is_file() else None
