"""Load models.yaml from disk as a fleet, or as everything wrong with it."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bandplan.serving.spec import checks, rules
from bandplan.serving.spec.document import read, values_in
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Defaults, Fleet
from bandplan.serving.spec.gateway_checks import gateway_problems
from bandplan.serving.spec.interpolation import placeholder_problems, placeholders_of_text, without_advice
from bandplan.serving.spec.merging import with_defaults, with_override
from bandplan.serving.spec.overriding import of_override, unknown_removals
from bandplan.serving.spec.problem import LeftOut, Problem, clipped, in_order, more
from bandplan.serving.spec.shape import Shape
from bandplan.serving.spec.source import Source

MAX_BYTES = 5_000_000  # arbitrary: 1,000 entries with every setting are about 1.5 MB
# Values of all entries, each with the defaults and once more for each stack that overrides it; arbitrary: 1,000 rich
# entries with defaults, overridden in three stacks, have about 250,000.
MAX_MERGED_VALUES = 500_000
_ENOUGH = 10_000  # problems after which no further entry is checked; arbitrary, well over the listed number

# Settings that no capacity rule reads: if only these are wrong, the capacity of the entry is still checked.
_ASIDE = frozenset(
    (
        "description",
        "tags",
        "ai_gateway",
        "rate_limits",
        "permissions",
        "notifications",
        "rollout",
        "budget_policy_id",
        "timeouts",
        "never_below",
        "waivers",
    )
)


@dataclass(frozen=True)
class Loaded:
    """A fleet for one stack, with defaults and overrides merged in; None if the file has an error.

    `checkable` holds the entries whose capacity can be checked even so, so that later rules are reported in the same
    run; it is the fleet if there is one, and None if the file could not be read. `data` is the document as written.
    """

    fleet: Fleet | None
    problems: tuple[Problem, ...]
    source: Source
    checkable: Fleet | None = None
    data: object = None


def load(path: Path, stack: str | None, file: str | None = None) -> Loaded:
    """Read and check models.yaml for `stack`; every problem is in the result, in the order of the file.

    `file` is what problems call it, by default its name.
    """
    file = file or path.name
    text, unreadable = read_text(path)
    if unreadable is not None:
        return Loaded(None, (replace(unreadable, file=file),), Source(file, stack=stack))
    return load_text(text, file, stack)


def load_text(text: str, file: str, stack: str | None) -> Loaded:
    """Load a text as `load` loads a file."""
    document = read(text, file)
    data = document.data
    if not isinstance(data, dict):
        source = Source(file, document.marks, stack=stack)
        found = [*document.problems, *placeholders_of_text(text, file)]
        if data is not None:
            found.append(
                rules.TYPE.problem(
                    source, "", "the file is not a mapping", "start with `version: 1` and a list `models:`"
                )
            )
        return Loaded(None, in_order(found), source)
    source = Source(file, document.marks, document.names, stack)
    return _Check(data, source, list(document.problems)).loaded()


def read_text(path: Path) -> tuple[str, Problem | None]:
    """Read the text of a file; if it cannot be read, is too large, or is not UTF-8, return a problem and no text."""

    def problem(line: int, column: int, finding: str, step: str) -> tuple[str, Problem]:
        return "", Problem(path.name, line, column, "", finding, rules.FILE.text, step, rules.FILE.id)

    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe could block forever
            kind = "a folder" if path.is_dir() else "a pipe or a device"
            return problem(1, 1, f"{path} is {kind}, not a regular file", "name the file itself")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
    except OSError as error:
        return problem(
            1,
            1,
            f"{path} cannot be read: {error.strerror or type(error).__name__}",
            "check the path and its permissions",
        )
    if len(content) >= MAX_BYTES:
        return problem(
            1, 1, "the file is 5 MB or larger", "split the fleet into several projects, or repeat less with anchors"
        )
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        return problem(line, column, f"the byte 0x{content[error.start]:02x} is not UTF-8", "save the file as UTF-8")


class _Check:
    """A document under check: all its problems are collected in `found`."""

    def __init__(self, data: dict[str, Any], source: Source, found: list[Problem]) -> None:
        self.written, self.source, self.found = data, source, found
        self.data = {key: value for key, value in data.items() if not key.startswith(rules.ANCHOR_PREFIX)}
        self._defaults: Mapping[str, Any] = {}
        self._sources: dict[str, Source] = {}
        self._overrides_by_name: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}

    def loaded(self) -> Loaded:
        frame = self._frame()
        self._defaults = self._sound_defaults()
        models = self.data.get("models")
        entries = models if isinstance(models, list) else []
        self._sort_overrides()
        self._keep_merging_bounded(entries)
        checked = self._checked(entries)
        self.found += checks.duplicate_names(
            [raw.get("name") if isinstance(raw, dict) else None for raw in entries], self.source
        )
        self._overrides()
        placeholders = placeholder_problems(self.data, self.source)
        problems = in_order([*without_advice(self.found, placeholders), *placeholders])
        usable = tuple(entry for entry in checked if entry is not None)
        if frame is None:
            frame = Fleet(version=1, models=(), allow_legacy=self.data.get("allow_legacy") is True)
        fleet = frame.model_copy(update={"models": usable})
        return Loaded(
            None if any(problem.severity == "error" for problem in problems) else fleet,
            problems,
            self.source,
            fleet,
            self.written,
        )

    def _frame(self) -> Fleet | None:
        """Check everything but the entries; None if any of it is wrong."""
        models = self.data.get("models")
        frame = {**self.data, "models": []} if isinstance(models, list) else self.data
        try:
            return Fleet.model_validate(frame)
        except ValidationError as error:
            self._word(error, Fleet, (), self.source)
            return None

    def _checked(self, entries: list[Any]) -> list[Entry | None]:
        """Check the entries, up to the one at which enough problems have been found."""
        checked = []
        for index, raw in enumerate(entries):
            if len(self.found) > _ENOUGH:
                left = LeftOut(errors=1, exact=False)
                self.found.append(more(self.source.file, self.source.place(("models", str(index))), left))
                break
            checked.append(self._entry(index, raw))
        return checked

    def _entry(self, index: int, raw: object) -> Entry | None:
        """Return the stack's entry if its capacity can be checked; its problems have been recorded.

        It is checked as written, with the defaults applied, and with each stack's override applied.
        """
        base = ("models", self.source.names[index] or str(index))
        if not isinstance(raw, dict):
            step = "write `- name: ...` and its other keys below"
            self.found.append(rules.TYPE.problem(self.source, base, "an entry is not a mapping", step))
            return None
        before = len(self.found)
        variant = self._valid(raw, base, self.source)
        whole = with_defaults(raw, self._defaults)
        if whole is not raw:
            variant = self._valid(whole, base, self.source)
        self.found += gateway_problems(whole, base, self.source)
        without = frozenset(self.found[before:])
        for stack, override in self._overrides_by_name.get(self.source.names[index] or "", ()):
            source = self._source_of(stack)
            before = len(self.found)
            overrode = with_override(whole, override)
            overridden = self._valid(overrode, base, source)
            self.found += gateway_problems(overrode, base, source)
            new = [problem for problem in self.found[before:] if problem not in without]
            self.found[before:] = [of_override(problem, override, base, source) for problem in new]
            self.found += unknown_removals(override, ("overrides", stack, base[1]), source)
            variant = overridden if stack == self.source.stack else variant
        return variant

    def _valid(self, raw: Mapping[str, Any], base: tuple[str, str], source: Source) -> Entry | None:
        self.found += checks.entry_problems(raw, base, source)
        entry: Entry | None
        try:
            entry = Entry.model_validate(raw)
        except ValidationError as error:
            self._word(error, Entry, base, source)
            entry = _pruned(raw, error)
        return entry if checks.is_sizeable(raw) else None

    def _word(self, error: ValidationError, shape: type[Shape], base: tuple[str, ...], source: Source) -> None:
        from bandplan.serving.spec.wording import (
            problems_of,  # imports three more modules, which only a wrong file needs
        )

        self.found += problems_of(error, shape, base, source)

    def _overrides(self) -> None:
        """Report overrides of entries that do not exist, and of names."""
        overrides = self.data.get("overrides")
        names = [name for name in self.source.names if name is not None]
        there = frozenset(names)
        uncounted = 0
        for stack, entries in overrides.items() if isinstance(overrides, dict) else ():
            if stack in there and isinstance(entries, dict) and there.isdisjoint(entries):
                step = f"write the stack first: `dev: {{{stack}: ...}}`"
                finding = f"{clipped(stack, 63)} is an entry, not a stack"
                self.found.append(rules.UNKNOWN_OVERRIDE.of_key(self.source, ("overrides", stack), finding, step))
                continue
            for name, override in entries.items() if isinstance(entries, dict) else ():
                place = ("overrides", stack, name)
                if name not in there and len(self.found) > _ENOUGH:
                    uncounted += 1
                elif name not in there:
                    step = self.source.suggestions.did_you_mean(name, names, "remove it, or add the entry to models")
                    finding = f"models has no entry {clipped(name, 63)}"
                    self.found.append(rules.UNKNOWN_OVERRIDE.problem(self.source, place, finding, step))
                if isinstance(override, dict) and "name" in override:
                    step = "remove it; another name is another entry"
                    self.found.append(
                        rules.UNKNOWN_KEY.problem(
                            self.source, (*place, "name"), "an override cannot rename its entry", step
                        )
                    )

        if uncounted:
            left = LeftOut(errors=uncounted)
            self.found.append(more(self.source.file, self.source.place(("overrides",)), left))

    def _source_of(self, stack: str) -> Source:
        if stack not in self._sources:
            self._sources[stack] = self.source.of_stack(stack)
        return self._sources[stack]

    def _sort_overrides(self) -> None:
        """Group the overrides as (stack, override) by the name of the entry, in the order of the file."""
        overrides = self.data.get("overrides")
        for stack, entries in overrides.items() if isinstance(overrides, dict) else ():
            for name, override in entries.items() if isinstance(entries, dict) else ():
                if isinstance(override, dict):
                    kept = {key: value for key, value in override.items() if key != "name"}
                    self._overrides_by_name.setdefault(name, []).append((stack, kept))

    def _keep_merging_bounded(self, entries: list[Any]) -> None:
        """Ignore defaults and overrides, and report a problem, if applying them to the entries would take long."""
        defaults = values_in(self._defaults)
        merged = sum(
            (values_in(raw) + defaults) * (1 + len(self._overrides_by_name.get(name or "", ())))
            for raw, name in zip(entries, self.source.names, strict=True)
            if isinstance(raw, dict)
        )
        if merged <= MAX_MERGED_VALUES:
            return
        finding = f"the entries have {merged:,} values once defaults and overrides are applied"
        step = "split the fleet into several projects, or write fewer defaults and overrides"
        place = ("overrides",) if "overrides" in self.data else ("defaults",)
        self.found.append(rules.YAML_LIMIT.problem(self.source, place, finding, step))
        self._defaults, self._overrides_by_name = {}, {}

    def _sound_defaults(self) -> Mapping[str, Any]:
        """Return the defaults, or nothing if they are wrong: they are then reported once, not in every entry."""
        defaults = self.data.get("defaults")
        if not isinstance(defaults, dict):
            return {}
        wrong = checks.permission_problems(defaults, ("defaults",), self.source)
        self.found += wrong
        try:
            Defaults.model_validate(defaults)
        except ValidationError:
            return {}  # the frame reports it
        return {} if wrong else defaults


def _pruned(whole: Mapping[str, Any], error: ValidationError) -> Entry | None:
    """Return the entry without its wrong keys, if none of them matters to capacity."""
    wrong = set()
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        key = str(one["loc"][0]) if one["loc"] else ""
        if key not in _ASIDE and not (one["type"] == "extra_forbidden" and len(one["loc"]) == 1):
            return None
        wrong.add(key)
    try:
        return Entry.model_validate({key: value for key, value in whole.items() if key not in wrong})
    except ValidationError:
        return None
