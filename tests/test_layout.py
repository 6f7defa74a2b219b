"""Where files may stand, and what loading them may do."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "platform" / "counterseal"
SOURCES = sorted(
    path
    for room in ("platform", "storage", "flows", "ui", "evidence")
    for path in (ROOT / room).rglob("*.py")
)
NO_SOCKETS = """
import socket, sys
def refused(*_args, **_kwargs):
    raise SystemExit("a socket was opened")
socket.socket = socket.create_connection = socket.getaddrinfo = refused
import importlib, pkgutil
import counterseal
names = [m.name for m in pkgutil.walk_packages(counterseal.__path__, "counterseal.")]
for name in names:
    importlib.import_module(name)
foreign = {"prefect", "streamlit", "sqlalchemy", "sqlmodel", "fastapi"} & set(sys.modules)
print(len(names), sorted(foreign))
"""


def _fresh(code: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own interpreter and a fixed text
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_source_root_never_shadows_the_standard_library() -> None:
    """STYLE 2, trap 1: no `platform/__init__.py`, in this process and in a fresh one."""
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert platform.system()
    assert _fresh("import platform, uuid; print(bool(platform.system()))") == "True"


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    """STYLE 2, trap 2: a file run by path puts its own folder first."""
    own = {p.parent.name if p.stem == "__init__" else p.stem: p for p in SOURCES}
    shadows = {name: path for name, path in own.items() if name in sys.stdlib_module_names}
    assert shadows == {}


def test_every_folder_of_the_core_is_a_room_with_one_line_about_it() -> None:
    """STYLE 2: rooms are packages, and no module stands outside one."""
    folders = {path.parent for path in CORE.rglob("*.py")}
    assert [f for f in sorted(folders) if not (f / "__init__.py").is_file()] == []
    assert [path.name for path in CORE.glob("*.py")] == ["__init__.py"]


def test_importing_the_core_opens_no_socket_and_loads_no_shell() -> None:
    """STYLE 5: every core module, in a fresh process."""
    count, foreign = _fresh(NO_SOCKETS).split(" ", 1)
    assert int(count) == len(list(CORE.rglob("*.py"))) - 1
    assert foreign == "[]"


def test_importing_the_command_line_loads_neither_flows_nor_web() -> None:
    """STYLE 5: the command line starts without Prefect and Streamlit."""
    code = "import sys, ui.cli.app; print({'prefect', 'streamlit'} & set(sys.modules) or 'none')"
    assert _fresh(code) == "none"


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=lambda p: p.name)
def test_a_lock_names_no_host(path: Path) -> None:
    """STYLE 2, trap 6: hashes pin the packages; whose mirror served them is nobody's business."""
    assert "://" not in path.read_text("utf-8")
    assert "--hash=sha256:" in path.read_text("utf-8")


def test_there_is_no_lock_that_records_registries() -> None:
    """STYLE 2, trap 6."""
    assert not (ROOT / "uv.lock").exists()
