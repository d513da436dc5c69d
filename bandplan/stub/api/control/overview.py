"""/stub/endpoints and /stub/endpoints/{name}/history: all endpoints at a glance, and the last ten minutes of one.

The page of the workspace and `bandplan stub status` show these answers.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.queries.assignments import show
from bandplan.stub.api.queries.metering import Metering
from bandplan.stub.api.routing import route
from bandplan.stub.capacity.history import Refusal, Step, percentile
from bandplan.stub.capacity.levels import STEP_SECONDS, STEPS, Level, total
from bandplan.stub.capacity.pool import Pool
from bandplan.stub.json_object import Json
from bandplan.stub.state.serving.configuration import Configuration, ServedEntity
from bandplan.stub.state.serving.endpoint import UPDATE_FAILED, Endpoint
from bandplan.stub.state.workspace import Workspace

MINUTE_SECONDS = 60

SHOWN_AT_ONCE = 50
"""Endpoints shown before other requests get their turn: some milliseconds of work."""


def routes(workspace: Workspace, metering: Metering) -> list[Route]:
    overview = Overview(workspace, metering)
    return [
        route("GET", "/stub/endpoints", overview.endpoints),
        route("GET", "/stub/endpoints/{name}/history", overview.history),
    ]


class Overview:
    """Handlers that read only: they end no update early, and count as no read of one."""

    def __init__(self, workspace: Workspace, metering: Metering) -> None:
        self._workspace = workspace
        self._metering = metering
        self._admissions = metering.admissions

    async def endpoints(self, request: Request) -> Response:
        """Show the users' endpoints, the oldest first."""
        shown = []
        for number, endpoint in enumerate(self._workspace.endpoints.all()):
            if not endpoint.is_pay_per_token:
                shown.append(self._show(endpoint))
            if number % SHOWN_AT_ONCE == SHOWN_AT_ONCE - 1:
                await asyncio.sleep(0)
        return Answer(
            {
                "workspace_id": self._workspace.id,
                "now_ms": self._workspace.clock.now_ms(),
                "clock_stopped": self._workspace.clock.is_stopped,
                "capacity": "unlimited" if self._admissions.is_unlimited else "provisioned",
                "scenario": self._workspace.scenario.name,
                "endpoints": shown,
            }
        )

    async def history(self, request: Request) -> Response:
        endpoint = self._workspace.endpoints.get(request.path_params["name"])
        pools = self._admissions.pools(endpoint)
        history, now = self._admissions.histories.seen(endpoint.id), self._admissions.now()
        first, steps = history.steps(now)
        since = max(self._admissions.histories.since, endpoint.created_ms / 1000)
        unknown = min(STEPS, max(0, int(since // STEP_SECONDS) - first))
        by_pool = [pool.levels.steps(first, STEPS) for pool in pools.values()]
        levels = [total(levels) for levels in zip(*by_pool, strict=True)] or [None] * STEPS
        return Answer(
            {
                "name": endpoint.name,
                "now_ms": self._workspace.clock.now_ms(),
                "step_seconds": STEP_SECONDS,
                "first_step_ms": first * STEP_SECONDS * 1000,
                "steps": _columns(steps, levels, unknown),
                "refusals": [_show_refusal(refusal) for refusal in history.refusals],
            }
        )

    def _show(self, endpoint: Endpoint) -> Json:
        pools = self._admissions.pools(endpoint)
        history, now = self._admissions.histories.seen(endpoint.id), self._admissions.now()
        minute = history.last_minute(now)
        serving = endpoint.config or endpoint.pending
        return {
            "name": endpoint.name,
            "task": endpoint.task,
            "state": {"ready": "READY" if endpoint.is_ready else "NOT_READY", "config_update": endpoint.config_update},
            "failure": _failure(endpoint),
            "served_entities": list(self._show_entities(endpoint, serving, pools)) if serving else [],
            **_capacity(pools),
            "tokens_per_second": history.tokens_per_second(now),
            "last_minute": {
                "answered": minute.answered,
                "refused": minute.refused,
                "failed": minute.failed,
                "latency_ms": _latency(minute),
                "utilisation_percent": _utilisation(pools),
            },
            "refusals": [_show_refusal(refusal) for refusal in history.refusals[:1]],
        }

    def _show_entities(self, endpoint: Endpoint, config: Configuration, pools: Mapping[str, Pool]) -> Iterator[Json]:
        assignments = self._metering.assignments
        shares = {way.target: way.traffic_percentage for way in config.routes}
        for entity in config.entities:
            yield {
                "name": entity.name,
                "entity_name": entity.model or None,
                "entity_version": entity.version or None,
                "traffic_percent": shares.get(entity.name, 0),
                "sold_as": _sold_as(entity),
                "model_units": entity.settings.get("provisioned_model_units"),
                "engine": show(assignments.of(endpoint, entity), assignments),
                **_capacity({entity.name: pools[entity.name]} if entity.name in pools else {}),
            }


def _sold_as(entity: ServedEntity) -> str:
    """Return how the capacity of an entity is sold: in bands, in model units, as compute, or by somebody else."""
    if entity.external_model is not None:
        return "external"
    if entity.settings.get("provisioned_model_units") is not None:
        return "model_units"
    return "bands" if entity.is_provisioned else "compute"


def _capacity(pools: Mapping[str, Pool]) -> Json:
    """Sum up what pools may give, run and hold; null where nothing limits an endpoint."""
    if not pools:
        unknown = ("floor", "ceiling", "chunks", "chunks_starting", "chunks_min", "chunks_max", "starts_in_seconds")
        return dict.fromkeys((*unknown, "in_flight", "in_flight_max", "queue"))
    starts = [pool.starts_in for pool in pools.values() if pool.starts_in is not None]
    return {
        "floor": sum(pool.supply.floor for pool in pools.values()),
        "ceiling": sum(pool.supply.ceiling for pool in pools.values()),
        "chunks": sum(pool.running for pool in pools.values()),
        "chunks_starting": sum(pool.starting for pool in pools.values()),
        "chunks_min": sum(pool.supply.lowest for pool in pools.values()),
        "chunks_max": sum(pool.supply.highest for pool in pools.values()),
        "starts_in_seconds": min(starts, default=None),
        "in_flight": sum(pool.in_flight for pool in pools.values()),
        "in_flight_max": sum(pool.most_in_flight for pool in pools.values()),
        "queue": sum(len(pool.waiting) for pool in pools.values()),
    }


def _utilisation(pools: Mapping[str, Pool]) -> float | None:
    """Return the work of the last minute in percent of what the chunks in use could have done."""
    uses = [pool.usage.last(pool.now, MINUTE_SECONDS) for pool in pools.values()]
    capacity = sum(use.capacity for use in uses)
    return 100 * sum(use.work for use in uses) / capacity if capacity else None


def _failure(endpoint: Endpoint) -> str | None:
    return endpoint.failure.reason if endpoint.config_update == UPDATE_FAILED and endpoint.failure else None


def _latency(step: Step) -> Json:
    return {"p50": percentile(step.latencies, 50), "p95": percentile(step.latencies, 95)}


def _show_refusal(refusal: Refusal) -> Json:
    return {
        "first_ms": round(refusal.first * 1000),
        "last_ms": round(refusal.last * 1000),
        "count": refusal.count,
        "status": refusal.status,
        "message": refusal.message,
    }


def _columns(steps: list[Step], levels: list[Level | None], unknown: int) -> dict[str, list[Any]]:
    """Show the steps as one list per figure, null where it is not known; of the first `unknown` steps nothing is."""
    nothing, known = [None] * unknown, steps[unknown:]
    return {
        "tokens_per_second": [*nothing, *(step.tokens / STEP_SECONDS for step in known)],
        "output_tokens_per_second": [*nothing, *(step.output_tokens / STEP_SECONDS for step in known)],
        "answered": [*nothing, *(step.answered for step in known)],
        "refused": [*nothing, *(step.refused for step in known)],
        "failed": [*nothing, *(step.failed for step in known)],
        "latency_p50_ms": [percentile(step.latencies, 50) for step in steps],
        "latency_p95_ms": [percentile(step.latencies, 95) for step in steps],
        "floor": [level.floor if level else None for level in levels],
        "ceiling": [level.ceiling if level else None for level in levels],
        "chunks": [level.chunks if level else None for level in levels],
        "in_flight": [level.in_flight if level else None for level in levels],
        "queue": [level.waiting if level else None for level in levels],
    }
