"""The flow `notify`: on a resident engine, by a block that a home names, and when all is away."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.desk.notices import Notice, NoticeKind
from counterseal.kernel.errors import InputError
from flows.blocks import Block, tell
from flows.workplace import Workplace
from storage.notice_spool import NoticeSpool, Place
from storage.notifiers.channels import CHANNELS_FILE, notify_folder
from storage.notifying import FAILURES_MAX, SPOOL_FILE
from storage.system import MachineClock
from tests.flows.hall import House
from tests.storage.outside_room import scripted
from tests.world import World

SAVE = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
block = CustomWebhookNotificationBlock(
    name="desk", url=sys.argv[1], json_data={"text": "{{body}}", "title": "{{subject}}"}
)
block.save("desk", overwrite=True)
print("saved")
"""


def a_notice() -> Notice:
    now = MachineClock().now()
    return Notice(
        notice_id="ntc_of_the_block",
        kind=NoticeKind.REMINDER,
        person_id="ann",
        subject_id="apr_1",
        at=now,
        until=now + timedelta(hours=1),
        headline="[paper simulation] risk review still waits for you",
        body="Paper simulation: risk review still waits for you.\n",
    )


def test_a_home_without_channels_tells_its_log_file(served: House) -> None:
    """Scheduled like its neighbours: a run by hand does the same round."""
    status, value = served.run("notify")
    report = value["report"]
    assert isinstance(report, dict)
    assert (status, [c["channel"] for c in report["channels"]]) == (0, ["log"])


def test_a_block_that_the_home_names_is_told(served: House) -> None:
    """Prefect notification blocks where configured: a saved block, over the loopback."""
    folder, now = notify_folder(served.settings), MachineClock().now()
    taken: list[bytes] = []

    def answer(path: str, content: bytes) -> tuple[int, bytes]:
        del path
        taken.append(content)
        return 200, b""

    with scripted(answer) as url:
        assert served.script(SAVE, f"{url}/desk") == "saved"
        NoticeSpool(folder / SPOOL_FILE).keep([(a_notice(), "prefect")], Place(0, now), now)
        (folder / CHANNELS_FILE).write_text("log: false\nprefect_block: custom-webhook/desk\n")
        try:
            status, value = served.run("notify")
        finally:
            (folder / CHANNELS_FILE).unlink()
    assert (status, value["ok"]) == (0, True)
    told = json.loads(taken[-1])
    assert told["title"].startswith("[paper simulation] ")
    assert any(b"ntc_of_the_block" in content for content in taken)


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
