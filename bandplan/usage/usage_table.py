"""Rows of the platform's usage tables, from a CSV or Parquet file with the columns of the query that `query` prints.

Columns: `system.serving.endpoint_usage` joined with `system.serving.served_entities`, or `system.ai_gateway.usage`
(system tables reference, docs.databricks.com, and public notes of people who read them, 2026-09 to 2026-11).
"""

import csv
import difflib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from bandplan.usage.problem import BadUsage

MOST_TOKENS: Final = 100_000_000
MOST_PROBLEMS: Final = 20
"""Problems of one file that are shown; the rest is counted. Ours."""

EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
_MILLISECONDS_FROM: Final = 10**11
"""A plain number from here on is milliseconds since 1970, below it seconds."""

_BATCH: Final = 50_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the platform: its columns by our word for them; `optional` ones may be missing."""

    name: str
    columns: Mapping[str, str]
    optional: frozenset[str]


ENDPOINT_USAGE: Final = Table(
    "system.serving.endpoint_usage",
    {
        "time": "request_time",
        "endpoint": "endpoint_name",
        "status": "status_code",
        "input": "input_token_count",
        "output": "output_token_count",
        "served": "served_entity_name",
        "workspace": "workspace_id",
    },
    frozenset({"served", "workspace"}),
)

GATEWAY_USAGE: Final = Table(
    "system.ai_gateway.usage",
    {
        "time": "event_time",
        "endpoint": "endpoint_name",
        "status": "status_code",
        "input": "input_tokens",
        "output": "output_tokens",
        "latency": "latency_ms",
        "ttft": "time_to_first_byte_ms",
        "served": "served_entity_name",
        "workspace": "workspace_id",
    },
    frozenset({"latency", "ttft", "served", "workspace"}),
)

TABLES: Final = (ENDPOINT_USAGE, GATEWAY_USAGE)


class Row(NamedTuple):
    """One request. `seconds` is since 1970; None is a value that the table does not have for it."""

    seconds: float
    endpoint: str
    status: int
    input_tokens: int | None
    output_tokens: int | None
    latency_seconds: float | None = None
    ttft_seconds: float | None = None
    served: str | None = None
    workspace: str | None = None


@dataclass(frozen=True, slots=True)
class UsageFile:
    """A file that was opened: its table, and its rows, which can be iterated once. Errors while iterating: BadUsage."""

    path: Path
    table: Table
    rows: Iterator[Row]


def open_usage(path: Path, now: datetime) -> UsageFile:
    """Open a usage file; a name that ends in .parquet is Parquet, any other CSV.

    Errors: BadUsage if it cannot be read or has other columns.
    """
    return _opened(path, _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path), now)


def read_csv(path: Path, text: str, now: datetime) -> UsageFile:
    """Read the text of a CSV file that lies elsewhere, at `path`. Errors: BadUsage if it has other columns."""
    return _opened(path, _lines(path, io.StringIO(text.removeprefix("\ufeff"), newline="")), now)


def _opened(path: Path, lines: Iterator[tuple[int, Sequence[Any]]], now: datetime) -> UsageFile:
    header = next(lines, (0, []))[1]
    table, places = _columns(path, [str(one) for one in header])
    return UsageFile(path, table, _Parser(path, table, places, now.timestamp() + 86_400).rows(lines))


def _csv(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield (line, values); the first is the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _lines(path, file)
    except OSError as error:
        raise BadUsage(f"{path}: cannot be read: {error.strerror}; name a CSV or Parquet file") from error
    except UnicodeDecodeError as error:
        raise BadUsage(f"{path}: not UTF-8 at byte {error.start:,}; export it as CSV in UTF-8") from error


def _lines(path: Path, file: Iterable[str]) -> Iterator[tuple[int, Sequence[Any]]]:
    reader = csv.reader(file, strict=True)
    try:
        for values in reader:
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise BadUsage(f"{path}:{reader.line_num}: not CSV: {error}; export it as CSV with commas") from error


def _parquet(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield (number of the row, values); the first is the header, as if it were line 1."""
    try:
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        raise BadUsage(
            f"{path}: Parquet needs pyarrow, which is not installed; install `bandplan[register]` or pyarrow, or "
            "export the rows as CSV"
        ) from None
    try:
        file = pyarrow.parquet.ParquetFile(path)
        names = file.schema_arrow.names
        yield 1, names
        wanted = {column for table in TABLES for column in table.columns.values()}
        here = [name for name in names if name.lower() in wanted]
        line = 1
        for batch in file.iter_batches(batch_size=_BATCH, columns=here):
            # Columns that no table has are not read; their places stay, empty.
            columns = [batch.column(name).to_pylist() if name in here else [None] * batch.num_rows for name in names]
            for values in zip(*columns, strict=True):
                line += 1
                yield line, values
    except OSError as error:
        raise BadUsage(f"{path}: cannot be read: {error.strerror or error}; name a CSV or Parquet file") from error
    except (pyarrow.ArrowException, ValueError, OverflowError) as error:
        told = " ".join(str(error).split())[:200]
        raise BadUsage(f"{path}: not readable Parquet: {told}; export it again, or as CSV") from error


def _columns(path: Path, header: Sequence[str]) -> tuple[Table, dict[str, int]]:
    """Return (the table, the place of each of its columns in a row). Errors: BadUsage."""
    names = [name.strip().lower() for name in header]
    step = "run the query that `bandplan rightsize --sql` prints, and export its result"
    table = next((one for one in TABLES if one.columns["time"] in names), None)
    if table is None:
        shapes = " or ".join(
            f"{one.name} ({', '.join(c for w, c in one.columns.items() if w not in one.optional)})" for one in TABLES
        )
        found = ", ".join(name[:40] for name in header[:10]) or "none"
        raise BadUsage(f"{path}:1: the columns are {found}; a usage file has those of {shapes}; {step}")
    missing = [column for word, column in table.columns.items() if word not in table.optional and column not in names]
    if missing:
        near = {column: difflib.get_close_matches(column, names, n=1) for column in missing}
        told = ", ".join(f"{column} (is it {match[0]}?)" if match else column for column, match in near.items())
        raise BadUsage(f"{path}:1: {table.name} has more columns: {told} missing; {step}")
    return table, {word: names.index(column) for word, column in table.columns.items() if column in names}


class _Parser:
    """Turns values into rows, and collects what is wrong with them."""

    def __init__(self, path: Path, table: Table, places: Mapping[str, int], latest: float) -> None:
        self.path, self.table, self.places, self.latest = path, table, places, latest
        self.problems: list[str] = []
        self.broken = 0

    def rows(self, lines: Iterator[tuple[int, Sequence[Any]]]) -> Iterator[Row]:
        """Yield every row that can be read; raise at the end if there was one that cannot. Errors: BadUsage."""
        width = max(self.places.values()) + 1
        readers: list[tuple[str, int | None, Callable[[Any], Any]]] = [
            ("time", self.places["time"], self._seconds),
            ("endpoint", self.places["endpoint"], _text),
            ("status", self.places["status"], _status),
            ("input", self.places["input"], _tokens),
            ("output", self.places["output"], _tokens),
            ("latency", self.places.get("latency"), _milliseconds),
            ("ttft", self.places.get("ttft"), _milliseconds),
            ("served", self.places.get("served"), _optional_text),
            ("workspace", self.places.get("workspace"), _identifier),
        ]
        fixed = [(place, read) for _, place, read in readers]
        for line, values in lines:
            try:
                if len(values) < width:
                    raise ValueError(f"has {len(values)} columns, the header more")
                yield Row(*[read(values[place]) if place is not None else None for place, read in fixed])  # type: ignore[arg-type]
            except ValueError:
                self._note(line, values, readers, width)
        if self.problems:
            more = (
                f"\n{self.path}: and {self.broken - len(self.problems):,} more" if self.broken > MOST_PROBLEMS else ""
            )
            raise BadUsage("\n".join(self.problems) + more)

    def _note(
        self,
        line: int,
        values: Sequence[Any],
        readers: Sequence[tuple[str, int | None, Callable[[Any], Any]]],
        width: int,
    ) -> None:
        """Note each value of a row that cannot be read, with its line and column."""
        if len(values) < width:
            self._add(f"{self.path}:{line}: {len(values)} values, but {width} columns; export the row again")
            return
        for word, place, read in readers:
            try:
                if place is not None:
                    read(values[place])
            except ValueError as error:
                self._add(f"{self.path}:{line}: {self.table.columns[word]}: {_shown(values[place or 0])} {error}")

    def _add(self, problem: str) -> None:
        self.broken += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def _seconds(self, value: Any) -> float:
        seconds = _moment(value)
        if not EARLIEST <= seconds <= self.latest:
            raise ValueError("is not between 2020 and now; check the clock and the zone of the export")
        return seconds


def _moment(value: Any) -> float:
    """Return seconds since 1970 of a datetime, an ISO text or a number; a time without a zone is UTC."""
    if isinstance(value, str):
        text = value.strip()
        if text.replace(".", "", 1).isdigit():
            value = float(text)
        else:
            try:
                value = datetime.fromisoformat(text)
            except ValueError:
                raise ValueError("is not a time; write it as 2026-11-22T12:00:00Z") from None
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value / 1000 if value >= _MILLISECONDS_FROM else float(value)
    raise ValueError("is not a time; write it as 2026-11-22T12:00:00Z")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("is not the name of an endpoint; join with system.serving.served_entities")
    return value


def _optional_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _identifier(value: Any) -> str | None:
    """Return digits, whether they were written as text or as a number; None if there are none."""
    text = str(value) if isinstance(value, int) else _optional_text(value)
    return None if text is None else text.strip()


def _status(value: Any) -> int:
    """Return the status; 0 if there is none, as of a request whose client went away."""
    if value is None or value in ("", "null", "NULL"):
        return 0
    number = _whole(value)
    if not 100 <= number <= 599:
        raise ValueError("is not an HTTP status; write one from 100 to 599")
    return number


def _tokens(value: Any) -> int | None:
    if value is None or value in ("", "null", "NULL"):
        return None
    number = _whole(value)
    if not 0 <= number <= MOST_TOKENS:
        raise ValueError(f"is not a number of tokens; write one from 0 to {MOST_TOKENS:,}")
    return number


def _whole(value: Any) -> int:
    try:
        number = float(value) if not isinstance(value, int) else value
        if isinstance(value, bool) or number != int(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError("is not a whole number; export the column unchanged") from None
    return int(number)


def _milliseconds(value: Any) -> float | None:
    if value is None or value in ("", "null", "NULL"):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 10**9:
        raise ValueError("is not a time in milliseconds; export the column unchanged")
    return number / 1000


def _shown(value: Any) -> str:
    return repr(str(value)[:40])
