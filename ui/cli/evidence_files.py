"""Writing an evidence document to a file of the user's choice.

A home's own files are never written over: what is named must lie elsewhere.
"""

from pathlib import Path

from counterseal.kernel.errors import InputError
from storage.settings import Settings


def write_evidence(out: Path, text: str, settings: Settings) -> None:
    """Put a document into a file, whose folder is made when it is missing.

    Raises:
        InputError: `EVIDENCE_PATH_UNSAFE` for a link, for what is no plain file, and for a place
            in the home or in the signer's memory.
    """
    kept = [settings.counterseal_home, settings.counterseal_signer_state]
    if settings.database.file is not None:
        kept.append(settings.database.file.parent)
    place = out.resolve()
    within = [folder for folder in kept if place.is_relative_to(folder.resolve())]
    if out.is_symlink() or (out.exists() and not out.is_file()) or within:
        raise InputError(
            "EVIDENCE_PATH_UNSAFE",
            "evidence is not written here",
            field="--out",
            expected="a plain file outside the home and the signer's memory",
            got=out,
        )
    from storage.durable import write_durably  # noqa: PLC0415 - only what is written needs it

    place.parent.mkdir(parents=True, exist_ok=True)
    write_durably(place, text.encode())
