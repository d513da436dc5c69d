"""/stub/models: why a model version is not eligible, which only the stand-in reports, and ending its registration."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.model_versions import show_version
from bandplan.stub.api.requests import integer, required_text, text
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.faults.registration_faults import RegistrationFault
from bandplan.stub.state.registry.model_version import ModelVersion
from bandplan.stub.state.registry.model_versions import ModelVersions
from bandplan.stub.state.registry.registered_models import RegisteredModels


def routes(models: RegisteredModels, versions: ModelVersions) -> list[Route]:
    def show(name: str, version: ModelVersion) -> Answer:
        facts = models.facts(name, str(version.version))
        assessment: Json = {"optimizable": facts.is_optimizable, "task": facts.task, "reasons": []}
        if (judged := version.assessment) is not None:
            assessment |= {"family": judged.family, "reasons": list(judged.reasons)}
        shown = show_version(models.get(name), version)
        return Answer({**shown, "takes_files": version.takes_files, "assessment": assessment})

    async def read(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params["version"]
        return show(name, models.version(name, version))

    async def settle(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params["version"]
        return show(name, versions.settle(name, version))

    pattern = "/stub/models/{name}/versions/{version}"
    return [
        route("GET", pattern, read),
        route("POST", f"{pattern}/settle", settle),
    ]


def read_registration_fault(body: Json) -> RegistrationFault:
    """Read a registration fault; null `reads` hold versions until settled by request, absent ones mean 0."""
    times = integer(body, "times")
    return RegistrationFault(
        model=required_text(body, "model"),
        reason=text(body, "reason"),
        reads=integer(body, "reads") if "reads" in body else 0,
        times=1 if times is None else times,
    )
