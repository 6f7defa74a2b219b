"""Check an evidence pack with python3 alone: nothing of Counterseal, no server, no network.

    python3 verify.py [PACK] [--vkey KEY] [--expect CHECKPOINT] [--policy TLOG_POLICY] [--json]

PACK is a folder or a .zip, by default the folder of this file. Run a copy of this file that came to
you another way: a pack can carry any verify.py. What is proved depends on what you hold yourself:
the log's first key (--vkey), a checkpoint that you kept (--expect), witnesses you trust (--policy).
Exit status: 0 verified, 1 tampered, 2 bad usage or no pack, 3 inconclusive (nothing contradicts,
but you gave no key of your own), 4 something is missing here. Nothing in the pack is run or
believed; it is read as a stream. Signatures by the package `cryptography`, else by `openssl`.
Formats: RFC 8493 (BagIt), DSSE, in-toto Statement v1, C2SP signed-note, tlog-checkpoint,
tlog-cosignature, tlog-policy; RFC 6962 trees (RFC 9162 parts 2.1.3, 2.1.4); SSHSIG; WebAuthn.
"""

from evidence.verify.base import NOTICE, RECORDS, FoundError, Json, UnusableError
from evidence.verify.checks import Check
from evidence.verify.notes import Head, Reader, read_vkey
from evidence.verify.verdict import (
    NOT_CHECKED,
    examine,
    in_words,
    main,
    reader_of,
    report,
    verify,
)

__all__ = [
    "NOTICE",
    "NOT_CHECKED",
    "RECORDS",
    "Check",
    "FoundError",
    "Head",
    "Json",
    "Reader",
    "UnusableError",
    "examine",
    "in_words",
    "main",
    "read_vkey",
    "reader_of",
    "report",
    "verify",
]
