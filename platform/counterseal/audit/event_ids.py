"""Event ids that were met, in little memory.

Job: name every record whose event id an earlier record carries.

Invariants
  I1  About thirteen bytes a record; the last 74 of an id's 128 bits tell ids apart.
  I2  An id of another form, or of a record beyond the 2^32nd, is kept whole.

Not here: the form of an id (audit.record).
Source: RFC 9562 (UUIDv7: the last 74 bits are random but for two).
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

_PREFIX: Final = "evt_"
_USUAL: Final = re.compile(_PREFIX + "[0-9a-f]{32}", re.ASCII)
_BUCKET_BITS: Final = 10
_BUCKETS: Final = 1 << _BUCKET_BITS
_BUCKET_MASK: Final = _BUCKETS - 1
_KEY_MASK: Final = (1 << 64) - 1
_SEQ_MAX: Final = (1 << 32) - 1


class EventIds:
    """Ids in the order of their records."""

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(_BUCKETS)]
        self._seqs = [array("I") for _ in range(_BUCKETS)]
        self._odd: set[str] = set()
        self._odd_repeated: list[int] = []

    def extend(self, event_ids: Sequence[str], start: int) -> None:
        """The ids of the records from `start` on."""
        keys, seqs, usual, digits = self._keys, self._seqs, _USUAL.fullmatch, len(_PREFIX)
        for seq, event_id in enumerate(event_ids, start):
            if usual(event_id) and 0 <= seq <= _SEQ_MAX:
                number = int(event_id[digits:], 16)
                bucket = number & _BUCKET_MASK
                keys[bucket].append(number >> _BUCKET_BITS & _KEY_MASK)
                seqs[bucket].append(seq)
            elif event_id in self._odd:
                self._odd_repeated.append(seq)
            else:
                self._odd.add(event_id)

    def repeated(self) -> Iterator[int]:
        """Sequence numbers of the records whose id is not new, once for each such record."""
        for keys, seqs in zip(self._keys, self._seqs, strict=True):
            if len(set(keys)) < len(keys):
                met: set[int] = set()
                for key, seq in zip(keys, seqs, strict=True):
                    if key in met:
                        yield seq
                    met.add(key)
        yield from self._odd_repeated
