"""/api/2.1/unity-catalog/securable-tags and subentity-tags: tags of models and of versions."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.arguments import read_tags
from bandplan.stub.api.requests import json_object, read_object, texts
from bandplan.stub.api.routing import route
from bandplan.stub.state.registry.model_version import Tags
from bandplan.stub.state.registry.model_versions import ModelVersions
from bandplan.stub.state.registry.registered_models import RegisteredModels


def routes(models: RegisteredModels, versions: ModelVersions) -> list[Route]:
    async def of_model(request: Request) -> Response:
        models.set_tags(request.path_params["full_name"], *await _changes(request))
        return Answer({})

    async def of_version(request: Request) -> Response:
        versions.set_tags(request.path_params["full_name"], request.path_params["version"], *await _changes(request))
        return Answer({})

    base = "/api/2.1/unity-catalog"
    # Models are securables of the type FUNCTION.
    return [
        route("PATCH", f"{base}/securable-tags/FUNCTION/{{full_name}}", of_model),
        route("PATCH", f"{base}/subentity-tags/FUNCTION/{{full_name}}/{{version}}", of_version),
    ]


async def _changes(request: Request) -> tuple[Tags, tuple[str, ...]]:
    changes = json_object(await read_object(request), "changes") or {}
    return read_tags(changes, "add_tags"), tuple(texts(changes, "remove", "changes/"))
