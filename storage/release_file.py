"""The release document from its file.

Job: read what is claimed of this release, and refuse a document that does not hold in itself.

Invariants
  I1  An unknown key, level, phase, gap or flag is refused, and so is one that is missing.

Not here: what of it holds (readiness.release).
Source: TX-A8.
"""

from pathlib import Path
from typing import Final

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import read_document
from counterseal.readiness.release import ReleaseDocument
from storage.policy_files import parse_yaml

RELEASE: Final = Path(__file__).parents[1] / "policies" / "release.yaml"
"""Of this software: it speaks of what was built, whatever policies an installation has."""
_BYTES_MAX: Final = 100_000


def read_release(path: Path = RELEASE) -> ReleaseDocument:
    """The release document.

    Raises:
        PolicyError: `POLICY_MISSING`, `POLICY_TOO_LONG`, `POLICY_NOT_YAML`, `POLICY_UNKNOWN_KEY`
            or `POLICY_INVALID`.
    """
    if not path.is_file():
        raise PolicyError("POLICY_MISSING", "there is no release document", got=path.name)
    content = path.read_bytes()
    if len(content) > _BYTES_MAX:
        raise PolicyError("POLICY_TOO_LONG", "the release document is too long", field=path.name)
    return read_document(ReleaseDocument, parse_yaml(content, path.name), path.name)
