"""What a home's log comes to, for who looks at its panel.

Job: verify the log of a home against what lies outside its database, and count who vouches for it.

Invariants
  I1  Evidence that cannot be reached is left out, so that the answer says less, never more.

Not here: the four states (desk.views.integrity), the verifier (audit).
Source: TX-K3 to TX-K7; ui UI-20.
"""

from dataclasses import replace
from typing import NamedTuple

from counterseal.audit.evidence import Evidence
from counterseal.desk.views.integrity import IntegrityFacts, IntegrityPanel, integrity_status
from counterseal.kernel.errors import CountersealError
from storage.home_reader import HomeReader
from storage.outsiders import outsiders_of
from storage.settings import Settings
from storage.verification import pinned_evidence, with_signer


class HomeIntegrity(NamedTuple):
    """The panel, and the probes that it rests on."""

    panel: IntegrityPanel
    facts: IntegrityFacts


def home_integrity(reader: HomeReader, settings: Settings, evidence: Evidence) -> HomeIntegrity:
    """The panel of a home's log.

    Raises:
        InputError: `ORIGINS_DIFFER` when the evidence is about several logs.
        AdapterError: when the database fails meanwhile.
    """
    outsiders = outsiders_of(reader, settings)
    facts = IntegrityFacts(
        backend=reader.backend,
        local_only=settings.database.file is not None,
        live_trading_enabled=settings.enable_live_trading,
        witnesses=outsiders.witnesses,
        time_stamped=None if outsiders.stamps is None else outsiders.stamps > 0,
    )
    panel = integrity_status(reader.records(), reader.checkpoints(), evidence, facts)
    return HomeIntegrity(panel, facts)


def outside_evidence(reader: HomeReader, settings: Settings) -> Evidence:
    """What this installation can hold against its own log: key, signer's head, outside folder.

    Raises:
        IntegrityError: `INSTALLATION_MISSING`.
    """
    evidence = pinned_evidence(reader)
    try:
        evidence = with_signer(evidence, reader, settings)
    except CountersealError:
        evidence = replace(evidence, heads=())
    if settings.counterseal_outside is None:
        return evidence
    from storage.outside_files import OutsideFiles, with_outside  # noqa: PLC0415 - stamps are heavy
    from storage.outside_folder import OutsideFolder  # noqa: PLC0415 - the same

    try:
        return with_outside(
            evidence, OutsideFiles.within(OutsideFolder(settings.counterseal_outside))
        )
    except CountersealError:
        return evidence
