"""The home that these pages stand in.

Job: open the desk once for all sessions, and give a reader to each look.

Invariants
  I1  One desk serves all; a policy that comes into force opens another.
  I2  Nothing about a person is kept here.

Not here: who looks (ui.web.door), rules (the desk).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import streamlit as st

from counterseal.desk.desk import Desk
from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.desk.ports import Reader
from counterseal.desk.views.history import RecordFacts
from counterseal.kernel.clock import Clock
from counterseal.policy.limits import RiskLimits, tightened
from storage.home_reader import HomeReader, read_home
from storage.homes import open_home
from storage.law import Law, law_in_force
from storage.quote_file import home_feed
from storage.reason_words import reason_sentences
from storage.settings import Settings, load_settings
from storage.system import MachineIdSource, process_clock
from storage.window_notes import WindowNotes, window_notes_file
from ui.web.place import web_origin

CLOCK: Clock = process_clock()
IDS = MachineIdSource()


def settings() -> Settings:
    """Those of this process."""
    return load_settings()


def origin() -> str:
    """As browsers see these pages."""
    return web_origin(settings())


def desk() -> Desk:
    """The desk under the policy in force.

    Raises:
        CountersealError: those of `storage.homes.open_home`.
    """
    told = settings()
    with read_home(told) as reader:
        active = in_force(reader.find(PolicyActivation), CLOCK.now())
    return _opened(told.database.name, "" if active is None else active.bundle_hash)


@st.cache_resource(max_entries=2, show_spinner=False)
def _opened(database: str, bundle_hash: str) -> Desk:
    del database, bundle_hash
    return open_home(settings(), clock=CLOCK, ids=IDS, feed=home_feed(settings()))


@contextmanager
def reading() -> Iterator[HomeReader]:
    """A look at the home.

    Raises:
        CountersealError: those of `storage.home_reader.read_home`.
    """
    with read_home(settings()) as reader:
        yield reader


def law(reader: Reader) -> Law:
    """The policy in force."""
    return law_in_force(reader, CLOCK.now())


def limits(given: Law) -> RiskLimits:
    """The limits in force: the policy's, made tighter by the settings of this installation."""
    return tightened(given.bundle.limits, settings().limit_overrides())


def notes() -> WindowNotes:
    """What windows remember."""
    return WindowNotes(window_notes_file(settings().counterseal_home))


def command_key() -> str:
    """A fresh idempotency key."""
    return IDS.new("cmd", "web", CLOCK.now())


def sentences(language: str) -> Mapping[str, str]:
    """What each reason code says in the language of this tag."""
    return _sentences(settings().counterseal_policies, language)


@cache
def _sentences(folder: Path, language: str) -> Mapping[str, str]:
    return reason_sentences(folder, language)


def record_facts(reader: HomeReader) -> RecordFacts:
    """What a look at one case may say of how records are kept; the log's own page says the rest."""
    return RecordFacts(append_only=not reader.missing_guards(), write_once=False)
