"""What the flow about notices does, in plain functions that know no engine.

Job: tell people by every channel of the home, a notification block of the engine among them.

Invariants
  I1  A block is used only when the home's channels name it; it reaches everybody it was made for.
  I2  Whatever a block raises is a failure to try again: a foreign library ends no round.

Not here: which block (storage.notifiers.channels), where it is loaded from (notify), rounds
(storage.notifying).
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as TooLongError
from typing import Final, Protocol

from counterseal.desk.notices import Notice
from counterseal.kernel.errors import AdapterError
from flows.workplace import Workplace
from storage.notifiers.channels import channel_settings, notifiers
from storage.notifying import Notifying, NotifyReport

__all__ = ["Block", "BlockNotifier", "Load", "NotifyReport", "tell"]

SECONDS_MAX: Final = 30


class Block(Protocol):
    """What every notification block can do."""

    def notify(self, body: str, subject: str | None = None) -> Awaitable[None] | None:
        """Tell; at once, or by an awaitable."""


Load = Callable[[str], Awaitable[Block]]
"""Gives the block of a name."""


class BlockNotifier:
    """Tells through a block that lives in an event loop of another thread.

    Args:
        load: Asked with each notice, so that a block that is missing is tried again.
        name: Of the block, `type/name`.
        loop: Runs while notices are delivered.
        seconds_max: Bound of one delivery.
    """

    channel: Final = "prefect"

    def __init__(
        self,
        load: Load,
        name: str,
        loop: asyncio.AbstractEventLoop,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        self._load = load
        self._name = name
        self._loop = loop
        self._seconds_max = seconds_max

    def reaches(self, person_id: str) -> bool:
        """Always: who reads a block's channel is the operator's choice."""
        del person_id
        return True

    def deliver(self, notice: Notice) -> None:
        """Tell through the block; the text names the person and the notice's id.

        Raises:
            AdapterError: `NOTICE_BLOCK_FAILED`, retriable.
        """
        body = f"To         {notice.person_id}\n{notice.body}\nNotice     {notice.notice_id}\n"
        told = asyncio.run_coroutine_threadsafe(self._tell(body, notice.headline), self._loop)
        try:
            told.result(self._seconds_max)
        except TooLongError:
            told.cancel()
            raise AdapterError(
                "NOTICE_BLOCK_FAILED", "the block did not answer in time", retriable=True
            ) from None
        except Exception as error:  # noqa: BLE001 - a foreign library may raise anything
            raise AdapterError(
                "NOTICE_BLOCK_FAILED", type(error).__name__, retriable=True
            ) from None

    async def _tell(self, body: str, subject: str) -> None:
        block = await self._load(self._name)
        answer = block.notify(body, subject)
        if inspect.isawaitable(answer):
            await answer


async def tell(place: Workplace, load: Load) -> NotifyReport:
    """One round over every channel of the home; see `storage.notifying.Notifying.round`.

    Raises:
        InputError: the home's channels are told wrongly.
        AdapterError: the home or its spool cannot be read; the same call may be repeated when it
            says so.
    """
    told = channel_settings(place.settings)
    channels = [*notifiers(place.settings, told)]
    if told.prefect_block is not None:
        channels.append(BlockNotifier(load, told.prefect_block, asyncio.get_running_loop()))
    return await asyncio.to_thread(Notifying(place.settings, place.clock, channels).round)
