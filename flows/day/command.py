"""`python -m flows demo`: the words of the command, and its answer.

Progress goes to standard error as lines `@{"at": ..., "share": ..., "party": ...}`, so that a
window may draw it; standard output carries one JSON document.

Not here: running the day (run), drawing it (ui).
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError
from flows.day.agenda import PARTY_OF, Step
from flows.day.home import PASSPHRASE_FILE, beside, demo_settings, outside_of
from flows.day.keepsakes import unstamped
from flows.day.loop import GovernedDay
from flows.day.markets import DayMarket
from flows.day.plan import DayPlan
from flows.day.plans import REAL_STRATEGIES, demo_market, demo_plan, real_market, real_plan
from flows.day.run import run_day, with_engine, without_engine
from flows.day.strategies import chosen_from
from flows.day.taken import take
from storage.policy_files import contracts_from, read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import state_file
from storage.trading_calendar import taifex_calendar

SEED: Final = "counterseal-demo"
PRODUCTS: Final = "TX,MTX"
"""What is read of a tick file when nothing is said."""
MARK: Final = "@"
"""First letter of a line of progress."""


def add_words(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--ticks", type=Path, help="a day's tick file; deterministic without one")
    parser.add_argument("--products", help=f"products of the tick file; {PRODUCTS} by default")
    parser.add_argument(
        "--strategy",
        action="append",
        help=f"who listens to the tick file, a name or module:NAME; {', '.join(REAL_STRATEGIES)}",
    )
    parser.add_argument("--out", type=Path, default=Path("var/demo"), help="the demo home")
    parser.add_argument("--seed", default=SEED, help="names every id, key and nonce")
    parser.add_argument("--no-engine", action="store_true", help="run without the workflow engine")


def run_demo(settings: Settings, words: argparse.Namespace) -> tuple[int, Mapping[str, Json]]:
    """Run the asked day; exit status 0 when log and pack verified and the tables equal the log.

    Raises:
        InputError: `PRODUCTS_NEED_TICKS` or `STRATEGY_NEEDS_TICKS` when they are told and no tick
            file; those of `strategies.chosen_from` and `plans.real_market`.
    """
    plan, market = _stated_day(words) if words.ticks is None else _tick_day(settings, words)
    runs = without_engine if words.no_engine else with_engine
    progress = _Progress()
    summary = run_day(words.out, settings, plan, market, runs=runs, notice=progress)
    outside = outside_of(words.out)
    pack = take(demo_settings(words.out, settings), outside, plan.seed)
    held = summary.verified == "ok" and summary.reconciled and (pack is None or pack.exit == 0)
    value: dict[str, Json] = {
        "ok": held,
        "home": str(words.out),
        "flow_runs": 2 if progress.steps and not words.no_engine else 0,
        "shown_again": not progress.steps,
        "vkey": summary.log_vkey,
        "outside": str(outside.path) if outside.log_key.is_file() else None,
        "unstamped": unstamped(outside),
        "pack": None if pack is None else pack.json_value(),
        "signer_state": str(state_file(beside(words.out), summary.origin)),
        "passphrase_file": str(beside(words.out) / PASSPHRASE_FILE),
        "summary": summary.json_value(),
    }
    return (0 if held else 1), value


def _stated_day(words: argparse.Namespace) -> tuple[DayPlan, DayMarket]:
    if words.products is not None:
        raise InputError(
            "PRODUCTS_NEED_TICKS",
            "products are chosen from a tick file; name one with --ticks",
            field="--products",
            got=words.products,
        )
    if words.strategy is not None:
        raise InputError(
            "STRATEGY_NEEDS_TICKS",
            "strategies listen to a tick file; name one with --ticks",
            field="--strategy",
            got=", ".join(words.strategy),
        )
    return demo_plan(words.seed), demo_market()


def _tick_day(settings: Settings, words: argparse.Namespace) -> tuple[DayPlan, DayMarket]:
    strategies = chosen_from(words.strategy or REAL_STRATEGIES)
    contracts = contracts_from(read_policy_files(settings.counterseal_policies, POLICY_VERSION))
    told = PRODUCTS if words.products is None else words.products
    products = [name.strip() for name in told.split(",") if name.strip()]
    calendar = taifex_calendar(contracts.closures)
    market = real_market(words.ticks, products, contracts, calendar, strategies)
    return real_plan(words.seed, products, [one.name for one in strategies]), market


class _Progress:
    """Tells each step on standard error; counts them."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, day: GovernedDay, step: Step) -> None:
        self.steps += 1
        market = day.market
        share = (step.at - market.starts_at) / (market.ends_at - market.starts_at)
        party = PARTY_OF[step.phase].value
        told = {"at": utc_text(step.at), "share": f"{share:.4f}", "party": party}
        sys.stderr.write(f"{MARK}{json.dumps(told)}\n")
