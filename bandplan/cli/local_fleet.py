"""The endpoints of the local workspace and what they do now, as text: the table of its page."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bandplan.cli.columns import aligned
from bandplan.embedded.layout import hanging, width_of
from bandplan.wire.capacity import COUNTED_KEYS

Shown = Mapping[str, Any]
"""One endpoint, served entity or refusal, as in the answer to `GET /stub/endpoints`."""

HEADINGS = (
    "ENDPOINT",
    "STATE",
    "BAND (TOKENS/S)",
    "CHUNKS",
    "TOKENS/S",
    "IN FLIGHT",
    "QUEUE",
    "P50 / P95",
    "REFUSED",
    "ENGINE",
)
UNKNOWN = "-"
LONGEST_REASON = 200
"""Characters shown of a refusal or failure; arbitrary."""


def fleet_lines(endpoints: Sequence[Shown], width: int | None = None) -> Iterator[str]:
    """Yield the table, then failed updates and the refusals of the last minute.

    Without room for the table in `width` characters, each endpoint takes a few lines instead; None is room enough.
    """
    if endpoints:
        lines = aligned([HEADINGS, *map(cells, endpoints)])
        if width is not None and max(map(width_of, lines)) > width:
            lines = [line for endpoint in endpoints for line in paragraph(endpoint)]
        for line in (*lines, *troubles(endpoints)):
            yield from hanging(line, width)


def troubles(endpoints: Sequence[Shown]) -> Iterator[str]:
    """Yield failed updates, and the last refusal of each endpoint."""
    for endpoint in endpoints:
        if endpoint["failure"]:
            yield f"{endpoint['name']}: the last update failed: {one_line(endpoint['failure'])}"
        if refusals(endpoint):
            last = endpoint["refusals"][0]
            yield f"{endpoint['name']}: last refused with {last['status']}: {one_line(last['message'])}"


def cells(endpoint: Shown) -> tuple[str, ...]:
    return (
        endpoint["name"],
        state(endpoint),
        band(endpoint),
        chunks(endpoint),
        figure(endpoint["tokens_per_second"]),
        in_flight(endpoint),
        figure(endpoint["queue"]),
        latency(endpoint),
        figure(refusals(endpoint)),
        engines(endpoint),
    )


def paragraph(endpoint: Shown) -> Iterator[str]:
    """Yield one endpoint as a few lines, without what is not known of it."""
    yield f"{endpoint['name']}  {state(endpoint)}, engine {engines(endpoint)}"
    if endpoint["ceiling"] is not None:
        yield f"  band {band(endpoint)} tokens/s, chunks {chunks(endpoint)}"
        yield f"  {in_flight(endpoint)} in flight, {figure(endpoint['queue'])} in the queue"
    said = [f"{figure(endpoint['tokens_per_second'])} tokens/s"]
    if endpoint["last_minute"]["latency_ms"]["p50"] is not None:
        said.append(f"p50 / p95 {latency(endpoint)}")
    if refusals(endpoint):
        said.append(f"{figure(refusals(endpoint))} refused in the last minute")
    yield "  " + ", ".join(said)


def state(endpoint: Shown) -> str:
    is_ready = endpoint["state"]["ready"] == "READY"
    match endpoint["state"]["config_update"]:
        case "UPDATE_FAILED":
            return "ready, update failed" if is_ready else "failed"
        case "IN_PROGRESS":
            return "ready, updating" if is_ready else "starting"
        case _:
            return "ready" if is_ready else "not ready"


def band(endpoint: Shown) -> str:
    """Format floor and ceiling, and what is counted in units if there is any."""
    low, high = endpoint["floor"], endpoint["ceiling"]
    if high is None:
        return UNKNOWN
    units = sum(entity[key] or 0 for entity in endpoint["served_entities"] for key in COUNTED_KEYS)
    limits = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
    return f"{limits} ({units:,} units)" if units else limits


def chunks(endpoint: Shown) -> str:
    if endpoint["chunks"] is None:
        return UNKNOWN
    shown = f"{endpoint['chunks']} of {endpoint['chunks_max']}"
    if endpoint["chunks_starting"]:
        shown += f", {endpoint['chunks_starting']} more in {math.ceil(endpoint['starts_in_seconds'])} s"
    return shown


def in_flight(endpoint: Shown) -> str:
    return UNKNOWN if endpoint["in_flight"] is None else f"{endpoint['in_flight']} of {endpoint['in_flight_max']}"


def latency(endpoint: Shown) -> str:
    """Format the median and the 95th percentile of the last minute."""
    low, high = (endpoint["last_minute"]["latency_ms"][key] for key in ("p50", "p95"))
    if low is None:
        return UNKNOWN
    one, other = duration(low), duration(high)
    number, _, unit = one.rpartition(" ")
    return f"{number if other.endswith(f' {unit}') else one} / {other}"


def duration(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:,.1f} s"


def refusals(endpoint: Shown) -> int:
    """Return the queries refused or failed in the last minute."""
    return int(endpoint["last_minute"]["refused"] + endpoint["last_minute"]["failed"])


def engines(endpoint: Shown) -> str:
    """Format the engines of an endpoint, each once: with weights, and with the state of one that is not ready."""
    shown = dict.fromkeys(engine(entity["engine"]) for entity in endpoint["served_entities"])
    return "; ".join(shown) or UNKNOWN


def engine(one: Shown) -> str:
    if one["kind"] is None:
        return str(one["state"])
    weights = f" ({one['weights']})" if one["weights"] else ""
    return f"{one['kind']}{weights}" + ("" if one["state"] == "ready" else f": {one['state']}")


def figure(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def one_line(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= LONGEST_REASON else joined[: LONGEST_REASON - 1] + "…"
