"""Sizing an endpoint once versions that this deploy registers are known, with what there is to say about it then."""

import threading
from collections.abc import Mapping, Sequence
from datetime import date

import pulumi

from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.sizing import Answers, EndpointSizing, size_entry
from bandplan.serving.throughput.waiving import waive
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies


class Resizing:
    """A `Resize`: the rules of the whole fleet, for one endpoint, with the answers about its registered versions."""

    def __init__(
        self,
        fleet: Fleet,
        answers: Answers,
        source: Source,
        today: date,
        told: Sequence[Problem] = (),
        policies: BandPolicies = NO_POLICIES,
    ) -> None:
        """`told` are problems that the user knows of already."""
        self._fleet = fleet
        self._answers = answers
        self._source = source
        self._today = today
        self._told = set(told)
        self._policies = policies
        self._lock = threading.Lock()

    def __call__(self, sizing: EndpointSizing, known: Mapping[str, tuple[str, OptimizationInfo]]) -> EndpointSizing:
        """Warns of what shows only now. Errors: RunError when the capacity cannot be had."""
        entry = sizing.entry
        models = {entity.path: entity.model for entity in entry.entities}
        answers = {
            **self._answers,
            **{ModelVersion(models[path], version): info for path, (version, info) in known.items()},
        }
        numbers = {path: version for path, (version, _) in known.items()}
        sized, problems = size_entry(
            entry, answers, numbers, self._source, allow_legacy=self._fleet.allow_legacy, policies=self._policies
        )
        alone = self._fleet.model_copy(update={"models": (entry,)})
        standing, _ = waive(problems, alone, self._today, self._source)
        errors = [problem for problem in standing if problem.severity == "error"]
        if sized is None or errors:
            raise pulumi.RunError("\n".join(problem.render() for problem in errors))
        for warning in self._untold(standing):
            pulumi.log.warn(warning.render(with_severity=False))
        return sized

    def _untold(self, problems: Sequence[Problem]) -> list[Problem]:
        with self._lock:
            new = [problem for problem in problems if problem not in self._told]
            self._told.update(new)
        return new
