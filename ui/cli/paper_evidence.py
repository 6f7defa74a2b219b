"""`counterseal evidence`: demo, broker, risk, integrity, schema: documents of the paper path.

Codes: `EVIDENCE_MADE` (0), `EVIDENCE_MISSING` and `EVIDENCE_FLAGS_UNSAFE` (1),
`EVIDENCE_PATH_UNSAFE` and `UNSAFE_SETTINGS` (2).
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from counterseal.desk.views.evidence_files import EvidenceKind
from counterseal.kernel.canonical import Json, sha256_hex
from counterseal.kernel.model import Refusal
from storage.settings import Settings
from ui.cli.given import Expect, Named, SignerStateFile, Vkey
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, document, leave, refused, reject
from ui.cli.session import CLOCK, content_of, settings_for

if TYPE_CHECKING:
    from counterseal.desk.views.simulation import SimulationForm
    from ui.evidence_texts import Made

MADE: Final = "EVIDENCE_MADE"
_EXIT: Final = {"verified": 0, "broken": 1, "nothing_to_verify": 3, "could_not_check": 3}
Out = Annotated[Path | None, typer.Option("--out", help="A file; stdout without it.")]


class Format(StrEnum):
    """How a document is written."""

    JSON = "json"
    MARKDOWN = "markdown"


def add_to(app: typer.Typer) -> None:
    """Give a noun these commands."""
    for command in (demo, broker, risk, integrity, schema):
        app.command()(command)


def demo(
    case: Annotated[
        str | None, typer.Option(help="A request, its reference, an order or a run.")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="The newest order.")] = False,
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.JSON,
    out: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """One governed order, from its approval to what became of it. Simulated trading."""
    from counterseal.desk.views.evidence_markdown import markdown_of  # noqa: PLC0415 - only here
    from ui.evidence_texts import demo_evidence, evidence_json  # noqa: PLC0415 - documents only

    if (case is None) is not latest:
        reject("CASE_UNCLEAR", "name one case, or ask for the newest", field="--case or --latest")
    if as_json and out is None and form is Format.MARKDOWN:
        reject("FORMAT_UNCLEAR", "--json prints JSON", field="--format", got=form.value)
    settings = settings_for(home)
    made = demo_evidence(settings, case, CLOCK.now())
    if isinstance(made, Refusal):
        refused(made, as_json=as_json)
    text = markdown_of(made) if form is Format.MARKDOWN else evidence_json(made)
    _hand_out(text, out, settings, as_json=as_json)


def broker(
    form: Annotated[
        str | None, typer.Option(help="JSON of a question, - for stdin; the usual one without it.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model's version; policy decides.")] = None,
    out: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What the paper model answers to a question, as a file; nothing is stored, no home needed."""
    from counterseal.desk.views.model_preview import preview_model  # noqa: PLC0415 - only here
    from ui.cli.fill_rules import rule_for  # noqa: PLC0415 - only here
    from ui.evidence_texts import fill_evidence  # noqa: PLC0415 - documents only

    settings, now = settings_for(home), CLOCK.now()
    asked = _form(form)
    rule = rule_for(settings, asked.symbol, model, now)
    made = fill_evidence(settings, asked, rule, preview_model(asked, rule, now), now)
    _made(made, out, settings, as_json=as_json)


def _form(source: str | None) -> "SimulationForm":
    from counterseal.desk.views.simulation import SimulationForm  # noqa: PLC0415 - only here

    if source is None:
        return SimulationForm()
    return SimulationForm.model_validate_json(content_of(source, "--form"))


def risk(
    name: Annotated[str, typer.Argument(metavar="ORDER|EVALUATION")],
    out: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """All checks on one order, with the state and the limits that they were judged by."""
    from ui.evidence_texts import risk_evidence  # noqa: PLC0415 - documents only

    settings = settings_for(home)
    _made(risk_evidence(settings, name, CLOCK.now()), out, settings, as_json=as_json)


def integrity(
    run: Annotated[str | None, typer.Option(help="One workflow run; the log without it.")] = None,
    vkey: Vkey = None,
    expect: Expect = None,
    signer_state: SignerStateFile = None,
    out: Out = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What a verification of the log comes to, as a file.

    Exit status 0 verified, 1 broken, 3 nothing to verify or not enough evidence.
    """
    from ui.evidence_texts import evidence_json, integrity_evidence  # noqa: PLC0415 - documents only

    settings = settings_for(home)
    evidence = Named(vkey, expect, signer_state).evidence()
    made = integrity_evidence(settings, evidence, run, CLOCK.now())
    if isinstance(made, Refusal):
        refused(made, as_json=as_json)
    _hand_out(evidence_json(made), out, settings, as_json=as_json)
    leave(_EXIT[made.integrity.state.value])


def schema(
    kind: Annotated[EvidenceKind, typer.Argument(help="Kind of document.")],
    as_json: AsJson = False,
) -> None:
    """The JSON Schema of a kind of document."""
    from counterseal.desk.views.evidence_schemas import MODELS, schema_of  # noqa: PLC0415 - only here

    del as_json
    if kind not in MODELS:
        reject("SCHEMA_ABSENT", "this kind has none", field="KIND", got=kind.value)
    document(schema_of(kind))


def _made(made: "Made", out: Path | None, settings: Settings, *, as_json: bool) -> None:
    from ui.evidence_texts import evidence_json  # noqa: PLC0415 - documents only

    if isinstance(made, Refusal):
        refused(made, as_json=as_json)
    _hand_out(evidence_json(made), out, settings, as_json=as_json)


def _hand_out(text: str, out: Path | None, settings: Settings, *, as_json: bool) -> None:
    """To a file, with its hash on stdout; or to stdout."""
    if out is None:
        sys.stdout.write(text)
        return
    from ui.cli.evidence_files import write_evidence  # noqa: PLC0415 - only when a file is named

    write_evidence(out, text, settings)
    sha256 = sha256_hex(text.encode())
    told: dict[str, Json] = {"ok": True, "code": MADE, "file": str(out), "sha256": sha256}
    answer(told, [f"{MADE} {out}", f"sha256 {sha256}"], as_json=as_json)
