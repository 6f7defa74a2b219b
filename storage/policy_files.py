"""Policy documents from files.

Job: read the policy folder into bytes and values; build the bundle and the contract table.

Invariants
  I1  The bytes that are hashed are the bytes that are parsed.
  I2  A key written twice, an alias or a tag is refused: what people read is what counts.

Not here: validation (policy), activation (desk.setup).
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from counterseal.kernel.canonical import Json, canonical_bytes, parse_json
from counterseal.kernel.errors import InputError, PolicyError
from counterseal.market.contracts import ContractTable
from counterseal.policy.bundle import PolicyBundle, build_bundle
from counterseal.policy.manifest import MANIFEST_FILE, PolicyManifest

CONTRACTS_FILE: Final = "taifex.yaml"
YAML: Final = ".yaml"
SUFFIXES: Final = frozenset({YAML, ".cedar", ".cedarschema"})
TESTS_FILE: Final = "tests.yaml"
"""Cases that a policy brings for itself: hashed with it, read only where they are run."""
MANIFEST_BYTES_MAX: Final = 1_000_000
_FILE_BYTES_MAX: Final = 100_000
_DEPTH_MAX: Final = 50


class _StrictLoader(yaml.CSafeLoader):
    """YAML without duplicate keys; what would become a float or a date stays text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """A mapping whose keys are unique.

        Raises:
            ConstructorError: for a key named twice.
        """
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is named twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _as_text(loader: _StrictLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for _tag in ("float", "timestamp"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_text)


def parse_yaml(content: bytes, path: str) -> Json:
    """One document.

    Raises:
        PolicyError: `POLICY_NOT_YAML`.
    """
    try:
        _check_events(content)
        value: Json = yaml.load(content, _StrictLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError("POLICY_NOT_YAML", f"{path}: {error}", field=path) from None
    return value


def _check_events(content: bytes) -> None:
    """Refuse what the loader, which calls itself in C for each level, must not be given.

    Raises:
        ComposerError: for an alias, or levels beyond any that a policy needs.
    """
    depth = 0
    for event in yaml.parse(content, _StrictLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias is not allowed")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:
            raise yaml.composer.ComposerError(None, None, f"more than {_DEPTH_MAX} levels")


def read_policy_files(folder: Path, version: str) -> dict[str, bytes]:
    """Every policy file of a version (YAML, Cedar rules and schema), by its path below the folder.

    Raises:
        PolicyError: `POLICY_MISSING` without any file, `POLICY_TOO_LONG`.
    """
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob(f"*/{version}/*"))
        if path.suffix in SUFFIXES
    }
    if not files:
        raise PolicyError("POLICY_MISSING", "no policy of this version", got=folder / version)
    for path, content in files.items():
        if len(content) > _FILE_BYTES_MAX:
            raise PolicyError("POLICY_TOO_LONG", "policy file too long", field=path)
    return files


def read_manifest(folder: Path) -> PolicyManifest:
    """The list of versions of a folder; one without any when there is no list.

    Raises:
        PolicyError: `POLICY_TOO_LONG`, or `POLICY_INVALID` for a list that does not hold.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return PolicyManifest(versions=())
    content = path.read_bytes()
    if len(content) > MANIFEST_BYTES_MAX:
        raise PolicyError("POLICY_TOO_LONG", "the manifest is too long", field=MANIFEST_FILE)
    try:
        parse_json(content)  # refuses a key that is named twice
        return PolicyManifest.model_validate_json(content)
    except (ValidationError, InputError) as error:
        raise PolicyError("POLICY_INVALID", str(error)[:400], field=MANIFEST_FILE) from None


def bundle_from(
    files: Mapping[str, bytes],
    version: str,
    effective_from: datetime,
    *,
    author_ids: tuple[str, ...] = (),
) -> PolicyBundle:
    """The validated bundle of these bytes.

    Raises:
        PolicyError: see `policy.bundle.build_bundle`.
    """
    documents = {
        path: parse_yaml(content, path)
        for path, content in files.items()
        if path.endswith(YAML) and not path.endswith(f"/{TESTS_FILE}")
    }
    return build_bundle(
        version, files, documents, effective_from=effective_from, author_ids=author_ids
    )


def contracts_from(files: Mapping[str, bytes]) -> ContractTable:
    """The contract table of these bytes.

    Raises:
        PolicyError: `POLICY_MISSING` or `POLICY_INVALID`.
    """
    for path, content in files.items():
        if path.endswith(f"/{CONTRACTS_FILE}"):
            try:
                parsed = canonical_bytes(parse_yaml(content, path))
                return ContractTable.model_validate_json(parsed)
            except (ValidationError, InputError) as error:
                raise PolicyError("POLICY_INVALID", str(error)[:400], field=path) from None
    raise PolicyError("POLICY_MISSING", "no contract table", field=CONTRACTS_FILE)
