"""/api/2.0/mlflow/logged-models: models logged by MLflow 3."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.arguments import arguments, read_tags, show_tags
from bandplan.stub.api.mlflow.artifacts import artifacts
from bandplan.stub.api.paging import page
from bandplan.stub.api.requests import objects, required_text, text, texts
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.files.stored_files import StoredFiles
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.tracking.logged_models import LoggedModel, LoggedModels, holder
from bandplan.stub.state.workspace import USER_ID

BASE = "/api/2.0/mlflow/logged-models"


def routes(models: LoggedModels, files: StoredFiles) -> list[Route]:
    handlers = MlflowLoggedModels(models, files)
    return [
        route("POST", BASE, handlers.create),
        route("POST", f"{BASE}/search", handlers.search),
        route("GET", f"{BASE}/{{model_id}}", handlers.read),
        route("PATCH", f"{BASE}/{{model_id}}", handlers.finalize),
        route("DELETE", f"{BASE}/{{model_id}}", handlers.delete),
        route("POST", f"{BASE}/{{model_id}}/params", handlers.log_params),
        route("PATCH", f"{BASE}/{{model_id}}/tags", handlers.set_tags),
        route("DELETE", f"{BASE}/{{model_id}}/tags/{{key}}", handlers.delete_tag),
        route("GET", f"{BASE}/{{model_id}}/artifacts/directories", handlers.artifacts),
    ]


class MlflowLoggedModels:
    """Handlers; each reads the request, calls the logged models and shows the result."""

    def __init__(self, models: LoggedModels, files: StoredFiles) -> None:
        self._models = models
        self._files = files

    async def create(self, request: Request) -> Response:
        given = await arguments(request)
        model = self._models.create(
            required_text(given, "experiment_id"),
            text(given, "name"),
            text(given, "model_type"),
            text(given, "source_run_id"),
            read_tags(given, "params"),
            read_tags(given),
        )
        return Answer({"model": show(model)})

    async def read(self, request: Request) -> Response:
        return Answer({"model": show(self._models.get(request.path_params["model_id"]))})

    async def finalize(self, request: Request) -> Response:
        status = required_text(await arguments(request), "status")
        return Answer({"model": show(self._models.finalize(request.path_params["model_id"], status))})

    async def delete(self, request: Request) -> Response:
        self._models.delete(request.path_params["model_id"])
        return Answer({})

    async def search(self, request: Request) -> Response:
        given = await arguments(request)
        if any(
            row.get("field_name") != "creation_timestamp" or row.get("ascending") for row in objects(given, "order_by")
        ):
            raise Invalid("order_by: the stub workspace lists the newest first; use creation_timestamp, descending.")
        found = self._models.search(texts(given, "experiment_ids"), text(given, "filter"))
        return Answer(page("models", found, show, given.get("max_results"), given.get("page_token")))

    async def log_params(self, request: Request) -> Response:
        params = read_tags(await arguments(request), "params")
        self._models.add_params(request.path_params["model_id"], params)
        return Answer({})

    async def set_tags(self, request: Request) -> Response:
        tags = read_tags(await arguments(request))
        return Answer({"model": show(self._models.set_tags(request.path_params["model_id"], tags))})

    async def delete_tag(self, request: Request) -> Response:
        self._models.set_tags(request.path_params["model_id"], (), (request.path_params["key"],))
        return Answer({})

    async def artifacts(self, request: Request) -> Response:
        model = self._models.get(request.path_params["model_id"])
        path = text(await arguments(request), "artifact_directory_path")
        return Answer(artifacts(self._files, f"{holder(model.id)}/artifacts", model.artifact_uri, path))


def show(model: LoggedModel) -> Json:
    info: Json = {
        "model_id": model.id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.created_ms,
        "last_updated_timestamp_ms": model.updated_ms,
        "artifact_uri": model.artifact_uri,
        "status": model.status,
        "creator_id": int(USER_ID),
        "tags": show_tags(model.tags),
    }
    if model.model_type is not None:
        info["model_type"] = model.model_type
    if model.source_run_id is not None:
        info["source_run_id"] = model.source_run_id
    return {"info": info, "data": {"params": show_tags(model.params)}}
