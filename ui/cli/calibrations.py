"""`counterseal broker calibrate | record-calibration`."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ui.cli.acting import Act, acting
from ui.cli.options import AsJson
from ui.cli.render import answer, reject, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterseal.broker.calibration import CalibrationReport, CalibrationTerms
    from counterseal.market.tape import TapeDeal

Ticks = Annotated[Path, typer.Option(help="A day's tick file (zip).")]
Symbol = Annotated[str, typer.Option(help="A future with its month, such as TXF202108.")]
Every = Annotated[int, typer.Option(help="Seconds between two probes.")]
Span = Annotated[int, typer.Option(help="Seconds that a probe works and is measured by.")]
_TICK = Decimal(1)


class _Read(NamedTuple):
    """What the options name: terms, prints, and the digest of the file."""

    terms: "CalibrationTerms"
    tape: "Sequence[TapeDeal]"
    file_digest: str


def calibrate(
    ticks: Ticks, symbol: Symbol, every: Every = 600, span: Span = 120, as_json: AsJson = False
) -> None:
    """How far the fills of each model stray from a day's prints; simulated, no home is needed."""
    from counterseal.broker import calibration  # noqa: PLC0415 - rare

    read = _read(ticks, symbol, every, span)
    rules = calibration.EVERY_MODEL
    report = calibration.calibrate(symbol, read.tape, _TICK, rules, read.terms)
    value = {**report.json_value(), "file_digest": read.file_digest}
    answer(value, _lines(report), as_json=as_json)


@acting
def record_calibration(
    act: Act, ticks: Ticks, symbol: Symbol, every: Every = 600, span: Span = 120
) -> None:
    """The same, and the result on record with the file's digest."""
    from counterseal.desk.calibrating import CalibrationTape  # noqa: PLC0415 - rare

    read = _read(ticks, symbol, every, span)
    tape = CalibrationTape(symbol, read.tape, _TICK, read.file_digest)
    act.settled(act.desk.calibrating.run(tape, read.terms, act.actor, key=act.key), what="recorded")


def _read(ticks: Path, symbol: str, every: int, span: int) -> _Read:
    from counterseal.broker.calibration import CalibrationTerms  # noqa: PLC0415 - rare
    from counterseal.market.instruments import taifex_future  # noqa: PLC0415 - as above
    from counterseal.market.tape import tape_of  # noqa: PLC0415 - as above
    from counterseal.market.ticks import in_time_order  # noqa: PLC0415 - as above
    from storage.tick_files import read_tick_file  # noqa: PLC0415 - as above

    one = Decimal(1)
    future = taifex_future(symbol, multiplier=one, tick=_TICK, tx_equivalent=one)
    file, file_digest = read_tick_file(ticks, (future.root.value,))
    tape = tape_of(in_time_order(file.prints), future)
    if not tape:
        reject("TICK_FILE_EMPTY", "no print of this contract", field="--symbol", got=symbol)
    return _Read(CalibrationTerms(every_seconds=every, span_seconds=span), tape, file_digest)


def _lines(report: "CalibrationReport") -> list[str]:
    rows = [
        tuple("-" if cell is None else cell for cell in dict(row).values()) for row in report.rows
    ]
    heads = ("MODEL", "SIZE", "PROBES", "FILLED", "SHARE", "COST", "OFF P50", "P90", "P99")
    return [
        *table(rows, *heads),
        "simulated; COST and OFF in points against the volume-weighted price after each order",
        *(f"assumed  {fact.name}: {fact.value}" for fact in report.assumptions),
    ]
