"""What a home may say about its channels, and what refuses it whole."""

from pathlib import Path

import pytest

from counterseal.kernel.errors import InputError, IntegrityError
from storage.notifiers.channels import (
    ADDRESSES_FILE,
    CHANNELS_FILE,
    channel_settings,
    notifiers,
    notify_folder,
)
from storage.settings import Settings

ADDRESS = "risk@desk.example"


def told_files(home: Path, channels: str, addresses: str | None = None) -> Settings:
    settings = Settings(counterseal_home=home)
    folder = notify_folder(settings)
    folder.mkdir(parents=True)
    (folder / CHANNELS_FILE).write_text(channels, "utf-8")
    if addresses is not None:
        (folder / ADDRESSES_FILE).write_text(addresses, "utf-8")
        (folder / ADDRESSES_FILE).chmod(0o600)
    return settings


MAIL = """
mail: {host: 127.0.0.1, port: 25, security: none, sender: c@desk.example}
prefect_block: slack-webhook/desk
"""


def test_a_home_without_a_file_has_the_log_channel_alone(tmp_path: Path) -> None:
    """A home tells nobody outside before it is told to."""
    settings = Settings(counterseal_home=tmp_path)
    told = channel_settings(settings)
    assert [c.channel for c in notifiers(settings, told)] == ["log"]
    assert told.prefect_block is None


def test_channels_and_addresses_come_from_the_home(tmp_path: Path) -> None:
    """People without an address are reached by the other channels only."""
    settings = told_files(tmp_path, MAIL, f"risk: {ADDRESS}\n")
    told = channel_settings(settings)
    log, post = notifiers(settings, told)
    assert (log.channel, post.channel, told.prefect_block) == (
        "log",
        "mail",
        "slack-webhook/desk",
    )
    assert (post.reaches("risk"), post.reaches("quant"), log.reaches("quant")) == (
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("channels", "addresses"),
    [
        ("logs: true", None),
        ("log: true\nlog: false", None),
        ("log: 1", None),
        ("prefect_block: ../../x", None),
        (MAIL.replace("127.0.0.1", "mail.example.org"), None),
        (MAIL.replace("port: 25", "port: 0"), None),
        (MAIL.replace("}", ", user: u}"), None),
        (MAIL.replace("c@desk.example", "'C <c@desk.example>'"), None),
        (MAIL, 'risk: "a@b.example\\r\\nBcc: all@b.example"'),
        (MAIL, "risk: nobody"),
        (MAIL, "risk: a@b.example\nrisk: c@b.example"),
        (MAIL, "- a@b.example"),
    ],
)
def test_channels_told_wrongly_are_refused_whole(
    tmp_path: Path, channels: str, addresses: str | None
) -> None:
    """I1, I3: nothing is guessed, and no plain session leaves the machine."""
    settings = told_files(tmp_path, channels, addresses)
    with pytest.raises(InputError) as refused:
        notifiers(settings, channel_settings(settings))
    assert refused.value.code == "CHANNELS_INVALID"
    assert "all@b.example" not in str(refused.value)


def test_addresses_and_passwords_that_others_may_read_are_refused(tmp_path: Path) -> None:
    """I2: both are for the owner of the home alone."""
    secret = ", user: u, password_file: password}"
    settings = told_files(tmp_path, MAIL.replace("}", secret), f"risk: {ADDRESS}")
    folder = notify_folder(settings)
    (folder / "password").write_text("right\n", "utf-8")
    (folder / "password").chmod(0o600)
    assert len(notifiers(settings, channel_settings(settings))) == 2
    (folder / ADDRESSES_FILE).chmod(0o640)
    with pytest.raises(InputError) as refused:
        notifiers(settings, channel_settings(settings))
    assert refused.value.code == "ADDRESSES_OPEN"
    (folder / "password").chmod(0o644)
    with pytest.raises(IntegrityError) as opened:
        notifiers(settings, channel_settings(settings))
    assert opened.value.code == "KEY_FILE_OPEN"
