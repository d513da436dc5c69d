"""How many chunks of an endpoint are in use while it is measured: from the local workspace, else its metrics export."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bandplan.cli.project import LOCAL

if TYPE_CHECKING:
    from bandplan.bench.gauge import Gauge
    from bandplan.cli.bench_target import Chosen

LOCAL_SECONDS = 1.0
EXPORT_SECONDS = 15.0
"""Arbitrary: its gauges are those of the last minute."""

CONCURRENCY = "provisioned_concurrent_requests_total"
CONCURRENCY_PER_CHUNK = 4


def gauge_of(chosen: "Chosen", stack: str) -> "Gauge | None":
    """Return what reads the chunks in use, or None if there is no workspace to ask, or nothing sold in bands."""
    from bandplan.bench.gauge import Gauge
    from bandplan.serving.workspace.endpoints import Endpoints
    from bandplan.serving.workspace.errors import WorkspaceError

    client, name, served = chosen.client, chosen.target.name, chosen.target.served
    entities = (chosen.live.get("config") or {}).get("served_entities") or []
    if client is None or not any(one.get("max_provisioned_throughput") for one in entities):
        return None

    def of_local_workspace() -> float | None:
        try:
            return running_chunks(client.get(f"/stub/endpoints/{quote(name, safe='')}"), served)
        except WorkspaceError:
            return None

    def of_export() -> float | None:
        try:
            return exported_chunks(Endpoints(client).metrics(name), served)
        except WorkspaceError:
            return None

    return Gauge(of_local_workspace, LOCAL_SECONDS) if stack == LOCAL else Gauge(of_export, EXPORT_SECONDS)


def running_chunks(shown: Any, served: str | None) -> float | None:
    """Return the chunks that serve, of one served entity or of all; None if nothing limits the endpoint."""
    entities = (shown.get("capacity") or {}).get("entities") or {}
    found = [one["chunks"] for name, one in entities.items() if served in (None, name)]
    return float(sum(found)) if found else None


def exported_chunks(text: str, served: str | None) -> float | None:
    """Return provisioned concurrency / 4, of one served entity or of all; None if the export has none."""
    from bandplan.serving.workspace.metrics import samples

    found = [
        one.value
        for one in samples(text)
        if one.name == CONCURRENCY and (served is None or served in one.labels.values())
    ]
    return sum(found) / CONCURRENCY_PER_CHUNK if found else None
