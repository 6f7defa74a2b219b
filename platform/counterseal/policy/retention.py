"""How long records are kept.

Job: hold the retention document as validated values.

Invariants
  I1  Every record kind is named at most once; a kind without a row is kept without end.

Not here: deleting anything (storage), legal holds.
Source: policies/retention.
"""

from typing import Self

from pydantic import Field, model_validator

from counterseal.kernel.model import DomainModel, Name, Text


class RetentionRule(DomainModel):
    """Years to keep one kind of record, and why."""

    record_kind: Name
    keep_years: int = Field(ge=1, le=100)
    reason: Text


class RetentionRules(DomainModel):
    """The whole retention document."""

    schema_version: int = Field(ge=1, le=1)
    rules: tuple[RetentionRule, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        kinds = [rule.record_kind for rule in self.rules]
        if len(kinds) != len(set(kinds)):
            raise ValueError("a record kind has two rules")
        return self

    def keep_years(self, record_kind: str) -> int | None:
        """Years to keep a kind of record; None = without end."""
        return next((r.keep_years for r in self.rules if r.record_kind == record_kind), None)
