"""A log of twenty records, three witnesses and a policy of two."""

from datetime import UTC, datetime

from counterseal.audit.checkpoint import Checkpoint, cosign_checkpoint, sign_checkpoint
from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.note import COSIGNATURE, NoteSigner
from counterseal.audit.trust_policy import TrustPolicy, parse_policy
from counterseal.kernel.errors import CountersealError
from tests.core.audit.log_builder import ORIGIN, SIGNER

TIME = 1795243000
TREE = Tree(leaf_hash(b"record-%d" % n) for n in range(20))
OTHER = Tree(leaf_hash(b"changed-%d" % n) for n in range(20))
LOG_KEY = SIGNER.key
THIEF = NoteSigner(ORIGIN, bytes([9]) * 32)
"""Says that it is the log, under another key."""
STRANGER = NoteSigner("stranger.example/w", bytes([8]) * 32, COSIGNATURE)
WITNESSES = tuple(
    NoteSigner(f"witness.example/w{n}", bytes([40 + n]) * 32, COSIGNATURE) for n in (1, 2, 3)
)


def policy_text(quorum: str = "two", urls: tuple[str, ...] = ("", "", "")) -> bytes:
    lines = [f"log {LOG_KEY.text}"]
    lines += [
        f"witness w{n} {signer.key.text} {url}"
        for n, (signer, url) in enumerate(zip(WITNESSES, urls, strict=True), 1)
    ]
    return "\n".join([*lines, "group two 2 w1 w2 w3", f"quorum {quorum}", ""]).encode()


POLICY: TrustPolicy = parse_policy(policy_text())


def at(seconds: int = 0) -> datetime:
    return datetime.fromtimestamp(TIME + seconds, UTC)


def a_note(
    size: int = 7, tree: Tree = TREE, signer: NoteSigner = SIGNER, **times: int | None
) -> str:
    """A signed checkpoint; `w1=5` has the first witness cosign five seconds after `TIME`."""
    note = sign_checkpoint(Checkpoint(ORIGIN, size, tree.root(size)), signer)
    for name, seconds in times.items():
        if seconds is not None:
            note = cosign_checkpoint(note, WITNESSES[int(name[1:]) - 1], TIME + seconds)
    return note


def code(error: CountersealError | None) -> str | None:
    return None if error is None else error.code
