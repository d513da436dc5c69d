"""Read the measured use of served entities from a file, for `stop_if` of their rollouts.

`bandplan/wire/measured_use.py` shows the file. `errors` are requests answered 5xx; `ttft_seconds` is the time to first
token at `percentile`. A measurement that ended before the last change of an endpoint is of an earlier step, and not
used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bandplan.serving.throughput.rollout import Measured
from bandplan.wire.measured_use import SHAPES, parts_of

MeasuredUse = Mapping[str, Mapping[str, Measured]]
"""Measurements by endpoint and served name."""

_NUMBERS = ("window_minutes", "requests", "errors", "ttft_seconds", "percentile")
_COUNTS = ("requests", "errors")
_KEYS = ("measured_at", *_NUMBERS)
_LARGEST = 10**15
"""Upper bound of anything measured; NaN and infinity are not measurements."""


class MeasuredUseError(ValueError):
    """The file does not have the expected shape; the message has a line for every problem."""


def read_measured_use(text: str, file: str) -> MeasuredUse:
    """Read the text of such a file. Errors: MeasuredUseError with every problem and its place."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MeasuredUseError(f"{file}: is not JSON: {error}") from error
    reading = _Reading(file)
    found = reading.endpoints(document)
    if reading.problems:
        raise MeasuredUseError("\n".join(reading.problems))
    return found


class _Reading:
    """A file being read: its problems are collected in `problems`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[str] = []

    def endpoints(self, document: object) -> dict[str, dict[str, Measured]]:
        parts = parts_of(document)
        if parts is None:
            self._problem("version", f"the file must be {SHAPES}")
            return {}
        return {
            name: {
                served: self._entity(one, f"{place}/{served}") for served, one in self._mapping(entities, place).items()
            }
            for name, (place, entities) in parts.entities.items()
        }

    def _entity(self, value: object, place: str) -> Measured:
        given = self._mapping(value, place)
        for key in sorted(given.keys() - set(_KEYS)):
            self._problem(f"{place}/{key[:60]}", f"is unknown; the keys are {', '.join(_KEYS)}")
        wrong = [key for key in _NUMBERS if key in given and not _is_number(given[key])]
        counts = [key for key in _COUNTS if key in given and key not in wrong and given[key] != int(given[key])]
        for key in wrong:
            self._problem(f"{place}/{key}", f"must be a number from 0 to {_LARGEST:,}")
        for key in counts:
            self._problem(f"{place}/{key}", "must be a whole number")
        if wrong or counts:
            return Measured()
        requests, errors = int(given.get("requests", 0)), int(given.get("errors", 0))
        if not 0 <= errors <= requests:
            self._problem(f"{place}/errors", f"{errors} errors among {requests} requests")
        window = f", {given['window_minutes']:g} minutes" if "window_minutes" in given else ""
        percentile = f", percentile {given['percentile']:g}" if "percentile" in given else ""
        ttft_seconds = float(given["ttft_seconds"]) if "ttft_seconds" in given else None
        measured_ms = self._moment(given.get("measured_at"), f"{place}/measured_at")
        return Measured(requests, errors, ttft_seconds, f"{self.file}{window}{percentile}", measured_ms)

    def _moment(self, value: object, place: str) -> int:
        """Return the time in milliseconds since 1970."""
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self._problem(place, "must be a time with its zone, such as 2026-11-22T12:00:00Z")
            return 0
        return int(moment.timestamp() * 1000)

    def _mapping(self, value: object, place: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._problem(place, "must be a mapping")
        return {}

    def _problem(self, place: str, finding: str) -> None:
        self.problems.append(f"{self.file}: {place}: {finding}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def combined(exported: Mapping[str, Measured], from_file: Mapping[str, Measured]) -> dict[str, Measured]:
    """Combine measurements by served name; a file is more telling than the export of one minute, so it takes
    precedence.
    """
    found = dict(exported)
    for served, one in from_file.items():
        now = exported.get(served)
        if one.requests or now is None:
            found[served] = one
        else:
            origin = f"{now.origin}; {one.origin}"
            found[served] = Measured(now.requests, now.errors, one.ttft_seconds, origin, one.measured_ms)
    return found
