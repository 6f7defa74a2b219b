"""Holds, erasures, purges and keys, one after the other, as an operator does them for years."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.audit.evidence import Evidence
from counterseal.audit.keys import walk_keys
from counterseal.audit.privacy import Erasure
from counterseal.audit.retention import Hold
from counterseal.audit.verify import verify_log
from counterseal.desk.archive import key_records
from storage.archive import SqlArchive
from storage.home_keys import first_log_key, open_log_key
from storage.home_reader import read_home
from tests.desk.keeping import YEAR
from tests.ui.kept_house import KeptHouse, kept

__all__ = ["kept"]
NAMES = ("ann", "bob", "cyd")
ACTS = 12


@pytest.fixture
def house(kept: KeptHouse) -> KeptHouse:
    """A home with three names and two cases that are past their schedule."""
    world = kept.world
    for name in NAMES:
        world.done(world.named(name, f"{name.title()}-Example"))
    world.done(world.submitted(world.approved()))
    world.requested()
    world.after(6.1 * YEAR)
    world.store.close()
    return kept


def _holds(house: KeptHouse) -> list[str]:
    with read_home(house.world.settings) as reader:
        return [hold.hold_id for hold in reader.find(Hold) if hold.active]


def _streams(house: KeptHouse) -> list[str]:
    return sorted({row.stream for row in house.world.log()})


def _hold(house: KeptHouse, chance: random.Random) -> None:
    stream = chance.choice([*_streams(house), "*"])
    house.done("records", "hold", stream, "--reason", "a case", *house.proof("compliance"))


def _release(house: KeptHouse, chance: random.Random) -> None:
    for hold in _holds(house)[: chance.randint(1, 3)]:
        house.done("records", "release", hold, *house.proof("compliance"))


def _erase(house: KeptHouse, chance: random.Random) -> None:
    words = (chance.choice(NAMES), "--basis", "asked for", *house.proof("compliance"))
    status, value = house("records", "erase", *words)
    refusal = value.get("refusal") or {"code": ""}
    assert isinstance(refusal, dict)
    assert (status, refusal["code"]) in {(0, ""), (1, "HELD"), (1, "NOTHING_TO_ERASE")}


def _purge(house: KeptHouse, chance: random.Random, between: float = 0.3) -> None:
    """A plan and its purge; now and then with a hold in between, which wins where it covers."""
    status, value = house("records", "plan", *house.proof("compliance"))
    if status:
        return
    if chance.random() < between:
        _hold(house, chance)
    people = chance.sample(["compliance", "officer-1", "officer-2"], 2)
    status, value = house("records", "purge", str(value["subject_id"]), *house.approvers(*people))
    assert status == 0 or "NOT_DUE" in str(value)


def _rotate(house: KeptHouse, _: random.Random) -> None:
    house.done("audit", "rotate", *house.proof("officer-1"))


def _revoke(house: KeptHouse, _: random.Random) -> None:
    with read_home(house.world.settings) as reader:
        ring, _broken = walk_keys(house.world.log_key.key, key_records(reader.records()))
    older = [span.key.text for span in ring.spans[:-1] if span.revoked is None]
    for vkey in older[:1]:
        words = (vkey, "--reason", "stolen", *house.proof("officer-2"))
        house.done("audit", "revoke-key", *words)


def _backups(house: KeptHouse) -> Path:
    return house.world.home.parent / "backups"


def _copy(house: KeptHouse, _: random.Random) -> None:
    """A backup as an administrator makes it; reading one is no act of the home."""
    folder = _backups(house)
    folder.mkdir(exist_ok=True)
    target = folder / f"{len(list(folder.iterdir()))}.sqlite"
    with (
        closing(sqlite3.connect(house.world.settings.database_file)) as source,
        closing(sqlite3.connect(target)) as copied,
    ):
        source.backup(copied)


def _is_sound(house: KeptHouse) -> None:
    """First key pinned, memory of the signer, everything opened that can be: nothing is amiss."""
    world = house.world
    first = world.log_key.key
    with read_home(world.settings) as reader:
        evidence = Evidence(first, (world.remembered(),), openings=reader.openings())
        verdict = verify_log(reader.records(), reader.checkpoints(), evidence)
        ring, broken = walk_keys(first, key_records(reader.records()))
    assert (verdict.outcome, verdict.findings, verdict.totals.unsealed) == ("ok", (), 0)
    assert broken == ()
    assert ring.current == open_log_key(world.settings).key
    assert first_log_key(world.settings) == first
    assert world.report().irregularities == ()
    assert world.differences == ()
    with read_home(world.settings) as reader:
        erased = {one for erasure in reader.find(Erasure) for one in erasure.commitments}
    for backup in _backups(house).glob("*.sqlite"):
        shown = SqlArchive(backup, world.data_keys).openings()
        assert erased.isdisjoint(opening.commitment for opening in shown)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_an_operator_does_the_log_stays_sound(house: KeptHouse, seed: int) -> None:
    """Design tests "erase, hold, purge, rotate, revoke": by commands, on the real store."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable sequence, no secret
    acts: list[Callable[[KeptHouse, random.Random], None]] = [
        *(_hold, _release, _release, _erase, _erase, _purge, _purge, _rotate, _revoke, _copy)
    ]
    before = {row.seq: row.leaf_hash for row in house.world.log()}
    for _ in range(ACTS):
        chance.choice(acts)(house, chance)
        house.world.after(60)
    _is_sound(house)
    after = {row.seq: row.leaf_hash for row in house.world.log()}
    assert before.items() <= after.items()


def test_a_year_of_keeping_from_the_first_word_to_the_last_check(house: KeptHouse) -> None:
    """Design 6, 7: each act once, in the order in which a desk meets them."""
    chance = random.Random(0)  # noqa: S311 - as above
    _rotate(house, chance)
    _erase(house, chance)
    _hold(house, chance)
    _release(house, chance)
    _purge(house, chance, between=0)
    _revoke(house, chance)
    _is_sound(house)
    kinds = {row.type for row in house.world.log()}
    assert kinds >= {
        *("key.rotated", "pii.erased", "hold.placed", "hold.released", "retention.planned"),
        *("retention.purged", "key.revoked"),
    }
