"""What a ModelVersion's input `throughput` requests of the version, and whether the version can provide it. Pure.

At the preview of a version that does not exist yet this is unknown; it is checked here once the version exists, and
again at each later preview. `components.model_version` writes the items.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bandplan.serving.spec.demand import Demand
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.throughput import KINDS
from bandplan.serving.throughput.asked import Asked, Unit, capacity_problems, wanted_in
from bandplan.serving.throughput.bands import DEFAULT_HEADROOM_PERCENT
from bandplan.serving.throughput.entity_sizer import eligibility_deferred
from bandplan.serving.throughput.naming import naming_problems
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable
from bandplan.wire.names import to_api_name, to_property_name

_FILE = "models.yaml"
_UNITS: Mapping[str, Unit] = {to_property_name(unit): unit for unit in KINDS}
_AMOUNTS = ("min", "max", "want", "accept")


def unmet_lines(
    model: str, version: str, answer: OptimizationInfo | Unavailable, items: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """List what the version cannot provide, one line each with place, finding, rule and next step.

    `items` are those of the input. A version that is not eligible is an error even if nothing is requested of it.
    """
    source = Source(_FILE)
    info = answer if isinstance(answer, OptimizationInfo) else None
    found: dict[str, None] = {}
    for item in items:
        asked = asked_of(model, version, item)
        for problem in (*naming_problems(asked, info, source), *capacity_problems(asked, answer, source)):
            if problem.severity == "error":
                found[_line(problem)] = None
    if not items and (isinstance(answer, Unavailable) or not answer.optimizable):
        reason = answer.reason if isinstance(answer, Unavailable) else "not eligible for provisioned throughput"
        found[f"{model} version {version}: {reason}"] = None
    return tuple(found)


def deferred_lines(model: str, items: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """List what cannot be checked before the version exists, one line per endpoint."""
    names = dict.fromkeys(str(item["endpoint"]) for item in items)
    return tuple(f"models/{eligibility_deferred(name, model)}" for name in names)


def asked_of(model: str, version: str, item: Mapping[str, Any]) -> Asked:
    """Read one item of the input, as written by this release or an earlier one."""
    place = f"models/{item['endpoint']}/{item.get('entity') or ''}"
    throughput, percent = item["throughput"], item.get("headroomPercent")
    headroom = DEFAULT_HEADROOM_PERCENT if percent is None else int(percent)
    demand, share = _demand(item.get("demand")), Fraction(int(item.get("trafficPercent", 100)), 100)
    key = next((name for name in _UNITS if name in throughput), "") if isinstance(throughput, Mapping) else ""
    unit = _UNITS.get(key, "auto")
    return Asked(
        item["endpoint"],
        place,
        f"{place}register/name",
        item["task"],
        model,
        version,
        unit,
        _amounts(throughput[key]) if key else (),
        None if demand is None else demand.share_of_tokens(int(item.get("trafficPercent", 100))),
        headroom,
        wanted=wanted_in(unit, demand, share, headroom),
        is_registered=True,
    )


def _amounts(value: Any) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, Mapping):
        return (("", int(value)),)
    return tuple((name, int(value[name])) for name in _AMOUNTS if value.get(name) is not None)


def _demand(value: Mapping[str, Any] | None) -> Demand | None:
    """Return the demand of the entry. On the wire, whole numbers are doubles."""
    if not value:
        return None
    given = {to_api_name(key): one for key, one in value.items()}
    whole = {key: int(given[key]) for key in ("input_tokens", "output_tokens", "concurrent_requests") if key in given}
    return Demand.model_validate({**given, **whole})


def _line(problem: Problem) -> str:
    words = "; ".join(part for part in (problem.finding, problem.rule, problem.next_step) if part)
    return f"{problem.file}: {problem.id} {problem.path}: {words}"
