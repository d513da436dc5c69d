"""One endpoint that a preview changes: its capacity before and after, and its rollout."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

from bandplan.report.endpoint_side import Side
from bandplan.report.entity import Pair, in_chunks_of, is_traffic_moved, paired
from bandplan.report.preview import Preview, State, Step
from bandplan.report.reading import Reading
from bandplan.report.rollout import Rollout, in_place
from bandplan.report.stated_capacity import component_capacity, serving_capacity
from bandplan.wire.capacity import UNITS, figures_of
from bandplan.wire.guard import CONFIG_PARTS
from bandplan.wire.types import ENDPOINT, ENDPOINT_READY, PERMISSIONS, SERVING
from bandplan.wire.urn import Urn, parse_urn

REPLACING: Final = frozenset({"replace", "create-replacement", "delete-replaced", "import-replacement"})

_PART_NAMES: Final = {PERMISSIONS: "permissions"}
_CAPACITY_REASON: Final = "config"


@dataclass(frozen=True)
class EndpointChange:
    """A change of one endpoint. `before` is None for a new one, `after` for a deleted one; both for one whose capacity
    stays.

    `also` names its other changes: permissions, tags, description and the like.
    """

    urn: str
    name: str
    before: Side | None
    after: Side | None
    rollout: Rollout
    also: tuple[str, ...] = ()

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        return paired(self.before.entities if self.before else (), self.after.entities if self.after else ())

    @property
    def is_alone(self) -> bool:
        """Whether it is a serving resource outside any component."""
        parts = parse_urn(self.urn)
        return parts is not None and parts.type in SERVING

    @property
    def is_whole(self) -> bool:
        """Whether the endpoint exists before and after."""
        return self.before is not None and self.after is not None

    @property
    def is_traffic_moved(self) -> bool:
        return self.is_whole and is_traffic_moved(self.pairs)

    @property
    def other_versions(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.is_other_version) if self.is_whole else ()

    @property
    def is_burst_moved(self) -> bool:
        return (self.before is not None and self.before.burst) != (self.after is not None and self.after.burst)

    @property
    def latest(self) -> Side:
        """The capacity after the change; for a deleted endpoint, the one before."""
        return self.after or self.before or Side(self.name)


def endpoint_changes(preview: Preview, known: Mapping[str, Side]) -> tuple[EndpointChange, ...]:
    """Return every endpoint with a step of its own or below it; `known` maps names to the stack outputs' figures.

    Steps of models (versions, aliases) belong to `model`; alone they do not change an endpoint.
    """
    grouped: dict[str, list[Step]] = {}
    for step in preview.steps.values():
        owner = owner_urn(step.urn, preview.steps)
        if owner is not None:
            grouped.setdefault(owner, []).append(step)
    changes = (_change(urn, steps, preview, known) for urn, steps in grouped.items())
    return tuple(change for change in changes if change is not None)


def owner_urn(urn: str, steps: Mapping[str, Step]) -> str | None:
    """Return the URN of the endpoint that a resource belongs to; a serving resource outside a component owns itself."""
    start, seen = urn, set[str]()
    while urn and urn not in seen:
        seen.add(urn)
        parts = parse_urn(urn)
        if parts is None:
            break
        if parts.type == ENDPOINT:
            return urn
        urn = steps[urn].parent if urn in steps else ""
    parts = parse_urn(start)
    return start if parts is not None and parts.type in SERVING else None


def _change(urn: str, steps: Sequence[Step], preview: Preview, known: Mapping[str, Side]) -> EndpointChange | None:
    component = next((step for step in steps if step.parts.type == ENDPOINT and step.op != "same"), None)
    serving = [step for step in steps if step.parts.type in SERVING and step.op != "same"]
    others = [step for step in steps if step.parts.type not in (ENDPOINT, *SERVING) and step.op != "same"]
    parts = parse_urn(urn)
    if parts is None or not (component or serving or any(step.parts.type in _OWN for step in others)):
        return None
    before, after = _sides(component, serving, parts, preview, known)
    name = (after or before or Side(parts.name)).name or parts.name
    rollout = _rollout(component, serving, others, before, after)
    if rollout.kind in ("new", "adopted"):
        before = None
    elif rollout.kind == "deleted":
        after = None
    return EndpointChange(urn, name, before, after, rollout, _also(serving, others, rollout))


_OWN: Final = frozenset({ENDPOINT_READY, *_PART_NAMES})


def _sides(
    component: Step | None, serving: Sequence[Step], parts: Urn, preview: Preview, known: Mapping[str, Side]
) -> tuple[Side | None, Side | None]:
    """Return the capacity before and after. The component says most; if it has no step of its own, its figures did not
    change.
    """
    read_serving = partial(serving_capacity, is_alone=parts.type in SERVING)
    below = _stated(serving, read_serving, parts.name, preview.reading)
    if component is not None:
        before, after = _stated([component], component_capacity, parts.name, preview.reading)
        return _as_it_ran(before, after, below if serving else None), after
    return below if any(below) else (known.get(parts.name), known.get(parts.name))


def _stated(
    steps: Sequence[Step],
    read: Callable[[Mapping[str, Any], str, str, Reading], Side],
    name: str,
    reading: Reading,
) -> tuple[Side | None, Side | None]:
    """Return what the old and the new states say."""
    sides: list[Side | None] = []
    for side in ("old", "new"):
        found: Side | None = None
        for step in steps:
            state: State | None = getattr(step, side)
            if state is not None:
                found = read(state.inputs, name, f"{step.place}.{side}State.inputs", reading)
        sides.append(found)
    return sides[0], sides[1]


def _as_it_ran(
    before: Side | None,
    after: Side | None,
    below: tuple[Side | None, Side | None] | None,
) -> Side | None:
    """Return `before` with what ran, if it is only what a failed deployment declared.

    Pulumi records a component before its children, so the resource `below` says what ran: its old state, or, if it does
    not change, the new one. During a rollout, or with less accepted, the two are meant to differ.
    """
    if before is None or after is None or _is_served_otherwise(before) or _is_served_otherwise(after):
        return before
    ran = after if below is None else below[0]
    if ran is None or not (before.is_sized and ran.is_sized) or _served(before) == _served(ran):
        return before
    chunks = {entity.model: entity.chunk_tokens_per_second for entity in (*before.entities, *after.entities)}
    entities = tuple(in_chunks_of(entity, chunks.get(entity.model)) for entity in ran.entities)
    return replace(before, family=ran.family, **figures_of(ran), entities=entities)


def _is_served_otherwise(capacity: Side) -> bool:
    return capacity.is_rolling_out or any(getattr(capacity, unit.accepted) is not None for unit in UNITS)


def _served(capacity: Side) -> object:
    """Return what the component and the resource below it both state: sizes, and versions as far as they are known."""
    versions = [(entity.model, entity.version) for entity in capacity.entities]
    return figures_of(capacity), versions


def _rollout(
    component: Step | None,
    serving: Sequence[Step],
    others: Sequence[Step],
    before: Side | None,
    after: Side | None,
) -> Rollout:
    ops = {step.op for step in serving} or ({component.op} if component is not None else set())
    if ops & REPLACING:
        return Rollout("replaced", tuple(dict.fromkeys(name for step in serving for name in step.replace_reasons)))
    if {"create", "delete"} <= ops:
        # The two APIs are two types of resource: switching between them recreates the endpoint.
        return Rollout("replaced", ("a different API",))
    if "create" in ops:
        return Rollout("new")
    if "import" in ops:
        return Rollout("adopted")
    if "delete" in ops:
        return Rollout("deleted")
    guards = [step for step in others if step.parts.type == ENDPOINT_READY]
    if not serving and component is None and any(step.is_live_different or not step.changed for step in guards):
        return Rollout("guard")
    is_rollout = after is not None and after.step_of_rollout is not None
    return in_place(paired(before.entities if before else (), after.entities if after else ()), is_rollout=is_rollout)


def _also(serving: Sequence[Step], others: Sequence[Step], rollout: Rollout) -> tuple[str, ...]:
    if rollout.kind in ("new", "deleted", "adopted"):
        return ()
    told = (_CAPACITY_REASON, *rollout.because)
    reasons = [_words(name) for step in serving for name in step.reasons if name not in told]
    guarded = [_words(name) for step in others if step.parts.type == ENDPOINT_READY for name in _settings_changed(step)]
    parts = [_PART_NAMES[step.parts.type] for step in others if step.parts.type in _PART_NAMES]
    return tuple(dict.fromkeys((*reasons, *guarded, *parts)))


def _settings_changed(guard: Step) -> Iterator[str]:
    """Yield the settings that the guard changes, except parts of the config, which are reported as capacity."""
    for path in guard.changed:
        whole, _, part = path.partition(".")
        name = re.split(r"[.\[]", part)[0]
        if whole == "declared" and name and name not in CONFIG_PARTS:
            yield name


def _words(property_name: str) -> str:
    """Split a property name into words: `emailNotifications` is email notifications; aiGateway is AI gateway."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in property_name)
    return words.replace("ai gateway", "AI gateway")
