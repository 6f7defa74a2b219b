"""The script that shows a decision to be in a batch, without Counterseal."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.approvals.batch import build_batch, prove_leaf
from counterseal.approvals.statement import DecisionStatement
from counterseal.identity.dsse import signed_bytes
from evidence import check_batch
from evidence.check_batch import inside, problems
from tests.core.identity.programs import status
from tests.core.identity.signers import ED25519, NOW, sign, statement

Parts = tuple[bytes, bytes, dict[str, object]]


def batch_of(count: int) -> list[Parts]:
    """Message, leaf and path of each decision of a batch."""
    told = [statement().amended(request_id=f"apr_{n:02}", nonce=f"non_{n}") for n in range(count)]
    whole = build_batch(told, nonce="b", issued_at=NOW, expires_at=NOW + timedelta(minutes=5))
    signed = sign(ED25519, "batch", whole.json_value())
    message = signed_bytes("batch", whole.json_value())

    def path(one: DecisionStatement) -> dict[str, object]:
        found = prove_leaf(signed, told, one.request_id).json_value()
        return {part: found[part] for part in ("index", "size", "path")}

    return [(message, signed_bytes("decision", s.json_value()), path(s)) for s in told]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 13, 25])
def test_every_place_of_a_batch_holds_and_no_other(count: int) -> None:
    """Governance 2.7, N12, RFC 9162: it agrees with our tree, wherever the decision stands."""
    for message, leaf, path in batch_of(count):
        place, siblings = path["index"], path["path"]
        assert isinstance(place, int)
        assert isinstance(siblings, list)
        assert problems(leaf, path, inside(message)) == []
        for bad in (
            {"index": (place + 1) % (count + 1), "size": count + 1},
            {"path": [*siblings, "00" * 32]},
            {"path": siblings[:-1] if siblings else ["00" * 32]},
            {"path": siblings[1:] if siblings else ["00" * 32]},
            {"size": count + 1},
        ):
            assert problems(leaf, {**path, **bad}, inside(message)) != []
        if count > 1:
            moved = {**path, "index": (place + 1) % count}
            assert problems(leaf, moved, inside(message)) != []


def test_another_decision_is_not_at_this_place() -> None:
    """TX-Z10: neither a changed leaf nor a neighbour's."""
    (message, leaf, path), (_, other, _) = batch_of(2)
    assert problems(other, path, inside(message)) == ["request at this place", "root of the batch"]
    bent = leaf.replace(b"olga", b"kail")
    assert problems(bent, path, inside(message)) == ["root of the batch"]


def test_it_runs_alone_and_says_what_it_cannot_read(tmp_path: Path) -> None:
    """TX-K7: exit status 0, 1 and 2; isolated from this checkout."""
    message, leaf, path = batch_of(3)[1]
    script = str(Path(str(check_batch.__file__)))
    words = [sys.executable, "-I", script, "m", "l", "p"]
    for name, content in (("m", message), ("l", leaf), ("p", json.dumps(path).encode())):
        (tmp_path / name).write_bytes(content)
    assert status(words, tmp_path) == 0
    (tmp_path / "l").write_bytes(leaf + b" ")
    assert status(words, tmp_path) == 1
    for bad in (b"no braces", b"[1]", b"{}"):
        (tmp_path / "p").write_bytes(bad)
        assert status(words, tmp_path) == 2
    assert status(words[:4], tmp_path) == 2
    assert "import counterseal" not in Path(script).read_text("utf-8")
