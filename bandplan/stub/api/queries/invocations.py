"""/serving-endpoints/{name}/invocations, also of one served model, and the OpenAI-style paths: which endpoint, which
served entity, which task.
"""

from collections import Counter
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.connections import arrived_at
from bandplan.stub.api.queries import (
    chat,
    completions,
    embeddings,
    engine_fields,
    forms,
    predictions,
    responses,
)
from bandplan.stub.api.queries.limits import check_size, in_time
from bandplan.stub.api.queries.metering import Metering
from bandplan.stub.api.queries.target import Target
from bandplan.stub.api.requests import read_object, required_text
from bandplan.stub.api.routing import route
from bandplan.stub.inference.engine import Embedding, Engine
from bandplan.stub.json_object import Json
from bandplan.stub.state.behaviour import Behaviours
from bandplan.stub.state.refusals import Invalid, NotFound, NotReady
from bandplan.stub.state.registry.catalogue import MOST_OUTPUT_TOKENS
from bandplan.stub.state.registry.tasks import CHAT, COMPLETIONS, EMBEDDINGS, INPUT_FIELDS
from bandplan.stub.state.serving.configuration import Configuration, ServedEntity
from bandplan.stub.state.serving.endpoints import Endpoints
from bandplan.stub.state.serving.engine_settings import EngineSettings

AnswerTask = Callable[[Json, Target], Awaitable[Response]]

FORM_OF_TASK = {CHAT: forms.CHAT, COMPLETIONS: forms.COMPLETIONS, EMBEDDINGS: forms.EMBEDDINGS}

DEFAULT_DIMENSION = 1024
"""Vector length of unknown models: an external one, or one whose version was deleted. Arbitrary."""

ENGINE_NOTE = "x-stub-engine-note"
"""A header of our own, for engines that are slower than an endpoint: where they run, and how fast."""

SPREAD = 61
"""Coprime to 100: stepping by it visits every percentage once per hundred queries, well mixed."""


def routes(endpoints: Endpoints, behaviours: Behaviours, settings: EngineSettings, metering: Metering) -> list[Route]:
    queries = Queries(endpoints, behaviours, settings, metering)
    base = "/serving-endpoints/{name}"
    made = [
        route("POST", f"{base}/invocations", queries.invoke),
        route("POST", f"{base}/served-models/{{served_model}}/invocations", queries.invoke_one),
    ]
    # Clients differ in whether their base URL ends in /v1; the endpoint is named by `model` in the body.
    for prefix in ("/serving-endpoints", "/serving-endpoints/v1"):
        made.append(route("POST", f"{prefix}/chat/completions", queries.openai(CHAT)))
        made.append(route("POST", f"{prefix}/completions", queries.openai(COMPLETIONS)))
        made.append(route("POST", f"{prefix}/embeddings", queries.openai(EMBEDDINGS)))
        made.append(route("POST", f"{prefix}/responses", queries.openai(CHAT, responses.answer)))
    return made


class Queries:
    """Distribute queries over served entities by traffic share, exactly over each hundred queries."""

    def __init__(
        self, endpoints: Endpoints, behaviours: Behaviours, settings: EngineSettings, metering: Metering
    ) -> None:
        self._endpoints = endpoints
        self._settings = settings
        self._behaviours = behaviours
        self._metering = metering
        self._asked: Counter[str] = Counter()

    async def invoke(self, request: Request) -> Response:
        return await self._query(request, request.path_params["name"], await read_object(request), None)

    async def invoke_one(self, request: Request) -> Response:
        """Query one served model, regardless of its traffic share.

        Source: "Query individual models behind an endpoint", docs.databricks.com.
        """
        name, served_model = request.path_params["name"], request.path_params["served_model"]
        return await self._query(request, name, await read_object(request), None, served_model=served_model)

    def openai(self, task: str, answer: AnswerTask | None = None) -> Callable[[Request], Awaitable[Response]]:
        """Return the handler of a path with a single task; `answer` replaces the task's usual form of answer."""

        async def handler(request: Request) -> Response:
            body = await read_object(request)
            return await self._query(request, required_text(body, "model"), body, task, answer)

        return handler

    async def _query(
        self,
        request: Request,
        name: str,
        given: Json,
        task_of_path: str | None,
        answer: AnswerTask | None = None,
        served_model: str | None = None,
    ) -> Response:
        endpoint = self._endpoints.get(name)
        if endpoint.config is None:
            raise NotReady(f"Endpoint '{name}' is not ready.")
        entity = endpoint.config.entity(served_model) if served_model else self._pick(name, endpoint.config)
        if entity is None:
            raise NotFound(f"Served model '{served_model}' of endpoint '{name}' does not exist.")
        facts = self._endpoints.facts(entity)
        task = facts.task if facts else endpoint.task
        embedding = Embedding(
            entity.name,
            (facts.dimension if facts else None) or DEFAULT_DIMENSION,
            facts.normalised if facts else True,
        )

        async def answer_with(engine: Engine) -> Response:
            await check_size(request, entity)
            target = Target(
                entity.name,
                engine,
                {"served-model-name": entity.name, **({ENGINE_NOTE: engine.note} if engine.note else {})},
                context_tokens=facts.context_tokens if facts else None,
                most_output_tokens=facts.most_output_tokens if facts else MOST_OUTPUT_TOKENS,
                output_tokens=self._settings.output_tokens(name),
                sends_role_first=self._behaviours.now.sends_role_chunk_first,
                cached_percent=self._metering.admissions.cached_percent(name),
                began=arrived_at(request),
            )
            return await in_time(request, lambda: answer_by(target))

        async def answer_by(target: Target) -> Response:
            body = engine_fields.expanded(given)
            if task_of_path is not None and task != task_of_path:
                raise Invalid(f"model: endpoint '{name}' has task {task}, not {task_of_path}.")
            if answer is not None:
                engine_fields.check(body, forms.RESPONSES, target.engine)
                return await answer(body, target)
            if task_of_path is None and (task is None or any(key in body for key in forms.LEGACY_INPUTS)):
                engine_fields.check(body, forms.LEGACY, target.engine)
                return await predictions.answer(body, embedding, task, target)
            field = INPUT_FIELDS.get(task or "")
            if task is None or field is None or field not in body:
                raise Invalid(f"{field}: is required; endpoint '{name}' has task {task}.")
            engine_fields.check(body, FORM_OF_TASK[task], target.engine)
            if task == EMBEDDINGS:
                return await embeddings.answer(body, embedding, target)
            own = chat.answer if task == CHAT else completions.answer
            return await own(body, target)

        return await self._metering.measure(request, endpoint, entity, answer_with)

    def _pick(self, name: str, config: Configuration) -> ServedEntity:
        point = self._asked[name] * SPREAD % 100
        self._asked[name] += 1
        for way in config.routes:
            point -= way.traffic_percentage
            if point < 0:
                return config.entity(way.target) or config.entities[0]
        return config.entities[0]
