"""Milliseconds of a reviewer's commit at a warm desk, and the seconds that opening a key takes.

A commit verifies the signature, asks the rules and records; preparing and signing come before it.
The floor of a commit writes the same transaction and decides nothing; that of a key is OpenSSL's
own scrypt.
"""

import hashlib
import os
from collections import Counter
from functools import partial
from pathlib import Path

from counterseal.approvals.review_checks import SignedReview
from counterseal.identity.sealing import open_key, seal_key
from counterseal.policy.words import DecisionWord
from tests.bench.bench_submit import Skeleton
from tests.bench.measure import Measurement, percentile, seconds
from tests.desk.casework import signed_review
from tests.world import World

REVIEWS = 300
P99_MS_MAX = 50.0
UNSEAL_SECONDS_MAX = 1.0
UNSEALED = 5
PASSPHRASE = "a passphrase of the bench"
SCRYPT_N, SCRYPT_R, SCRYPT_MEMORY = 2**17, 8, 2**28


def measure(folder: Path) -> list[Measurement]:
    """Reviews of open requests, and a sealed key opened."""
    return [*_commits(folder), _unsealing()]


def _commits(folder: Path) -> list[Measurement]:
    world = World(folder / "home")
    steps: Counter[str] = Counter()
    world.reopen(lambda step: steps.update([step]))
    spent, sealed = [], 0
    for _ in range(REVIEWS):
        request_id = world.requested()
        signed = signed_review(world, request_id, "researcher", DecisionWord.RESEARCH_APPROVED)
        assert isinstance(signed, SignedReview)
        before = steps["checkpointed"]
        spent.append(1000 * seconds(partial(_commit, world, request_id, signed, world.key())))
        sealed += steps["checkpointed"] - before
    bodies = [row.body for row in world.log() if row.type == "approval.decided"]
    assert len(bodies) == REVIEWS
    floor = Skeleton(folder / "skeleton").run(
        submits=REVIEWS,
        steps=sealed // REVIEWS,
        records=1,
        body=b"x" * (sum(map(len, bodies)) // REVIEWS),
    )
    return [
        Measurement(
            f"review commit p{round(100 * share)}",
            percentile(spent, share),
            "ms",
            floor_name="same commits, raw sqlite3",
            floor=percentile(floor, share),
            bar=bar,
        )
        for share, bar in ((0.5, None), (0.99, P99_MS_MAX))
    ]


def _commit(world: World, request_id: str, signed: SignedReview, key: str) -> None:
    actor = world.actor("researcher")
    world.done(world.desk.approvals.review(request_id, signed, actor, key=key))


def _unsealing() -> Measurement:
    """The slowest of some, because somebody waits for each."""
    sealed = seal_key(os.urandom(32), "key-of-the-bench", PASSPHRASE, os.urandom(16))
    salt, text = os.urandom(16), PASSPHRASE.encode()
    return Measurement(
        "unseal a key, scrypt 2^17",
        max(seconds(lambda: open_key(sealed, PASSPHRASE)) for _ in range(UNSEALED)),
        floor_name="OpenSSL's scrypt",
        floor=min(
            seconds(
                lambda: hashlib.scrypt(
                    text, salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=1, maxmem=SCRYPT_MEMORY
                )
            )
            for _ in range(UNSEALED)
        ),
        bar=UNSEAL_SECONDS_MAX,
    )
