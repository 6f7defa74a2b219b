"""What this installation is: its home, its window, and its settings with their source."""

import json
import os
from collections.abc import Mapping, Sequence

import streamlit as st
from pydantic_settings import BaseSettings

from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import exact_text
from counterseal.policy.limits import SETTING_OF_LIMIT
from flows.engine import hall_settings
from storage.settings_told import SettingSource, SettingTold, settings_told, sources_of
from ui.web import house
from ui.web.parts.pieces import copyable, facts, table
from ui.web.parts.words import absent, moment
from ui.web.place import ADDRESS, SOURCES, allowed_hosts, web_settings
from ui.web.wording import Language, say, term


def installation() -> None:
    """The view."""
    left, right = st.columns(2, gap="large")
    with left:
        _home()
    with right:
        _window()
    _settings()


def _home() -> None:
    st.header(say("settings_installation.home"), anchor=False)
    with house.reading() as reader:
        found = reader.get(Installation, INSTALLATION_ID)
        backend, bundle = reader.backend, house.law(reader).bundle
    none = absent(say("settings_installation.unfounded"))
    facts(
        (say("settings_installation.log"), none if found is None else found.origin),
        (say("settings_installation.mode"), none if found is None else found.mode),
        (say("settings_installation.founded"), none if found is None else moment(found.created_at)),
        (say("settings_installation.store"), backend),
        (say("settings_installation.file"), _place()),
        (say("settings_installation.policy"), bundle.version),
    )
    if found is not None:
        copyable(say("settings_installation.log_key"), found.log_vkey)


def _place() -> str:
    """Where the database is: a file, or a server and a name."""
    database = house.settings().database
    return database.name if database.file is None else str(database.file.absolute())


def _window() -> None:
    st.header(say("settings_installation.window"), anchor=False)
    origin = house.origin()
    facts(
        (say("settings_installation.origin"), origin),
        (say("settings_installation.listens"), f"{ADDRESS}:{house.settings().web_port}"),
        (say("settings_installation.hosts"), ", ".join(allowed_hosts(origin))),
        (say("settings_installation.languages"), ", ".join(one.own_name for one in Language)),
        (say("settings_installation.zone"), say("settings_installation.zones")),
    )


def _settings() -> None:
    st.header(say("settings_installation.settings"), anchor=False)
    st.caption(say("settings_installation.settings_told"))
    limits, sources = _limits(), _sources()
    told = [one for part in _own() for one in settings_told(part, sources)]
    try:
        engine = hall_settings()
        told += settings_told(engine, sources_of(engine, engine, os.environ))
    except InputError as error:
        field = error.field or ""
        st.caption(say("settings_installation.unreadable", code=error.code, field=field))
    rows = (_row(one, limits) for one in told)
    head = (
        say("settings_installation.name"),
        say("settings_installation.value"),
        say("settings_installation.source"),
    )
    table(say("settings_installation.settings"), head, rows)


def _own() -> tuple[BaseSettings, ...]:
    """Those of the home, and of these pages."""
    return house.settings(), web_settings()


def _limits() -> dict[str, str]:
    """What the policy sets where a setting leaves its limit, by the setting's name."""
    with house.reading() as reader:
        limits = house.law(reader).bundle.limits
    return {name: exact_text(getattr(limits, field)) for name, field in SETTING_OF_LIMIT.items()}


def _sources() -> Mapping[str, SettingSource]:
    """As the launcher saw them; it tells every place to this process outright."""
    known = os.environ.get(SOURCES)
    if known is None:
        return {k: v for one in _own() for k, v in sources_of(one, one, os.environ).items()}
    return {name: SettingSource(source) for name, source in json.loads(known).items()}


def _row(one: SettingTold, limits: Mapping[str, str]) -> Sequence[str]:
    if one.value is None and not one.hidden and one.name in limits:
        return one.name, limits[one.name], say("settings_installation.from_policy")
    return one.name, _value(one), term(one.source)


def _value(one: SettingTold) -> str:
    if one.hidden:
        return say("settings_installation.hidden")
    return absent(say("settings_installation.untold")) if one.value is None else one.value
