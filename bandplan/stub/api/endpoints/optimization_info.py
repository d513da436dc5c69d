"""/api/2.0/serving-endpoints/get-model-optimization-info: the provisioned throughput that a model version accepts."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.registry.registered_models import RegisteredModels


def routes(models: RegisteredModels) -> list[Route]:
    async def read(request: Request) -> Response:
        facts = models.facts(request.path_params["model"], request.path_params["version"])
        return Answer(show(facts))

    return [
        route("GET", "/api/2.0/serving-endpoints/get-model-optimization-info/{model}/{version}", read),
    ]


def show(facts: Facts) -> Json:
    """Show the chunk size, if known: `throughput_chunk_size` for bands, `model_unit_chunk_size` for model units."""
    shown: Json = {"optimizable": facts.is_optimizable}
    if facts.is_optimizable and facts.model_type is not None:
        shown["model_type"] = facts.model_type
    if facts.chunk_tokens_per_second is not None:
        shown["throughput_chunk_size"] = facts.chunk_tokens_per_second
    if facts.unit_chunk is not None:
        shown["model_unit_chunk_size"] = facts.unit_chunk
    return shown
