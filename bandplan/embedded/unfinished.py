"""What the state records for components above something that a run did not finish: their previous state. Pure.

A component is registered before its children, with the declared configuration of all of them. If a child fails or is
never reached, that configuration never became real; the previous state was.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bandplan.embedded.checkpoint import Snapshot
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.values import same_value

KeepOutputs = Callable[[Mapping[str, Any], Mapping[str, Any], frozenset[str]], dict[str, Any]]
"""Returns the stack's outputs after an unfinished run.

Its arguments: the outputs before the run, those of the run, and the names of the components that it did not finish.
"""


def keep_old_outputs(old: Mapping[str, Any], new: Mapping[str, Any], unfinished: frozenset[str]) -> dict[str, Any]:
    """Keep the outputs from before the run and add new ones."""
    return {**new, **old}


def unfinished_parents(
    base: Snapshot,
    resources: list[ResourceState],
    attempted: Mapping[str, str],
    finished: Mapping[str, ResourceState],
) -> frozenset[str]:
    """Return the URNs of the parents of resources that a run did not finish: those begun, and those never reached.

    `attempted` has the parent of each registered resource that is not a component; `finished` are the states of those
    that were completed. If the run has already changed a child of a component, an unreached child does not count: the
    component has changed.
    """
    olds = {state.urn: state for state in base.resources if not state.delete}
    changed = {
        state.parent for state in finished.values() if state.custom and not _says_the_same(olds.get(state.urn), state)
    }
    there = {state.urn for state in resources if not state.delete}
    begun = {parent for urn, parent in attempted.items() if urn not in finished}
    unreached = {
        state.parent
        for state in base.resources
        if state.custom
        and not (state.is_provider or state.delete)
        and state.urn in there
        and state.urn not in finished
        and state.urn not in attempted
    }
    return frozenset((begun | (unreached - changed)) - {""})


def _says_the_same(old: ResourceState | None, new: ResourceState) -> bool:
    return old is not None and same_value(old.inputs, new.inputs) and same_value(old.outputs, new.outputs)


def with_components_taken_back(
    base: Snapshot, resources: list[ResourceState], parents: frozenset[str], keep_outputs: KeepOutputs
) -> list[ResourceState]:
    """Return `resources` with the components at and above `parents` reset to their state in `base`; new ones stay."""
    by_urn = {state.urn: state for state in resources if not state.custom}
    above: set[str] = set()
    waiting = list(parents)
    while waiting:
        urn = waiting.pop()
        if urn in by_urn and urn not in above:
            above.add(urn)
            waiting.append(by_urn[urn].parent)
    before = {state.urn: state for state in base.resources if not state.custom}
    names = frozenset(by_urn[urn].name for urn in above if not by_urn[urn].is_stack)
    return [
        _taken_back(state, before.get(state.urn), names, keep_outputs) if state.urn in above else state
        for state in resources
    ]


def _taken_back(
    state: ResourceState, before: ResourceState | None, names: frozenset[str], keep_outputs: KeepOutputs
) -> ResourceState:
    if state.is_stack:
        return state.changed(outputs=keep_outputs(before.outputs if before else {}, state.outputs, names))
    if before is None or state.custom:
        return state
    return state.changed(inputs=before.inputs, outputs=before.outputs)
