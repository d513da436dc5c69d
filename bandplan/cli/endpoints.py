"""The endpoints of a stack as a table for people."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bandplan.cli.columns import Line, table
from bandplan.cli.paint import BOLD, GREEN, RED, YELLOW, Painted, painted
from bandplan.embedded.layout import width_of
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


def lines(
    endpoints: Sequence[Row],
    states: Mapping[str, str],
    engines: Mapping[str, str] | None = None,
    width: int | None = None,
) -> list[Line]:
    """Lay out the table, with one line per model.

    `engines` says what answers for each endpoint of the local workspace; None for any other. Without room in `width`
    columns, the URLs make room: one line below says how they are formed, or each has a line of its own.
    """
    shown: list[tuple[str, ...]] = [HEADINGS if engines is None else (*HEADINGS[:-1], ENGINE, HEADINGS[-1])]
    shown[0] = tuple(painted(cell, BOLD) for cell in shown[0])
    for row in endpoints:
        engine = () if engines is None else (engines.get(row.name, ""),)
        state = stated(states.get(row.name, "UNKNOWN"))
        shown.append((row.name, row.models[0], row.task, row.capacity, state, *engine, row.url))
        shown.extend(("", model, *[""] * (len(shown[0]) - 2)) for model in row.models[1:])
    whole = table(shown, None)
    if width is None or max(width_of("".join(line)) for line in whole) <= width:
        return whole
    form = common_url(endpoints)
    urls = [f"  {row.name}: {row.url}" for row in endpoints if row.url] if form is None else [f"URL: {form}"]
    return [*table([row[:-1] for row in shown], width, cuts=(0, 1)), *([url] for url in urls)]


def stated(state: str) -> Painted:
    """Colour a state: ready, not there, or on its way."""
    style = GREEN if state == "READY" else RED if state in ("GONE", "UPDATE_FAILED") else YELLOW
    return painted(state, style)


def common_url(endpoints: Sequence[Row]) -> str | None:
    """Return the URL that all have with their name for ENDPOINT, or None."""
    forms = {row.url.replace(f"/{row.name}/", "/ENDPOINT/") for row in endpoints if row.url}
    return forms.pop() if len(forms) == 1 else None
