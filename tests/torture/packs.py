"""Does the offline verifier see every change of a pack? Packs of every scope, changed in every way.

Each change is made by attackers of growing power: one who edits files, one who writes the manifests
anew, one who signs the statement with a key of their own, and the exporter, who still has the
export's key. The last one is stopped by the log alone, so it makes only changes of evidence. The
rule says which codes may answer a change; `evidence.verify` and the command must agree on one.
"""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.verify import Reader, read_vkey, verify
from tests.evidence import own_packs
from tests.evidence.own_packs import Files, Json, Logged, bagged, stated
from tests.in_memory import memory
from tests.torture.pack_changes import (
    BAG,
    CHANGES,
    PACK,
    STATEMENT,
    TEXTS,
    Change,
    Changed,
    Original,
    Power,
    originals,
)
from ui.cli.evidence_verify import verified

STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
Told = Callable[[str], None]


class Case(NamedTuple):
    """One executed change."""

    name: str
    power: Power
    expected: frozenset[str]
    found: str
    by_command: str

    @property
    def right(self) -> bool:
        return self.found in self.expected and self.found == self.by_command


def armed(changed: Changed, power: Power, log: Logged) -> tuple[Files, set[str]]:
    """The pack as an attacker of this power hands it over, and the codes that may answer it."""
    files, codes = changed.files, set(changed.codes)
    known = PACK in files and all(name in files for name in TEXTS)
    if power is Power.EDITS:
        return files, codes | BAG if changed.least is Power.EDITS else codes
    if power is Power.REHASHES or not known:
        return bagged(files), codes | STATEMENT
    key = STRANGER if power is Power.SIGNS_AS_A_STRANGER else log.private
    try:
        signed = stated(files, key)
    except ValueError:
        return bagged(files), codes | STATEMENT
    more = STATEMENT if power is Power.SIGNS_AS_A_STRANGER else set()
    return bagged(signed), codes | more


def executed(change: Change, original: Original, seed: str, folder: Path) -> Iterator[Case]:
    """A change by every attacker who can make it, verified by both."""
    pick = random.Random(f"{change.__name__}:{seed}")  # noqa: S311 - shapes, not secrets
    changed = change(original, pick)
    while changed.files == original.files:
        changed = change(original, pick)
    kept = original.files.get("data/expected")
    reader = Reader(read_vkey(original.log.vkey), kept)
    for power in Power:
        if not changed.least <= power <= changed.most:
            continue
        files, codes = armed(changed, power, original.log)
        place = own_packs.into_folder(files, folder / "pack")
        found, other = verify(place, reader), verified(place, reader)
        told = [_word(one) for one in (found, other)]
        yield Case(changed.name, power, frozenset(codes), told[0], told[1])
        shutil.rmtree(place)


def _word(told: Json) -> str:
    if told["outcome"] == "tampered":
        return str(told["finding"]["code"])
    return "short" if told["short"] else str(told["outcome"])


def cases(mutations: int, seed: int, folder: Path) -> Iterator[Case]:
    """At least so many changes, evenly over all kinds and packs."""
    packs = originals(folder)
    made = 0
    while made < mutations:
        for place, change in enumerate(CHANGES):
            original = packs[(seed + place) % len(packs)]
            for case in executed(change, original, str(seed), folder):
                made += 1
                yield case
        seed += 1


def campaign(mutations: int, seed: int, told: Told) -> Iterator[str]:
    """Changes that were not answered as they must be; the score is told."""
    with tempfile.TemporaryDirectory(prefix="counterseal-packs-", dir=memory()) as folder:
        done = list(cases(mutations, seed, Path(folder)))
    right = sum(case.right for case in done)
    told(
        f"changed packs: {right} of {len(done)} rejected as expected, by verify.py and the command"
    )
    yield from (str(case) for case in done if not case.right)
