"""/api/2.0/mlflow/unity-catalog/registered-models: the registry as MLflow's client addresses it (`databricks-uc`)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.arguments import arguments, read_tags, show_tags, version_number
from bandplan.stub.api.mlflow.model_versions import show_version
from bandplan.stub.api.paging import page
from bandplan.stub.api.requests import required_text, text
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.registry.model_version import RegisteredModel
from bandplan.stub.state.registry.registered_models import RegisteredModels

BASE = "/api/2.0/mlflow/unity-catalog/registered-models"


def routes(models: RegisteredModels) -> list[Route]:
    handlers = MlflowRegisteredModels(models)
    # True: the client uploads by the Files API, in parts, not each file as one request. It asks before every transfer.
    flag = Answer({"is_databricks_sdk_models_artifact_repository_enabled": True})
    return [
        route("GET", f"{BASE}:is-databricks-sdk-models-artifact-repository-enabled", flag),
        route("POST", f"{BASE}/create", handlers.create),
        route("GET", f"{BASE}/get", handlers.read),
        route("GET", f"{BASE}/search", handlers.search),
        route("PATCH", f"{BASE}/update", handlers.update),
        route("DELETE", f"{BASE}/delete", handlers.delete),
        route("POST", f"{BASE}/set-tag", handlers.set_tag),
        route("DELETE", f"{BASE}/delete-tag", handlers.delete_tag),
        route("POST", f"{BASE}/alias", handlers.set_alias),
        route("GET", f"{BASE}/alias", handlers.read_alias),
        route("DELETE", f"{BASE}/alias", handlers.delete_alias),
    ]


class MlflowRegisteredModels:
    """Handlers; each reads the request, calls the registry and shows the result."""

    def __init__(self, models: RegisteredModels) -> None:
        self._models = models

    async def create(self, request: Request) -> Response:
        given = await arguments(request)
        model = self._models.create(
            required_text(given, "name"),
            text(given, "description"),
            tags=read_tags(given),
            deployment_job_id=text(given, "deployment_job_id"),
        )
        return Answer({"registered_model": show(model)})

    async def read(self, request: Request) -> Response:
        return Answer({"registered_model": show(self._models.get(_name(await arguments(request))))})

    async def search(self, request: Request) -> Response:
        given = await arguments(request)
        found = self._models.all()
        return Answer(page("registered_models", found, summary, given.get("max_results"), given.get("page_token")))

    async def update(self, request: Request) -> Response:
        given = await arguments(request)
        model = self._models.update(
            _name(given),
            text(given, "description"),
            new_name=text(given, "new_name"),
            deployment_job_id=text(given, "deployment_job_id"),
        )
        return Answer({"registered_model": show(model)})

    async def delete(self, request: Request) -> Response:
        self._models.delete(_name(await arguments(request)))
        return Answer({})

    async def set_tag(self, request: Request) -> Response:
        given = await arguments(request)
        self._models.set_tags(_name(given), ((required_text(given, "key"), text(given, "value") or ""),))
        return Answer({})

    async def delete_tag(self, request: Request) -> Response:
        given = await arguments(request)
        self._models.set_tags(_name(given), (), (required_text(given, "key"),))
        return Answer({})

    async def set_alias(self, request: Request) -> Response:
        given = await arguments(request)
        self._models.set_alias(_name(given), required_text(given, "alias"), version_number(given))
        return Answer({})

    async def read_alias(self, request: Request) -> Response:
        given = await arguments(request)
        version = self._models.aliased(_name(given), required_text(given, "alias"))
        return Answer({"model_version": show_version(self._models.get(_name(given)), version)})

    async def delete_alias(self, request: Request) -> Response:
        given = await arguments(request)
        self._models.delete_alias(_name(given), required_text(given, "alias"))
        return Answer({})


def show(model: RegisteredModel) -> Json:
    shown = summary(model)
    shown["aliases"] = [{"alias": alias, "version": str(number)} for alias, number in model.aliases]
    shown["tags"] = show_tags(model.tags)
    if model.deployment_job_id is not None:
        shown["deployment_job_id"] = model.deployment_job_id
    return shown


def summary(model: RegisteredModel) -> Json:
    """Show a model as in a search: without its aliases and tags."""
    shown: Json = {
        "name": model.full_name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
        "user_id": model.created_by,
    }
    if model.comment is not None:
        shown["description"] = model.comment
    return shown


def _name(given: Json) -> str:
    return required_text(given, "name")
