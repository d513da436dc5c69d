"""Problems of a stack's override, reported at the override's place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bandplan.serving.spec import rules
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fields import Path, field_at, keys_of, known_keys, meant_key
from bandplan.serving.spec.problem import Problem, clipped, shown_path
from bandplan.serving.spec.source import Source


def of_override(problem: Problem, override: Mapping[str, Any], base: tuple[str, str], source: Source) -> Problem:
    """Turn a problem that the entry at `base` has only with this override into the override's own problem."""
    prefix = shown_path(base)
    if problem.left_out is not None or source.stack is None or not problem.path.startswith(prefix):
        return problem
    rest = problem.path[len(prefix) :]
    written = ["overrides", source.stack, base[1]]
    parts = [part for part in rest.split("/") if part]
    within: Any = override
    for part in parts:
        if not isinstance(within, dict) or part not in within:
            break
        written.append(part)
        within = within[part]
    path, finding, step = shown_path(written[:3]) + rest, problem.finding, problem.next_step
    if len(written) == 3 or within is not None:
        removed = _removed_key(override, written[3:], f"{rest} {finding}")
        if removed:
            written, within = [*written[:3], *removed], None
    if len(written) > 3 and within is None:
        step = f"remove `{written[-1]}: null`: the entry needs the key that this removes"
    line, column = (source.key_place if problem.id == rules.UNKNOWN_KEY.id else source.place)(written)
    return replace(problem, line=line, column=column, path=path, finding=finding, next_step=step)


def _removed_key(override: Mapping[str, Any], written: list[str], words: str) -> list[str]:
    """Return the path of the key that the override removes: below `written`, or a key of the entry named in `words`."""
    within: Any = override
    for part in written:
        within = within[part]
    if written and isinstance(within, dict):
        for key, value in within.items():
            if value is None:
                return [*written, str(key)]
    for key in keys_of(Entry):
        if key in override and override[key] is None and re.search(rf"\b{key}\b", words):
            return [key]
    return []


def unknown_removals(override: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report keys that an override would remove with null and that no entry can have."""
    found = []
    left: list[tuple[Path, Mapping[str, Any]]] = [((), override)]
    while left:
        written, mapping = left.pop()
        for key, value in mapping.items():
            if value is None:
                owners, info = field_at(Entry, (*written, key))
                if info is not None or not owners:
                    continue
                meant = meant_key(key, known_keys(owners), source.suggestions)
                finding = f"the key {clipped(key, 60)} is not known"
                step = f"did you mean {meant}?" if meant is not None else "remove it"
                found.append(rules.UNKNOWN_KEY.of_key(source, (*base, *written, key), finding, step))
            elif isinstance(value, dict):
                left.append(((*written, key), value))
    return found
