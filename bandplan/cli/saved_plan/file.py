"""The plan's file. It comes from a pull request's job, so all of its contents are checked before use."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.saved_plan.circumstances import ABSENT
from bandplan.cli.saved_plan.fingerprint import LENGTH, SECRET
from bandplan.cli.saved_plan.plan import FORMAT, VERSION, SavedPlan, to_json
from bandplan.cli.saved_plan.steps import OPS, PlannedStep
from bandplan.whole_file import replace_file

MOST_BYTES: Final = 100_000_000
"""Largest plan file in bytes; a choice. A plan of 1,000 changed endpoints has 5 MB."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_COMMIT = re.compile(r"(?:[0-9a-f]{7,64})?")
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{LENGTH}}}|{SECRET}|{ABSENT}")
_DIGEST = re.compile(rf"[0-9a-f]{{64}}|{ABSENT}")
_URN = re.compile(r"urn:pulumi:[^\s\x00-\x1f\x7f]{1,2000}", re.ASCII)
_KIND = re.compile(r"[a-z-]{0,40}")
_OP = re.compile("|".join(map(re.escape, sorted(OPS))))


class BadPlan(UsageProblem):
    """The file is not a plan that this version can read."""


def write_plan(path: Path, plan: SavedPlan) -> None:
    """Write the plan. Errors: CommandError if it cannot be written; an earlier file is then left intact."""
    try:
        replace_file(path, f"{json.dumps(to_json(plan), indent=1)}\n".encode())
    except OSError as error:
        raise CommandError(f"{path}: the plan cannot be written: {error.strerror}") from error


def read_plan(path: Path) -> SavedPlan:
    """Read and check the plan. Errors: BadPlan that names the file, the place and the problem."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadPlan(f"{path}: {error.strerror}; write one with `bandplan preview --save-plan {path}`") from error
    try:
        if len(text) > MOST_BYTES:
            raise _Wrong("", f"has more than {MOST_BYTES:,} bytes")
        return _plan(_parsed(text))
    except _Wrong as wrong:
        place = f"{wrong.place}: " if wrong.place else ""
        raise BadPlan(
            f"{path}: {place}{wrong.finding}; not a plan that this version of `bandplan preview --save-plan` wrote"
        ) from None


class _Wrong(Exception):
    def __init__(self, place: str, finding: str) -> None:
        self.place, self.finding = place, finding


def _parsed(text: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise _Wrong("", "is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _Wrong("format", f"is not {FORMAT!r}")
    if document.get("version") != VERSION:
        raise _Wrong("version", f"is not {VERSION}")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Wrong("", "has an object with a duplicate key")
    return found


def _plan(document: Mapping[str, Any]) -> SavedPlan:
    known = {"format", "version", *(name for name in _READERS), "steps"}
    if set(document) != known:
        place = min(set(document) ^ known)
        raise _Wrong(_shown(place), "is missing" if place in known else "is unknown")
    parts = {name: reader(document[name], name) for name, reader in _READERS.items()}
    parts["made_at"] = parts.pop("madeAt")
    steps = document["steps"]
    if not isinstance(steps, list):
        raise _Wrong("steps", "is not a list")
    read = [_step(step, f"steps[{index}]") for index, step in enumerate(steps)]
    by_urn = {step.urn: step for step in read}
    if len(by_urn) != len(read):
        raise _Wrong("steps", "has the same resource twice")
    return SavedPlan(**parts, steps=by_urn)


def _step(value: Any, place: str) -> PlannedStep:
    if not isinstance(value, dict) or set(value) != {"op", "urn", "inputs", "changes"}:
        raise _Wrong(place, "does not have the keys op, urn, inputs and changes")
    return PlannedStep(
        urn=_text(_URN)(value["urn"], f"{place}.urn"),
        op=_text(_OP)(value["op"], f"{place}.op"),
        inputs=_texts(_FINGERPRINT)(value["inputs"], f"{place}.inputs"),
        changes=_texts(_KIND)(value["changes"], f"{place}.changes"),
    )


Reader = Callable[[Any, str], Any]


def _text(pattern: re.Pattern[str]) -> Reader:
    def read(value: Any, place: str) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise _Wrong(place, "does not have the form required in a plan")
        return value

    return read


def _time(value: Any, place: str) -> str:
    text: str = _text(_TIME)(value, place)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _Wrong(place, "is not a time") from None
    return text


def _texts(pattern: re.Pattern[str]) -> Reader:
    one = _text(pattern)

    def read(value: Any, place: str) -> dict[str, str]:
        if not isinstance(value, dict):
            raise _Wrong(place, "is not a mapping")
        return {_key(key, place): one(item, f"{place}.{_shown(key)}") for key, item in value.items()}

    return read


def _live(value: Any, place: str) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict):
        raise _Wrong(place, "is not a mapping")
    one = _texts(_FINGERPRINT)
    return {_key(name, place): one(paths, f"{place}.{_shown(name)}") for name, paths in value.items()}


def _key(key: str, place: str) -> str:
    """Return the key if it is printable: it is shown when it differs, so it must not end a line or move the cursor."""
    if len(key) > 2000 or not key.isprintable():
        raise _Wrong(place, "has a key that is not printable")
    return key


def _shown(key: str) -> str:
    return ascii(key[:60])[1:-1]


_READERS: Final[dict[str, Reader]] = {
    "project": _text(_NAME),
    "stack": _text(_NAME),
    "engine": _text(_NAME),
    "madeAt": _time,
    "commit": _text(_COMMIT),
    "models": _texts(_DIGEST),
    "config": _texts(_FINGERPRINT),
    "state": _texts(_FINGERPRINT),
    "live": _live,
}
