"""Failures, told apart by whose fault they are.

Job: one exception family with a stable code, the field, what was expected and what came.

Invariants
  I1  A refusal (a normal, audited outcome) is never an exception: see `kernel.model.Refusal`.
  I2  Each error names a stable `code`, an `exit_status` and an `http_status`.

Not here: rendering (ui), retry (flows).
Source: architecture part 7 (exit statuses).
"""

from typing import ClassVar


class CountersealError(Exception):
    """Base of every failure that Counterseal raises on purpose.

    Attributes:
        code: Stable upper-case word that scripts may match.
        field: Dotted path of the offending field, or None.
        expected: What would have been accepted, in words, or None.
        got: What came instead, shortened to 200 characters, or None.
    """

    exit_status: ClassVar[int] = 4
    http_status: ClassVar[int] = 500

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        expected: object = None,
        got: object = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.expected = None if expected is None else str(expected)[:200]
        self.got = None if got is None else str(got)[:200]

    def diagnostics(self) -> dict[str, str]:
        """Everything a window needs to show, as text; absent facts are left out."""
        facts = {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "expected": self.expected,
            "got": self.got,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def __str__(self) -> str:
        parts = [f"{self.code}: {self.message}"]
        if self.field is not None:
            parts.append(f"field {self.field}")
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.got is not None:
            parts.append(f"got {self.got}")
        return "; ".join(parts)


class InputError(CountersealError):
    """The caller's fault: a value, file or option that cannot be accepted."""

    exit_status = 2
    http_status = 422


class PolicyError(CountersealError):
    """A policy document's fault: unknown key, bad limit, hash that differs from the manifest."""

    exit_status = 2
    http_status = 503


class TransitionError(CountersealError):
    """A move that a state table does not allow."""

    exit_status = 1
    http_status = 409


class IntegrityError(CountersealError):
    """Evidence is broken: stop, do not retry, alarm."""

    exit_status = 1
    http_status = 409


class AdapterError(CountersealError):
    """The world's fault: disk, database, socket.

    Attributes:
        retriable: True when the same call may succeed later unchanged.
    """

    http_status = 503

    def __init__(
        self, code: str, message: str, *, retriable: bool = False, got: object = None
    ) -> None:
        super().__init__(code, message, got=got)
        self.retriable = retriable


class InvariantError(CountersealError):
    """A state that the types should have made impossible (this is a bug)."""

    def __init__(self, message: str) -> None:
        super().__init__("INVARIANT", f"{message} (this is a bug)")
