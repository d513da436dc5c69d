"""The versions that a fleet registers: which entries share one, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.registration import ModelGrant, Registration
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.tasks import Task
from bandplan.serving.throughput import rules


@dataclass(frozen=True)
class PlannedVersion:
    """A version to register: the registration, the task to log it for, and the entities that use it.

    `users` include those that follow its alias.
    """

    registration: Registration
    task: Task
    users: tuple[tuple[Entry, Entity], ...]

    @property
    def key(self) -> str:
        return version_key(self.registration)


@dataclass(frozen=True)
class PlannedModel:
    """The registered model of one name, as declared by all registrations into it, and its versions."""

    name: str
    versions: tuple[PlannedVersion, ...]

    @property
    def comment(self) -> str | None:
        return next((v.registration.comment for v in self.versions if v.registration.comment is not None), None)

    @property
    def owner(self) -> str | None:
        return next((v.registration.owner for v in self.versions if v.registration.owner is not None), None)

    @property
    def grants(self) -> tuple[ModelGrant, ...] | None:
        return next((v.registration.grants for v in self.versions if v.registration.grants is not None), None)


def version_key(registration: Registration) -> str:
    """Return a key that identifies a version within the fleet as long as neither model nor alias change."""
    return registration.name if registration.alias is None else f"{registration.name}@{registration.alias}"


def planned_models(fleet: Fleet) -> tuple[PlannedModel, ...]:
    """Return the models that `fleet` registers versions into, in the order of the file.

    `fleet` has its aliases pinned (`following.pinned`) and no `registration_conflicts`.
    """
    makers: dict[str, tuple[Entry, Registration]] = {}
    users: dict[str, list[tuple[Entry, Entity]]] = {}
    for entry, entity, registration in registering(fleet):
        key = version_key(registration)
        if entity.alias is None:
            makers.setdefault(key, (entry, registration))
        users.setdefault(key, []).append((entry, entity))
    versions = [
        PlannedVersion(registration, entry.task, tuple(users[key])) for key, (entry, registration) in makers.items()
    ]
    names = dict.fromkeys(version.registration.name for version in versions)
    return tuple(PlannedModel(name, tuple(v for v in versions if v.registration.name == name)) for name in names)


def registering(fleet: Fleet) -> Iterator[tuple[Entry, Entity, Registration]]:
    """Yield each entity whose version this fleet registers, in the order of the file."""
    for entry in fleet.models:
        for entity in entry.entities if not entry.is_pinned else ():
            if entity.register is not None:
                yield entry, entity, entity.register


def registration_conflicts(fleet: Fleet, source: Source) -> list[Problem]:
    """Report registrations into one model that contradict each other, each at the later one."""
    found: list[Problem] = []
    earlier: list[tuple[Entry, Registration]] = []
    for entry, entity, registration in registering(fleet):
        if entity.alias is not None:
            continue
        path = f"models/{entry.name}/{entity.path}register"
        siblings = [one for one in earlier if one[1].name.casefold() == registration.name.casefold()]
        conflict = next((c for c in (_conflict(entry, registration, *one) for one in siblings) if c), None)
        if conflict is not None:
            finding, step = conflict
            found.append(rules.REGISTER_CONFLICT.problem(source, path, finding, step))
        earlier.append((entry, registration))
    return found


def _conflict(entry: Entry, ours: Registration, other: Entry, theirs: Registration) -> tuple[str, str] | None:
    """Return (finding, next step), or None if the two are one version, or two distinguishable ones."""
    if ours == theirs and entry.task == other.task:
        return None
    if ours.name != theirs.name:
        return f"{ours.name} is spelled {theirs.name} in models/{other.name}", "spell it the same"
    for key in ("comment", "owner", "grants"):
        mine, its = getattr(ours, key), getattr(theirs, key)
        if mine is not None and its is not None and mine != its:
            return f"models/{other.name} gives {ours.name} a different {key}", f"write the same {key}, or write it once"
    if ours.alias == theirs.alias:
        label = "without an alias" if ours.alias is None else f"under the alias {ours.alias}"
        finding = f"models/{other.name} registers another version of {ours.name} {label}"
        return finding, "write the same registration in both, or give each an alias of its own"
    if _made_of(entry, ours) == _made_of(other, theirs):
        follow = f"`version: {{alias: {theirs.alias}}}`" if theirs.alias else "one alias"
        step = f"register it once, and have this entry follow it: `model: {ours.name}` and {follow}"
        return f"models/{other.name} registers the same version of {ours.name}", step
    return None


def _made_of(entry: Entry, registration: Registration) -> object:
    if not registration.is_logged_here:
        return registration.source
    return registration.source, entry.task, registration.metadata
