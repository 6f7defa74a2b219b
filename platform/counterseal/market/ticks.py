"""The exchange's daily time-and-sales file.

Job: turn the bytes of one day's futures file into prints, strictly and fast.

Invariants
  I1  Other bytes than cp950, another header, a bad row or a cut file are refused with the line.
  I2  Quantities are contracts: both-sided counts halved, spreads quartered; odd ones refused.
  I3  Equal rows are all kept; a spread row never becomes an outright print.
  I4  Order is by (date, time); rows of one second keep the order of the file.

Not here: reading from disk (storage), quotes (market.derived).
Source: trading part 2, traps 1 to 9.
"""

import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from operator import attrgetter
from typing import Final, NamedTuple, NoReturn

from counterseal.kernel.errors import InputError
from counterseal.market.sessions import TAIPEI

HEADER: Final = (
    "成交日期,商品代號,到期月份(週別),成交時間,成交價格,成交數量(B+S),"
    "近月價格,遠月價格,開盤集合競價 "
)
REPORT_HEADER: Final = (
    "交易日期,商品代號,價差委託成交量(B+S),市場總成交量(B+S),價差委託成交比率(%) "
)
REPORT_TOTAL: Final = "合計"
FILE_BYTES_MAX: Final = 500_000_000

_MONTH: Final = r"\d{6}(?:[A-Z]\d)?"
_ROW: Final = re.compile(
    rf"(\d{{8}}),([A-Z0-9]+) *,({_MONTH}(?:/{_MONTH})?) *,(\d{{1,6}}),(-?(?:\d+(?:\.\d+)?|\.\d+)),"
    r"(\d+),([^,]*),([^,]*),([ *]?)",
    re.ASCII,
)
_REPORT_ROW: Final = re.compile(r"\d{8},([A-Z0-9]+) *,(\d+),(\d+),(\d*\.?\d*) *", re.ASCII)
_REPORT_LINES_MIN: Final = 3
_SPREAD_SIDES: Final = 4


class Print(NamedTuple):
    """One deal. `month` is `A/B` for a spread, whose price is a difference in points.

    Attributes:
        at: Calendar date and second, aware, Taipei.
        contracts: Contracts of an outright deal, or spreads.
        auction: Opening-auction print: not a quote.
        row: Line in the file, the header being 1.
    """

    product: str
    month: str
    at: datetime
    price: Decimal
    contracts: int
    auction: bool
    row: int


class TickFile(NamedTuple):
    """One day's file.

    Attributes:
        prints: Outright deals of the asked products, in file order.
        spreads: Spread deals of the asked products, in file order.
        both_sides: B+S volume of every product in the file, spreads included.
    """

    prints: tuple[Print, ...]
    spreads: tuple[Print, ...]
    both_sides: Mapping[str, int]


class VolumeDifference(NamedTuple):
    """A product whose B+S volume in the file is not the report's."""

    product: str
    in_file: int
    in_report: int


def _fail(code: str, message: str, line: int, got: object = None) -> NoReturn:
    raise InputError(code, message, field=f"line {line}", got=got)


def _lines(data: bytes) -> list[str]:
    try:
        text = data.decode("cp950")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _fail("TICK_FILE_ENCODING", "not cp950", line)
    if not text.endswith("\r\n"):
        _fail("TICK_FILE_TRUNCATED", "the last line is cut", text.count("\n") + 1)
    lines = text.split("\r\n")
    lines.pop()
    return lines


def _instant(day: str, clock: str, row: int) -> datetime:
    clock = clock.zfill(6)
    try:
        return datetime(
            int(day[:4]),
            int(day[4:6]),
            int(day[6:]),
            int(clock[:2]),
            int(clock[2:4]),
            int(clock[4:]),
            tzinfo=TAIPEI,
        )
    except ValueError:
        _fail("TICK_FILE_ROW", "no such date or time", row, f"{day} {clock}")


def read_ticks(data: bytes, products: Collection[str] | None = None) -> TickFile:
    """Read a daily futures file (unzipped bytes).

    Args:
        data: The whole file.
        products: Codes to keep, such as `{"TX"}`; None keeps all. Other rows are still checked.

    Raises:
        InputError: `TICK_FILE_ENCODING`, `TICK_FILE_TRUNCATED`, `TICK_FILE_HEADER`,
            `TICK_FILE_ROW`.
    """
    lines = _lines(data)
    if lines[0] != HEADER:
        _fail("TICK_FILE_HEADER", "another header", 1, lines[0])
    kept = None if products is None else frozenset(products)
    prints: list[Print] = []
    spreads: list[Print] = []
    volumes: dict[str, int] = {}
    instants: dict[tuple[str, str], datetime] = {}
    prices: dict[str, Decimal] = {}
    match_row = _ROW.fullmatch
    for row, line in enumerate(lines[1:], 2):
        match = match_row(line)
        if match is None:
            _fail("TICK_FILE_ROW", "a row of another shape", row, line)
        day, product, month, clock, price_text, sides_text, _, _, flag = match.groups()
        sides = int(sides_text)
        volumes[product] = volumes.get(product, 0) + sides
        divisor = _SPREAD_SIDES if "/" in month else 2
        if sides == 0 or sides % divisor:
            _fail("TICK_FILE_ROW", f"quantity is no multiple of {divisor}", row, sides)
        if kept is not None and product not in kept:
            continue
        at = instants.get((day, clock))
        if at is None:
            at = instants[day, clock] = _instant(day, clock, row)
        price = prices.get(price_text)
        if price is None:
            price = prices[price_text] = Decimal(price_text)
        target = prints if divisor == 2 else spreads  # noqa: PLR2004 - both sides of one deal
        target.append(Print(product, month, at, price, sides // divisor, flag == "*", row))
    return TickFile(tuple(prints), tuple(spreads), volumes)


def read_daily_zip(data: bytes) -> bytes:
    """The one member of a daily zip, checked by its CRC.

    Raises:
        InputError: `TICK_FILE_ZIP` for another archive, a damaged one, or more than 500 MB.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].file_size > FILE_BYTES_MAX:
                raise InputError("TICK_FILE_ZIP", "expected one file", got=len(members))
            return archive.read(members[0])
    except (zipfile.BadZipFile, EOFError) as error:
        raise InputError("TICK_FILE_ZIP", "not a sound zip", got=error) from None


def in_time_order(prints: Iterable[Print]) -> tuple[Print, ...]:
    """Merge contracts by (date, time); rows of one second keep the order of the file.

    Across contracts the true order inside a second is unknown.
    """
    return tuple(sorted(sorted(prints, key=attrgetter("row")), key=attrgetter("at")))


def read_volume_report(data: bytes) -> Mapping[str, int]:
    """Market volume (B+S) per product from the spread-order report.

    Raises:
        InputError: codes as `read_ticks`; also when the total row is missing or wrong.
    """
    lines = _lines(data)
    if len(lines) < _REPORT_LINES_MIN or lines[1] != REPORT_HEADER:
        _fail("TICK_FILE_HEADER", "another header", 2, lines[1:2])
    volumes: dict[str, int] = {}
    for row, line in enumerate(lines[2:-1], 3):
        match = _REPORT_ROW.fullmatch(line)
        if match is None or match[1] in volumes:
            _fail("TICK_FILE_ROW", "a row of another shape, or twice", row, line)
        volumes[match[1]] = int(match[3])
    total = lines[-1].split(",")
    if total[0] != REPORT_TOTAL or total[3:4] != [str(sum(volumes.values()))]:
        _fail("TICK_FILE_TRUNCATED", "total row missing or wrong", len(lines), lines[-1])
    return volumes


def volume_differences(file: TickFile, report: Mapping[str, int]) -> tuple[VolumeDifference, ...]:
    """Products whose B+S volume differs between file and report, sorted; empty when all agree."""
    pairs = (
        VolumeDifference(product, file.both_sides.get(product, 0), report.get(product, 0))
        for product in sorted({*file.both_sides, *report})
    )
    return tuple(pair for pair in pairs if pair.in_file != pair.in_report)
