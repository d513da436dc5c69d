"""Demands that the platform or the model does not take, whatever the capacity: by entry, and of the whole file."""

from __future__ import annotations

from bandplan.planner.limits import WORKSPACE_REQUESTS_PER_SECOND, broken_limits, too_many_requests
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.latency import load_of


def limit_problems(fleet: Fleet, source: Source) -> list[Problem]:
    """Warn of lengths that a model does not take, and of more requests/s than a workspace takes for all entries.

    Warnings, as the limits of a model are known by its name alone and that of a workspace can be raised.
    """
    found = []
    for entry in fleet.models:
        for entity in entry.entities:
            if entry.demand is None or isinstance(entity.throughput, Workload):
                continue
            # The rate is that of the whole file, below.
            for broken in broken_limits(entity.model, load_of(entry.demand), peak_factor=0.0):
                finding, _, step = broken.partition("; ")
                found.append(rules.DEMAND_LIMIT.problem(source, f"models/{entry.name}/demand", finding, step))
    total = requests_per_second(fleet.models)
    if total > WORKSPACE_REQUESTS_PER_SECOND:
        finding, _, step = too_many_requests(total).partition("; ")
        found.append(rules.WORKSPACE_RATE.problem(source, "models", f"all entries together: {finding}", step))
    return found


def requests_per_second(entries: tuple[Entry, ...]) -> float:
    """Return the requests/s of all entries of provisioned throughput, each at its peak."""
    return sum(
        (load_of(entry.demand).requests_per_second or 0.0) * (entry.demand.peak_factor or 1.0)
        for entry in entries
        if entry.demand is not None and not any(isinstance(entity.throughput, Workload) for entity in entry.entities)
    )
