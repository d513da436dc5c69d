"""A trace to replay, or lengths to draw from: rows of time, input and output tokens, as CSV or JSON lines.

Names of columns: ours, those of Azure's LLM inference trace (TIMESTAMP, ContextTokens, GeneratedTokens;
github.com/Azure/AzurePublicDataset, AzureLLMInferenceTrace, read 2026-11), of BurstGPT (Timestamp, Request tokens,
Response tokens; github.com/HPMLL/BurstGPT, read 2026-11) and Mooncake (timestamp in ms, input_length, output_length).
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, Final

from bandplan.bench.lengths import LONGEST
from bandplan.bench.problem import BenchProblem

GZIP: Final = b"\x1f\x8b"

TIME: Final = ("time", "timestamp", "arrival_time", "arrived_at")
INPUT: Final = (
    "input_tokens",
    "contexttokens",
    "request tokens",
    "input_length",
    "prompt_tokens",
    "num_prefill_tokens",
    "input",
)
OUTPUT: Final = (
    "output_tokens", "generatedtokens", "response tokens", "output_length", "completion_tokens", "num_decode_tokens",
    "output",
)  # fmt: skip
LATEST: Final = 1e13
"""More than the milliseconds since 1970, which some traces count; infinities and mistakes are beyond it."""

_MOST_PROBLEMS: Final = 10
_MILLISECONDS: Final = frozenset({"timestamp", "input_length"})
"""A trace with both names is Mooncake's, whose times are in milliseconds."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One row: `at` is seconds since the first row."""

    at: float
    input_tokens: int
    output_tokens: int


def read_trace(path: Path, most: int | None = None) -> list[Arrival]:
    """Read the rows in the order of time, the first at 0. Errors: BenchProblem with line, column and next step."""
    found = []
    for row in _read(path, most, (_AT, _GIVEN, _MADE)):
        at, given, made = row.values
        found.append(Arrival(at / 1000 if row.names >= _MILLISECONDS else at, int(given), int(made)))
    found.sort(key=lambda one: one.at)
    first = found[0].at
    return [Arrival(one.at - first, one.input_tokens, one.output_tokens) for one in found]


def read_lengths(path: Path, most: int | None = None) -> list[tuple[int, int]]:
    """Read (input, output) tokens of the rows, which need no time. Errors: as of `read_trace`."""
    return [(int(given), int(made)) for given, made in (row.values for row in _read(path, most, (_GIVEN, _MADE)))]


def _read(path: Path, most: int | None, columns: "Sequence[_Column]") -> "list[_Row]":
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            read = _json_rows if path.suffix in (".jsonl", ".ndjson", ".json") else _csv_rows
            found, problems = _parsed(islice(read(file, path, columns), most), path, columns)
    except UnicodeDecodeError as error:
        step = "unpack it" if error.object.startswith(GZIP) else "save it as UTF-8"
        raise BenchProblem(f"{path}: not UTF-8 at byte {error.start:,}; {step}") from error
    except OSError as error:
        raise BenchProblem(f"{path}: {error.strerror}; name a CSV or JSONL file") from error
    except csv.Error as error:
        raise BenchProblem(f"{path}: not CSV: {error}") from error
    if problems:
        raise BenchProblem("\n".join(problems))
    if not found:
        raise BenchProblem(f"{path}: no rows; a trace needs at least one")
    return found


def _csv_rows(file: Any, path: Path, columns: "Sequence[_Column]") -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(file)
    _require_columns(reader.fieldnames or [], path, columns)
    for row in reader:
        yield reader.line_num, row


def _json_rows(file: Any, path: Path, columns: "Sequence[_Column]") -> Iterator[tuple[int, Mapping[str, Any]]]:
    is_checked = False
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BenchProblem(f"{path}:{line}: not JSON: {error}; write one object on each line") from error
        if not isinstance(row, dict):
            raise BenchProblem(f"{path}:{line}: not a JSON object; write one object on each line")
        if not is_checked:
            _require_columns(list(row), path, columns)
            is_checked = True
        yield line, row


def _require_columns(names: Sequence[str], path: Path, columns: "Sequence[_Column]") -> None:
    known = {str(name).strip().lower() for name in names}
    missing = [one.names for one in columns if not known.intersection(one.names)]
    if not missing:
        return
    lines = []
    free = known.difference(*(one.names for one in columns))
    for ours in missing:
        near = get_close_matches(ours[0], free, 1, 0.6)
        there = ", ".join(sorted(map(str, names))[:10]) or "none"
        step = f"rename '{near[0]}'" if near else f"the columns are: {there}"
        lines.append(f"{path}:1: no column {ours[0]} (or {', '.join(ours[1:])}); {step}")
    raise BenchProblem("\n".join(lines))


def _parsed(
    rows: Iterator[tuple[int, Mapping[str, Any]]], path: Path, columns: "Sequence[_Column]"
) -> "tuple[list[_Row], list[str]]":
    found: list[_Row] = []
    problems: list[str] = []
    for line, row in rows:
        named = {str(key).strip().lower(): (str(key), value) for key, value in row.items()}
        values = []
        for column in columns:
            name, value = next((named[one] for one in column.names if one in named), ("?", None))
            read = column.read(value)
            if read is not None:
                values.append(read)
            elif len(problems) < _MOST_PROBLEMS:
                problems.append(
                    f"{path}:{line}: column {name}: {_shown(value)}: must be {column.rule}; correct or remove the row"
                )
        if len(values) == len(columns):
            found.append(_Row(values, named.keys()))
    return found, problems


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        seconds = float(str(value))
    except ValueError:
        try:
            moment = datetime.fromisoformat(_six_digits(str(value).strip()))
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if abs(seconds) < LATEST else None


def _six_digits(text: str) -> str:
    """Azure's trace has seven digits of a second, which Python reads from 3.11 on only up to six."""
    head, point, fraction = text.rpartition(".")
    return f"{head}.{fraction[:6]}" if point and len(fraction) > 6 and fraction.isdigit() else text


def _tokens(value: object, least: int) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(str(value))
    except ValueError:
        return None
    return int(number) if number.is_integer() and least <= number <= LONGEST else None


def _shown(value: object) -> str:
    text = "missing" if value is None else repr(str(value))
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True, slots=True)
class _Column:
    """The names of a column, what reads a value of it (None: not one), and the rule for values."""

    names: Sequence[str]
    read: Callable[[object], float | None]
    rule: str


@dataclass(frozen=True, slots=True)
class _Row:
    """The values of the wanted columns in their order, and the names of all."""

    values: Sequence[float]
    names: Set[str]


_AT: Final = _Column(TIME, _seconds, f"seconds below {LATEST:g}, or a time such as 2026-11-29T12:00:00")
_GIVEN: Final = _Column(INPUT, lambda value: _tokens(value, 1), f"1 to {LONGEST:,} tokens")
_MADE: Final = _Column(OUTPUT, lambda value: _tokens(value, 0), f"0 to {LONGEST:,} tokens")
