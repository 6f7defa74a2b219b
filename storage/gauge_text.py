"""The numbers of a home as scrapers read them.

Job: gather every gauge of a home when somebody asks, and write them in Prometheus's text format.

Invariants
  I1  Nothing is kept between two scrapes: a home that cannot be read is `counterseal_up 0` and
      nothing else.

Not here: counting (gauges), who may ask (ui.web.asgi).
Source: issue "Always on", point 4; prometheus_client 0.26, Prometheus text format 0.0.4.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from counterseal.kernel.errors import CountersealError
from counterseal.readiness.running import LoopSeen, RoundSeen, Timeliness
from storage.gauges import Gauge, outside_gauges
from storage.home_reader import read_home
from storage.last_rounds import read_last_rounds
from storage.schedules import ROUND_SECONDS
from storage.settings import Settings
from storage.statement_days import statements_behind
from storage.verified_log import read_verification

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX: Final = "counterseal_"


class _Gathered(Collector):
    """Gauges that were gathered once."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = tuple(gauges)

    def collect(self) -> Iterator[Metric]:
        for one in self._gauges:
            family = CounterMetricFamily if one.counts else GaugeMetricFamily
            labels = [one.label] if one.label else []
            made = family(_PREFIX + one.name, one.told, labels=labels)
            for label, value in one.values.items():
                made.add_metric([label] if one.label else [], value)
            yield made


def gauge_text(settings: Settings, now: datetime) -> bytes:
    """Everything that there is to count at `now` (UTC), as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gathered(gathered(settings, now)))
    return generate_latest(registry)


def gathered(settings: Settings, now: datetime) -> Sequence[Gauge]:
    """Every gauge; of a home that cannot be read only that it is not up."""
    try:
        return (_up(1), *_of_home(settings, now))
    except (CountersealError, OSError):
        return (_up(0),)


def _up(value: int) -> Gauge:
    return Gauge("up", "Whether the home could be read.", {"": value})


def _of_home(settings: Settings, now: datetime) -> Iterator[Gauge]:
    home = settings.counterseal_home
    yield Gauge("simulated", "Always 1: no order here reaches a market.", {"": 1})
    with read_home(settings) as reader:
        yield from reader.gauges(now)
        behind = statements_behind(reader, home, now)
    if behind is not None:
        told = "Ended trading days of accounts without a statement."
        yield Gauge("statements_behind", told, {"": behind})
    yield from outside_gauges(settings, now)
    full = read_verification(home)
    if full is not None:
        yield Gauge(
            "verification_clean",
            "Whether the last full verification found nothing.",
            {"": full.clean},
        )
        age = (now - full.at).total_seconds()
        yield Gauge("verification_age_seconds", "Since it began.", {"": age})
        yield Gauge("verification_records", "Records that it covered.", {"": full.size})
    yield from loop_gauges(read_last_rounds(home), now)


def loop_gauges(loop: LoopSeen | None, now: datetime) -> Iterator[Gauge]:
    """What the resident loop told of itself; a loop that is late or absent does not lead."""
    told_rounds = () if loop is None else loop.rounds
    rounds = [one for one in told_rounds if one.name in ROUND_SECONDS]
    late = [one for one in rounds if loop and loop.standing(one, now) is Timeliness.LATE]
    leads = bool(rounds) and not late
    yield Gauge("loop_leads", "Whether every round of the loop is on time.", {"": leads})
    made = {one.name: one.made for one in rounds}
    failed = {one.name: one.failed for one in rounds}
    took = {one.name: one.milliseconds / 1_000 for one in rounds}
    for name, told, values in (
        ("made", "Rounds since the loop began.", made),
        ("failed", "Rounds of them that failed.", failed),
        ("seconds", "What they took together.", took),
    ):
        yield Gauge(f"loop_rounds_{name}", told, values, "round", counts=True)
    done = {one.name: _since_done(one, now) for one in rounds if one.done_at is not None}
    told = "Since a round of this kind ended well last."
    yield Gauge("loop_done_age_seconds", told, done, "round")


def _since_done(one: RoundSeen, now: datetime) -> float:
    return 0.0 if one.done_at is None else (now - one.done_at).total_seconds()
