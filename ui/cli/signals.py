"""`counterseal signals`: propose."""

from typing import Annotated

import typer

from counterseal.desk.commands import Outcome
from counterseal.kernel.canonical import Json, digest, sha256_hex
from counterseal.signals.intake import Parsed, parse_signals
from counterseal.signals.model import Provenance
from ui.cli.acting import Act, acting
from ui.cli.render import answer, leave, notice, reject
from ui.cli.session import content_of, text_of
from ui.cli.text_layout import Layout, layout_of

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _signals() -> None:
    """Take signals in."""


@app.command()
@acting
def propose(
    file: Annotated[str, typer.Argument(help="JSON, JSON Lines or CSV; - for standard input.")],
    act: Act,
    layout: Layout = None,
    keep_good: Annotated[
        bool, typer.Option(help="Take the good lines, report the others.")
    ] = False,
    data_version: Annotated[str, typer.Option()] = "unstated",
    code_version: Annotated[str, typer.Option()] = "unstated",
) -> None:
    """Take signals from a file; refused signals are recorded, broken lines are not."""
    content = content_of(file)
    parsed = parse_signals(text_of(content, file), layout_of(file, layout), keep_good=keep_good)
    if not parsed.signals and not parsed.errors:
        reject("NO_SIGNALS", "there is no signal in it", field="FILE", got=file)
    outcomes: list[Outcome] = []
    if parsed.signals:
        intake, actor = act.desk.intake, act.actor
        provenance = Provenance(
            source="stdin" if file == "-" else "file",
            source_digest=f"sha256:{sha256_hex(content)}",
            data_version=data_version,
            code_version=code_version,
            parameters_hash=digest(None),
        )
        base = act.key
        outcomes = [
            intake.propose(signal, provenance, actor, key=f"{base}:{place}")
            for place, signal in enumerate(parsed.signals)
        ]
    _report(parsed, outcomes, as_json=act.as_json)


def _report(parsed: Parsed, outcomes: list[Outcome], *, as_json: bool) -> None:
    told = list(zip((signal.signal_id for signal in parsed.signals), outcomes, strict=False))
    refused = [(signal, o.refusal) for signal, o in told if o.refusal is not None]
    for error in parsed.errors:
        notice(f"line {error.line}: {error.code} {error.field}: {error.message}")
    for signal, refusal in refused:
        notice(f"refused: {signal}: {', '.join(refusal.codes)}: {refusal.message}")
    taken = [o.subject_id for o in outcomes if o.refusal is None]
    value: dict[str, Json] = {
        "ok": not refused and not parsed.errors,
        "outcomes": [{"signal_id": signal, **o.json_value()} for signal, o in told],
        "errors": [error.json_value() for error in parsed.errors],
    }
    answer(value, [f"taken in: {signal}" for signal in taken], as_json=as_json)
    if parsed.errors:
        leave(2)
    if refused:
        leave(1)
