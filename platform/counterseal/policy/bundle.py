"""One version of the whole policy, named by its hash.

Job: read parsed policy documents strictly and hash the bytes that they came from.

Invariants
  I1  The hash covers every file's path and bytes: any change gives another hash.
  I2  An unknown key, a missing document or a bad value is an error, never a default.
  I3  A bundle is in force in `[effective_from, expires_at)`.

Not here: files and YAML (storage), activation (desk), Cedar rules (policies/approval).
Source: governance rules, part 4.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from pydantic import Field, ValidationError

from counterseal.kernel.canonical import Json, canonical_bytes, digest, sha256_hex
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError, PolicyError
from counterseal.kernel.model import DomainModel, Name, Sha256
from counterseal.policy.access import AccessRules
from counterseal.policy.evidence import EvidenceRules
from counterseal.policy.execution import ExecutionRules
from counterseal.policy.limits import RiskLimits
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.retention import RetentionRules

PARAMS_FILE: Final = "params.yaml"
LIMITS_FILE: Final = "limits.yaml"
RETENTION_FILE: Final = "retention.yaml"
EVIDENCE_FILE: Final = "evidence.yaml"
EXECUTION_FILE: Final = "fill_models.yaml"
RULES_FILE: Final = "approval.cedar"
SCHEMA_FILE: Final = "approval.cedarschema"
RULES_LENGTH_MAX: Final = 100_000
ACCESS_FILE: Final = "access.yaml"

M = TypeVar("M", bound=DomainModel)


class PolicyFile(DomainModel):
    """One hashed file; `sha256` is 64 hex digits."""

    path: Name
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class RuleText(DomainModel):
    """Rules and their schema, as written; what they mean is the engine's (policy.cedar)."""

    rules: str = Field(min_length=1, max_length=RULES_LENGTH_MAX)
    entity_schema: str = Field(min_length=1, max_length=RULES_LENGTH_MAX)


class PolicyBundle(DomainModel):
    """A validated policy version.

    Attributes:
        version: Such as `2026.11.1`.
        rules: Who may do what, and when; parsed where they are asked, linted before a desk opens.
        author_ids: People who wrote it; they may not review under it.
    """

    bundle_id: Name
    version: Name
    bundle_hash: Sha256
    files: tuple[PolicyFile, ...] = Field(min_length=1, max_length=200)
    approval: ApprovalParameters
    rules: RuleText
    limits: RiskLimits
    retention: RetentionRules
    evidence: EvidenceRules = EvidenceRules()
    execution: ExecutionRules = ExecutionRules()
    access: AccessRules = AccessRules()
    author_ids: tuple[Name, ...] = ()
    effective_from: UtcDatetime
    expires_at: UtcDatetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Whether the bundle counts at an instant (half-open)."""
        return self.effective_from <= now and (self.expires_at is None or now < self.expires_at)


def hash_files(files: Mapping[str, bytes]) -> tuple[PolicyFile, ...]:
    """Path and SHA-256 of each file, sorted by path."""
    return tuple(PolicyFile(path=p, sha256=sha256_hex(files[p])) for p in sorted(files))


def bundle_hash(files: tuple[PolicyFile, ...]) -> str:
    """`sha256:<hex>` over the canonical, sorted list of (path, sha256)."""
    return digest([[f.path, f.sha256] for f in sorted(files, key=lambda f: f.path)])


def build_bundle(
    version: str,
    files: Mapping[str, bytes],
    documents: Mapping[str, Json],
    *,
    effective_from: datetime,
    expires_at: datetime | None = None,
    author_ids: tuple[str, ...] = (),
) -> PolicyBundle:
    """Make a bundle from raw bytes (hashed) and their parsed form (validated), keyed by path.

    Raises:
        PolicyError: `POLICY_UNKNOWN_KEY`, `POLICY_INVALID`, `POLICY_MISSING` (absent).
    """
    hashed = hash_files(files)
    total = bundle_hash(hashed)
    return PolicyBundle(
        bundle_id=f"bundle-{total.removeprefix('sha256:')[:16]}",
        version=version,
        bundle_hash=total,
        files=hashed,
        approval=read_document(ApprovalParameters, *_named(documents, PARAMS_FILE)),
        rules=RuleText(
            rules=_rule_text(files, RULES_FILE), entity_schema=_rule_text(files, SCHEMA_FILE)
        ),
        limits=read_document(RiskLimits, *_named(documents, LIMITS_FILE)),
        retention=read_document(RetentionRules, *_named(documents, RETENTION_FILE)),
        evidence=_optional(EvidenceRules, documents, EVIDENCE_FILE),
        execution=_optional(ExecutionRules, documents, EXECUTION_FILE),
        access=_optional(AccessRules, documents, ACCESS_FILE),
        author_ids=author_ids,
        effective_from=effective_from,
        expires_at=expires_at,
    )


def _optional(model: type[M], documents: Mapping[str, Json], name: str) -> M:
    """A document that older bundles lack: they have the values of its model."""
    if not any(path.endswith(f"/{name}") for path in documents):
        return model()
    return read_document(model, *_named(documents, name))


def check_bundle_hash(found: str, expected: str) -> None:
    """Compare a bundle's hash with the one that was activated.

    Raises:
        PolicyError: `POLICY_HASH_MISMATCH`.
    """
    if found != expected:
        raise PolicyError(
            "POLICY_HASH_MISMATCH",
            "the policy files are not the activated ones",
            field="bundle_hash",
            expected=expected,
            got=found,
        )


def read_document(model: type[M], value: Json, path: str) -> M:
    """Validate one parsed policy document.

    Raises:
        PolicyError: `POLICY_UNKNOWN_KEY` or `POLICY_INVALID`, naming path and field.
    """
    try:
        return model.model_validate_json(canonical_bytes(value))
    except InputError as error:
        raise PolicyError(
            "POLICY_INVALID", f"{path}: {error.message}", field=error.field, got=error.got
        ) from None
    except ValidationError as error:
        problem = _policy_error(error, path)
        raise PolicyError(
            problem.code, problem.message, field=problem.field, got=problem.got
        ) from None


def _policy_error(error: ValidationError, path: str) -> PolicyError:
    problems = error.errors(include_url=False, include_context=False)
    unknown = [p for p in problems if p["type"] == "extra_forbidden"]
    first = (unknown or problems)[0]
    code = "POLICY_UNKNOWN_KEY" if unknown else "POLICY_INVALID"
    return PolicyError(
        code,
        f"{path}: {first['msg']}",
        field=".".join(str(part) for part in first["loc"]) or path,
        got=first["input"],
    )


def _rule_text(files: Mapping[str, bytes], name: str) -> str:
    path = _only_path(files, name)
    try:
        text = files[path].decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or len(text) > RULES_LENGTH_MAX:
        raise PolicyError("POLICY_INVALID", "rules are UTF-8 text of bounded length", field=path)
    return text


def _named(documents: Mapping[str, Json], name: str) -> tuple[Json, str]:
    path = _only_path(documents, name)
    return documents[path], path


def _only_path(paths: Iterable[str], name: str) -> str:
    found = [path for path in paths if path.rsplit("/", 1)[-1] == name]
    if len(found) != 1:
        raise PolicyError(
            "POLICY_MISSING", f"expected exactly one {name}", field=name, got=len(found)
        )
    return found[0]
