"""A log that grows while somebody looks: no look takes that for a contradiction; TX-K4, TX-L2."""

from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.desk.views.integrity import IntegrityState
from storage import log_signer, verification
from storage.home_facts import home_facts
from storage.home_integrity import home_integrity, outside_evidence
from storage.home_reader import read_home
from tests.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which somebody records whenever the signer is asked what it remembers."""
    world = World(tmp_path / "home")
    ask: Callable[..., object] = log_signer.remembered_state

    def growing(*words: object) -> object:
        world.signal()
        return ask(*words)

    monkeypatch.setattr(verification, "remembered_state", growing)
    return world


def test_the_page_of_a_growing_log_shows_no_contradiction(world: World) -> None:
    """The reader looked at the log before the signer was asked, as the page does."""
    with read_home(world.settings) as reader:
        before = reader.ends()
        evidence = outside_evidence(reader, world.settings)
        panel = home_integrity(reader, world.settings, evidence).panel
        assert before is not None
        assert reader.ends() != before
    assert evidence.heads
    assert panel.integrity.state is IntegrityState.VERIFIED


def test_the_facts_of_a_growing_log_hold_no_contradiction(world: World) -> None:
    with read_home(world.settings) as reader:
        log = home_facts(reader, world.settings).log
    assert (log.findings, log.head_compared) == (0, True)
