"""Check that a decision belongs to a signed batch: needs Python, nothing else, none of Counterseal.

    python3 check_batch.py MESSAGE LEAF PATH.json

MESSAGE holds the exact bytes that the reviewer signed over many decisions, LEAF those of one
decision's statement, PATH.json its place and its audit path. Exit status 0: this decision stands at
this place. Who signed MESSAGE is for the line before this one. RFC 9162, part 2.1.3.2.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

ARGUMENTS = 3


def inside(content: bytes) -> dict[str, object]:
    """The statement inside signed bytes: what begins with the first brace.

    Raises:
        TypeError: when that is no object.
    """
    value = json.loads(content[content.index(b"{") :])
    if not isinstance(value, dict):
        raise TypeError("no statement")
    return value


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The tree head that a leaf and its audit path give; None when the path does not fit."""
    place, last, value = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for sibling in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            value = hashlib.sha256(b"\1" + sibling + value).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\1" + value + sibling).digest()
        place, last = place >> 1, last >> 1
    return value if last == 0 else None


def problems(leaf: bytes, told: dict[str, object], batch: dict[str, object]) -> list[str]:
    """Every check that fails, in words; empty when the decision is in the batch.

    Raises:
        TypeError: when a part has another shape.
    """
    index, size, path = told["index"], told["size"], told["path"]
    names = batch["request_ids"]
    if not isinstance(index, int) or not isinstance(size, int) or not isinstance(path, list):
        raise TypeError("no path")
    if not isinstance(names, list) or not 0 <= index < size:
        raise TypeError("no place")
    head = root_of(leaf, index, size, [bytes.fromhex(str(sibling)) for sibling in path])
    checks = {
        "size of the batch": batch["count"] == size == len(names),
        "request at this place": names[index : index + 1] == [inside(leaf)["request_id"]],
        "root of the batch": head is not None and batch["root"] == f"sha256:{head.hex()}",
    }
    return [name for name, holds in checks.items() if not holds]


def main(arguments: Sequence[str]) -> int:
    """Exit status 0 when it holds, 1 when it does not, 2 when something cannot be read."""
    if len(arguments) != ARGUMENTS:
        sys.stderr.write("usage: check_batch.py MESSAGE LEAF PATH.json\n")
        return 2
    message, leaf, path = (Path(name).read_bytes() for name in arguments)
    try:
        failed = problems(leaf, json.loads(path), inside(message))
    except (ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"cannot be read: {error!r}\n")
        return 2
    sys.stdout.write("in the batch\n" if not failed else f"NOT in it: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
