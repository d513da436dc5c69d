"""Every problem of a models file for one stack: its own rules, the JSON Schema, and the platform's answers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.serving.spec import rules
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.loading import load
from bandplan.serving.spec.problem import Problem, Severity, clipped, in_order
from bandplan.serving.spec.schema import beginning, schema_problems
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.suggestion import nearest
from bandplan.serving.throughput.following import followed, following_problems, pinned
from bandplan.serving.throughput.needed import has_legacy, model_versions
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.registering import placing_problems
from bandplan.serving.throughput.registrations import registering
from bandplan.serving.throughput.registry_answers import ModelAlias, RegistryAnswers
from bandplan.serving.throughput.sizing import size
from bandplan.serving.throughput.waiving import Waived
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies

if TYPE_CHECKING:
    from bandplan.serving.workspace.client import WorkspaceClient

_SCHEMA_VALUES = 20_000  # about a second; arbitrary


@dataclass(frozen=True)
class Checked:
    """What is known of a file. `fleet` is None when it has an error of its own; `checkable` holds the entries whose
    capacity can be judged even so, None when the file could not be read; `waived` are warnings not among `problems`;
    `found` was found in the registry, and is judged with the throughput.
    """

    fleet: Fleet | None
    checkable: Fleet | None
    source: Source
    problems: tuple[Problem, ...]
    waived: tuple[Waived, ...] = ()
    found: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def count(self, severity: Severity) -> int:
        """Problems of this severity, those that are not listed among them; the least there are, if not `counted`."""
        left_out = [problem.left_out for problem in self.problems if problem.left_out is not None]
        listed = sum(problem.severity == severity and problem.left_out is None for problem in self.problems)
        return listed + sum(part.errors if severity == "error" else part.warnings for part in left_out)

    @property
    def counted(self) -> bool:
        """Whether all problems have been counted: checking ends early when very much is wrong."""
        return all(problem.left_out is None or problem.left_out.exact for problem in self.problems)

    @property
    def needed(self) -> tuple[ModelVersion, ...]:
        """The model versions whose optimization info decides on the rest."""
        return model_versions(self.checkable) if self.checkable is not None else ()

    @property
    def has_legacy(self) -> bool:
        return self.checkable is not None and has_legacy(self.checkable)

    @property
    def registered(self) -> tuple[str, ...]:
        """The models that versions are to be registered in."""
        fleet = self.checkable
        return () if fleet is None else tuple(dict.fromkeys(one.name for _, _, one in registering(fleet)))

    @property
    def followed(self) -> tuple[ModelAlias, ...]:
        """The aliases whose versions decide on the rest."""
        return followed(self.checkable) if self.checkable is not None else ()


def check_file(path: Path, stack: str) -> Checked:
    """The checks that need nothing but the file."""
    loaded = load(path, stack)
    problems = loaded.problems
    if loaded.fleet is not None:
        # The schema has nothing to add to a file that loads; if it does, the two disagree and the user must know.
        # A thousand entries are enough to see that.
        sample = beginning(loaded.data, _SCHEMA_VALUES)
        problems = in_order([*problems, *schema_problems(sample, loaded.source)])
    return Checked(loaded.fleet, loaded.checkable, loaded.source, problems)


def check_stacks(checked: Checked, stacks: Collection[str]) -> Checked:
    """`checked` and the stacks of its overrides that none of `stacks` is, and one was meant: they would do nothing."""
    fleet = checked.checkable
    found = []
    for stack in fleet.overrides if fleet is not None else ():
        meant = None if stack in stacks else nearest(stack, stacks)
        if meant is not None:
            finding = f"no stack is called {clipped(stack, 60)}"
            step = f"did you mean {meant}? Else add stacks/Pulumi.{stack}.yaml"
            found.append(rules.OVERRIDE_STACK.of_key(checked.source, ("overrides", stack), finding, step))
    return replace(checked, found=(*checked.found, *found))


def check_registry(checked: Checked, answers: RegistryAnswers, root: Path) -> Checked:
    """`checked` with its aliases looked up, and what shows of what is to be registered; folders are within `root`."""
    if checked.checkable is None:
        return checked
    from bandplan.serving.registration.checks.fleet_sources import source_problems, with_logged_types

    fleet, source = with_logged_types(checked.checkable, root), checked.source
    found = (
        *following_problems(fleet, answers.aliases, source),
        *placing_problems(fleet, answers.models, source),
        *source_problems(fleet, root, source, thorough=True),
    )
    return replace(checked, checkable=pinned(fleet, answers.aliases), found=(*checked.found, *found))


def check_legacy(checked: Checked, client: "WorkspaceClient") -> Checked:
    """`checked` with what the workspace shows of the versions that legacy workloads serve."""
    if not checked.has_legacy or checked.checkable is None:
        return checked
    from bandplan.serving.registration.checks.legacy_versions import legacy_version_problems

    found = legacy_version_problems(client, checked.checkable, checked.source)
    return replace(checked, found=(*checked.found, *found))


def check_throughput(
    checked: Checked,
    answers: Mapping[ModelVersion, OptimizationInfo | Unavailable],
    today: date,
    policies: BandPolicies = NO_POLICIES,
) -> Checked:
    """`checked` and what optimization info shows, in the file's order; `today` decides which waivers hold.

    Bands that are suggested keep to `policies`.
    """
    if checked.checkable is None:
        return checked
    sized = size(checked.checkable, answers, checked.source, today=today, found=checked.found, policies=policies)
    return replace(checked, problems=in_order([*checked.problems, *sized.problems]), waived=sized.waived)
