"""/stub: what only the stand-in has: its status, faults to inject, what it stores. The token is required here too."""

import os
from collections import Counter

from stub.api.answers import Answer, json_answer
from stub.api.requests import Request, integer, required_text, text
from stub.api.routing import Router
from stub.state.faults import Fault
from stub.state.workspace import Workspace


def add_routes(router: Router, workspace: Workspace, unknown_routes: Counter[str]) -> None:
    def status(request: Request) -> Answer:
        return json_answer(
            {
                "pid": os.getpid(),
                "workspace_id": workspace.id,
                "endpoints": workspace.endpoints.count(),
                "unknown_routes": dict(unknown_routes),
                "faults": workspace.faults.waiting(),
            }
        )

    def set_fault(request: Request) -> Answer:
        body = request.json()
        times = integer(body, "times")
        workspace.faults.set(
            Fault(
                endpoint=required_text(body, "endpoint"),
                reason=required_text(body, "reason"),
                operation=text(body, "operation") or "any",
                entity=text(body, "entity"),
                times=1 if times is None else times,
            )
        )
        return json_answer({"faults": workspace.faults.waiting()})

    def clear_faults(request: Request) -> Answer:
        workspace.faults.clear()
        return json_answer({"faults": []})

    def read_endpoint(request: Request) -> Answer:
        return json_answer(workspace.endpoints.get(request.path_values[0]).to_document())

    router.add("GET", "/stub/status", status)
    router.add("POST", "/stub/faults", set_fault)
    router.add("DELETE", "/stub/faults", clear_faults)
    router.add("GET", "/stub/endpoints/{name}", read_endpoint)
