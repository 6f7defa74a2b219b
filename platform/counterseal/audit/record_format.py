"""What each field of a record may hold.

Job: say of a field's value whether it fits the format.

Invariants
  I1  A test never raises and never changes what it looks at.

Not here: bytes and their reading (audit.record).
Source: design part "record format".
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from counterseal.kernel.errors import InputError

RECORD_VERSION: Final = 1
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_UTC: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z", re.ASCII)
_DOTTED: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
_EVENT_ID: Final = re.compile(r"[a-z][a-z0-9]*_[0-9a-f]{32}", re.ASCII)
_WORD: Final = re.compile(r"[\x21-\x7e]{1,120}", re.ASCII)

Test = Callable[[object], bool]
"""Whether a value fits."""


def _matches(pattern: re.Pattern[str]) -> Test:
    whole = pattern.fullmatch
    return lambda value: isinstance(value, str) and whole(value) is not None


def _whole(least: int) -> Test:
    return lambda value: type(value) is int and value >= least


def _or_null(test: Test) -> Test:
    return lambda value: value is None or test(value)


def _list_of(test: Test) -> Test:
    return lambda value: isinstance(value, list | tuple) and all(map(test, value))


def _object(**fields: Test) -> Test:
    checks, names = tuple(fields.items()), fields.keys()

    def test(value: object) -> bool:
        if not _json_object(value) or value.keys() != names:
            return False
        for name, check in checks:  # noqa: SIM110 - a loop takes half the time of a generator
            if not check(value[name]):
                return False
        return True

    return test


def _text(value: object) -> bool:
    return isinstance(value, str)


def _json_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return type(value) is dict or isinstance(value, Mapping)


_word: Final = _matches(_WORD)
_hex: Final = _matches(_HEX)
_utc: Final = _matches(_UTC)

DRAFT_FORMAT: Final[Mapping[str, Test]] = {
    "stream": _word,
    "event_id": _matches(_EVENT_ID),
    "type": _matches(_DOTTED),
    "occurred_at": _utc,
    "actor": _object(
        id=_word,
        authn=_object(issuer=_word, amr=_list_of(_word), acr=_or_null(_word), auth_time=_utc),
        session=_word,
    ),
    "on_behalf_of": _or_null(_word),
    "action": _word,
    "meaning": _text,
    "reason": _object(code=_text, text=_text),
    "before": _or_null(_json_object),
    "after": _or_null(_json_object),
    "subject": _object(type=_word, id=_word, version=_whole(1)),
    "policy": _or_null(
        _object(
            id=_word,
            version=lambda value: _word(value) or _whole(0)(value),
            digest=_matches(_DIGEST),
        )
    ),
    "run": _or_null(_word),
    "step": _or_null(_word),
    "request_id": _or_null(_word),
    "idempotency_key": _or_null(_text),
    "command": _or_null(_matches(_DIGEST)),
    "pii": _list_of(_matches(_DIGEST)),
    "approver_sig": _or_null(_json_object),
}
SEAL_FORMAT: Final[Mapping[str, Test]] = {
    "v": lambda value: type(value) is int and value == RECORD_VERSION,
    "origin": _word,
    "seq": _whole(0),
    "prev": _hex,
    "stream_seq": _whole(1),
    "stream_prev": _hex,
    "recorded_at": _utc,
    "clock": _object(source=_word, max_error_us=_whole(0)),
}


def check_names(value: Mapping[str, object], names: frozenset[str]) -> None:
    """Refuse other fields than these.

    Raises:
        InputError: `RECORD_FIELDS`.
    """
    if value.keys() != names:
        odd = sorted(map(str, value.keys() ^ names))
        raise InputError(
            "RECORD_FIELDS", "fields unknown or missing", expected="exactly the format", got=odd
        )


def check_values(value: Mapping[str, object], tests: Mapping[str, Test]) -> None:
    """Refuse the first field that does not fit its test.

    Raises:
        InputError: `RECORD_INVALID`.
    """
    for name, test in tests.items():
        if not test(value[name]):
            raise InputError(
                "RECORD_INVALID", "field does not fit the format", field=name, got=value[name]
            )
