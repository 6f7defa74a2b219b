"""`counterseal audit witness`, `serve-witness`: evidence from outside, and being outside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.kernel.canonical import Json
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, reject, table
from ui.cli.session import CLOCK, IDS, desk_at, settings_for

if TYPE_CHECKING:
    from storage.attesting import Said
    from storage.settings import Settings

TAMPERED = 1
OPERATIONAL = 4


def witness(
    heartbeat: Annotated[
        bool, typer.Option("--heartbeat", help="First append a heartbeat when the log is idle.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest checkpoint to witnesses, time-stamp authority and anchor, as configured.

    Everything goes into the folder that COUNTERSEAL_OUTSIDE names: its `policy` tells witnesses and
    addresses, COUNTERSEAL_STAMP_URL the authority, `tsa-roots.pem` its root. Exit status 1 when one
    of them contradicts this log, 4 when one failed; what the others said is kept.
    """
    from storage.attesting import Attesting, Kind  # noqa: PLC0415 - only this command asks

    settings = settings_for(home)
    outside = Attesting(settings)
    beaten = heartbeat and _beaten(settings)
    said = outside.gather(*Kind)
    rows = [(one.who, one.size or None, one.code or "ok", one.message) for one in said]
    lines = table(rows, "WHO", "SIZE", "SAID", "MEANING") if rows else ["nobody was asked"]
    value: dict[str, Json] = {
        "ok": all(one.code is None for one in said),
        "heartbeat": beaten,
        "said": [one._asdict() for one in said],
    }
    answer(value, ["a heartbeat was appended", *lines] if beaten else lines, as_json=as_json)
    leave(_status(said))


def serve_witness(
    folder: Annotated[Path, typer.Argument(help="Its memory and key; made when missing.")],
    log: Annotated[
        list[str] | None, typer.Option(help="Key line of a log that it is to know; repeatable.")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", help="First line seals its key.")
    ] = None,
    name: Annotated[str, typer.Option(help="Its name in key lines, such as your host.")] = "",
    port: Annotated[int, typer.Option(help="On loopback; 0 chooses one.")] = 0,
) -> None:
    """Be a witness of other people's logs, until stopped; prints its key line and address."""
    from storage.witness_server import begin, main  # noqa: PLC0415 - only this command serves

    if passphrase_file is None:
        reject("PASSPHRASE_FILE_UNSET", "its key is sealed", field="--passphrase-file")
    begin(folder, name, passphrase_file)
    told = ["--state", str(folder / "memory"), "--key", str(folder / "key.json")]
    told += ["--passphrase-file", str(passphrase_file), "--port", str(port)]
    leave(main([*told, *(word for line in log or [] for word in ("--log", line))]))


def _beaten(settings: "Settings") -> bool:
    """Whether the log was idle and got a heartbeat."""
    from counterseal.desk.heartbeats import Heartbeats  # noqa: PLC0415 - only with --heartbeat
    from counterseal.desk.services import SERVICE_ISSUER  # noqa: PLC0415 - as above
    from counterseal.kernel.model import Actor  # noqa: PLC0415 - as above

    bench, now = desk_at(settings).bench, CLOCK.now()
    session = IDS.new("ses", "heartbeat", now)
    service = Actor(
        id="heartbeat", issuer=SERVICE_ISSUER, amr=("service",), auth_time=now, session=session
    )
    beaten = Heartbeats(bench).beat(service, now=now, quiet=bench.bundle.evidence.heartbeat)
    return beaten is not None and beaten.accepted


def _status(said: "tuple[Said, ...]") -> int:
    if any(one.alarm for one in said):
        return TAMPERED
    return OPERATIONAL if any(one.code is not None for one in said) else 0
