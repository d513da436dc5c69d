"""/api/2.0/serving-endpoints/{name}/openapi: the query API of an endpoint as an OpenAPI document."""

from bandplan.stub.json_object import Json
from bandplan.stub.state.registry.tasks import CHAT, COMPLETIONS, EMBEDDINGS
from bandplan.stub.state.serving.endpoint import Endpoint

STRING: Json = {"type": "string"}
STRINGS: Json = {"oneOf": [STRING, {"type": "array", "items": STRING}]}

MESSAGES: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"role": STRING, "content": STRING},
        "required": ["role"],
    },
}

REQUESTS: dict[str | None, Json] = {
    CHAT: {"properties": {"messages": MESSAGES}, "required": ["messages"]},
    COMPLETIONS: {"properties": {"prompt": STRINGS}, "required": ["prompt"]},
    EMBEDDINGS: {"properties": {"input": STRINGS}, "required": ["input"]},
}
"""Required request fields by task; optional ones are not listed."""

PREDICTIONS: Json = {
    "properties": {
        "dataframe_split": {"type": "object"},
        "dataframe_records": {"type": "array"},
        "instances": {"type": "array"},
        "inputs": {},
    }
}


def document(endpoint: Endpoint, host: str) -> Json:
    """Build the document of a serving endpoint: one path, one operation."""
    asked = {"type": "object", **REQUESTS.get(endpoint.task, PREDICTIONS)}
    return {
        "openapi": "3.1.0",
        "info": {"title": endpoint.name, "version": str(endpoint.config.version if endpoint.config else 0)},
        "servers": [{"url": f"{host}/serving-endpoints/{endpoint.name}"}],
        "paths": {
            "/invocations": {
                "post": {
                    "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
                    "responses": {
                        "200": {
                            "description": "The answer",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        }
                    },
                }
            }
        },
    }
