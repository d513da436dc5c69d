"""The endpoints of a stack as a table for people."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bandplan.cli.columns import aligned
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import NotFound, WorkspaceError
from bandplan.wire.capacity import UNITS

AT_ONCE = 16
"""Concurrent requests; a choice: reads a fleet of 100 in well under a second without crowding a workspace."""

ENGINE = "ENGINE"
HEADINGS = ("ENDPOINT", "MODEL", "TASK", "TOKENS/S (IN + OUT)", "STATE", "URL")


@dataclass(frozen=True)
class Row:
    """One endpoint. `models` has one line per served entity; `capacity` is tokens/s from floor to ceiling, or units."""

    name: str
    models: tuple[str, ...]
    task: str
    capacity: str
    url: str


def rows(outputs: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Convert the stack output `endpoints` to rows, in its order."""
    return [
        Row(
            name=str(output["name"]),
            models=tuple(model_line(model, len(output["models"])) for model in output["models"]),
            task=str(output["task"]),
            capacity=capacity(output) + short_of(output),
            url=str(output.get("url") or ""),
        )
        for output in outputs
    ]


def model_line(model: Mapping[str, Any], siblings: int) -> str:
    """Format `name v1`, with its share of the traffic if the endpoint serves several; a version may not exist yet."""
    version = f" v{model['version']}" if model.get("version") is not None else ""
    share = f" ({model['traffic_percent']:.0f}%)" if siblings > 1 else ""
    return f"{model['model']}{version}{share}"


def capacity(output: Mapping[str, Any]) -> str:
    """Format `1,960 to 2,940`, `50 model units`, or the family if the platform states no figure."""
    for unit in reversed(UNITS):
        low, high = output.get(unit.low.name), output.get(unit.high.name)
        if low is not None and high is not None:
            return f"{low:,.0f} to {high:,.0f}" if unit.is_range else f"{high:,.0f} {unit.label}"
    return str(output.get("family", ""))


def short_of(output: Mapping[str, Any]) -> str:
    """Format `, runs 1,960 (accepts 980)` if the platform lacks GPU capacity for the wanted size; otherwise ""."""
    short = output.get("shortfall") or ()
    if not short:
        return ""
    missing = sum(one["wanted"] - one["runs"] for one in short)
    whole = next(filter(None, (output.get(unit.high.name) for unit in reversed(UNITS))), 0)
    accepted = next(filter(None, (output.get(unit.accepted) for unit in reversed(UNITS))), 0)
    return f", runs {whole - missing:,.0f} (accepts {accepted:,.0f})"


def live_states(client: WorkspaceClient, names: Sequence[str]) -> dict[str, str]:
    """Map each endpoint to the state that the workspace reports now, or to the reason why it reports none."""
    with ThreadPoolExecutor(min(AT_ONCE, len(names))) as pool:
        return dict(zip(names, pool.map(lambda name: live_state(client, name), names), strict=True))


def live_state(client: WorkspaceClient, name: str) -> str:
    """Return READY if nothing is under way, otherwise the platform's word for what is."""
    from bandplan.serving.workspace.endpoints import Endpoints

    try:
        live = Endpoints(client).get(name)
    except NotFound:
        return "GONE"
    except WorkspaceError:
        return "UNKNOWN"
    return live.ready if live.config_update == "NOT_UPDATING" else live.config_update


def table(endpoints: Sequence[Row], states: Mapping[str, str], engines: Mapping[str, str] | None = None) -> str:
    """Format the table with columns as wide as their widest cell, and one line per model.

    `engines` says what answers for each endpoint of the local workspace; None for any other.
    """
    lines: list[tuple[str, ...]] = [HEADINGS if engines is None else (*HEADINGS[:-1], ENGINE, HEADINGS[-1])]
    for row in endpoints:
        engine = () if engines is None else (engines.get(row.name, ""),)
        state = states.get(row.name, "UNKNOWN")
        lines.append((row.name, row.models[0], row.task, row.capacity, state, *engine, row.url))
        lines.extend(("", model, *[""] * (len(lines[0]) - 2)) for model in row.models[1:])
    return "\n".join(aligned(lines))
