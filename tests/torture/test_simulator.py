"""A sample of `python -m tests.torture simulate`, and that the simulator sees what is broken."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from storage import placing
from storage.journal import Journal
from tests.torture.invariants import Broken
from tests.torture.players import LossySigner
from tests.torture.seals import KEY
from tests.torture.simulator import Simulation, campaign

SAMPLE = range(10)


def test_no_seed_breaks_an_invariant(tmp_path: Path) -> None:
    """Invariants 1 to 4: crashes, lost answers, rivals, clocks that jump, restored copies."""
    assert list(campaign(tmp_path, SAMPLE)) == []


def test_a_seed_replays(tmp_path: Path) -> None:
    """What failed once fails again."""
    one, two = (Simulation(4, tmp_path / name) for name in ("one", "two"))
    one.run()
    two.run()
    assert one.weather.trace == two.weather.trace
    assert {"signed", "checkpointed"} <= set(one.weather.trace)


class WithoutMemory(LossySigner):
    """Signs whatever it is asked."""

    def signed(
        self, origin: str, size: int, root: bytes, proof: Sequence[bytes], lease: int
    ) -> str:
        del proof, lease
        return sign_checkpoint(Checkpoint(origin, size, root), KEY)


def broken(tmp_path: Path, signer: type[LossySigner] = LossySigner) -> Iterator[str]:
    """Numbers of the invariants that some seeds break, seed by seed."""
    for seed in SAMPLE:
        try:
            Simulation(seed, tmp_path / f"{seed}", signer).run()
        except Broken as error:
            yield str(error)[0]


def test_a_signer_without_memory_is_seen(tmp_path: Path) -> None:
    """Invariant 3 depends on it."""
    assert "3" in broken(tmp_path, WithoutMemory)


def unsigned(journal: Journal, lease: object) -> None:
    del journal, lease


def forgotten(connection: object, *rest: object) -> None:
    del connection, rest


@pytest.mark.parametrize(
    ("owner", "name", "instead", "number"),
    [(Journal, "_sign", unsigned, "2"), (placing, "store_checkpoint", forgotten, "2")],
)
def test_an_answer_before_the_checkpoint_is_seen(
    owner: object,
    name: str,
    instead: Callable[..., None],
    number: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Invariant 2 depends on the order of steps."""
    monkeypatch.setattr(owner, name, instead)
    assert number in broken(tmp_path)


def test_a_record_changed_behind_its_guards_is_seen(tmp_path: Path) -> None:
    """Invariants 1 and 4 depend on the bytes."""
    simulation = Simulation(1, tmp_path / "one")
    simulation.run(20)
    simulation.watch.bodies[0] += b" "
    with pytest.raises(Broken, match="4: a stored record is gone or changed"):
        simulation.watch.check(())
