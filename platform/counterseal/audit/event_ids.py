"""Event ids that were met, in little memory.

Job: name every record whose event id an earlier record carries.

Invariants
  I1  About eleven bytes a record; the last 71 of an id's 128 bits tell ids apart.
  I2  An id of another form is kept whole.

Not here: the form of an id (audit.record).
Source: RFC 9562 (UUIDv7: the last 74 bits are random but for two).
"""

import re
import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

_PREFIX: Final = "evt_"
_USUAL: Final = re.compile(_PREFIX + "[0-9a-f]{32}", re.ASCII)
_ALL_USUAL: Final = re.compile(f"(?:{_USUAL.pattern})*+", re.ASCII)
_LENGTH: Final = len(_PREFIX) + 32
_BUCKETS: Final = 128
_BUCKET_MASK: Final = _BUCKETS - 1
_GAP_MAX: Final = (1 << 16) - 1


class EventIds:
    """Ids in the order of their records.

    The last 64 bits are kept; which bucket they are kept in tells seven more, those before them.
    Beside them stands how far their record lies behind the one before in the same bucket, or 0
    where that is no number of 16 bits: then the place is kept apart.
    """

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(_BUCKETS)]
        self._gaps = [array("H") for _ in range(_BUCKETS)]
        self._last = [-1] * _BUCKETS
        self._far: dict[tuple[int, int], int] = {}
        self._odd: set[str] = set()
        self._odd_repeated: list[int] = []

    def extend(self, event_ids: Sequence[str], start: int) -> None:
        """The ids of the records from `start` on."""
        text = "".join(event_ids)
        if set(map(len, event_ids)) == {_LENGTH} and _ALL_USUAL.fullmatch(text):
            self._keep(text, start)
        else:
            for seq, event_id in enumerate(event_ids, start):
                self._extend_one(event_id, seq)

    def _extend_one(self, event_id: str, seq: int) -> None:
        if _USUAL.fullmatch(event_id):
            self._keep(event_id, seq)
        elif event_id in self._odd:
            self._odd_repeated.append(seq)
        else:
            self._odd.add(event_id)

    def _keep(self, text: str, start: int) -> None:
        """Ids of the usual form, one behind the other."""
        keys, gaps, last = self._keys, self._gaps, self._last
        digits = bytes.fromhex(text.replace(_PREFIX, ""))
        for seq, (high, low) in enumerate(struct.iter_unpack(">QQ", digits), start):
            bucket = (high ^ low) & _BUCKET_MASK
            gap = seq - last[bucket]
            last[bucket] = seq
            if not 0 < gap <= _GAP_MAX:
                self._far[bucket, len(keys[bucket])] = seq
                gap = 0
            keys[bucket].append(low)
            gaps[bucket].append(gap)

    def repeated(self) -> Iterator[int]:
        """Sequence numbers of the records whose id is not new, once for each such record."""
        for bucket, keys in enumerate(self._keys):
            if len(set(keys)) < len(keys):
                met: set[int] = set()
                for key, seq in zip(keys, self._places(bucket), strict=True):
                    if key in met:
                        yield seq
                    met.add(key)
        yield from self._odd_repeated

    def _places(self, bucket: int) -> Iterator[int]:
        """Sequence numbers of the records of a bucket."""
        seq = -1
        for place, gap in enumerate(self._gaps[bucket]):
            seq = seq + gap if gap else self._far[bucket, place]
            yield seq
