"""Whether a model version can give the capacity that is asked of it: the rules of serving.throughput, once more. Pure.

At the preview of a version that does not exist yet nobody can tell; here it is checked once it is there, and again at
each preview after that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.registration import Registration
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.entity_sizer import eligibility_deferred, size_entity
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable
from bandplan.wire.names import to_api

_FILE = "models.yaml"
_ANY_SOURCE = "runs:/run/model"
"""Stands for the source, which no rule about capacity reads; it makes the paths say `register`."""


def capacity_problems(
    model: str, version: str, answer: OptimizationInfo | Unavailable, asked: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """What is wrong, one line each, with place, finding, rule and next step; nothing when all can be had.

    `asked` are the items of the input `throughput`. A version that is not eligible is wrong even when nothing is asked.
    """
    found: dict[str, None] = {}
    for item in asked:
        for problem in _problems(model, version, answer, item):
            found[_line(problem)] = None
    if not asked and (isinstance(answer, Unavailable) or not answer.optimizable):
        reason = answer.reason if isinstance(answer, Unavailable) else "not eligible for provisioned throughput"
        found[f"{model} version {version}: {reason}"] = None
    return tuple(found)


def deferred_lines(model: str, asked: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """What cannot be checked before the version is there, one line for each endpoint."""
    names = dict.fromkeys(str(item["endpoint"]) for item in asked)
    return tuple(f"models/{eligibility_deferred(name, model)}" for name in names)


def _problems(
    model: str, version: str, answer: OptimizationInfo | Unavailable, item: Mapping[str, Any]
) -> Iterable[Problem]:
    entry = Entry.model_validate(
        {
            "name": item["endpoint"],
            "task": item["task"],
            "model": model,
            "version": version,
            "throughput": to_api(item["throughput"]),
            **({"demand": to_api(item["demand"])} if item.get("demand") else {}),
            **({"headroom_percent": item["headroomPercent"]} if item.get("headroomPercent") is not None else {}),
        }
    )
    (alone,) = entry.entities
    registration = Registration(name=model, source=_ANY_SOURCE)
    share = item.get("trafficPercent", 100)
    entity = replace(alone, path=item.get("entity", ""), traffic_percent=share, register=registration)
    sized = size_entity(entry, entity, answer, False, Source(_FILE))
    return (problem for problem in sized.problems if problem.severity == "error")


def _line(problem: Problem) -> str:
    words = "; ".join(part for part in (problem.finding, problem.rule, problem.next_step) if part)
    return f"{problem.file}: {problem.id} {problem.path}: {words}"
