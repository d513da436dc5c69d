"""Size endpoints again once the versions that a deployment registers are known."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from bandplan.serving.planning.checked import Checked
from bandplan.serving.planning.size_record import SizeRecord
from bandplan.serving.spec.problem import Problem
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.registrations import version_key
from bandplan.serving.throughput.sizing import EndpointSizing, size_entry
from bandplan.serving.throughput.waivers import waive
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies

Known = tuple[str, OptimizationInfo]
"""The number of a registered version, and its optimization info."""


@dataclass(frozen=True)
class Resized:
    """The sizing, None if the capacity cannot be provisioned, and the problems that were not reported before."""

    sizing: EndpointSizing | None
    problems: tuple[Problem, ...] = ()


Resize = Callable[[EndpointSizing, Mapping[str, Known]], Resized]
"""Sizes an endpoint again once versions that it waits for are known, by entity path; not all of them need be known."""


class Resizing:
    """A `Resize` with the answers and rules of the whole fleet; it may be called from several threads."""

    def __init__(
        self,
        checked: Checked,
        today: date | None = None,
        policies: BandPolicies = NO_POLICIES,
        record: SizeRecord | None = None,
    ) -> None:
        self._checked = checked
        self._record = record
        self._today = today
        self._policies = policies
        self._reported = set(checked.problems)
        self._lock = threading.Lock()

    def __call__(self, sizing: EndpointSizing, known: Mapping[str, Known]) -> Resized:
        fleet, source, entry = self._checked.checkable, self._checked.source, sizing.entry
        assert fleet is not None
        models = {entity.path: entity.model for entity in entry.entities}
        told = {ModelVersion(models[path], version): info for path, (version, info) in known.items()}
        numbers = {path: version for path, (version, _) in known.items()}
        answers = {**self._checked.answers, **told}
        sized, problems = size_entry(
            entry,
            answers,
            numbers,
            source,
            allow_legacy=fleet.allow_legacy,
            policies=self._policies,
            sizes=None if self._record is None else self._record.sizes,
        )
        if self._record is not None:
            with self._lock:
                self._record.save()
        if self._today is not None:
            problems, _ = waive(problems, fleet.model_copy(update={"models": (entry,)}), self._today, source)
        if sized is None or any(problem.severity == "error" for problem in problems):
            return Resized(None, tuple(problem for problem in problems if problem.severity == "error"))
        # The served name does not contain a version that a deployment registers: it is the same for every version.
        pairs = zip(sized.entities, sizing.entities, strict=True)
        entities = tuple(replace(new, served_name=old.served_name) for new, old in pairs)
        return Resized(replace(sized, entities=entities), self._unreported(problems))

    def _unreported(self, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        with self._lock:
            new = tuple(problem for problem in problems if problem not in self._reported)
            self._reported.update(new)
        return new


def with_registered(
    sizing: EndpointSizing, registered: Mapping[str, Known], resize: Resize | None
) -> EndpointSizing | None:
    """Size again with the versions that the stack has registered, by version key; None if one of them is missing."""
    waiting = {entity.path: entity.register for entity in sizing.entry.entities if entity.register is not None}
    known = {path: registered.get(version_key(registration)) for path, registration in waiting.items()}
    found = {path: one for path, one in known.items() if one is not None}
    if not waiting or resize is None:
        return sizing
    return resize(sizing, found).sizing if len(found) == len(known) else None
