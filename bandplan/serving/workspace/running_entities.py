"""What live endpoints run, as a rollout sees it, and the platform's measurements of it; all requested concurrently."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bandplan.serving.endpoint.live_endpoint import Config, LiveEndpoint
from bandplan.serving.throughput.rollout import Measured, Running, RunningEntity
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoints import Endpoints
from bandplan.serving.workspace.errors import NotFound, Refused
from bandplan.serving.workspace.metrics import Sample, samples

T = TypeVar("T")

MOST_AT_ONCE = 16
"""Requests in flight; a choice, as for the table of endpoints."""


def running_endpoints(client: WorkspaceClient, names: Iterable[str]) -> dict[str, Running | None]:
    """Return what each endpoint runs, by name; None for one that does not exist. Errors: those of the client."""
    return _each(names, lambda name: _running_or_none(client, name))


def measured_entities(client: WorkspaceClient, names: Iterable[str]) -> dict[str, dict[str, Measured]]:
    """Return the counts of the metrics export by endpoint and served name; empty for an endpoint without an export."""
    return _each(names, lambda name: _measured(client, name))


def running(live: LiveEndpoint) -> Running:
    """Return what an endpoint runs, or is being updated to, in the order of the routes."""
    config = live.pending_config if live.is_updating and live.pending_config is not None else live.config
    if config is None:
        return Running()
    reasons = [entity.message for entity in (live.pending_config or config).entities if entity.message]
    failure = ("; ".join(reasons) or live.config_update) if live.has_failed_update else ""
    return Running(_in_order(config), live.last_updated_ms, live.is_updating, failure)


def _in_order(config: Config) -> tuple[RunningEntity, ...]:
    order = list(config.traffic_percent)
    found = []
    for entity in config.entities:
        settings = entity.settings
        found.append(
            RunningEntity(
                served_name=entity.name,
                model=str(settings.get("entity_name") or settings.get("model_name") or ""),
                version=str(settings.get("entity_version") or settings.get("model_version") or ""),
                traffic_percent=config.traffic_percent.get(entity.name, 0 if order else 100),
                min_provisioned_throughput=int(settings.get("min_provisioned_throughput") or 0),
                max_provisioned_throughput=int(settings.get("max_provisioned_throughput") or 0),
                model_units=_units(settings),
                burst=settings.get("burst_scaling_enabled"),
                is_legacy=not settings.get("max_provisioned_throughput") and _units(settings) is None,
            )
        )
    places = {name: place for place, name in enumerate(order)}
    return tuple(sorted(found, key=lambda entity: places.get(entity.served_name, -1)))


def _units(settings: Mapping[str, Any]) -> int | None:
    units = settings.get("provisioned_model_units")
    return int(units) if units else None


def _running_or_none(client: WorkspaceClient, name: str) -> Running | None:
    try:
        return running(Endpoints(client).get(name))
    except NotFound:
        return None


def _measured(client: WorkspaceClient, name: str) -> dict[str, Measured]:
    try:
        text = Endpoints(client).metrics(name)
    except (NotFound, Refused):
        return {}
    return measured(samples(text))


def measured(exported: Iterable[Sample]) -> dict[str, Measured]:
    """Return the requests and 5xx answers of the last minute, by served name.

    The platform documents `request_count_total` and `request_5xx_count_total` as gauges of the last minute
    (docs.databricks.com, "Track and export serving endpoint health metrics", read 2026-11), and not their labels: a
    sample counts for any entity that one of its labels names.
    """
    requests: dict[str, float] = {}
    errors: dict[str, float] = {}
    for sample in exported:
        into = {"request_count_total": requests, "request_5xx_count_total": errors}.get(sample.name)
        if into is not None:
            for value in set(sample.labels.values()):
                into[value] = into.get(value, 0) + sample.value
    origin = "metrics export, last minute"
    return {name: Measured(int(count), int(errors.get(name, 0)), None, origin) for name, count in requests.items()}


def _each(names: Iterable[str], ask: Callable[[str], T]) -> dict[str, T]:
    listed = list(names)
    if not listed:
        return {}
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(listed)), thread_name_prefix="rollout") as pool:
        return dict(zip(listed, pool.map(ask, listed), strict=True))
