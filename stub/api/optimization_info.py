"""/api/2.0/serving-endpoints/get-model-optimization-info: what provisioned throughput a model version takes."""

from stub.api.answers import Answer, json_answer
from stub.api.requests import Json, Request
from stub.api.routing import Router
from stub.state.catalogue import Facts
from stub.state.registered_models import RegisteredModels


def add_routes(router: Router, models: RegisteredModels) -> None:
    def read(request: Request) -> Answer:
        model, version = request.path_values
        return json_answer(show(models.facts(model, version)))

    router.add("GET", "/api/2.0/serving-endpoints/get-model-optimization-info/{model}/{version}", read)


def show(facts: Facts) -> Json:
    """`throughput_chunk_size` is there only for models in tokens-per-second bands."""
    shown: Json = {"optimizable": facts.is_optimizable}
    if facts.is_optimizable and facts.model_type is not None:
        shown["model_type"] = facts.model_type
    if facts.chunk_tokens_per_second is not None:
        shown["throughput_chunk_size"] = facts.chunk_tokens_per_second
    return shown
