"""The control catalogue from its file.

Job: read the controls and the queries that evidence them.

Invariants
  I1  An unknown key, a control named twice or one without a query is refused.

Not here: what a query means (policy.controls), statuses (desk.views.controls). The file is no part
of the signed policy bundle: it decides nothing.
"""

from pathlib import Path
from typing import Final

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import read_document
from counterseal.policy.controls import Catalogue
from storage.policy_files import parse_yaml

CONTROLS: Final = Path(__file__).parents[1] / "policies" / "controls" / "controls.yaml"
"""Of this software: the types that it names are those that this software records."""
_BYTES_MAX: Final = 200_000


def read_controls(path: Path = CONTROLS) -> Catalogue:
    """The catalogue.

    Raises:
        PolicyError: `POLICY_MISSING`, `POLICY_TOO_LONG`, `POLICY_NOT_YAML`, `POLICY_UNKNOWN_KEY`
            or `POLICY_INVALID`.
    """
    if not path.is_file():
        raise PolicyError("POLICY_MISSING", "there is no control catalogue", got=path.name)
    content = path.read_bytes()
    if len(content) > _BYTES_MAX:
        raise PolicyError("POLICY_TOO_LONG", "the catalogue is too long", field=path.name)
    return read_document(Catalogue, parse_yaml(content, path.name), path.name)
