"""Which steps a registered resource needs, by the rules of Pulumi's step generator. Pure.

Source: pkg/resource/deploy/step_generator.go in github.com/pulumi/pulumi (read 2026-11).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embedded.ordering import dependents_of
from embedded.providers import Diff, top_level
from embedded.resource import ResourceState
from embedded.steps import PropertyDiff
from plugin.values import UNKNOWN


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a resource that exists: nothing, update it, or replace it."""

    kind: str  # "same", "update" or "replace"
    diff: Diff
    delete_first: bool = False


NO_DIFF = Diff(changes=False, replace_keys=[], diffs=[], delete_before_replace=False, detailed=None)


def judge(
    old: ResourceState,
    diff: Diff,
    replace_on_changes: list[str],
    delete_before_replace: bool | None,
) -> Verdict:
    """Weigh a provider's diff with what the state and the program say."""
    diff = with_replace_on_changes(diff, replace_on_changes)
    if diff.changes or old.pending_replacement:
        if diff.replace_keys or old.pending_replacement:
            delete_first = diff.delete_before_replace if delete_before_replace is None else delete_before_replace
            return Verdict("replace", diff, delete_first)
        return Verdict("update", diff)
    if old.init_errors:
        return Verdict("update", diff)
    return Verdict("same", diff)


def with_replace_on_changes(diff: Diff, paths: list[str]) -> Diff:
    """A diff in which changes at the program's `replace_on_changes` paths force a replacement; `*` is every input."""
    if not paths or not diff.changes:
        return diff
    detailed = dict(diff.detailed or {})
    forced = {key for key in detailed if any(is_at_or_below(key, path) for path in paths)}
    if not forced:
        return diff
    for key in forced:
        kind = detailed[key].kind
        detailed[key] = PropertyDiff(kind if kind.endswith("-replace") else f"{kind}-replace", detailed[key].input_diff)
    keys = sorted({*diff.replace_keys, *(top_level(key) for key in forced)})
    return Diff(diff.changes, keys, diff.diffs, diff.delete_before_replace, detailed)


def is_at_or_below(path: str, prefix: str) -> bool:
    """Whether a property path is the prefix or inside it; `*` matches everything."""
    return prefix == "*" or path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def input_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> Diff:
    """The engine's own comparison, for a provider that leaves it to the engine."""
    detailed: dict[str, PropertyDiff] = {}
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            detailed[key] = PropertyDiff("delete", True)
        elif key not in old:
            detailed[key] = PropertyDiff("add", True)
        elif old[key] != new[key]:
            detailed[key] = PropertyDiff("update", True)
    return Diff(bool(detailed), [], list(detailed), False, detailed)


def keep_ignored(inputs: Mapping[str, Any], old_inputs: Mapping[str, Any], ignore_changes: list[str]) -> dict[str, Any]:
    """Inputs in which ignored top-level properties have their old value, or are absent where there was none."""
    result = dict(inputs)
    for key in ignore_changes:
        if key in old_inputs:
            result[key] = old_inputs[key]
        else:
            result.pop(key, None)
    return result


def dependent_replacements(
    root: ResourceState,
    olds: Iterable[ResourceState],
    already_registered: frozenset[str],
    diff_of: Callable[[ResourceState, dict[str, Any]], Diff],
) -> list[tuple[ResourceState, list[str]]]:
    """Resources that have to be deleted before `root` can be, with the keys that force it, in order of dependence.

    A dependent is one of them when, with unknown in place of each input that comes from a condemned resource, its
    provider asks for a replacement. Resources registered in this run already cannot depend on `root`.
    """
    condemned = {root.urn}
    found: list[tuple[ResourceState, list[str]]] = []
    for state in dependents_of(root.urn, olds):
        if not state.custom or state.external or state.urn in already_registered:
            continue
        if state.deleted_with in condemned:
            condemned.add(state.urn)
            found.append((state, []))
            continue
        inputs = dict(state.inputs)
        touched = [
            key for key, urns in state.property_dependencies.items() if key in inputs and condemned.intersection(urns)
        ]
        if not touched:
            continue
        inputs.update((key, UNKNOWN) for key in touched)
        diff = with_replace_on_changes(diff_of(state, inputs), state.replace_on_changes)
        if diff.replace_keys:
            condemned.add(state.urn)
            found.append((state, diff.replace_keys))
    return found
