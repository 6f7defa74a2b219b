"""Identity providers on this machine, each in a process of its own.

The mock comes with the lock; npm oidc-provider comes from `.ci/checkers`, beside the other programs
that the lock does not hold.
"""

import selectors
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.storage.test_independent_checkers import CHECKERS

NODE: Final = shutil.which("node")
MODULES: Final = CHECKERS / "node/node_modules"
PROVIDER: Final = Path(__file__).with_name("oidc_provider.mjs")
HAS_PROVIDER: Final = NODE is not None and (MODULES / "oidc-provider").is_dir()
STARTS_WITHIN_SECONDS: Final = 30
MOCK: Final = """
import sys
from oidc_provider_mock import User, run_server_in_thread
users = [User(sub="4711", claims={"groups": ["desk-ops", "administrator"], "acr": "mfa"})]
with run_server_in_thread(user_claims=users) as server:
    print(f"http://localhost:{server.server_port}", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _running(command: Sequence[str]) -> Iterator[str]:
    """The issuer that a provider names in its first line; it ends with its standard input."""
    with subprocess.Popen(  # noqa: S603 - fixed programs of ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(running.stdout, selectors.EVENT_READ)
            assert waiting.select(STARTS_WITHIN_SECONDS), "the provider did not start"
        try:
            yield running.stdout.readline().strip()
        finally:
            running.stdin.close()
            running.kill()


def mock_provider() -> AbstractContextManager[str]:
    """One that logs everybody in and ignores prompt and max_age; what it is built on warns."""
    return _running([sys.executable, "-W", "ignore", "-c", MOCK])


def strict_provider(redirect: str) -> AbstractContextManager[str]:
    """One that honours prompt and max_age, and sends people back to one address only."""
    return _running([str(NODE), str(PROVIDER), str(MODULES), redirect])


def told_when_absent(request: pytest.FixtureRequest) -> None:
    """An absent provider is a notice, never a silent pass."""
    if not HAS_PROVIDER:
        reporter = request.config.pluginmanager.getplugin("terminalreporter")
        told = "npm oidc-provider: not installed here (.ci/checkers)"
        reporter.write_line(f"\nNOT CHECKED by {told}", yellow=True)
