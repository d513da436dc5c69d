"""Which steps a registered resource needs, by the rules of Pulumi's step generator. Pure.

Source: pkg/resource/deploy/step_generator.go in github.com/pulumi/pulumi (read 2026-11).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bandplan.embedded.diff import Diff, PropertyDiff
from bandplan.embedded.errors import EngineError
from bandplan.embedded.ordering import dependents_of
from bandplan.embedded.paths import contains
from bandplan.embedded.resource import ResourceState
from bandplan.plugin.values import UNKNOWN
from bandplan.wire.property_path import parse

INIT_ERROR_KEY: Final = "#initerror"
"""Stands for the errors of a created but not ready resource, in `replace_on_changes` and in a diff."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with an existing resource: nothing, update it, or replace it."""

    kind: str  # "same", "update" or "replace"
    diff: Diff
    delete_first: bool = False


def judge(
    old: ResourceState,
    diff: Diff,
    replace_on_changes: list[str],
    delete_before_replace: bool | None,
) -> Verdict:
    """Decide between no change, update and replacement, from a provider's diff, the state and the program."""
    diff = with_replace_on_changes(diff, replace_on_changes, bool(old.init_errors))
    if diff.changes or old.pending_replacement:
        if diff.replace_keys or old.pending_replacement:
            delete_first = diff.delete_before_replace if delete_before_replace is None else delete_before_replace
            return Verdict("replace", diff, delete_first)
        return Verdict("update", diff)
    if old.init_errors:
        return Verdict("update", diff)
    return Verdict("same", diff)


def with_replace_on_changes(diff: Diff, forcing: list[str], has_init_errors: bool) -> Diff:
    """Return a diff in which changes at the program's `replace_on_changes` paths force a replacement."""
    if not forcing or not (diff.changes or has_init_errors):
        return diff
    try:
        prefixes = [parse(text) for text in forcing]
    except ValueError as error:
        raise EngineError(f"replace_on_changes: {error}") from error

    def is_forced(key: str) -> bool:
        path = parse(key)
        return any(contains(prefix, path) for prefix in prefixes)

    keys = {*diff.replace_keys, *(key for key in diff.diffs if is_forced(key))}
    detailed = diff.detailed
    if detailed is not None:
        detailed = {key: _replacing(change) if is_forced(key) else change for key, change in detailed.items()}
    is_init_error_forced = has_init_errors and is_forced(INIT_ERROR_KEY)
    if is_init_error_forced:
        keys.add(INIT_ERROR_KEY)
        if detailed is not None:
            detailed[INIT_ERROR_KEY] = PropertyDiff("update-replace", False)
    changes = diff.changes or is_init_error_forced
    return replace(diff, changes=changes, replace_keys=sorted(keys), detailed=detailed)


def _replacing(change: PropertyDiff) -> PropertyDiff:
    kind = change.kind if change.kind.endswith("-replace") else f"{change.kind}-replace"
    return PropertyDiff(kind, change.input_diff)


def dependent_replacements(
    root: ResourceState,
    olds: Sequence[ResourceState],
    already_registered: frozenset[str],
    diff_of: Callable[[ResourceState, dict[str, Any]], Diff],
) -> list[tuple[int, ResourceState, list[str]]]:
    """Return what must be deleted before `root`, in dependency order: (index in `olds`, state, forcing keys).

    A dependent is among them if its provider asks for a replacement once each input from a condemned resource is
    unknown. Resources that are already registered in this run cannot depend on `root`.
    """
    condemned = {root.urn}
    found: list[tuple[int, ResourceState, list[str]]] = []
    for index, state in dependents_of(root.urn, olds):
        if not state.custom or state.external or state.urn in already_registered:
            continue
        keys: list[str] | None = []
        if state.deleted_with not in condemned:
            keys = _forcing_keys(state, condemned, diff_of)
        if keys is not None:
            condemned.add(state.urn)
            found.append((index, state, keys))
    return found


def _forcing_keys(
    state: ResourceState, condemned: set[str], diff_of: Callable[[ResourceState, dict[str, Any]], Diff]
) -> list[str] | None:
    touched = {
        key: UNKNOWN
        for key, urns in state.property_dependencies.items()
        if key in state.inputs and condemned.intersection(urns)
    }
    if not touched:
        return None
    diff = diff_of(state, {**state.inputs, **touched})
    return with_replace_on_changes(diff, state.replace_on_changes, has_init_errors=False).replace_keys or None
