"""Is every check of the verifier needed? Mutants of it, and tests that must fail for each.

One process imports the room with all mutants asleep, collects the tests of the room and learns
which test comes by which mutant. Then it forks for each: the child wakes one mutant and runs the
tests that come by it, until one fails. A mutant that lives is either listed in `equivalent.txt`,
with the reason why nobody can tell it from the module, or a missing test.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest
from _pytest.runner import runtestprotocol
from hypothesis import is_hypothesis_test

from tests.torture.mutations import SWITCH, Mutant, mutants, switched

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "platform" / "counterseal" / "audit"
TESTS = ROOT / "tests" / "core" / "audit"
REVIEWED = Path(__file__).parent / "equivalent.txt"
MODULES = (
    *("walk", "stretch", "seals", "part", "verify", "judging", "findings", "event_ids"),
    *("keys", "purges", "privacy", "accounts", "resume", "time_windows", "evidence"),
    *("outside", "outside_reach", "merkle", "note", "checkpoint", "receipt", "record"),
    *("stream_map", "snapshots"),
)
BEYOND = ("storage/test_epochs.py", "storage/test_outside_files.py", "ui/test_cli_audit_proofs.py")
"""Tests of other rooms that hand the verifier what no small log holds."""
ATTACKS = 60
"""Of the corpus of attacks: its sample is larger than what kills."""
AT_ONCE = 2
MUTANT_SECONDS, STUCK_SECONDS = 240, 3_600
"""Of the processor, so that other work on the machine is not taken for a mutant that never ends;
and on the clock, for one that only waits."""
LIVES, DIES = 0, 1
ASLEEP = -1
QUIET = ("-q", "-s", "--assert=plain", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
Told = Callable[[str], None]
Site = tuple[str, int]


def every_mutant() -> list[Mutant]:
    """Of all modules, in order."""
    return [
        mutant
        for module in MODULES
        for mutant in mutants(module, (ROOM / f"{module}.py").read_text("utf-8"))
    ]


def reviewed() -> dict[str, str]:
    """Mutants that nobody can tell from the module, each with its reason.

    Raises:
        ValueError: for a line without a reason, or a mutant listed twice.
    """
    found: dict[str, str] = {}
    for line in REVIEWED.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, mark, reason = line.partition(" | ")
            if not mark or not reason.strip() or name in found:
                raise ValueError(f"no reason, or listed twice: {line}")
            found[name] = reason
    return found


def named(mutant: Mutant) -> str:
    return f"{mutant.module}.{mutant.name}"


class Switched(SourceFileLoader):
    """Loads a module with its mutants."""

    def get_code(self, fullname: str) -> CodeType:
        source = Path(self.get_filename(fullname)).read_text("utf-8")
        return compile(switched(source), self.path, "exec")

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, SWITCH, ASLEEP)
        super().exec_module(module)


class Finder:
    """Finds the modules of the room before anybody else does."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        del path, target
        room, _, module = name.rpartition(".")
        if room != "counterseal.audit" or module not in MODULES:
            return None
        file = str(ROOM / f"{module}.py")
        return spec_from_file_location(name, file, loader=Switched(name, file))


class Passed:
    """Stands in the place of a switch, and tells which mutants of its module were come by."""

    def __init__(self, module: str, sites: set[Site]) -> None:
        self._module, self._sites = module, sites

    def __eq__(self, number: object) -> bool:
        if isinstance(number, int):
            self._sites.add((self._module, number))
        return False

    __hash__ = None  # type: ignore[assignment]  # a switch is only compared


class Judge:
    """A plugin that judges mutants in the place of running the tests once, fast tests first.

    Args:
        sites: Of the mutants to judge.
        thorough: Whether to learn first which tests come by which mutant; else the tests that
            name the module come first, and there had better be one that fails.
        say: Gets a line for each.
    """

    def __init__(self, sites: Sequence[Site], say: Told, *, thorough: bool) -> None:
        self._sites, self._say, self._thorough = sites, say, thorough
        self._passed: dict[str, set[Site]] = {}
        self._seconds: dict[str, float] = {}
        self._running: dict[int, Site] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn, then fork for each."""
        items = sorted(session.items, key=_is_property)
        corpus = next(item for item in items if item.path.name == "test_attack_corpus.py")
        corpus.module.SAMPLE = ATTACKS  # type: ignore[attr-defined]  # a test function's has one
        if self._thorough and not self._learnt(items):
            self._say("unsound")
            return True
        for site in self._sites:
            if len(self._running) == AT_ONCE:
                self._wait()
            chosen = self._chosen(items, site)
            child = os.fork()
            if child == 0:
                signal.setitimer(signal.ITIMER_PROF, MUTANT_SECONDS)
                signal.alarm(STUCK_SECONDS)
                os._exit(_awake(chosen, site))
            self._running[child] = site
        while self._running:
            self._wait()
        return True

    def _chosen(self, items: Sequence[pytest.Item], site: Site) -> list[pytest.Item]:
        if self._thorough:
            every = site[1] == ASLEEP
            wanted = [one for one in items if every or site in self._passed[one.nodeid]]
            return sorted(wanted, key=lambda item: self._seconds[item.nodeid])
        near = _naming(site[0])
        if site[1] == ASLEEP:
            return [item for item in items if item.path in near]
        own = f"test_{site[0]}"
        return sorted(items, key=lambda item: (item.path.stem != own, item.path not in near))

    def _learnt(self, items: Sequence[pytest.Item]) -> bool:
        """Which mutants each test comes by; whether all pass while every mutant sleeps."""
        seen: set[Site] = set()
        for module in MODULES:
            loaded = sys.modules.get(f"counterseal.audit.{module}")
            if loaded is not None:
                setattr(loaded, SWITCH, Passed(module, seen))
        for place, item in enumerate(items):
            seen.clear()
            _forget()
            start = time.monotonic()
            if not _passes(item, items[place + 1] if place + 1 < len(items) else None):
                return False
            self._passed[item.nodeid] = set(seen)
            self._seconds[item.nodeid] = time.monotonic() - start
        return True

    def _wait(self) -> None:
        child, status = os.waitpid(-1, 0)
        module, number = self._running.pop(child)
        lives = os.waitstatus_to_exitcode(status) == LIVES
        self._say(f"{module} {number} {LIVES if lives else DIES}")


def _is_property(item: pytest.Item) -> bool:
    return is_hypothesis_test(getattr(item, "obj", None))


def _naming(module: str) -> set[Path]:
    """Test files that name a module; for the inner ones those of the whole verification."""
    imports = re.compile(rf"counterseal\.audit(\.{module} import| import {module})")
    files = sorted(TESTS.glob("test_*.py"))
    near = {path for path in files if imports.search(path.read_text("utf-8"))}
    return near or {TESTS / "test_verify.py"}


def _awake(items: Sequence[pytest.Item], site: Site) -> int:
    """Wake a mutant and run the tests; in a process of its own."""
    module, number = site
    for name in MODULES:
        loaded = sys.modules.get(f"counterseal.audit.{name}")
        if loaded is not None:
            setattr(loaded, SWITCH, number if name == module else ASLEEP)
    _forget()
    for place, item in enumerate(items):
        if not _passes(item, items[place + 1] if place + 1 < len(items) else None):
            return DIES
    return LIVES


def _forget() -> None:
    """Let no remembered answer stand for a changed function."""
    for name, module in list(sys.modules.items()):
        if name.startswith("counterseal.audit."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _passes(item: pytest.Item, after: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=after))


def work(words: Sequence[str]) -> None:
    """Judge the mutants that come in, a module and a number in each line."""
    thorough = words == ["thorough"]
    sites = [(line.split()[0], int(line.split()[1])) for line in sys.stdin]
    told = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)

    def say(text: str) -> None:
        told.write(f"{text}\n")
        told.flush()

    sys.meta_path.insert(0, Finder())
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    beyond = [TESTS.parents[1] / name for name in BEYOND] if thorough else []
    files = [str(path) for path in (*sorted(TESTS.glob("test_*.py")), *beyond)]
    pytest.main([*QUIET, *files], plugins=[Judge(sites, say, thorough=thorough)])


def judgements(chosen: Sequence[Mutant], *, thorough: bool) -> Iterator[tuple[Mutant, int]]:
    """Each with what became of it.

    Raises:
        RuntimeError: when a test fails without any mutant, or something else went wrong.
    """
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        raise RuntimeError("no mutants of mutants")
    by_site = {(one.module, one.number): one for one in chosen}
    known = os.pathsep.join([str(ROOT), str(ROOT / "platform"), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "tests.torture.mutants", *(["thorough"] if thorough else [])],
        env={**os.environ, "PYTHONPATH": known, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write("".join(f"{module} {number}\n" for module, number in by_site))
        worker.stdin.close()
        for line in worker.stdout:
            if line == "unsound\n":
                break
            module, number, result = line.split()
            yield by_site.pop((module, int(number))), int(result)
    if by_site:
        raise RuntimeError("no judgement: the tests of the room fail without any mutant")


def campaign(chosen: int | None, seed: int, told: Told = lambda _: None) -> Iterator[str]:
    """Judge all mutants, or as many as chosen; yields those that live, and stale excuses.

    Args:
        chosen: How many of those that no excuse names, None for all there are.
        seed: Of the choice.
        told: Gets the score.
    """
    every, excused = every_mutant(), reviewed()
    yield from stale(every, excused)
    part = every
    if chosen is not None:
        dice = random.Random(seed)  # noqa: S311 - a seeded choice, no secret
        part = dice.sample([one for one in every if named(one) not in excused], chosen)
    control = Mutant(part[0].module, ASLEEP, "none is awake")
    seen = 0
    for mutant, result in judgements([control, *part], thorough=chosen is None):
        name = named(mutant)
        expected = LIVES if mutant is control or name in excused else DIES
        seen += result == DIES and mutant is not control
        if result != expected:
            yield f"{'lives' if result == LIVES else 'is seen, against what is said'}: {name}"
    told(f"mutants: {seen} of {len(part)} seen, {len(excused)} reviewed as equivalent")


def stale(every: Sequence[Mutant], excused: dict[str, str]) -> list[str]:
    """Excuses for mutants that are no more."""
    return [f"excused and gone: {name}" for name in excused.keys() - set(map(named, every))]


if __name__ == "__main__":
    work(sys.argv[1:])
