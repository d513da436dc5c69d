"""/serving-endpoints/{name}/invocations and the OpenAI-style paths: which endpoint, which served entity, which task."""

from collections import Counter
from collections.abc import Awaitable, Callable

from stub.api import chat, completions, embeddings, predictions
from stub.api.answers import Answer, EventStream
from stub.api.requests import Json, Request, required_text
from stub.api.routing import Router
from stub.inference.engine import Engine
from stub.state.configuration import Configuration, ServedEntity
from stub.state.endpoints import Endpoints
from stub.state.refusals import Invalid, NotReady

CHAT, COMPLETIONS, EMBEDDINGS = "llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"

FIELD_OF_TASK = {CHAT: "messages", COMPLETIONS: "prompt", EMBEDDINGS: "input"}

SPREAD = 61
"""Coprime to 100: stepping by it visits every percentage once per hundred queries, well mixed."""


def add_routes(router: Router, endpoints: Endpoints, engine: Engine) -> None:
    queries = Queries(endpoints, engine)
    router.add("POST", "/serving-endpoints/{name}/invocations", queries.invoke)
    # Clients differ in whether their base URL ends in /v1; the endpoint is named by `model` in the body.
    for prefix in ("/serving-endpoints", "/serving-endpoints/v1"):
        router.add("POST", f"{prefix}/chat/completions", queries.openai(CHAT))
        router.add("POST", f"{prefix}/completions", queries.openai(COMPLETIONS))
        router.add("POST", f"{prefix}/embeddings", queries.openai(EMBEDDINGS))


class Queries:
    """Sends queries to served entities by their share of the traffic, exact over each hundred queries."""

    def __init__(self, endpoints: Endpoints, engine: Engine) -> None:
        self._endpoints = endpoints
        self._engine = engine
        self._asked: Counter[str] = Counter()

    async def invoke(self, request: Request) -> Answer | EventStream:
        return await self._query(request.path_values[0], request.json(), None)

    def openai(self, task: str) -> Callable[[Request], Awaitable[Answer | EventStream]]:
        async def handler(request: Request) -> Answer | EventStream:
            body = request.json()
            return await self._query(required_text(body, "model"), body, task)

        return handler

    async def _query(self, name: str, body: Json, task_of_path: str | None) -> Answer | EventStream:
        endpoint = self._endpoints.get(name)
        if endpoint.config is None:
            raise NotReady(f"Endpoint '{name}' is not ready.")
        entity = self._pick(name, endpoint.config)
        facts = self._endpoints.facts(entity)
        task = facts.task if facts else endpoint.task
        if task_of_path is not None and task != task_of_path:
            raise Invalid(f"model: endpoint '{name}' has task {task}, not {task_of_path}.")
        normalised = facts.normalised if facts else True
        headers = ((b"served-model-name", entity.name.encode()),)
        if task_of_path is None and (task is None or any(key in body for key in predictions.FORMATS)):
            return await predictions.answer(body, entity.name, task, self._engine, normalised, headers)
        field = FIELD_OF_TASK.get(task or "")
        if field is None or field not in body:
            raise Invalid(f"{field}: is required; endpoint '{name}' has task {task}.")
        if task == EMBEDDINGS:
            return await embeddings.answer(body, entity.name, self._engine, normalised, headers)
        answer = chat.answer if task == CHAT else completions.answer
        return await answer(body, entity.name, self._engine, headers)

    def _pick(self, name: str, config: Configuration) -> ServedEntity:
        point = self._asked[name] * SPREAD % 100
        self._asked[name] += 1
        for route in config.routes:
            point -= route.traffic_percentage
            if point < 0:
                return config.entity(route.target) or config.entities[0]
        return config.entities[0]
