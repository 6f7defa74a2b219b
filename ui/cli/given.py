"""What a user holds against the log, as options of a command.

Every option names something that was kept outside the home; together they become one `Evidence`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from counterseal.audit.evidence import Evidence, Freshness, head_of_note, head_of_signer
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.signer import SignerState
from counterseal.audit.verdict import DEFAULT_REQUIRED, Attacker
from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.errors import InputError
from ui.cli.session import CLOCK, content_of, text_of

if TYPE_CHECKING:
    from counterseal.audit.seals import RememberedHead
    from counterseal.audit.trust_policy import TrustPolicy
    from storage.outside_files import OutsideFiles

Vkey = Annotated[str | None, typer.Option(help="The log's first public key, or a file with it.")]
Expect = Annotated[Path | None, typer.Option(help="A checkpoint kept elsewhere.")]
SignerStateFile = Annotated[Path | None, typer.Option(help="The signer's state file.")]
Outside = Annotated[
    Path | None, typer.Option(help="Folder of outside evidence; what is named besides wins.")
]
Policy = Annotated[Path | None, typer.Option(help="Known witnesses and quorum (tlog-policy).")]
Latest = Annotated[
    list[Path] | None,
    typer.Option("--witness-latest", help="A witness's newest checkpoint; once for each."),
]
Stamps = Annotated[Path | None, typer.Option(help="Folder of RFC 3161 time-stamps.")]
Roots = Annotated[Path | None, typer.Option("--tsa-roots", help="PEM roots of the stamps.")]
Receipts = Annotated[Path | None, typer.Option(help="Folder of receipts (.tlog-proof).")]
Require = Annotated[
    str | None,
    typer.Option(help="Attackers that must be excluded, such as A1,A5; A1,A2,A3b,A4 by default."),
]
Fresh = Annotated[
    int | None, typer.Option(min=1, help="Seconds that the newest sighting may be old.")
]


@dataclass(frozen=True, slots=True)
class Named:
    """What the options name; None and empty for what was not given."""

    vkey: str | None = None
    expect: Path | None = None
    signer_state: Path | None = None
    outside: Path | None = None
    policy: Path | None = None
    latest: tuple[Path, ...] = ()
    stamps: Path | None = None
    roots: Path | None = None
    receipts: Path | None = None
    fresh: int | None = None

    def evidence(self) -> Evidence:
        """All of it, read.

        Raises:
            InputError: `VKEY_MALFORMED` and others of a key or note, `SIGNER_STATE_UNREADABLE`,
                those of `with_outside`.
            IntegrityError: `SIG_INVALID` or `KEY_UNKNOWN` for the expected checkpoint, and those of
                `with_outside`.
            AdapterError: those of `with_outside`.
        """
        files = self._files()
        evidence = Evidence()
        if files is not None:
            from storage.outside_files import with_outside  # noqa: PLC0415 - stamps need a library

            evidence = with_outside(evidence, files)
        key = self._key(evidence.policy)
        fresh = None
        if self.fresh is not None:
            fresh = Freshness(CLOCK.now(), timedelta(seconds=self.fresh))
        return replace(evidence, log_key=key, heads=self._heads(key), fresh=fresh)

    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Every file that was given: the option, with the place in a folder, and its SHA-256."""
        found: list[tuple[str, str]] = []
        for field in fields(self):
            value = getattr(self, field.name)
            for path in value if isinstance(value, tuple) else (value,):
                if isinstance(path, Path):
                    found += [(f"{field.name}{at}", sum_) for at, sum_ in _digests(path)]
        return tuple(found)

    def _files(self) -> "OutsideFiles | None":
        """Files of the folder, and in their place those that are named one by one.

        Raises:
            InputError: `EVIDENCE_FILE_MISSING`.
        """
        from storage.outside_files import OutsideFiles  # noqa: PLC0415 - as above
        from storage.outside_folder import OutsideFolder  # noqa: PLC0415 - as above

        within = OutsideFiles()
        if self.outside is not None:
            within = OutsideFiles.within(OutsideFolder(self.outside))
        files = OutsideFiles(
            policy=self.policy or within.policy,
            cosigned=within.cosigned,
            latest=self.latest or within.latest,
            anchors=within.anchors,
            stamps=self.stamps or within.stamps,
            roots=self.roots or within.roots,
            receipts=self.receipts or within.receipts,
        )
        return None if self.outside is None and files == OutsideFiles() else files

    def _key(self, policy: "TrustPolicy | None") -> VerifierKey | None:
        """The pinned key: as told, from the folder, or the one log that the policy names."""
        if self.vkey is not None:
            is_file = "+" not in self.vkey or Path(self.vkey).is_file()
            return parse_vkey((_text(self.vkey, "--vkey") if is_file else self.vkey).strip())
        if self.outside is not None:
            from storage.outside_folder import OutsideFolder  # noqa: PLC0415 - only a folder has one

            pinned = OutsideFolder(self.outside).log_key
            if pinned.is_file():
                return parse_vkey(_text(str(pinned), "--outside").strip())
        if policy is not None and len(policy.logs) == 1:
            return policy.logs[0].key
        return None

    def _heads(self, key: VerifierKey | None) -> tuple["RememberedHead", ...]:
        heads: list[RememberedHead] = []
        if self.expect is not None:
            heads.append(head_of_note(_text(str(self.expect), "--expect"), key))
        if self.signer_state is not None:
            try:
                content = _text(str(self.signer_state), "--signer-state")
                heads.append(head_of_signer(SignerState.model_validate_json(content)))
            except ValidationError:
                raise InputError(
                    "SIGNER_STATE_UNREADABLE",
                    "no signer state",
                    field="--signer-state",
                    got=self.signer_state,
                ) from None
        return tuple(heads)


def required(told: str | None) -> frozenset[Attacker]:
    """Attackers by their names, separated by commas.

    Raises:
        InputError: `ATTACKER_UNKNOWN`.
    """
    if told is None:
        return DEFAULT_REQUIRED
    try:
        return frozenset(Attacker(name.strip()) for name in told.split(","))
    except ValueError:
        raise InputError(
            "ATTACKER_UNKNOWN",
            "no such attacker",
            field="--require",
            expected=",".join(Attacker),
            got=told,
        ) from None


def _digests(path: Path) -> Iterator[tuple[str, str]]:
    """A file by itself, or every file of a folder by its place in it."""
    if path.is_file():
        yield "", sha256_hex(path.read_bytes())
    for file in sorted(path.rglob("*")) if path.is_dir() else ():
        if file.is_file():
            yield f"/{file.relative_to(path)}", sha256_hex(file.read_bytes())


def _text(source: str, option: str) -> str:
    return text_of(content_of(source, option), source, option)
