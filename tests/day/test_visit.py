"""A demo, and only a demo, is opened to visitors: in trading hours, with secrets that are told."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.access import Secrets
from counterseal.kernel.errors import InputError
from counterseal.market.quotes import Quote, QuoteBasis, age_seconds
from flows.day.plan import QUANT, ROLES
from storage.demo_visitors import card, keep_visitors, visitors, visitors_file
from storage.homes import open_home, read_home
from storage.keyring import DEMO_PASSPHRASE
from storage.market_feeds import WaveFeed
from storage.quote_file import NoQuotes, home_feed
from storage.system import DEMO_AHEAD, MachineIdSource, process_clock
from tests.day.visited import MONDAY_OPENS, SUNDAY, Visited, a_visit, opened
from tests.household import ROOT
from tests.world import World

FRESH_SECONDS = 3
"""A quote of three seconds is stale by the policy."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    with a_visit(tmp_path_factory.mktemp("visit") / "demo") as told:
        yield told


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A home that lives at the machine's time, in a process that visits nothing."""
    monkeypatch.delenv(DEMO_AHEAD, raising=False)
    made = World(tmp_path / "home")
    yield made
    made.store.close()


def test_a_visit_begins_when_the_exchange_opens_next(demo: Visited) -> None:
    """Who comes on a Sunday sees Monday's market."""
    assert SUNDAY + timedelta(seconds=demo.settings.counterseal_demo_ahead_seconds) == MONDAY_OPENS
    assert process_clock().now() == MONDAY_OPENS
    assert demo.told[0] == (
        "demo      open to visitors at 2026-11-23 00:45 UTC of its own; simulated market"
    )


def test_whoever_is_chosen_signs_in_at_once_with_what_is_told(demo: Visited) -> None:
    feed, ids = home_feed(demo.settings), MachineIdSource()
    desk = open_home(demo.settings, clock=process_clock(), ids=ids, feed=feed)
    with read_home(demo.settings) as reader:
        known = visitors(demo.settings, reader)
    assert {one.name for one in known} == {*ROLES, "officer-1", "officer-2"}
    for one in known:
        told = card(one, process_clock().now())
        assert told.password == DEMO_PASSPHRASE
        secrets = Secrets(
            password=SecretStr(told.password), code=SecretStr(told.code), source="here"
        )
        login = desk.access.log_in(one.name, secrets, key=f"visit-{one.name}")
        assert login.refusal is None, (one.name, login.refusal)


def test_a_request_of_the_quant_waits_for_its_first_review(demo: Visited) -> None:
    with read_home(demo.settings) as reader:
        [waiting] = reader.find(ApprovalRequest)
    assert (waiting.requester_id, waiting.status) == (QUANT, RequestStatus.PENDING_REVIEW)
    assert waiting.payload.symbol == "TMF202612"


def test_opening_again_adds_nothing_that_is_there(demo: Visited) -> None:
    def seen() -> tuple[object, ...]:
        with read_home(demo.settings) as reader:
            return reader.ends(), visitors(demo.settings, reader)

    before = seen()
    opened(demo.settings.counterseal_home)
    assert seen() == before


def test_secrets_of_visitors_lie_beside_the_home_for_its_owner_alone(demo: Visited) -> None:
    file = visitors_file(demo.settings)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not file.is_relative_to(demo.settings.counterseal_home)


def test_a_terminal_acts_in_the_demo_by_the_file_that_was_left_for_it(demo: Visited) -> None:
    file = demo.told[-1].removeprefix("terminal  . ")
    ran = subprocess.run(  # noqa: S603 - our own file and interpreter
        ["/bin/sh", "-c", f'. {file}; exec "$0" -m ui.cli.app approvals list', sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "TMF202612" in ran.stdout


def test_a_home_that_is_no_demo_stays_closed_under_a_clock_that_is_ahead(world: World) -> None:
    """Fail closed: nobody moves the time of a real home by a variable."""
    ahead = world.settings.model_copy(update={"counterseal_demo_ahead_seconds": 60})
    with pytest.raises(InputError) as looked, read_home(ahead):
        pass
    with pytest.raises(InputError) as wrote:
        open_home(ahead, clock=world.clock, ids=MachineIdSource(), feed=NoQuotes())
    assert looked.value.code == wrote.value.code == "DEMO_CLOCK_REFUSED"


def test_a_home_that_is_no_demo_has_no_visitors_whatever_lies_beside_it(
    world: World, demo: Visited
) -> None:
    with read_home(demo.settings) as reader:
        keep_visitors(world.settings, visitors(demo.settings, reader))
    with read_home(world.settings) as reader:
        assert visitors(world.settings, reader) == ()


@given(st.datetimes(datetime(2026, 11, 23), datetime(2036, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_simulated_quotes_are_labelled_and_fresh_at_any_instant(now: datetime) -> None:
    quote = WaveFeed().quote("TMF202612", now)
    assert isinstance(quote, Quote)
    assert 0 <= age_seconds(quote, now) < FRESH_SECONDS
    assert (quote.basis, quote.source) == (QuoteBasis.SYNTHETIC, "counterseal-waves")
    assert quote == WaveFeed().quote("TMF202612", quote.event_time)


def test_the_simulated_market_has_no_quote_of_what_it_does_not_know() -> None:
    assert not isinstance(WaveFeed().quote("2330", MONDAY_OPENS), Quote)
