"""policies/operations.md, followed word by word: IT-06, BK-03, L6 (backup, restore)."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.postgres_server import USER, program, running_server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "policies" / "operations.md").read_text("utf-8")
STEPS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(HALL|LEASE|SIGNER|BACKUP|ENGINE)_[A-Z_]+")
NOT_OURS = {"SIGNER_NOT_ACTING", "ENGINE_FAILED"}
"""A refusal, which policies/reason-codes.md explains, and the word for any failure of a run."""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every line of the page, in its order, in one shell; the first that fails ends it."""
    home = tmp_path_factory.mktemp("operator")
    bash = shutil.which("bash")
    assert bash is not None
    told = {k: v for k, v in os.environ.items() if not k.startswith(("COUNTERSEAL_", "PG"))}
    folders = (Path(sys.executable).parent, program("createdb").parent, told["PATH"])
    path = os.pathsep.join(map(str, folders))
    with running_server() as server:
        reached = {"PGHOST": str(server.folder), "PGUSER": USER}
        done = subprocess.run(  # noqa: S603 - the text of our own page
            [bash, "-euo", "pipefail"],
            input="".join(STEPS),
            env={**told, **reached, "HOME": str(home), "PATH": path},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_line_of_the_page_does_what_it_says(answered: str) -> None:
    """Issue 8: founded, verified, backed up, lost, declared, gone on with, rotated, upgraded."""
    quoted = (
        "left with 4\n",
        "lost     4..4\n",
        "goes on as: ",
        "rotated by: ",
        "added: carol",
        "\n0001\n",
    )
    assert [words for words in quoted if words not in answered] == []
    assert answered.count("outcome  ok") == "".join(STEPS).count("audit verify ")
    assert answered.count("backup   ") == len(re.findall("--out", "".join(STEPS)))


def _codes() -> set[str]:
    """Codes of the house, the leader, the signer and the copy, as the sources state them."""
    rooms = ("storage", "flows", "platform/counterseal/audit")
    paths = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and CODE.fullmatch(text)}


def test_the_page_explains_every_code_of_house_leader_signer_and_copy() -> None:
    """Issue 8: what each error means, and no code that is gone."""
    told = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGE))
    ours = {one for one in told if CODE.fullmatch(one)}
    assert sorted(_codes() - NOT_OURS - told) == []
    assert sorted(ours - _codes()) == []
