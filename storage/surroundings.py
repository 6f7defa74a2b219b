"""Where an evidence document is made, and the limits that its home ever applied.

Job: look at settings, parts and the store for the flags of a document.

Invariants
  I1  Nothing is written, and what a home holds is read from the reader that is given.

Not here: the flags (desk.views.evidence_flags), probes of a whole home (probes).
Source: TX-M1 to TX-M4.
"""

from collections.abc import Iterator

from counterseal.desk.installation import PolicyActivation
from counterseal.desk.views.evidence_flags import Surroundings
from counterseal.kernel.errors import InputError
from counterseal.policy.limits import RiskLimits, tightened
from storage.home_reader import HomeReader
from storage.law import activated_law
from storage.probes import parts_seen, settings_seen
from storage.settings import Settings

NO_HOME = "none"


def surroundings(settings: Settings, reader: HomeReader | None = None) -> Surroundings:
    """What is seen around a document; without a reader no home is part of it."""
    if reader is None:
        backend, local, database = NO_HOME, True, ""
    else:
        backend, local = reader.backend, settings.database.file is not None
        database = settings.database.name
    return Surroundings(
        settings=settings_seen(settings),
        parts=parts_seen(),
        backend=backend,
        local_only=local,
        database=database,
    )


def applied_limits(reader: HomeReader, settings: Settings) -> Iterator[RiskLimits]:
    """Limits of every policy that was ever active here, as they are and as settings tighten them.

    Raises:
        PolicyError: `POLICY_HASH_MISMATCH`.
    """
    for activation in reader.find(PolicyActivation):
        limits = activated_law(activation).bundle.limits
        yield limits
        try:
            yield tightened(limits, settings.limit_overrides())
        except InputError:
            continue
