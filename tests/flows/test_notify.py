"""The flow `notify` when all is away; the hall has its other tests."""

import asyncio
from pathlib import Path

import pytest

from counterseal.kernel.errors import InputError
from flows.blocks import Block, tell
from flows.workplace import Workplace
from storage.notifiers.channels import CHANNELS_FILE, notify_folder
from storage.notifying import FAILURES_MAX
from tests.world import World


async def _no_block(name: str) -> Block:
    raise LookupError(name)


def test_a_channel_that_is_away_ends_no_round(tmp_path: Path) -> None:
    """No flow dies: a deleted block is counted and tried again, and the file is told."""
    world = World(tmp_path / "home")
    place = Workplace(world.settings, clock=world.clock)
    world.requested()
    notify_folder(world.settings).mkdir()
    channels = notify_folder(world.settings) / CHANNELS_FILE
    channels.write_text("prefect_block: custom-webhook/gone\n", "utf-8")
    report = asyncio.run(tell(place, _no_block))
    log, block = report.channels
    assert log.told > FAILURES_MAX
    assert (block.told, block.postponed, block.code) == (0, FAILURES_MAX, "NOTICE_BLOCK_FAILED")
    world.store.close()


def test_channels_told_wrongly_fail_the_run(tmp_path: Path) -> None:
    """What an operator wrote wrongly is shown in the engine, never guessed."""
    world = World(tmp_path / "home")
    notify_folder(world.settings).mkdir()
    (notify_folder(world.settings) / CHANNELS_FILE).write_text("mails: {}\n", "utf-8")
    with pytest.raises(InputError) as refused:
        asyncio.run(tell(Workplace(world.settings, clock=world.clock), _no_block))
    assert refused.value.code == "CHANNELS_INVALID"
    world.store.close()
