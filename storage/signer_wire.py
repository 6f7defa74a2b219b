"""What is said between a journal and a signer of its own.

Job: questions and answers as strict, versioned frames on a stream socket.

A frame is four bytes of length, most significant first, and canonical JSON of one object.

Invariants
  I1  A frame has at most 16 KiB; a longer one is refused before it is read.
  I2  Only canonical JSON with exactly the fields of its kind is understood.
  I3  A frame of another version is refused, never guessed at.

Not here: what is signed (audit.signer), the two ends (signer_process, signer_client).
"""

import socket
import struct
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from counterseal.audit.checkpoint import SIZE_MAX
from counterseal.audit.merkle import PROOF_LENGTH_MAX
from counterseal.audit.record import load_canonical
from counterseal.audit.signer import RootHex, SignerState
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name, Text

FRAME_BYTES_MAX: Final = 16_384
T = TypeVar("T")
_LENGTH: Final = struct.Struct(">I")
_Size = Annotated[int, Field(ge=0, le=SIZE_MAX)]


class Ask(DomainModel):
    """Who are you, and what do you remember?"""

    v: Literal[1] = 1
    kind: Literal["ask"] = "ask"


class AskSignature(DomainModel):
    """Sign this checkpoint; `audit.signer.decide_signing` tells what each field means."""

    v: Literal[1] = 1
    kind: Literal["sign"] = "sign"
    origin: Name
    size: _Size
    root: RootHex
    proof: tuple[RootHex, ...] = Field(max_length=PROOF_LENGTH_MAX)
    lease: _Size


class Memory(DomainModel):
    """The signer's public key, what it signed last, and the secret that binds drafts."""

    v: Literal[1] = 1
    kind: Literal["memory"] = "memory"
    vkey: str = Field(max_length=400)
    state: SignerState
    draft_key: RootHex


class Signed(DomainModel):
    """The signed note."""

    v: Literal[1] = 1
    kind: Literal["signed"] = "signed"
    note: str = Field(max_length=FRAME_BYTES_MAX)


class Failed(DomainModel):
    """Nothing was signed.

    Attributes:
        fault: Whose: `log` when evidence is broken, `world` for a disk, `asker` for the question.
        retriable: Whether the same question may be answered later.
    """

    v: Literal[1] = 1
    kind: Literal["failed"] = "failed"
    fault: Literal["log", "world", "asker"]
    code: Name
    message: Text
    retriable: bool


Question = Annotated[Ask | AskSignature, Field(discriminator="kind")]
Answer = Annotated[Memory | Signed | Failed, Field(discriminator="kind")]
QUESTION: Final[TypeAdapter[Ask | AskSignature]] = TypeAdapter(Question)
ANSWER: Final[TypeAdapter[Memory | Signed | Failed]] = TypeAdapter(Answer)


def send(end: socket.socket, message: DomainModel) -> None:
    """Write one frame.

    Raises:
        OSError: when the other end is gone or does not read.
    """
    content = canonical_bytes(message.json_value())
    end.sendall(_LENGTH.pack(len(content)) + content)


def receive(end: socket.socket) -> bytes:
    """Read one frame.

    Raises:
        InputError: `FRAME_INVALID` when it is too long or cut short.
        OSError: when the other end does not write in time.
    """
    (length,) = _LENGTH.unpack(_exactly(end, _LENGTH.size))
    if not 0 < length <= FRAME_BYTES_MAX:
        raise InputError("FRAME_INVALID", "a frame of this length is not read", got=length)
    return _exactly(end, length)


def _exactly(end: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        part = end.recv(count - len(content))
        if not part:
            raise InputError("FRAME_INVALID", "the frame ends early", expected=count)
        content += part
    return content


def read_question(content: bytes) -> Ask | AskSignature:
    """A question of this version.

    Raises:
        InputError: `FRAME_INVALID` or `NOT_CANONICAL`.
    """
    return _read(QUESTION, content)


def read_answer(content: bytes) -> Memory | Signed | Failed:
    """An answer of this version.

    Raises:
        InputError: `FRAME_INVALID` or `NOT_CANONICAL`.
    """
    return _read(ANSWER, content)


def _read(kinds: TypeAdapter[T], content: bytes) -> T:
    load_canonical(content)
    try:
        return kinds.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "kind"
        raise InputError("FRAME_INVALID", first["msg"], field=place) from None
