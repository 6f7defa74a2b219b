"""What a command that acts is given, and in which order it comes about."""

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Annotated

import pytest
import typer

from ui.cli import acting
from ui.cli.acting import Act
from ui.cli.render import TAKEN_KEY


@acting.acting
def command(
    order: str,
    reason: Annotated[str, typer.Option()],
    act: Act,
    size: Annotated[int, typer.Option()] = 1,
) -> None:
    """Do something."""
    assert act.as_json
    assert (act.person_id, act.key, act.settings.counterseal_home) == ("ann", "k-1", Path(order))
    assert (reason, size) == ("why", 2)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done for an act, in order."""
    done: list[str] = []

    def doing(step: str, given: object) -> Callable[..., object]:
        def do(*_: object) -> object:
            done.append(step)
            return given

        return do

    monkeypatch.setattr(acting, "settings_for", doing("settings", "settings"))
    monkeypatch.setattr(acting, "logged_in", doing("login", ("actor", "opened key")))
    monkeypatch.setattr(acting, "desk_at", doing("desk", "desk"))
    monkeypatch.setattr(acting, "command_key", doing("key", "fresh"))
    return done


def test_the_options_stand_where_the_act_stands_and_at_the_end() -> None:
    """STYLE 3: help lists who acts among the command's own words, what is common to all last."""
    assert list(signature(command).parameters) == [
        *("order", "reason", "acting_as", "size"),
        *("passphrase_file", "key", "home", "as_json"),
    ]
    assert (command.__name__, command.__doc__) == ("command", "Do something.")


def test_a_command_is_given_what_was_told(tmp_path: Path) -> None:
    """STYLE 3: words of the command line arrive as they were told."""
    app = typer.Typer()
    app.command()(command)
    words = [str(tmp_path), "--reason", "why", "--as", "ann", "--size", "2", "--key", "k-1"]

    app([*words, "--home", str(tmp_path), "--json"], standalone_mode=False)
    assert TAKEN_KEY.get() == "k-1"


def test_nothing_comes_about_before_it_is_asked_for(steps: list[str], tmp_path: Path) -> None:
    """TX-F20: what was told is checked before anybody is asked for a passphrase."""
    act = Act("ann", None, None, tmp_path, as_json=False)
    assert steps == ["settings"]

    assert act.key == "fresh"
    assert act.key == "fresh"
    assert steps == ["settings", "key"], "one key for one act"


def test_no_desk_opens_for_somebody_who_has_proved_nothing(
    steps: list[str], tmp_path: Path
) -> None:
    """TX-F20: the login comes first, and once."""
    act = Act("ann", None, "k-1", tmp_path, as_json=False)

    assert [act.desk, act.actor, act.desk] == ["desk", "actor", "desk"]
    assert steps == ["settings", "login", "desk"]
