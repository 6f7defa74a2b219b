"""The last rounds of a home's resident loop, for who asks whether it is at work.

Job: keep beside the logs what the loop made last of each kind, and read it again.

Invariants
  I1  The file is there whole, as of one round or the next; it is written when a round was made.
  I2  What cannot be read is an error, and no file means that no loop told anything.

It is no evidence: whoever may write the home may write it. A lost write costs the news of a round.

Not here: the loop (flows.resident), what its rounds mean for a house (readiness.running).
Source: issue "Always on", point 4; policies/decisions/0029-what-a-house-tells-of-itself.md.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final

from pydantic import ValidationError

from counterseal.kernel.errors import AdapterError
from counterseal.readiness.running import DONE, LoopSeen, RoundSeen
from storage.log_files import log_folder
from storage.schedules import ROUND_SECONDS

FILE: Final = "rounds.json"
_BYTES_MAX: Final = 100_000


class LastRounds:
    """What one loop made last; its threads share it.

    Args:
        home: Its folder is there.
        since: When the loop began to lead (UTC).
        names: Its kinds of rounds, of `storage.schedules.ROUND_SECONDS`.
    """

    def __init__(self, home: Path, since: datetime, names: Iterable[str]) -> None:
        self._home = home
        self._since = since
        self._rounds = {
            name: RoundSeen(name=name, period_seconds=ROUND_SECONDS[name]) for name in names
        }
        self._turn = Lock()
        self._write()

    def note(self, name: str, began: datetime, ended: datetime, outcome: str) -> None:
        """Keep a round; one that cannot be written is not told.

        Args:
            name: Its kind.
            began: When it began (UTC).
            ended: When it ended (UTC).
            outcome: `done`, or the code of its error.
        """
        with self._turn:
            before, done = self._rounds[name], outcome == DONE
            took = max((ended - began) // timedelta(milliseconds=1), 0)
            self._rounds[name] = before.amended(
                made=before.made + 1,
                failed=before.failed + (not done),
                milliseconds=before.milliseconds + took,
                began_at=began,
                ended_at=ended,
                outcome=outcome,
                done_at=ended if done else before.done_at,
            )
            self._write()

    def _write(self) -> None:
        told = LoopSeen(since=self._since, rounds=tuple(self._rounds.values()))
        with suppress(OSError):
            place = log_folder(self._home) / FILE
            fresh = place.with_suffix(".new")
            end = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(end, "wb") as file:
                file.write(told.model_dump_json().encode())
            fresh.replace(place)


def read_last_rounds(home: Path) -> LoopSeen | None:
    """What the newest loop of a home told; None when none ever did.

    Raises:
        AdapterError: `ROUNDS_UNREADABLE`.
    """
    place = home / "log" / FILE
    try:
        with place.open("rb") as file:
            return LoopSeen.model_validate_json(file.read(_BYTES_MAX))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise AdapterError(
            "ROUNDS_UNREADABLE", "the loop's last rounds cannot be read", got=place
        ) from None
