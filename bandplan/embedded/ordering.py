"""Dependency orders over resource states."""

from collections.abc import Collection, Sequence

from bandplan.embedded.resource import ResourceState


def in_dependency_order(resources: Sequence[ResourceState]) -> list[ResourceState]:
    """Sort the resources so that each follows everything that it depends on; otherwise keep the given order.

    Two entries may share a URN (an old one, condemned by a replacement, next to its successor): dependents of the URN
    come after both.
    """
    by_urn: dict[str, list[ResourceState]] = {}
    for state in resources:
        by_urn.setdefault(state.urn, []).append(state)
    ordered: list[ResourceState] = []
    placed: set[int] = set()
    for root in resources:
        pending = [(root, False)]
        while pending:
            state, is_ready = pending.pop()
            if is_ready:
                ordered.append(state)
                continue
            if id(state) in placed:
                continue
            placed.add(id(state))
            pending.append((state, True))
            needed = [other for urn in sorted(state.all_dependencies()) for other in by_urn.get(urn, [])]
            pending.extend((other, False) for other in reversed(needed) if id(other) not in placed)
    return ordered


def in_order(resources: list[ResourceState]) -> list[ResourceState]:
    """Return the resources unchanged if each follows everything that it depends on, else `in_dependency_order`."""
    seen: set[str] = set()
    for state in resources:
        if not state.all_dependencies() <= seen:
            return in_dependency_order(resources)
        seen.add(state.urn)
    return resources


def naming_only(there: Collection[str], state: ResourceState) -> ResourceState:
    """Return `state` without dependencies on resources outside `there`.

    As in Pulumi, a property without remaining dependencies is dropped.
    """
    return state.changed(
        dependencies=[urn for urn in state.dependencies if urn in there],
        property_dependencies={
            key: left
            for key, urns in state.property_dependencies.items()
            if (left := [urn for urn in urns if urn in there])
        },
        deleted_with=state.deleted_with if state.deleted_with in there else "",
    )


def dependents_of(urn: str, resources: Sequence[ResourceState]) -> list[tuple[int, ResourceState]]:
    """Return (index, state) of all direct and indirect dependents of `urn`, in the given order, a dependency order."""
    reached = {urn}
    found = []
    for index, state in enumerate(resources):
        if state.urn != urn and not reached.isdisjoint(state.all_dependencies()):
            reached.add(state.urn)
            found.append((index, state))
    return found


def deletion_waves(condemned: Sequence[ResourceState]) -> list[list[ResourceState]]:
    """Group resources to delete one group after another, dependents first; within a group in any order or concurrently.

    Only dependencies among the condemned count. `condemned` must be in dependency order.
    """
    depth_of: dict[str, int] = {}
    depths: list[int] = []
    for state in condemned:
        depth = 1 + max((depth_of.get(urn, -1) for urn in state.all_dependencies()), default=-1)
        depths.append(depth)
        depth_of[state.urn] = max(depth, depth_of.get(state.urn, 0))
    waves: list[list[ResourceState]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for state, depth in zip(condemned, depths, strict=True):
        waves[depth].append(state)
    return [wave for wave in reversed(waves) if wave]
