"""Legacy optimized LLM serving: compute by model size, and the conditions for its use.

Source of figures: "Optimized LLM serving", docs.databricks.com (deprecated by the platform).
"""

from __future__ import annotations

from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.tasks import LEGACY
from bandplan.serving.spec.workload import Workload, WorkloadType
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.families import family_of

# (minimum and maximum billions of parameters, compute)
_COMPUTE: tuple[tuple[float, float, WorkloadType], ...] = (
    (7, 7, "GPU_LARGE"),
    (13, 13, "GPU_LARGE"),
    (30, 34, "GPU_LARGE"),
    (70, 70, "GPU_LARGE_2"),
)
_ACCOUNT_TEAM_BILLION = 50
LEGACY_FAMILIES = frozenset(("Meta Llama 2", "MPT", "Mistral"))


def workload_type_for(parameters_billion: float) -> WorkloadType | None:
    """Return the recommended compute; None for sizes that the page does not list."""
    return next((kind for least, most, kind in _COMPUTE if least <= parameters_billion <= most), None)


def _among_published(parameters_billion: float) -> str:
    """Describe where an unlisted size lies: below, above, or between two published ones."""
    smaller = [most for _, most, _ in _COMPUTE if most < parameters_billion]
    larger = [least for least, _, _ in _COMPUTE if least > parameters_billion]
    if not smaller:
        return f"is less than the smallest published size, {larger[0]:g} billion"
    if not larger:
        return f"is more than the largest published size, {smaller[-1]:g} billion"
    return f"is between two published sizes, {smaller[-1]:g} and {larger[0]:g} billion"


def equivalent(workload: Workload) -> str:
    """Return the line of provisioned throughput to start from instead; the platform publishes no conversion of sizes.

    The floor is 0 only for an entry that scales to zero and may do so: on CPU.
    """
    idles = workload.scale_to_zero and workload.type == "CPU"
    return f"throughput: {{bands: {{min: {0 if idles else 1}, max: 2}}}}"


def legacy_problems(entry: Entry, entity: Entity, workload: Workload, allowed: bool, source: Source) -> list[Problem]:
    """Check S25 to S28 for one served entity; `allowed` is true if the file as a whole allows legacy workloads."""
    path = f"models/{entry.name}/{entity.path}workload"
    instead = f"write `{equivalent(workload)}` instead, with a size from optimization info and a load test"
    found = []
    if allowed or entry.allow_legacy:
        found.append(rules.LEGACY.problem(source, path, f"{entity.model} uses a legacy workload", instead))
    else:
        step = f"{instead}, or add `allow_legacy: true`"
        found.append(rules.LEGACY_GATE.problem(source, path, f"{entity.model} uses a legacy workload", step))
    if entry.task != LEGACY:
        step = f"write `task: {LEGACY}`, or use provisioned throughput"
        found.append(rules.LEGACY_TASK.problem(source, f"models/{entry.name}/task", f"the task is {entry.task}", step))
    if entity.register is not None:
        step = "register it first, and name its model and version"
        found.append(
            rules.LEGACY_REGISTER.problem(
                source, f"models/{entry.name}/{entity.path}register", "the version is not registered yet", step
            )
        )
    family = family_of(entity.model)
    if family is None or family.name not in LEGACY_FAMILIES:
        finding = f"{entity.model} is {family.name}" if family else f"the name {entity.model} indicates none of these"
        found.append(rules.LEGACY_FAMILY.problem(source, path, finding, instead))
    return [*found, *_compute_problems(workload, path, source)]


def _compute_problems(workload: Workload, path: str, source: Source) -> list[Problem]:
    found = []
    billions = f"{workload.parameters_billion:g} billion parameters"
    fitting = workload_type_for(workload.parameters_billion)
    if fitting is None and workload.type is None:
        found.append(
            rules.WORKLOAD_TYPE.problem(
                source, path, f"no compute is published for {billions}", "add `type: GPU_LARGE` or another type"
            )
        )
    elif fitting is None:
        step = "load-test before relying on it"
        found.append(
            rules.WORKLOAD_UNLISTED.problem(
                source,
                f"{path}/parameters_billion",
                f"{billions} {_among_published(workload.parameters_billion)}",
                step,
            )
        )
    elif workload.type is not None and workload.type != fitting:
        # The page recommends, it does not require: models on other compute keep running.
        finding = f"{workload.type} is not the compute recommended for {billions}"
        step = f"write `type: {fitting}`, or load-test before relying on it"
        found.append(rules.WORKLOAD_UNUSUAL.problem(source, f"{path}/type", finding, step))
    if workload.parameters_billion >= _ACCOUNT_TEAM_BILLION and not workload.gpu_access_confirmed:
        step = "ask the account team, then add `gpu_access_confirmed: true`"
        found.append(
            rules.GPU_ACCESS.problem(source, f"{path}/parameters_billion", f"{billions} needs GPU access", step)
        )
    if workload.scale_to_zero and workload.type != "CPU":
        found.append(
            rules.SCALE_TO_ZERO.problem(
                source, f"{path}/scale_to_zero", "a GPU workload scales to zero", "write `scale_to_zero: false`"
            )
        )
    return found
