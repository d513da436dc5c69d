"""The file of measured use: what endpoints used, and how their served entities answered.

    {"version": 2,
     "endpoints": {"support-chat": {
         "use": {"percentile": 99, "tokens_per_second": 1500, "samples": 20160, "from": "2026-11-08",
                 "to": "2026-11-21", "source": "usage table, minutes"},
         "entities": {"llama_v3_3_70b_instruct-2": {
             "measured_at": "2026-11-22T12:00:00Z", "window_minutes": 30,
             "requests": 1200, "errors": 3, "ttft_seconds": 1.2, "percentile": 95}}}}}

The policy observed-use reads `use`, `stop_if` of rollouts reads `entities`; `bandplan rightsize` and `bandplan bench`
write one file. Version 1 had two shapes, which are still read: a list `measurements` of uses, and `endpoints` that hold
entities directly. `schemas/measurements.schema.json` describes all three.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VERSION: Final = 2

SHAPES: Final = (
    '{"version": 2, "endpoints": {...}}, or of version 1 {"version": 1, "endpoints": {...}} or '
    '{"version": 1, "measurements": [...]}'
)
"""The accepted shapes, for messages."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The contents of a file, each with its place in it, such as `endpoints/support-chat/use`; not checked yet.

    `uses` is by endpoint; `entities` is by endpoint, with whatever stands for the mapping of served names.
    """

    uses: Mapping[str, tuple[str, Any]]
    entities: Mapping[str, tuple[str, Any]]


def parts_of(document: Any) -> Parts | None:
    """Split a document of any version; None if it has none of the shapes."""
    if not isinstance(document, Mapping) or isinstance(document.get("version"), bool):
        return None
    endpoints, measurements = document.get("endpoints"), document.get("measurements")
    match document.get("version"):
        case 1 if isinstance(measurements, list) and endpoints is None:
            uses = {
                str(one.get("endpoint", "")) if isinstance(one, Mapping) else "": (f"measurements/{index}", one)
                for index, one in enumerate(measurements)
            }
            return Parts(uses, {})
        case 1 if isinstance(endpoints, Mapping) and measurements is None:
            return Parts({}, {str(name): (f"endpoints/{name}", one) for name, one in endpoints.items()})
        case 2 if isinstance(endpoints, Mapping):
            return Parts(_of(endpoints, "use"), _of(endpoints, "entities"))
    return None


def _of(endpoints: Mapping[str, Any], key: str) -> dict[str, tuple[str, Any]]:
    """Return one part of each endpoint that has it; an endpoint that is not a mapping stands for its part itself."""
    found = {}
    for name, one in endpoints.items():
        if not isinstance(one, Mapping):
            found[str(name)] = (f"endpoints/{name}", one)
        elif key in one:
            found[str(name)] = (f"endpoints/{name}/{key}", one[key])
    return found


def with_measured(
    parts: Parts | None, uses: Mapping[str, Mapping[str, Any]], entities: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    """Return the document, of the newest version, with these uses and entities instead of their earlier ones.

    Everything else of `parts` stays: other endpoints, and other entities of the same endpoint.
    """
    endpoints: dict[str, dict[str, Any]] = {}
    for name, (_, one) in (parts.uses if parts is not None else {}).items():
        kept = {key: value for key, value in one.items() if key != "endpoint"} if isinstance(one, Mapping) else one
        endpoints.setdefault(name, {})["use"] = kept
    for name, (_, one) in (parts.entities if parts is not None else {}).items():
        endpoints.setdefault(name, {})["entities"] = dict(one) if isinstance(one, Mapping) else one
    for name, use in uses.items():
        endpoints.setdefault(name, {})["use"] = dict(use)
    for name, measured in entities.items():
        endpoint = endpoints.setdefault(name, {})
        before = endpoint.get("entities")
        endpoint["entities"] = {
            **(before if isinstance(before, dict) else {}),
            **{k: dict(v) for k, v in measured.items()},
        }
    return {"version": VERSION, "endpoints": dict(sorted(endpoints.items()))}
