"""The command line's entry: finds the noun, runs it, turns failures into exit statuses.

Exit status: 0 done or verified, 1 refused or tampered, 2 bad usage or input, 3 inconclusive,
4 operational failure. A noun's module is loaded only when the noun is used, and help is plain
text without boxes, so that it is there at once.
"""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup

from counterseal.kernel.errors import AdapterError, CountersealError, InputError
from ui.cli.render import TAKEN_KEY, failure, notice, usage_failure

ABORTED = 1
USAGE = 2
NOUNS = {
    "demo": "Replay one governed trading day, from signal to sealed evidence.",
    "init": "Create a home: database, log key, policy, two officers, one account.",
    "people": "People, their roles and their keys.",
    "accounts": "Names to log in with, their passwords and one-time codes.",
    "sessions": "Logins: who is in, and the end of it.",
    "signals": "Take signals in.",
    "inbox": "What waits for a person, and what to type.",
    "approvals": "Ask for approval, review, withdraw, revoke, verify, look.",
    "policies": "Check, propose, approve and activate a policy; replay decisions.",
    "orders": "Submit approved requests; look at orders.",
    "risk": "Switches, limits and evaluations.",
    "broker": "Ask the paper model without sending anything.",
    "portfolio": "Positions, cash and equity.",
    "audit": "Look at the log, verify it, compare the tables with it.",
    "records": "Legal holds, erasure of personal data, purges by two people, backup.",
    "evidence": "Evidence packs that prove themselves offline: export, verify.",
    "controls": "Controls: what the log has for each, and signed words about them.",
    "readiness": "Every boundary flag, with the probe that set it.",
    "notices": "Tell people what waits for them, by log file and mail.",
    "up": "Serve pages and flows of a home; a demo is opened to visitors.",
    "flows": "Run a flow, bring the flows to their server, serve them.",
    "web": "Serve the pages on this machine.",
}


def _loaded(noun: str) -> typer.Typer:
    """The commands of a noun; modules are no garbage, so no collection runs while they load."""
    gc.disable()
    try:
        app: typer.Typer = import_module(f"ui.cli.{noun}").app
    finally:
        gc.freeze()
        gc.enable()
    app.rich_markup_mode = None
    app._add_completion = False  # noqa: SLF001 - a noun is no program of its own
    return app


class Nouns(TyperGroup):
    """Loads the module of a noun when it is called, not when it is listed."""

    def resolve_command(self, ctx, args):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - typer's own context
        """The command as declared in its module; unknown words fail as usual."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in NOUNS:
            command = typer.main.get_command(_loaded(name))
            command.name = name
        return name, command, rest


app = typer.Typer(
    cls=Nouns,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Counterseal: approval and audit for paper trading. Paper only, no live broker.",
)
for _noun, _help in NOUNS.items():
    app.add_typer(typer.Typer(no_args_is_help=True), name=_noun, help=_help)


@app.callback()
def _root() -> None:
    """Counterseal: approval and audit for paper trading. Paper only, no live broker."""


def _input_error(error: Exception) -> InputError:
    """A value that no model takes; any other ValueError is a defect and goes on.

    Raises:
        ValueError: the given one, when pydantic did not raise it.
    """
    from pydantic_core import ValidationError  # noqa: PLC0415 - help needs no model

    if not isinstance(error, ValidationError):
        raise error
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    return InputError("INPUT_INVALID", first["msg"], field=field or None)


def _known(error: Exception) -> CountersealError:
    """A failure by its code.

    Raises:
        ValueError: the given one, when it is a defect.
    """
    if isinstance(error, CountersealError):
        return error
    if isinstance(error, OSError):
        return AdapterError("OS_FAILED", error.strerror or str(error), got=error.filename)
    return _input_error(error)


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives the exit status."""
    as_json = "--json" in arguments
    TAKEN_KEY.set(None)
    try:
        status = app(list(arguments), prog_name="counterseal", standalone_mode=False)
    except ClickException as error:
        error.show()
        if as_json:
            usage_failure(error.format_message())
        return error.exit_code
    except typer.Abort:
        notice("counterseal: aborted")
        return ABORTED
    except (CountersealError, ValueError, OSError) as error:
        failed = _known(error)
        failure(failed, as_json=as_json)
        return failed.exit_status
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else USAGE
    return status if isinstance(status, int) else 0


def main() -> None:
    """Entry point `counterseal`."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
