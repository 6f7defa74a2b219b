"""What the log holds for the controls, gathered in one pass.

Job: hand each record to the controls whose queries it meets, and keep what a status needs of it.

Invariants
  I1  A body is parsed only where a query asks for more than a type, and once for all queries.
  I2  Of what a long log holds for a control only the newest records are kept, and those that speak
      against it until something answers them.
  I3  A record that cannot be read meets no query that asks for more than its type.

Not here: statuses (desk.views.controls), the queries (policy.controls).
Source: governance rules, part 7.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple

import orjson
from pydantic import ValidationError

from counterseal.audit.record import StoredRow
from counterseal.identity.attestations import ControlAttestation
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.errors import InputError
from counterseal.policy.controls import CONTROL_ATTESTED, Catalogue, Control, Match, Objection, Told

KEPT: Final = 20
"""Newest records that are kept of each control; the count tells of all."""
_Subject = tuple[object, object]


class Place(NamedTuple):
    """A record in the log: its place, type and time (UTC)."""

    seq: int
    type: str
    at: datetime


class Seen:
    """A row on its way past the queries."""

    def __init__(self, row: StoredRow) -> None:
        self._row = row

    @cached_property
    def place(self) -> Place | None:
        """Where and when it was recorded; None when its columns do not say."""
        try:
            return Place(int(self._row.seq), self._row.type, parse_utc(self._row.recorded_at))
        except ValueError:
            return None

    @cached_property
    def body(self) -> Mapping[str, object]:
        """Empty for a body that was purged or cannot be read; the verifier tells of these."""
        try:
            return _object(orjson.loads(self._row.body))
        except orjson.JSONDecodeError:
            return {}

    @cached_property
    def told(self) -> Told:
        """What queries read of the body."""
        return Told(self.body)

    def meets(self, query: Match) -> bool:
        """Whether the record, which is of one of the types, says all else."""
        return not query.reads_body or query.met_by(self.told)

    @property
    def subject(self) -> _Subject:
        """What it is about."""
        told = _object(self.body.get("subject"))
        return told.get("type"), told.get("id")

    def word_about(self, control_id: str) -> ControlAttestation | None:
        """The signed word about a control that it holds, or None."""
        kept = self.told.documents.get(ControlAttestation.KIND)
        for one in kept if isinstance(kept, list) else ():
            try:
                word = ControlAttestation.model_validate_json(canonical_bytes(one))
            except (InputError, ValidationError):
                continue
            if word.control_id == control_id:
                return word
        return None


class Faults:
    """Records that speak against a control by one query, and those that something answered.

    Attributes:
        open: Not answered; where nothing answers such a record, the newest.
    """

    def __init__(self, query: Objection) -> None:
        self.query = query
        self.open: deque[tuple[Place, _Subject]] = deque(maxlen=None if query.cleared_by else KEPT)
        self.answered: deque[Place] = deque(maxlen=KEPT)

    def take(self, seen: Seen, place: Place) -> bool:
        """Look at a record; whether it is one of these, or answers one."""
        query = self.query
        if any(place.type in one.types and seen.meets(one) for one in query.cleared_by):
            about = self._about(seen)
            self.answered.extend(one for one, subject in self.open if subject == about)
            self.open = deque(one for one in self.open if one[1] != about)
            return True
        if place.type in query.types and seen.meets(query):
            self.open.append((place, self._about(seen)))
            return True
        return False

    def _about(self, seen: Seen) -> _Subject:
        ask = self.query.cleared_by and self.query.same_subject
        return seen.subject if ask else ("", "")


class Gathered:
    """What the log holds for one control so far.

    Attributes:
        newest: The newest record of each query of the evidence that has one, by the query's place;
            signed words are no part of it.
        rows: The newest of all records for it, signed words among them.
        count: How many there are.
        faults: What speaks against it, by query.
        word: The newest signed word, with its place.
    """

    def __init__(self, control: Control) -> None:
        self.control = control
        self.newest: dict[int, Place] = {}
        self.rows: deque[Place] = deque(maxlen=KEPT)
        self.count = 0
        self.faults = tuple(Faults(query) for query in control.exceptions)
        self.word: tuple[Place, ControlAttestation] | None = None
        self._asked: dict[str, list[tuple[int, Match]]] = {}
        for number, query in enumerate(control.evidence):
            for name in query.types:
                self._asked.setdefault(name, []).append((number, query))

    @property
    def types(self) -> frozenset[str]:
        """Every type that it looks at."""
        named = (name for query in self.control.queries for name in query.types)
        return frozenset((*named, CONTROL_ATTESTED))

    def take(self, seen: Seen) -> bool:
        """Look at a record of one of the types; whether it is one of the control's records."""
        place = seen.place
        if place is None:
            return False
        met = self._word(seen, place) if place.type == CONTROL_ATTESTED else self._met(seen, place)
        if met:
            self.count += 1
            self.rows.append(place)
        against = [fault.take(seen, place) for fault in self.faults]
        return met or any(against)

    def _word(self, seen: Seen, place: Place) -> bool:
        word = seen.word_about(self.control.id)
        if word is not None:
            self.word = place, word
        return word is not None

    def _met(self, seen: Seen, place: Place) -> bool:
        asked = self._asked.get(place.type, ())
        met = [number for number, query in asked if seen.meets(query)]
        self.newest |= dict.fromkeys(met, place)
        return bool(met)


class Harvest(NamedTuple):
    """What the log holds for every control, in the catalogue's order.

    Attributes:
        size: How many records there are.
        newest: Time of the last one, as its column has it; empty without any.
    """

    controls: tuple[Gathered, ...]
    size: int
    newest: str


def gather(catalogue: Catalogue, rows: Iterable[StoredRow]) -> Harvest:
    """Look at every row once."""
    gathered = tuple(Gathered(control) for control in catalogue.controls)
    by_type: dict[str, list[Gathered]] = {}
    for one in gathered:
        for name in one.types:
            by_type.setdefault(name, []).append(one)
    size, newest = 0, ""
    for row in rows:
        size, newest = size + 1, row.recorded_at
        wanted = by_type.get(row.type)
        if wanted:
            seen = Seen(row)
            for one in wanted:
                one.take(seen)
    return Harvest(gathered, size, newest)


def records_of(control: Control, rows: Iterable[StoredRow]) -> Iterator[int]:
    """Places of all records of a control, in the order of the rows: for it and against it."""
    gathered = Gathered(control)
    types = gathered.types
    return (row.seq for row in rows if row.type in types and gathered.take(Seen(row)))


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
