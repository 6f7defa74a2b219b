"""Everything that a home offers, in one command.

Job: open a demo to visitors where the home is one, then serve pages and flows until told to stop.

Invariants
  I1  A home that is no demo is served as it is: no clock, account or request of ours comes into it.

Not here: what a visit is (visit), what runs (serve).
"""

import math
import os
import shlex
from collections.abc import Callable
from typing import Final

from flows.day.home import demo_settings
from flows.serve import serve
from flows.visit import DEMO, Visit, begins_at, mode_of
from storage.desk import closing_desk
from storage.homes import open_log_key
from storage.keyring import DEMO_PASSPHRASE
from storage.policy_files import contracts_from, read_policy_files
from storage.quote_file import home_feed
from storage.settings import POLICY_VERSION, Settings
from storage.system import DEMO_AHEAD, MachineClock, MachineIdSource, process_clock
from storage.trading_calendar import desk_calendar

VISIT_FILE: Final = "visit.env"
"""Beside a demo: what a terminal has to know to act in it."""


def up(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serve a home until told to stop.

    Args:
        settings: Of the home.
        tell: Hears what happens.

    Raises:
        CountersealError: those of `visited` and `serve.serve`.
    """
    is_demo = mode_of(settings) == DEMO
    serve(visited(settings, tell) if is_demo else settings, tell, pages=True)


def visited(settings: Settings, tell: Callable[[str], None]) -> Settings:
    """Open a demo home to visitors; this process and what it starts live at its time from then on.

    Raises:
        InputError: `CALENDAR_RANGE`.
        IntegrityError: `DEMO_SETUP_REFUSED`, or the home does not hold.
        AdapterError: a file or the database fails.
    """
    demo = demo_settings(settings.counterseal_home, settings)
    contracts = contracts_from(read_policy_files(demo.counterseal_policies, POLICY_VERSION))
    calendar, now = desk_calendar(demo.counterseal_home, contracts.closures), MachineClock().now()
    begins = begins_at(demo, calendar, now)
    ahead = math.ceil((begins - now).total_seconds())
    os.environ[DEMO_AHEAD] = str(ahead)
    demo = demo.model_copy(update={"counterseal_demo_ahead_seconds": ahead})
    clock, ids, key = process_clock(), MachineIdSource(), open_log_key(demo)
    with closing_desk(demo, key, clock=clock, ids=ids, feed=home_feed(demo)) as desk:
        Visit(desk, demo, clock, ids).prepare()
    tell(f"demo      open to visitors at {begins:%Y-%m-%d %H:%M} UTC of its own; simulated market")
    tell(f"secrets   password and passphrase of everybody: {DEMO_PASSPHRASE}")
    tell(f"terminal  . {shlex.quote(_left_for_terminals(demo))}")
    return demo


def _left_for_terminals(settings: Settings) -> str:
    """Write the settings of this visit; gives the path of the file."""
    places = {
        "COUNTERSEAL_HOME": settings.counterseal_home,
        "COUNTERSEAL_POLICIES": settings.counterseal_policies,
        "COUNTERSEAL_SIGNER_STATE": settings.counterseal_signer_state,
        "COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE": settings.counterseal_log_key_passphrase_file,
    }
    told = ((name, str(path.absolute())) for name, path in places.items() if path is not None)
    lines = [f"export {name}={shlex.quote(path)}" for name, path in told]
    lines.append(f"export {DEMO_AHEAD}={settings.counterseal_demo_ahead_seconds}")
    file = settings.counterseal_signer_state / VISIT_FILE
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return str(file)
