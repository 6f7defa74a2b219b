"""`python -m flows`: run a flow by hand, serve the hall, deploy.

Progress goes to standard error; standard output carries one JSON document. Exit status: 0 done or
verified, 1 refused or tampered, 2 bad usage or input, 3 inconclusive, 4 operational failure.
Runs by hand use the resident server; `--temporary` starts one for this run.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import AdapterError, CountersealError, InputError
from flows.day.command import add_words, run_demo
from flows.engine import Engine, hall_settings, open_engine
from flows.inbox import is_digest, keep
from flows.work import REFUSED, claim
from flows.workplace import Workplace
from storage.databases import check_present
from storage.settings import Settings

Answer = tuple[int, Mapping[str, Json]]
"""Exit status and the one JSON document."""

Words = argparse.Namespace
Run = Callable[[Settings, Words], Answer]
FAILED = 4


class _Report(Protocol):
    """What a flow gives back."""

    @property
    def exit_status(self) -> int: ...
    def json_value(self) -> dict[str, Json]: ...


def main(arguments: Sequence[str]) -> int:
    """Run one command; gives the exit status."""
    words = _parser().parse_args(arguments)
    run: Run = words.run
    try:
        status, value = run(_settings(words.home), words)
    except CountersealError as error:
        status, value = error.exit_status, _failed(error)
    except OSError as error:
        failed = AdapterError("OS_FAILED", error.strerror or str(error), got=error.filename)
        status, value = FAILED, _failed(failed)
    except Exception as error:  # noqa: BLE001 - the edge of the flows: the engine may raise anything
        name = type(error).__name__
        status, value = FAILED, _failed(AdapterError("ENGINE_FAILED", f"{name}: {error}"))
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")
    return status


def _in_home(run: Run) -> Run:
    """A command that needs a founded home, and leaves no trace where there is none."""

    def checked(settings: Settings, words: Words) -> Answer:
        check_present(settings.database)
        return run(settings, words)

    return checked


def _intake(settings: Settings, words: Words) -> Answer:
    source = _kept(settings, words.file)
    terms = None if words.terms is None else _kept(settings, words.terms)
    with _engine(settings, words):
        from flows.intake import intake  # noqa: PLC0415 - Prefect is loaded under its settings only

        report = asyncio.run(intake(source, terms))
    return _told(report)


def _execute(settings: Settings, words: Words) -> Answer:
    with _engine(settings, words):
        from flows.execute import execute  # noqa: PLC0415 - as above

        report = asyncio.run(execute(words.batch, words.attempt))
    return _told(report)


def _dispatch(settings: Settings, words: Words) -> Answer:
    """Claim and execute in one go: what the dispatcher does when something is due."""
    place = Workplace(settings, service_id=hall_settings().counterseal_service_id)
    key = words.key or place.ids.new("cmd", "dispatch", place.clock.now())
    with _engine(settings, words):
        from flows.execute import execute  # noqa: PLC0415 - as above

        claimed = claim(place, words.mandate, key)
        if claimed.attempt == 0:
            return REFUSED, _document(REFUSED, {"claim": claimed.step.json_value()})
        report = asyncio.run(execute(claimed.step.subject_id, claimed.attempt))
    return _told(report)


def _verify_log(settings: Settings, words: Words) -> Answer:
    with _engine(settings, words):
        from flows.verify_log import LogTamperedError, verify_log  # noqa: PLC0415 - as above

        try:
            report = asyncio.run(verify_log())
        except LogTamperedError as tampered:
            notice(f"counterseal: {tampered}")
            report = tampered.report
    return _told(report)


def _notify(settings: Settings, words: Words) -> Answer:
    with _engine(settings, words):
        from flows.notify import notify  # noqa: PLC0415 - as above

        report = asyncio.run(notify())
    return 0, _document(0, report.json_value())


def _by_hand(name: str) -> Run:
    """A flow without parameters; its module has its name."""

    def run(settings: Settings, words: Words) -> Answer:
        with _engine(settings, words):
            flow: Callable[[], Coroutine[object, object, _Report]]
            flow = getattr(import_module(f"flows.{name}"), name)
            return _told(asyncio.run(flow()))

    return run


def _serve(settings: Settings, words: Words) -> Answer:
    from flows.serve import serve  # noqa: PLC0415 - only this command needs it

    del words
    serve(settings, notice)
    return 0, {"ok": True}


def _attend(settings: Settings, words: Words) -> Answer:
    from flows.attend import attend  # noqa: PLC0415 - only this command needs it

    del words
    attend(settings, notice)
    return 0, {"ok": True}


def _up(settings: Settings, words: Words) -> Answer:
    from flows.up import up  # noqa: PLC0415 - only this command needs it

    del words
    up(settings, notice)
    return 0, {"ok": True}


def _deploy(settings: Settings, words: Words) -> Answer:
    from flows.serve import deploy  # noqa: PLC0415 - only this command needs it

    with _engine(settings, words) as engine:
        deploy(engine)
    return 0, {"ok": True, "deployed": "prefect.yaml"}


def notice(text: str) -> None:
    """A message for people; never on standard output."""
    sys.stderr.write(f"{text}\n")


def _engine(settings: Settings, words: Words) -> AbstractContextManager[Engine]:
    if words.temporary:
        notice("starting a temporary workflow server ...")
    return open_engine(settings, temporary=words.temporary)


def _kept(settings: Settings, told: str) -> str:
    path = Path(told)
    if is_digest(told) and not path.is_file():
        return told if told.startswith("sha256:") else f"sha256:{told}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("FILE_MISSING", f"cannot read: {error}", field="FILE", got=told) from None
    digest = keep(settings, content)
    notice(f"kept as {digest}")
    return digest


def _settings(home: Path | None) -> Settings:
    try:
        told = Settings() if home is None else Settings(counterseal_home=home)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]).upper()
        raise InputError("SETTINGS_INVALID", first["msg"], field=place) from None
    return told.check()


def _told(report: _Report) -> Answer:
    return report.exit_status, _document(report.exit_status, report.json_value())


def _document(status: int, report: Mapping[str, Json]) -> Mapping[str, Json]:
    return {"ok": status == 0, "report": dict(report)}


def _failed(error: CountersealError) -> Mapping[str, Json]:
    notice(f"counterseal: {error}")
    return {"ok": False, "error": {**error.diagnostics()}}


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", type=Path, help="folder of the installation")
    shared.add_argument("--json", action="store_true", help="understood; the answer always is JSON")
    shared.add_argument("--temporary", action="store_true", help="start a server for this run only")
    parser = argparse.ArgumentParser("python -m flows", description="Flows of Counterseal.")
    nouns = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = nouns.add_parser("demo", parents=[shared], help="replay one governed day")
    add_words(demo)
    demo.set_defaults(run=run_demo)
    intake = nouns.add_parser("intake", parents=[shared], help="take a file of signals in")
    intake.add_argument("file", help="a file, or the digest of one kept before")
    intake.add_argument("--terms", help="file or digest: ask for approval on these terms")
    intake.set_defaults(run=_in_home(_intake))
    execute = nouns.add_parser("execute", parents=[shared], help="execute a claimed batch")
    execute.add_argument("batch")
    execute.add_argument("attempt", type=int)
    execute.set_defaults(run=_in_home(_execute))
    dispatch = nouns.add_parser("dispatch", parents=[shared], help="claim what is due, execute it")
    dispatch.add_argument("mandate", help="an operator's signed mandate")
    dispatch.add_argument("--key", help="idempotency key of the claim; a fresh one by default")
    dispatch.set_defaults(run=_in_home(_dispatch))
    _add_plain(nouns, shared)
    return parser


def _add_plain(
    nouns: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Commands without words of their own."""
    for name, told in (
        ("heartbeat", "a record when the log is idle, and fresh cosignatures"),
        ("time-stamp", "a time-stamp of the newest checkpoint, when one is due"),
        ("sweep", "record reminders, escalations and expiries of cases and orders"),
        ("deliver", "hand messages to the gateway and take its reports in"),
        ("reconcile", "compare gateway, orders, books and log"),
        ("end-of-day", "state every account at the end of each trading day"),
        ("retention", "plan what may go by its schedule; two people agree to it"),
    ):
        run = _in_home(_by_hand(name.replace("-", "_")))
        nouns.add_parser(name, parents=[shared], help=told).set_defaults(run=run)
    for name, run, told in (
        ("verify-log", _verify_log, "verify the log and compare the tables with it"),
        ("notify", _notify, "tell people what waits for them"),
        ("attend", _attend, "the resident loop alone, until told to stop"),
        ("serve", _serve, "server, deployments, worker and resident loop, until told to stop"),
        ("up", _up, "all of that and the pages; a demo home is opened to visitors"),
        ("deploy", _deploy, "bring prefect.yaml to the resident server"),
    ):
        nouns.add_parser(name, parents=[shared], help=told).set_defaults(run=_in_home(run))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
