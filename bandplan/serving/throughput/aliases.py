"""Aliases that entries follow: which ones to look up in a workspace, and the fleet with the aliases resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.registration import FollowedAlias, PinnedAlias, Registration
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.optimization_info import Unavailable
from bandplan.serving.throughput.registrations import registering
from bandplan.serving.throughput.registry_answers import ModelAlias

Numbers = Mapping[ModelAlias, str | Unavailable]


def followed(fleet: Fleet) -> tuple[ModelAlias, ...]:
    """Return the distinct aliases to look up, in order, without those that the fleet itself registers."""
    ours = _registered(fleet)
    return tuple(sorted({alias for _, _, alias in _following(fleet) if alias not in ours}))


def pinned(fleet: Fleet, numbers: Numbers) -> Fleet:
    """Return the fleet with each followed alias resolved to its version, or to the fleet's own registration.

    An alias without an answer stays as it is.
    """
    ours = _registered(fleet)

    def pin(model: str | None, version: object) -> object:
        if not isinstance(version, FollowedAlias) or model is None:
            return version
        alias = ModelAlias(model, version.alias)
        number = numbers.get(alias)
        if alias in ours:
            return PinnedAlias(alias=version.alias, registration=ours[alias])
        return PinnedAlias(alias=version.alias, number=number) if isinstance(number, str) else version

    if not any(_following(fleet)):
        return fleet
    return fleet.model_copy(update={"models": tuple(_pinned_entry(entry, pin) for entry in fleet.models)})


def _pinned_entry(entry: Entry, pin: Callable[[str | None, object], object]) -> Entry:
    if entry.declarations is None:
        return entry.model_copy(update={"version": pin(entry.model, entry.version)})
    declarations = tuple(one.model_copy(update={"version": pin(one.model, one.version)}) for one in entry.declarations)
    return entry.model_copy(update={"declarations": declarations})


def following_problems(fleet: Fleet, numbers: Numbers, source: Source) -> list[Problem]:
    """Report an error for each followed alias that points to nothing according to the workspace."""
    found = []
    for entry, entity, alias in _following(fleet):
        number = numbers.get(alias)
        if entity.version is None and isinstance(number, Unavailable):
            path = f"models/{entry.name}/{entity.path}version/alias"
            step = "set the alias, register a version with it here, or write the version's number"
            found.append(rules.ALIAS_UNSET.problem(source, path, number.reason, step))
    return found


def _following(fleet: Fleet) -> Iterator[tuple[Entry, Entity, ModelAlias]]:
    for entry in fleet.models:
        for entity in entry.entities if not entry.is_pinned else ():
            if entity.alias is not None:
                yield entry, entity, ModelAlias(entity.model, entity.alias)


def _registered(fleet: Fleet) -> dict[ModelAlias, Registration]:
    return {
        ModelAlias(registration.name, registration.alias): registration
        for _, entity, registration in registering(fleet)
        if registration.alias is not None and entity.alias is None
    }
