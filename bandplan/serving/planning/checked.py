"""A models file as checked for one stack: its problems and answers."""

from dataclasses import dataclass, field

from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem, Severity
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.aliases import followed
from bandplan.serving.throughput.model_versions import has_legacy, model_versions
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.registrations import registering
from bandplan.serving.throughput.registry_answers import ModelAlias, RegistryAnswers
from bandplan.serving.throughput.sizing import Answers
from bandplan.serving.throughput.waivers import Waived


@dataclass(frozen=True)
class Checked:
    """A models file as one stack has it.

    `fleet` is None if the file has an error of its own; `checkable` holds the entries whose capacity can be judged even
    so, with aliases as the versions that they point to, and is None if the file could not be read. `waived` holds
    warnings that are not among `problems`. `registry` and `answers` are what was asked or recorded.
    """

    fleet: Fleet | None
    checkable: Fleet | None
    source: Source
    problems: tuple[Problem, ...]
    waived: tuple[Waived, ...] = ()
    registry: RegistryAnswers = field(default_factory=RegistryAnswers)
    answers: Answers = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def count(self, severity: Severity) -> int:
        """Count the problems of this severity, including unlisted ones; a lower bound unless `counted`."""
        left_out = [problem.left_out for problem in self.problems if problem.left_out is not None]
        listed = sum(problem.severity == severity and problem.left_out is None for problem in self.problems)
        return listed + sum(part.errors if severity == "error" else part.warnings for part in left_out)

    @property
    def counted(self) -> bool:
        """Whether all problems have been counted: checking ends early if there are too many."""
        return all(problem.left_out is None or problem.left_out.exact for problem in self.problems)

    @property
    def needed(self) -> tuple[ModelVersion, ...]:
        """The model versions whose optimization info decides the rest."""
        return model_versions(self.checkable) if self.checkable is not None else ()

    @property
    def unrecorded(self) -> tuple[ModelVersion, ...]:
        """The needed versions without a recorded answer."""
        return tuple(one for one in self.needed if not isinstance(self.answers.get(one), OptimizationInfo))

    @property
    def has_legacy(self) -> bool:
        """Whether an entry has a legacy workload."""
        return self.checkable is not None and has_legacy(self.checkable)

    @property
    def registered(self) -> tuple[str, ...]:
        """The models to register versions in."""
        fleet = self.checkable
        return () if fleet is None else tuple(dict.fromkeys(one.name for _, _, one in registering(fleet)))

    @property
    def followed(self) -> tuple[ModelAlias, ...]:
        """The aliases whose versions decide the rest."""
        return followed(self.checkable) if self.checkable is not None else ()

    @property
    def asks_anything(self) -> bool:
        """Whether checking the file needs an answer from a workspace."""
        return bool(self.needed or self.has_legacy or self.registered or self.followed)
