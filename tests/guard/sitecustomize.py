"""No connection beyond this machine, in the tests and in every Python that they start.

Python imports a module of this name at start; `tests/conftest.py` puts this folder on PYTHONPATH
and imports it too. An audit hook sees what a replaced `socket.connect` would not: `connect_ex`,
datagrams, name look-ups, threads, libraries. It cannot be taken off again.
"""

import ipaddress
import os
import sys
from pathlib import Path

REFUSED_FILE = "COUNTERSEAL_TEST_REFUSED"
"""Environment: a file that gets a line for every refused attempt, even when a library hides it."""
TO_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
TO_NAME = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


class BeyondLoopbackError(RuntimeError):
    """Not an OSError on purpose: clients take those for a bad day of the network."""


def _reaches_out(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host not in {"", "localhost"}


def _asks_out(host: str) -> bool:
    """A number is looked up without asking anybody."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host not in {"", "localhost"}
    return False


def beyond(event: str, args: tuple[object, ...]) -> str | None:
    """The host that an audit event wants to reach, when it is not this machine."""
    if event in TO_ADDRESS:
        address = args[1]
        host = address[0] if isinstance(address, tuple) and address else None
        return host if isinstance(host, str) and _reaches_out(host) else None
    if event in TO_NAME:
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
        return host if isinstance(host, str) and _asks_out(host) else None
    return None


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if not event.startswith("socket."):
        return
    host = beyond(event, args)
    if host is None:
        return
    told = os.environ.get(REFUSED_FILE)
    if told:
        with Path(told).open("a", encoding="utf-8") as file:
            file.write(f"{event} {host}\n")
    raise BeyondLoopbackError(f"{event} to {host}: tests reach this machine only")


sys.addaudithook(_refuse)
