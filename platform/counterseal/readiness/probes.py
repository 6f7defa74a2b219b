"""The ways to look, and the probes made of them.

Job: turn an observation into one value with its evidence. Pure.

Invariants
  I1  What was not seen gives None, never a value.
  I2  A part that looks built but was never exercised gives None: presence is no proof. A window
      or a make target of that name builds nothing.
  I3  Of several findings one false gives false, else one None gives None.
  I4  No observation makes a certification true: software does not certify itself.

Not here: which flag uses which probe (readiness.flags), gathering (storage.probes).
Source: TX-L8.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, NamedTuple

from counterseal.kernel.clock import utc_text
from counterseal.readiness.model import Exercise, HomeSeen, Observation, RunKind

_NO_HOME: Final = ("", "DATABASE_MISSING")
_WINDOWS: Final = ("ui.", "make:", "ci:")
"""Parts that show or call something, and so build nothing."""


class Found(NamedTuple):
    """What a probe saw; None = could not check."""

    value: bool | None
    evidence: str


class Probe(NamedTuple):
    """A named check.

    Attributes:
        looks_at: What it looks at, in words.
        look: The check itself.
        certification: True for what no software may say of itself.
    """

    name: str
    looks_at: str
    look: Callable[[Observation], Found]
    certification: bool = False


def exercised(exercise: Exercise) -> Probe:
    """A probe that something was tried out, with its outcome."""

    def look(seen: Observation) -> Found:
        outcome = seen.of(exercise)
        if outcome is None:
            return Found(None, "not carried out")
        return Found(outcome.passed, outcome.evidence)

    return Probe(exercise.value, "an exercise on the core or on a scratch store", look)


def built(exercise: Exercise, *words: str) -> Probe:
    """As `exercised`; without an outcome it is false only if no part carries one of the words."""

    def look(seen: Observation) -> Found:
        outcome = seen.of(exercise)
        if outcome is not None:
            return Found(outcome.passed, outcome.evidence)
        listed = _parts_with(seen, words)
        if listed is None:
            return Found(None, "the parts were not listed")
        found = [name for name in listed if not name.startswith(_WINDOWS)]
        if found:
            return Found(None, f"present but never exercised: {', '.join(found[:5])}")
        return Found(False, f"no part is named {' or '.join(words)}")

    return Probe(exercise.value, f"parts named {', '.join(words)}, and their exercise", look)


def present(name: str, *words: str) -> Probe:
    """Whether any part of this installation carries one of the words in its name."""

    def look(seen: Observation) -> Found:
        found = _parts_with(seen, words)
        if found is None:
            return Found(None, "the parts were not listed")
        told = ", ".join(found[:5]) if found else f"no part is named {' or '.join(words)}"
        return Found(bool(found), told)

    return Probe(name, f"parts named {', '.join(words)}", look)


def in_home(name: str, looks_at: str, look: Callable[[HomeSeen], Found]) -> Probe:
    """A probe of the home; it cannot look where none could be read."""

    def guarded(seen: Observation) -> Found:
        if seen.home is None:
            return Found(None, f"no home was read ({seen.home_problem or 'not looked at'})")
        return look(seen.home)

    return Probe(name, looks_at, guarded)


def ran(kind: RunKind) -> Probe:
    """Whether a run of this kind was stored, whole, and lately enough for the next to come.

    One from the future by more than that proves as little as one that is overdue.
    """

    def look(seen: Observation) -> Found:
        if seen.home is None:
            return Found(None, f"no home was read ({seen.home_problem or 'not looked at'})")
        run = seen.home.run_of(kind)
        if run is None:
            return Found(False, f"nothing stored in {kind}")
        due = None if run.due_seconds is None else timedelta(seconds=run.due_seconds)
        late = due is not None and abs(seen.at - run.at) > due
        when = "overdue" if late else "in time"
        told = f"{run.run_id} of {utc_text(run.at)}, {when}: {run.told}"
        return Found(run.whole and not late, told)

    return Probe(f"{kind}_stored", f"the newest of {kind} in the home", look)


def readable(name: str, looks_at: str, look: Callable[[HomeSeen], str]) -> Probe:
    """Whether something of the home was read; a home that fails to open is a failed reading."""

    def tried(seen: Observation) -> Found:
        if seen.home is not None:
            return Found(True, look(seen.home))
        if seen.home_problem in _NO_HOME:
            return Found(None, f"no home was read ({seen.home_problem or 'not looked at'})")
        return Found(False, f"the home cannot be read: {seen.home_problem}")

    return Probe(name, looks_at, tried)


def every(name: str, *probes: Probe) -> Probe:
    """All of them: the first false decides, then the first that could not look."""

    def look(seen: Observation) -> Found:
        found = [probe.look(seen) for probe in probes]
        for value in (False, None):
            for one in found:
                if one.value is value:
                    return one
        return Found(True, "; ".join(one.evidence for one in found))

    told = (part for probe in probes for part in probe.looks_at.split("; "))
    return Probe(name, "; ".join(dict.fromkeys(told)), look)


def inverse(name: str, probe: Probe) -> Probe:
    """The opposite; what could not be checked stays unchecked."""

    def look(seen: Observation) -> Found:
        found = probe.look(seen)
        return Found(None if found.value is None else not found.value, found.evidence)

    return Probe(name, probe.looks_at, look)


def outstanding(probe: Probe) -> Probe:
    """A requirement: it stands until the probe shows that it is met, also while unchecked."""

    def look(seen: Observation) -> Found:
        found = probe.look(seen)
        return Found(found.value is not True, f"the control it asks for: {found.evidence}")

    return Probe(f"outstanding_{probe.name}", probe.looks_at, look)


def _parts_with(seen: Observation, words: tuple[str, ...]) -> tuple[str, ...] | None:
    if seen.parts is None:
        return None
    return tuple(n for n in seen.parts.names if any(word in n.lower() for word in words))


def _certified(_: Observation) -> Found:
    return Found(False, "nothing installed here can grant it; it is given from outside, by people")


CERTIFICATION: Final = Probe(
    "certification", "what nobody may say of their own work", _certified, certification=True
)


def _live(seen: Observation) -> Found:
    told = seen.settings
    live = told.trading_mode == "live" or told.live_trading_enabled
    return Found(live, f"TRADING_MODE={told.trading_mode}, live flag {told.live_trading_enabled}")


def _provider(seen: Observation) -> Found:
    provider = seen.settings.broker_provider
    return Found(provider == "paper", f"BROKER_PROVIDER={provider}")


def _sqlite(seen: Observation) -> Found:
    kind = seen.settings.database_kind
    return Found(kind == "sqlite", f"database {kind}")


def _url(seen: Observation) -> Found:
    told = seen.settings.database_url_told
    return Found(told, f"a database URL is told: {told}")


DATABASE_URL: Final = Probe("database_url", "settings in force", _url)
LIVE: Final = Probe("live_settings", "trading mode and live flag in force", _live)
PAPER_PROVIDER: Final = Probe("paper_provider", "broker provider in force", _provider)
SQLITE: Final = Probe("sqlite", "kind of the database in force", _sqlite)
MANAGED: Final = inverse("managed_datastore", SQLITE)


def _gateways(home: HomeSeen) -> Found:
    real = [name for name in home.orders.gateways if not name.startswith("paper")]
    told = ", ".join(home.orders.gateways) or "none used yet"
    return Found(bool(real), f"gateways in the records: {told}")


REAL_GATEWAY: Final = in_home("real_gateway", "gateways named by outbox and fills", _gateways)


def _paper_only(seen: Observation) -> Found:
    safe = every("safe", inverse("not_live", LIVE), PAPER_PROVIDER).look(seen)
    if safe.value is not True or seen.home is None:
        return safe
    used = REAL_GATEWAY.look(seen)
    return Found(not used.value, f"{safe.evidence}; {used.evidence}")


PAPER_ONLY: Final = Probe(
    "paper_only", "settings in force, and gateways where a home was read", _paper_only
)


def _effect(name: str, looks_at: str, look: Callable[[Observation], Found]) -> Probe:
    def guarded(seen: Observation) -> Found:
        return Found(None, "not measured") if seen.effects is None else look(seen)

    return Probe(name, looks_at, guarded)


def _written(seen: Observation) -> Found:
    count = seen.effects.writing_opens if seen.effects else 0
    return Found(count != 0, f"files of the home opened for writing: {count}")


def _ordered(seen: Observation) -> Found:
    done = seen.effects
    added = done.orders_added if done is not None and done.writing_opens else 0
    return Found(added != 0, f"orders added by this call: {added}")


def _connected(seen: Observation) -> Found:
    count = seen.effects.outside_connections if seen.effects else 0
    return Found(count != 0, f"network connections of this call: {count}")


def _acted(seen: Observation) -> Found:
    looks = (_written(seen), _ordered(seen), _connected(seen))
    return Found(any(one.value for one in looks), "; ".join(one.evidence for one in looks))


ACTED: Final = _effect("effects_measured", "every effect of this call", _acted)
WRITTEN: Final = _effect("writing_opens_counted", "how this call opened the home", _written)
ORDERED: Final = _effect("orders_counted", "orders before and after", _ordered)
CONNECTED: Final = _effect("connections_counted", "sockets connected by this call", _connected)
READ_ONLY: Final = inverse("read_only", WRITTEN)


def _tenant_keys(seen: Observation) -> Found:
    if seen.parts is None:
        return Found(None, "the record kinds were not listed")
    without = seen.parts.kinds_without_tenant
    return Found(not without, f"record kinds without a tenant: {', '.join(without[:6]) or 'none'}")


TENANT_KEYS: Final = Probe("tenant_keys", "fields of every record kind", _tenant_keys)
TENANTS: Final = every("tenants", TENANT_KEYS, exercised(Exercise.OTHER_TENANT_REFUSED))
