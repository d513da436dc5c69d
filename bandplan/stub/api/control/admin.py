"""/stub: what only the stand-in has: status, clock, faults to inject, stored data. It requires the token too."""

import os
from collections import Counter
from dataclasses import MISSING, asdict, fields

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.control import token_counts
from bandplan.stub.api.control.engines import show_running
from bandplan.stub.api.control.model_versions import read_registration_fault
from bandplan.stub.api.endpoints.view import EndpointView
from bandplan.stub.api.queries.engine_errors import as_refusal
from bandplan.stub.api.queries.metering import Metering
from bandplan.stub.api.requests import boolean, integer, number, read_object, required_text, text
from bandplan.stub.api.routing import route
from bandplan.stub.inference.errors import EngineError
from bandplan.stub.inference.selection.spec import SIMULATED
from bandplan.stub.json_object import Json
from bandplan.stub.state.faults.deployment_faults import Fault
from bandplan.stub.state.faults.route_faults import RouteFault
from bandplan.stub.state.refusals import Invalid, NotReady
from bandplan.stub.state.workspace import Workspace


def routes(workspace: Workspace, view: EndpointView, metering: Metering, unknown_routes: Counter[str]) -> list[Route]:
    admin = Admin(workspace, view, metering, unknown_routes)
    return [
        route("GET", "/stub/status", admin.status),
        route("GET", "/stub/clock", admin.read_clock),
        route("POST", "/stub/clock", admin.set_clock),
        route("POST", "/stub/faults", admin.set_fault),
        route("DELETE", "/stub/faults", admin.clear_faults),
        route("PUT", "/stub/endpoints/{name}/engine", admin.set_engine),
        route("POST", "/stub/tokenize", admin.tokenize),
        route("PUT", "/stub/endpoints/{name}/settle", admin.set_settle_rule),
        route("POST", "/stub/endpoints/{name}/settle", admin.settle),
    ]


class Admin:
    """Handlers of the /stub routes."""

    def __init__(
        self, workspace: Workspace, view: EndpointView, metering: Metering, unknown_routes: Counter[str]
    ) -> None:
        self._workspace = workspace
        self._view = view
        self._metering = metering
        self._unknown_routes = unknown_routes

    async def status(self, request: Request) -> Response:
        return Answer(
            {
                "pid": os.getpid(),
                "workspace_id": self._workspace.id,
                "scenario": self._workspace.scenario.name,
                "clock": self._clock(),
                "capacity": "unlimited" if self._metering.admissions.is_unlimited else "provisioned",
                "endpoints": self._workspace.endpoints.count(),
                "engine": {
                    "default": self._metering.assignments.default or SIMULATED,
                    "kind": SIMULATED,
                    **asdict(self._metering.assignments.simulated.stats()),
                },
                "engines": [show_running(running) for running in self._metering.assignments.running.all()],
                "queries": {
                    "in_flight": self._metering.counts.in_flight,
                    "by_status": {str(code): count for code, count in sorted(self._metering.counts.by_status.items())},
                },
                "unknown_routes": dict(self._unknown_routes.most_common()),
                "output_tokens": self._workspace.engine_settings.own(),
                "settle_rules": self._workspace.settle_rules.own(),
                **self._faults(),
            }
        )

    async def read_clock(self, request: Request) -> Response:
        return Answer(self._clock())

    async def set_clock(self, request: Request) -> Response:
        """Move the clock ahead by `advance_seconds`, stop it or let it run by `stopped`, or both."""
        body = await read_object(request)
        stopped, seconds = boolean(body, "stopped"), number(body, "advance_seconds")
        if stopped is None and seconds is None:
            raise Invalid("advance_seconds, stopped: at least one is required.")
        if seconds is not None:
            self._workspace.clock.advance(seconds)
        if stopped is not None:
            self._workspace.clock.stop() if stopped else self._workspace.clock.run()
        return Answer(self._clock())

    async def set_fault(self, request: Request) -> Response:
        """Set a fault: of deployments if `endpoint` is given, of requests if `route`, of registrations if `model`."""
        body = await read_object(request)
        if sum(key in body for key in ("endpoint", "route", "model")) != 1:
            raise Invalid("endpoint, route, model: exactly one is required.")
        if "route" in body:
            self._workspace.route_faults.set(read_route_fault(body))
        elif "model" in body:
            self._workspace.registration_faults.set(read_registration_fault(body))
        else:
            self._workspace.faults.set(read_fault(body))
        return Answer(self._faults())

    async def clear_faults(self, request: Request) -> Response:
        self._workspace.faults.clear()
        self._workspace.registration_faults.clear()
        self._workspace.route_faults.clear()
        return Answer(self._faults())

    async def set_engine(self, request: Request) -> Response:
        """Set the engine rule of an endpoint, which need not exist yet; null as `output_tokens` removes it."""
        name = request.path_params["name"]
        rule = text(await read_object(request), "output_tokens")
        self._workspace.engine_settings.set_output_tokens(name, rule)
        return Answer({"name": name, "output_tokens": rule})

    async def tokenize(self, request: Request) -> Response:
        """Count the tokens of `text` for the endpoint `model`."""
        body = await read_object(request)
        endpoint = self._workspace.endpoints.get(required_text(body, "model"))
        words = text(body, "text")
        if words is None:
            raise Invalid("text: is required.")
        if endpoint.config is None:
            raise NotReady(f"Endpoint '{endpoint.name}' is not ready.")
        entity = endpoint.config.entities[0]
        try:
            engine = await self._metering.engine(request, endpoint, entity)
            let_go = self._metering.assignments.running.hold(engine)
            try:
                counted = await token_counts.count(words, engine, entity, self._workspace.checkpoints)
            finally:
                let_go()
        except EngineError as error:
            raise as_refusal(error) from error
        return Answer({"model": endpoint.name, "engine": engine.kind, **counted})

    async def set_settle_rule(self, request: Request) -> Response:
        """Set the settle rule of an endpoint, which need not exist yet; null as `rule` removes it."""
        name = request.path_params["name"]
        rule = text(await read_object(request), "rule")
        self._workspace.settle_rules.set(name, rule)
        return Answer({"name": name, "rule": rule})

    async def settle(self, request: Request) -> Response:
        return Answer(self._view.detail(self._workspace.endpoints.settle(request.path_params["name"])))

    def _clock(self) -> Json:
        return {"now_ms": self._workspace.clock.now_ms(), "stopped": self._workspace.clock.is_stopped}

    def _faults(self) -> Json:
        return {
            "faults": self._workspace.faults.waiting(),
            "registration_faults": self._workspace.registration_faults.waiting(),
            "route_faults": self._workspace.route_faults.waiting(),
        }


def read_fault(body: Json) -> Fault:
    times = integer(body, "times")
    return Fault(
        endpoint=required_text(body, "endpoint"),
        reason=required_text(body, "reason"),
        operation=text(body, "operation") or "any",
        entity=text(body, "entity"),
        times=1 if times is None else times,
    )


def read_route_fault(body: Json) -> RouteFault:
    given: Json = {
        "route": required_text(body, "route"),
        "action": required_text(body, "action"),
        **{key: text(body, key) for key in ("method", "when", "error_code", "message")},
        **{key: integer(body, key) for key in ("status", "retry_after_seconds", "skip", "every", "times")},
        "delay_seconds": number(body, "delay_seconds"),
    }
    defaults = {field.name: field.default for field in fields(RouteFault) if field.default is not MISSING}
    return RouteFault(**{key: defaults[key] if value is None else value for key, value in given.items()})
