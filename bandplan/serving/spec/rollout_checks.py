"""Rules across the keys of an entry with a rollout, on the values as written."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bandplan.serving.spec import rules
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source

Path = tuple[str | int, ...]


def rollout_problems(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report everything wrong with the rollout of the entry at `base`."""
    rollout = raw.get("rollout")
    if not isinstance(rollout, dict):
        return []
    return [*_of_one_model(raw, base, source), *_steps(rollout.get("steps"), (*base, "rollout", "steps"), source)]


def _of_one_model(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    match raw:
        case {"entities": _}:
            finding = "the entry has entities, whose traffic is moved by hand"
            step = "remove `rollout` and change `traffic_percent` by hand, or write one model in the entry itself"
        case {"workload": _}:
            finding = "legacy workloads are deprecated and not rolled out in steps"
            step = "remove `rollout`, or move to provisioned throughput"
        case _:
            return []
    return [rules.ROLLOUT_ONE_MODEL.problem(source, (*base, "rollout"), finding, step)]


def _steps(steps: object, path: Path, source: Source) -> list[Problem]:
    if not isinstance(steps, list) or not steps or not all(type(one) is int and 0 <= one <= 100 for one in steps):
        return []
    written = ", ".join(map(str, steps))
    if any(later <= earlier for earlier, later in pairwise(steps)):
        in_order = ", ".join(map(str, sorted({*steps, 100})))
        return [
            rules.ROLLOUT_STEPS.problem(source, path, f"{written} are not in ascending order", f"write [{in_order}]")
        ]
    if steps[-1] != 100:
        finding = f"the last of {written} is not 100"
        return [rules.ROLLOUT_STEPS.problem(source, path, finding, f"write [{written}, 100]")]
    return []
