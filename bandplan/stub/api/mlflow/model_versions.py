"""/api/2.0/mlflow/unity-catalog/model-versions: versions as MLflow's client addresses them (`databricks-uc`)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.arguments import arguments, read_tags, show_tags, version_number
from bandplan.stub.api.paging import page
from bandplan.stub.api.requests import required_text, text
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.files.presigned import LIFETIME_MS
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.model_version import ModelVersion, RegisteredModel
from bandplan.stub.state.registry.model_versions import ModelVersions
from bandplan.stub.state.registry.registered_models import RegisteredModels

BASE = "/api/2.0/mlflow/unity-catalog/model-versions"

SETTINGS = (
    "source",
    "run_id",
    "run_tracking_server_id",
    "feature_deps",
    "model_version_dependencies",
    "model_id",
)
"""Fields of a version that are stored as sent."""

SHOWN_SETTINGS = ("source", "run_id", "run_tracking_server_id", "model_id")

WRITING = ("MODEL_VERSION_OPERATION_READ_WRITE", "READ_WRITE_MODEL_VERSION")


def routes(models: RegisteredModels, versions: ModelVersions, clock_ms: Callable[[], int]) -> list[Route]:
    handlers = MlflowModelVersions(models, versions, clock_ms)
    return [
        route("POST", f"{BASE}/create", handlers.create),
        route("GET", f"{BASE}/get", handlers.read),
        route("GET", f"{BASE}/search", handlers.search),
        route("PATCH", f"{BASE}/update", handlers.update),
        route("DELETE", f"{BASE}/delete", handlers.delete),
        route("POST", f"{BASE}/finalize", handlers.finalize),
        route("GET", f"{BASE}/get-download-uri", handlers.download_uri),
        route("POST", f"{BASE}/generate-temporary-credentials", handlers.credentials),
        route("POST", f"{BASE}/set-tag", handlers.set_tag),
        route("DELETE", f"{BASE}/delete-tag", handlers.delete_tag),
        route("POST", f"{BASE}/emit-lineage", handlers.emit_lineage),
    ]


class MlflowModelVersions:
    """Handlers; each reads the request, calls the registry and shows the result."""

    def __init__(self, models: RegisteredModels, versions: ModelVersions, clock_ms: Callable[[], int]) -> None:
        self._models = models
        self._versions = versions
        self._clock_ms = clock_ms

    async def create(self, request: Request) -> Response:
        given = await arguments(request)
        settings = {key: given[key] for key in SETTINGS if given.get(key) not in (None, "")}
        if description := text(given, "description"):
            settings["comment"] = description
        name = required_text(given, "name")
        return self._answer(name, self._versions.create(name, settings, read_tags(given)))

    async def read(self, request: Request) -> Response:
        name, version = await _version_of(request)
        return self._answer(name, self._versions.read(name, version))

    async def search(self, request: Request) -> Response:
        given = await arguments(request)
        found = self._versions.search(text(given, "filter"))
        # Without tags and aliases: MLflow tells its users to get a single version for those.
        shown = page(
            "model_versions",
            found,
            lambda row: show_version(*row, in_search=True),
            given.get("max_results"),
            given.get("page_token"),
        )
        return Answer(shown)

    async def update(self, request: Request) -> Response:
        given = await arguments(request)
        name, version = required_text(given, "name"), version_number(given)
        return self._answer(name, self._versions.comment(name, version, text(given, "description")))

    async def delete(self, request: Request) -> Response:
        self._versions.delete(*await _version_of(request))
        return Answer({})

    async def finalize(self, request: Request) -> Response:
        name, version = await _version_of(request)
        return self._answer(name, self._versions.finalize(name, version))

    async def download_uri(self, request: Request) -> Response:
        name, version = await _version_of(request)
        found = self._models.version(name, version)
        return Answer({"artifact_uri": storage_location(self._models.get(name), found)})

    async def credentials(self, request: Request) -> Response:
        given = await arguments(request)
        found = self._models.version(required_text(given, "name"), version_number(given))
        return Answer({"credentials": credentials(found, text(given, "operation"), self._clock_ms())})

    async def set_tag(self, request: Request) -> Response:
        given = await arguments(request)
        tag = (required_text(given, "key"), text(given, "value") or "")
        self._versions.set_tags(required_text(given, "name"), version_number(given), (tag,))
        return Answer({})

    async def delete_tag(self, request: Request) -> Response:
        given = await arguments(request)
        key = required_text(given, "key")
        self._versions.set_tags(required_text(given, "name"), version_number(given), (), (key,))
        return Answer({})

    async def emit_lineage(self, request: Request) -> Response:
        name, version = await _version_of(request)
        self._models.version(name, version)
        return Answer({})

    def _answer(self, name: str, version: ModelVersion) -> Response:
        return Answer({"model_version": show_version(self._models.get(name), version)})


def show_version(model: RegisteredModel, version: ModelVersion, in_search: bool = False) -> Json:
    """Show a version; its number is a string here."""
    shown: Json = {
        "name": model.full_name,
        "version": str(version.version),
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
        "user_id": version.created_by,
        "status": version.status,
        "storage_location": storage_location(model, version),
        **{key: version.settings[key] for key in SHOWN_SETTINGS if key in version.settings},
    }
    if (comment := version.settings.get("comment")) is not None:
        shown["description"] = comment
    if version.status_message is not None:
        shown["status_message"] = version.status_message
    if not in_search:
        number = str(version.version)
        shown["aliases"] = [{"alias": alias, "version": number} for alias in model.aliases_of(version.version)]
        shown["tags"] = show_tags(version.tags)
    return shown


def storage_location(model: RegisteredModel, version: ModelVersion) -> str:
    return f"{model.storage_location}/{version.version}"


def credentials(version: ModelVersion, operation: str | None, now_ms: int) -> Json:
    """Return credentials without any cloud secret: the workspace serves the files by presigned URLs. Raises Invalid."""
    if operation in WRITING and not version.takes_files:
        raise Invalid("operation: the version was finalized; its files cannot be changed.")
    return {"storage_mode": "DEFAULT_STORAGE", "expiration_time": now_ms + LIFETIME_MS}


async def _version_of(request: Request) -> tuple[str, str]:
    given = await arguments(request)
    return required_text(given, "name"), version_number(given)
