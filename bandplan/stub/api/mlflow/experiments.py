"""/api/2.0/mlflow/experiments: experiments of MLflow tracking."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.arguments import arguments, read_tags, show_tags
from bandplan.stub.api.paging import page
from bandplan.stub.api.requests import required_text, text
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.tracking.experiments import ACTIVE, DELETED, Experiment, Experiments

BASE = "/api/2.0/mlflow/experiments"

VIEWS = {
    "ACTIVE_ONLY": frozenset({ACTIVE}),
    "DELETED_ONLY": frozenset({DELETED}),
    "ALL": frozenset({ACTIVE, DELETED}),
}


def routes(experiments: Experiments) -> list[Route]:
    handlers = MlflowExperiments(experiments)
    return [
        route("POST", f"{BASE}/create", handlers.create),
        route("GET", f"{BASE}/get", handlers.read),
        route("GET", f"{BASE}/get-by-name", handlers.read_by_name),
        route("POST", f"{BASE}/search", handlers.search),
        route("GET", f"{BASE}/search", handlers.search),
        route("POST", f"{BASE}/update", handlers.rename),
        route("POST", f"{BASE}/delete", handlers.delete),
        route("POST", f"{BASE}/restore", handlers.restore),
        route("POST", f"{BASE}/set-experiment-tag", handlers.set_tag),
        route("POST", f"{BASE}/delete-experiment-tag", handlers.delete_tag),
    ]


class MlflowExperiments:
    """Handlers; each reads the request, calls the experiments and shows the result."""

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments

    async def create(self, request: Request) -> Response:
        given = await arguments(request)
        made = self._experiments.create(
            required_text(given, "name"), text(given, "artifact_location"), read_tags(given)
        )
        return Answer({"experiment_id": made.id})

    async def read(self, request: Request) -> Response:
        return Answer({"experiment": show(self._experiments.get(_id(await arguments(request))))})

    async def read_by_name(self, request: Request) -> Response:
        name = required_text(await arguments(request), "experiment_name")
        return Answer({"experiment": show(self._experiments.named(name))})

    async def search(self, request: Request) -> Response:
        given = await arguments(request)
        refuse_order(given)
        found = self._experiments.search(text(given, "filter"), stages(given, "view_type"))
        return Answer(page("experiments", found, show, given.get("max_results"), given.get("page_token")))

    async def rename(self, request: Request) -> Response:
        given = await arguments(request)
        self._experiments.rename(_id(given), required_text(given, "new_name"))
        return Answer({})

    async def delete(self, request: Request) -> Response:
        self._experiments.set_stage(_id(await arguments(request)), DELETED)
        return Answer({})

    async def restore(self, request: Request) -> Response:
        self._experiments.set_stage(_id(await arguments(request)), ACTIVE)
        return Answer({})

    async def set_tag(self, request: Request) -> Response:
        given = await arguments(request)
        self._experiments.set_tags(_id(given), ((required_text(given, "key"), text(given, "value") or ""),))
        return Answer({})

    async def delete_tag(self, request: Request) -> Response:
        given = await arguments(request)
        self._experiments.set_tags(_id(given), (), (required_text(given, "key"),))
        return Answer({})


def stages(given: Json, key: str) -> frozenset[str]:
    """Return the life-cycle stages that a view includes; active ones by default."""
    view = text(given, key) or "ACTIVE_ONLY"
    if view not in VIEWS:
        raise Invalid(f"{key}: '{view}' is not one of {', '.join(VIEWS)}.")
    return VIEWS[view]


NEWEST_FIRST = ("start_time desc", "creation_time desc", "creation_timestamp desc", "last_update_time desc")


def refuse_order(given: Json) -> None:
    """Raise Invalid for an order that the stub's searches do not support: they list the newest first."""
    order = given.get("order_by") or []
    written = order if isinstance(order, list) else [order]
    if any(not isinstance(o, str) or o.lower().removeprefix("attributes.") not in NEWEST_FIRST for o in written):
        raise Invalid(f"order_by: the stub workspace lists the newest first; use one of {', '.join(NEWEST_FIRST)}.")


def show(experiment: Experiment) -> Json:
    return {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.stage,
        "creation_time": experiment.created_ms,
        "last_update_time": experiment.updated_ms,
        "tags": show_tags(experiment.tags),
    }


def _id(given: Json) -> str:
    return required_text(given, "experiment_id")
