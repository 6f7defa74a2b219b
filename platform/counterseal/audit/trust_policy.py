"""Which logs and witnesses a reader trusts.

Job: read a policy file, and say whether the witnesses that cosigned are enough.

Invariants
  I1  A policy that is not understood to the last byte is refused, never half applied.
  I2  A public key has one role and one name: nobody counts twice.
  I3  A quorum is met only by cosignatures; `quorum none` vouches for nothing.

Not here: verifying the lines (audit.note), what a quorum proves (audit.outside).
Source: C2SP tlog-policy.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from counterseal.audit.note import COSIGNATURE, ED25519, VerifierKey, parse_vkey
from counterseal.kernel.errors import InputError

POLICY_BYTES_MAX: Final = 262_144
ENTRIES_MAX: Final = 256
"""Most logs, witnesses and groups together."""

_NONE: Final = b"none"
_REFUSED: Final = re.compile(rb"[^\x09\x0a\x20-\x7e\x80-\xff]")
_COUNT: Final = re.compile(rb"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that is accepted; its key's name is the origin."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness.

    Attributes:
        name: Name inside the policy file, opaque bytes.
        url: Prefix that `add-checkpoint` is sent to, or None.
    """

    name: bytes
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups of which `needed` have to agree."""

    name: bytes
    needed: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """A policy that was read.

    Attributes:
        groups: In the order of the file: a group refers to earlier names only.
        quorum: Name of a witness or group; None when no cosignature is asked for.
    """

    logs: tuple[KnownLog, ...] = ()
    witnesses: tuple[KnownWitness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: bytes | None = None

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """Keys of all witnesses, in the order of the file."""
        return tuple(witness.key for witness in self.witnesses)

    def met_by(self, cosigned: Collection[VerifierKey]) -> bool:
        """Whether these keys' cosignatures are a quorum; never, when the policy asks for none."""
        met = {witness.name for witness in self.witnesses if witness.key in cosigned}
        for group in self.groups:
            if len(met.intersection(group.members)) >= group.needed:
                met.add(group.name)
        return self.quorum in met


class _Reading:
    """What the lines so far define."""

    def __init__(self) -> None:
        self.logs: list[KnownLog] = []
        self.witnesses: list[KnownWitness] = []
        self.groups: list[Group] = []
        self.quorums: list[bytes] = []
        self._names = {_NONE}
        self._members: set[bytes] = set()
        self._public_keys: set[bytes] = set()

    def log(self, items: Sequence[bytes]) -> None:
        if len(items) not in {1, 2}:
            _malformed("expected: log vkey [url]", items)
        self.logs.append(KnownLog(self._key(items[0], ED25519), _url(items[1:])))

    def witness(self, items: Sequence[bytes]) -> None:
        if len(items) not in {2, 3}:
            _malformed("expected: witness name vkey [url]", items)
        key = self._key(items[1], COSIGNATURE)
        self.witnesses.append(KnownWitness(self._named(items[0]), key, _url(items[2:])))

    def group(self, items: Sequence[bytes]) -> None:
        if len(items) < 3:  # noqa: PLR2004 - a name, how many, and one member
            _malformed("expected: group name all|any|k members", items)
        name, rule, *members = items
        for member in members:
            if member == _NONE or member not in self._names or member in self._members:
                _malformed("a member is an earlier name, and in one group only", member)
            self._members.add(member)
        needed = {b"all": len(members), b"any": 1}.get(rule)
        if needed is None:
            needed = int(rule) if _COUNT.fullmatch(rule) else 0
        if not 1 <= needed <= len(members):
            _malformed("expected all, any or a number up to the members", rule)
        self.groups.append(Group(self._named(name), needed, tuple(members)))

    def quorum(self, items: Sequence[bytes]) -> None:
        if len(items) != 1 or self.quorums or items[0] not in self._names:
            _malformed("expected one quorum line, naming an earlier name or none", items)
        self.quorums.append(items[0])

    def _named(self, name: bytes) -> bytes:
        if name in self._names:
            _malformed("a name is defined once", name)
        self._names.add(name)
        if len(self._names) > ENTRIES_MAX:
            _malformed(f"more than {ENTRIES_MAX} names", name)
        return name

    def _key(self, item: bytes, kind: int) -> VerifierKey:
        try:
            key = parse_vkey(item.decode())
        except UnicodeDecodeError:
            _malformed("a key is UTF-8", item)
        if key.kind != kind:
            _malformed("a log signs notes (type 1), a witness cosigns them (type 4)", item)
        if key.public_key in self._public_keys or len(self._public_keys) >= ENTRIES_MAX:
            _malformed("a public key has one role and one name", item)
        self._public_keys.add(key.public_key)
        return key


def parse_policy(content: bytes) -> TrustPolicy:
    """Read a policy file.

    Raises:
        InputError: `TRUST_POLICY_MALFORMED`, or `KEY_INVALID` and `BASE64_INVALID` for a key; a key
            of a type that is not understood refuses the whole policy.
    """
    if len(content) > POLICY_BYTES_MAX or _REFUSED.search(content) is not None:
        _malformed("too long, or a control character other than tab and newline")
    reading = _Reading()
    rules = {
        b"log": reading.log,
        b"witness": reading.witness,
        b"group": reading.group,
        b"quorum": reading.quorum,
    }
    for line in content.split(b"\n"):
        items = line.split()
        if not items or items[0].startswith(b"#"):
            continue
        if items[0] not in rules:
            _malformed("expected log, witness, group or quorum", items[0])
        rules[items[0]](items[1:])
    if not reading.quorums:
        _malformed("expected one quorum line")
    quorum = reading.quorums[0]
    return TrustPolicy(
        tuple(reading.logs),
        tuple(reading.witnesses),
        tuple(reading.groups),
        None if quorum == _NONE else quorum,
    )


def _url(items: Sequence[bytes]) -> str | None:
    return items[0].decode(errors="replace") if items else None


def _malformed(message: str, got: object = None) -> NoReturn:
    raise InputError("TRUST_POLICY_MALFORMED", message, field="policy", got=got)
