"""Settings as people may see them: where each came from, and nothing that may be secret."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from storage.settings import Settings
from storage.settings_told import SettingSource, SettingTold, settings_told, sources_of


def told(settings: BaseSettings, alone: BaseSettings, *names: str) -> dict[str, SettingTold]:
    found = settings_told(settings, sources_of(settings, alone, names))
    return {one.name: one for one in found}


def test_every_setting_names_its_value_and_where_it_came_from(tmp_path: Path) -> None:
    """TX-A2: a default, the environment, and the command line that wins over both."""
    alone = Settings(app_env="desk")
    found = told(alone.model_copy(update={"counterseal_home": tmp_path}), alone, "app_env")
    assert found.keys() == {name.upper() for name in Settings.model_fields}
    values = {name: (one.value, one.source) for name, one in found.items()}
    assert values["API_PORT"] == ("8000", SettingSource.DEFAULT)
    assert values["APP_ENV"] == ("desk", SettingSource.ENVIRONMENT)
    assert values["COUNTERSEAL_HOME"] == (str(tmp_path), SettingSource.COMMAND_LINE)
    assert values["MAX_DAILY_LOSS_TWD"] == (None, SettingSource.DEFAULT)


@pytest.mark.parametrize("name", ["counterseal_database_url", "counterseal_stamp_url"])
def test_an_address_that_holds_a_password_never_shows_it(name: str) -> None:
    """Invariant: the database's address is not shown at all, others without who and what for."""
    address = (
        "https://ann:planted-secret@stamps.example:8080/tsa?token=planted-secret#planted-secret"
    )
    found = told(Settings.model_validate({name: address}), Settings(), name)
    assert "planted-secret" not in repr(found)
    one = found[name.upper()]
    assert (one.value, one.hidden) in {(None, True), ("https://stamps.example:8080/tsa", False)}
    assert one.hidden == (name == "counterseal_database_url")


class Kept(BaseSettings):
    word: SecretStr | None = None


def test_a_secret_is_told_to_be_there_and_no_more() -> None:
    """Also one that the launcher kept from this process."""
    found = told(Kept(word=SecretStr("planted-secret")), Kept(), "WORD")["WORD"]
    assert (found.value, found.hidden) == (None, True)
    kept = told(Kept(), Kept(), "WORD")["WORD"]
    assert (kept.hidden, kept.source) == (True, SettingSource.ENVIRONMENT)
    assert not told(Kept(), Kept())["WORD"].hidden
