"""The container files say what is there, and keep to the least.

Issue "Always on", point 3: no engine runs here, so what they name is compared with the repository.
"""

import json
import re
from pathlib import Path

import yaml

from flows.engine import HallSettings
from flows.serve import DRAIN_SECONDS_MAX
from storage.settings import Settings
from ui.cli.app import NOUNS

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
HOUSE = COMPOSE["services"]["house"]
OTHERS = {"COUNTERSEAL_WEB_ORIGIN", "COUNTERSEAL_ROOT"}
STEP = re.compile(r"^([A-Z]+) (.+?)(?<!\\)$", re.MULTILINE | re.DOTALL)


def steps(name: str) -> list[str]:
    return [words for step, words in STEP.findall(DOCKERFILE) if step == name]


def test_what_is_copied_is_there() -> None:
    copied = [words.split() for words in steps("COPY") if not words.startswith("--from")]
    sources = [source for words in copied for source in words[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    rooms = {"platform", "storage", "evidence", "flows", "ui", "policies", "prefect.yaml"}
    assert rooms <= set(sources)


def test_images_are_pinned_and_named_by_no_host() -> None:
    images = [words.split()[0] for words in steps("FROM")]
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-[a-z-]+", image) for image in images)
    assert len(set(images)) == 1


def test_nothing_runs_as_root_or_may_become_it() -> None:
    assert steps("USER") == ["house"]
    assert HOUSE["cap_drop"] == ["ALL"]
    assert HOUSE["security_opt"] == ["no-new-privileges:true"]
    assert HOUSE["read_only"] is True
    assert "privileged" not in HOUSE


def test_every_setting_that_is_told_is_one() -> None:
    known = {name.upper() for name in (*Settings.model_fields, *HallSettings.model_fields)} | OTHERS
    told = set(re.findall(r"\bCOUNTERSEAL_[A-Z_]+", DOCKERFILE)) | set(HOUSE["environment"])
    assert told - known == set()


def test_no_secret_is_in_the_image_or_the_file() -> None:
    [secret] = HOUSE["secrets"]
    assert HOUSE["environment"]["COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE"] == f"/run/secrets/{secret}"
    file = Path(COMPOSE["secrets"][secret]["file"])
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert file.parts[0] in ignored
    assert f"{file.parts[0]}/" in (ROOT / ".gitignore").read_text("utf-8").split()


def test_the_command_is_one_and_a_stop_leaves_time_for_running_flows() -> None:
    [entry], [command] = steps("ENTRYPOINT"), steps("CMD")[-1:]
    assert json.loads(entry) == ["python", "-m", "ui.cli.app"]
    assert json.loads(command) == HOUSE["command"] == ["up"]
    assert "up" in NOUNS
    assert int(HOUSE["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS_MAX


def test_the_log_s_memory_has_a_place_of_its_own() -> None:
    """A restored home beside a newer memory is seen; both in one volume would hide it."""
    places = dict(reversed(volume.split(":")) for volume in HOUSE["volumes"])
    assert places.keys() == {"/srv/counterseal", "/srv/signer"}
    assert len(set(places.values())) == len(places)
    assert "COUNTERSEAL_SIGNER_STATE=/srv/signer" in DOCKERFILE
