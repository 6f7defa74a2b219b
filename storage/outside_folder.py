"""A folder of outside evidence.

Job: say where each kind of evidence lies, for who gathers it and for who verifies with it.

Invariants
  I1  It lies outside the home, whose backups and whose thieves would carry both.
  I2  Every part is optional; what is absent was not given.

Not here: what the evidence proves (audit.outside), reading it (outside_files), gathering it
(attesting).
Source: design table "evidence, cumulative".
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from counterseal.audit.trust_policy import KnownWitness
from counterseal.kernel.errors import InputError

CHECKPOINT_SUFFIX: Final = ".checkpoint"
ANCHOR_SUFFIX: Final = ".anchor"
RECEIPT_SUFFIX: Final = ".tlog-proof"
_PLAIN_NAME: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class OutsideFolder:
    """Places inside one folder; nothing here looks whether something lies there.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def log_key(self) -> Path:
        """The log's public key as it was pinned, one line."""
        return self.path / "log.vkey"

    @property
    def policy(self) -> Path:
        """Known witnesses, where they are asked, and their quorum (C2SP tlog-policy)."""
        return self.path / "policy"

    @property
    def latest(self) -> Path:
        """Folder of the largest checkpoint that each witness says it holds."""
        return self.path / "latest"

    @property
    def cosigned(self) -> Path:
        """Folder of cosigned checkpoints, see `witnesses.CosignedNotes`."""
        return self.path / "cosigned"

    @property
    def stamps(self) -> Path:
        """Folder of time-stamps, see `stamping.StampFolder`."""
        return self.path / "stamps"

    @property
    def roots(self) -> Path:
        """PEM certificates that the time-stamps are verified under."""
        return self.path / "tsa-roots.pem"

    @property
    def anchors(self) -> Path:
        """Folder of append-only files of heads, see `anchoring.AnchorBook`."""
        return self.path / "anchors"

    @property
    def receipts(self) -> Path:
        """Folder of receipts (C2SP tlog-proof)."""
        return self.path / "receipts"

    def latest_of(self, witness: KnownWitness) -> Path:
        """The checkpoint that one witness holds; a name that is no plain file name is digested."""
        plain = _PLAIN_NAME.fullmatch(witness.name) is not None
        name = witness.name.decode() if plain else hashlib.sha256(witness.name).hexdigest()
        return self.latest / f"{name}{CHECKPOINT_SUFFIX}"

    def receipt_of(self, seq: int) -> Path:
        """The receipt of one record."""
        return self.receipts / f"{seq:019d}{RECEIPT_SUFFIX}"

    def checked_beside(self, home: Path) -> "OutsideFolder":
        """This folder, when it lies outside a home; links are followed.

        Raises:
            InputError: `OUTSIDE_INSIDE_HOME`.
        """
        if self.path.resolve().is_relative_to(home.resolve()):
            raise InputError(
                "OUTSIDE_INSIDE_HOME",
                "evidence from outside lies outside the home",
                field="COUNTERSEAL_OUTSIDE",
                expected=f"a folder that is not in {home}",
                got=self.path,
            )
        return self
