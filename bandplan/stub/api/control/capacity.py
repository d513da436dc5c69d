"""/stub/endpoints/{name}, its capacity, and /stub/requests: what the stand-in provides, as it sees it itself."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.queries.admissions import Admissions
from bandplan.stub.api.queries.assignments import Assignments, show
from bandplan.stub.api.requests import read_object
from bandplan.stub.api.routing import route
from bandplan.stub.capacity.journal import Entry
from bandplan.stub.capacity.pool import Pool
from bandplan.stub.capacity.usage import Use
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.capacity_settings import CapacitySettings
from bandplan.stub.state.serving.endpoints import Endpoints

MINUTE_SECONDS = 60


def routes(
    endpoints: Endpoints, settings: CapacitySettings, admissions: Admissions, assignments: Assignments
) -> list[Route]:
    async def read_endpoint(request: Request) -> Response:
        endpoint = endpoints.get(request.path_params["name"])
        pools = admissions.pools(endpoint)
        shown = {entity: show_pool(pool) for entity, pool in pools.items()}
        return Answer(
            {
                **endpoint.to_document(),
                "capacity": {"unlimited": admissions.is_unlimited, "entities": shown},
                "engines": {one.entity.name: show(one, assignments) for one in assignments.assigned(endpoint)},
            }
        )

    def show_settings(name: str) -> Answer:
        return Answer({"name": name, "own": settings.own(name), "settings": asdict(settings.of(name))})

    async def read_capacity(request: Request) -> Response:
        return show_settings(request.path_params["name"])

    async def set_capacity(request: Request) -> Response:
        """Set the capacity settings of an endpoint, which need not exist yet; absent or null means the default."""
        name = request.path_params["name"]
        settings.set(name, await read_object(request))
        return show_settings(name)

    async def read_requests(request: Request) -> Response:
        since = _seconds(request.query_params.get("since"))
        return Answer({"requests": [show_entry(entry) for entry in admissions.journal.since(since)]})

    return [
        route("GET", "/stub/endpoints/{name}", read_endpoint),
        route("GET", "/stub/endpoints/{name}/capacity", read_capacity),
        route("PUT", "/stub/endpoints/{name}/capacity", set_capacity),
        route("GET", "/stub/requests", read_requests),
    ]


def show_pool(pool: Pool) -> Json:
    """Show what a pool runs and starts, the requests in it and waiting for it, and the tokens it has produced."""
    return {
        "chunks": pool.running,
        "chunks_starting": pool.starting,
        "starts_in_seconds": pool.starts_in,
        "chunks_min": pool.supply.lowest,
        "chunks_max": pool.supply.highest,
        "work_per_second_per_chunk": pool.supply.kind.rate,
        "in_flight": pool.in_flight,
        "in_flight_max": pool.most_in_flight,
        "queue": len(pool.waiting),
        "last_second": _rates(pool.usage.last(pool.now, 1), 1),
        "last_minute": _rates(pool.usage.last(pool.now, MINUTE_SECONDS), MINUTE_SECONDS),
        "hours": [
            {
                "start_ms": start * 1000,
                "chunk_hours": use.chunk_seconds / 3600,
                "chunks_most": use.most_chunks,
                "work": use.work,
                "input_tokens": use.input_tokens,
                "output_tokens": use.output_tokens,
            }
            for start, use in pool.usage.by_hour()
        ],
    }


def _rates(use: Use, seconds: int) -> Json:
    return {
        "work_per_second": use.work / seconds,
        "utilisation_percent": 100 * use.work / use.capacity if use.capacity else 0.0,
        "tokens_per_second": (use.input_tokens + use.output_tokens) / seconds,
        "output_tokens_per_second": use.output_tokens / seconds,
    }


def show_entry(entry: Entry) -> Json:
    return {
        "number": entry.number,
        "endpoint": entry.endpoint,
        "served_entity": entry.served_entity,
        "arrived_ms": _milliseconds(entry.arrived),
        "admitted_ms": _milliseconds(entry.admitted),
        "first_token_ms": _milliseconds(entry.first_token),
        "last_token_ms": _milliseconds(entry.last_token),
        "ended_ms": _milliseconds(entry.ended),
        "input_tokens": entry.input_tokens,
        "cached_tokens": entry.cached_tokens,
        "output_tokens": entry.output_tokens,
        "work": entry.work,
        "chunk": entry.chunk,
        "status": entry.status,
        "is_usage_counted": entry.is_usage_counted,
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _seconds(text: str | None) -> float:
    """Read milliseconds of the workspace's clock; without a value, return a time before every request."""
    if text is None:
        return 0.0
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Invalid("since: must be milliseconds since 1970, as returned by GET /stub/clock.")
    return int(text) / 1000
