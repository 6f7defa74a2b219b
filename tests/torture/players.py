"""Who plays in the simulator: hosts with clocks, a signer, witnesses, and what the world does."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from counterseal.audit.checkpoint import Checkpoint, cosign_checkpoint
from counterseal.audit.note import COSIGNATURE, NoteSigner, parse_note
from counterseal.audit.witness import decide_cosigning, parse_add_checkpoint
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import Refusal
from storage.engines import reading_engine, writing_engine
from storage.journal import AfterStep, Journal
from storage.signers import EmbeddedSigner
from tests.bench.bench_seal import AT
from tests.torture.invariants import Broken, Watch
from tests.torture.seals import KEY

LOST_OF = 8
"""One message or answer in so many is lost."""
CRASHES_OF = 12
"""One durable step in so many is the last of its process."""


class Crash(Exception):  # noqa: N818 - a crash is no error of the code
    """The end of one process, in the middle."""


class Weather:
    """What the world does to those who play.

    Args:
        seed: Decides everything.

    Attributes:
        calm: While it is, nothing is lost and nobody dies.
        trace: What happened, in words; equal for equal seeds.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a seeded world, no secret
        self.calm = True
        self.trace: list[str] = []

    def strikes(self, one_of: int) -> bool:
        """Once in so many times, unless it is calm."""
        return not self.calm and self.dice.randrange(one_of) == 0

    def lossy(self, what: str) -> None:
        """Lose a message now and then.

        Raises:
            AdapterError: `SIGNER_UNREACHABLE`, as whoever waits in vain raises it.
        """
        if self.strikes(LOST_OF):
            self.trace.append(f"lost: {what}")
            raise AdapterError("SIGNER_UNREACHABLE", what, retriable=True)

    def may_crash(self, where: str) -> None:
        """End the process now and then.

        Raises:
            Crash: which ends it.
        """
        if self.strikes(CRASHES_OF):
            self.trace.append(f"crash: {where}")
            raise Crash(where)


class HostClock:
    """The clock of one host: it is wrong by some time, and jumps."""

    source = "simulated"
    max_error_us = 0

    def __init__(self, fails: Callable[[], None]) -> None:
        self.at = AT
        self._fails = fails

    def now(self) -> datetime:
        self._fails()
        return self.at


class LossySigner(EmbeddedSigner):
    """Loses questions and answers; tells what it signed."""

    def __init__(self, folder: Path, weather: Weather, watch: Watch) -> None:
        super().__init__(KEY, folder)
        self._weather, self._watch = weather, watch

    def sign_checkpoint(
        self, origin: str, size: int, root: bytes, proof: Sequence[bytes], lease: int = 0
    ) -> str:
        self._weather.lossy("question to the signer")
        note = self.signed(origin, size, root, proof, lease)
        self._watch.saw_note(note)
        self._weather.lossy("answer of the signer")
        return note

    def signed(
        self, origin: str, size: int, root: bytes, proof: Sequence[bytes], lease: int
    ) -> str:
        """Under the guard's rules; a test that forgets them is caught."""
        return super().sign_checkpoint(origin, size, root, proof, lease)


OpenSigner = Callable[[Path, Weather, Watch], LossySigner]


class Host:
    """One process that records and seals; it dies and starts again.

    Args:
        database: Shared by all hosts.
        open_signer: Gives this process its signer.
        weather: May kill it wherever it reads its clock.
        after_step: Of its journal.

    Attributes:
        busy: In the middle of something, so that nothing else is asked of it.
    """

    def __init__(
        self,
        database: Path,
        open_signer: Callable[[], LossySigner],
        weather: Weather,
        after_step: AfterStep,
    ) -> None:
        self._database, self._open_signer, self._after_step = database, open_signer, after_step
        self.clock = HostClock(partial(weather.may_crash, "clock"))
        self.busy = False
        self._engines: list[Engine] = []
        self.start()

    def start(self) -> None:
        self.writer, reader = writing_engine(self._database), reading_engine(self._database)
        self._engines = [self.writer, reader]
        self.signer = self._open_signer()
        self.journal = Journal(
            writer=self.writer,
            reader=reader,
            signer=self.signer,
            clock=self.clock,
            gate=None,
            after_step=self._after_step,
        )

    def stop(self) -> None:
        for engine in self._engines:
            engine.dispose()


class Witness:
    """Remembers one checkpoint and decides by the rules."""

    def __init__(self, number: int) -> None:
        name = f"witness-{number}.example"
        self.signer = NoteSigner(name, bytes([number + 1]) * 32, COSIGNATURE)
        self.held: Checkpoint | None = None
        self.told = 0
        """Size that the log believes it to hold."""

    def answer(self, request: bytes) -> bytes | int:
        """A signature line, or the size held.

        Raises:
            Broken: when an honest log is refused for anything but its age.
        """
        asked = parse_add_checkpoint(request)
        decided = decide_cosigning(self.held, asked, (KEY.key,))
        if isinstance(decided, Refusal):
            if decided.code != "OLD_SIZE_STALE":
                raise Broken(f"3: an honest log is refused: {decided.code}")
            return self.held.size if self.held is not None else 0
        self.held = decided
        cosigned = cosign_checkpoint(asked.note, self.signer, int(AT.timestamp()))
        return parse_note(cosigned).lines[-1].text.encode()
