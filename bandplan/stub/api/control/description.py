"""/stub/openapi.json: the workspace's own API as an OpenAPI document, built from the route table and description.yaml.

It describes requests, so that a tool can make them, and of answers only what all have in common: JSON, and errors in
the platform's form.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import STATUS_BY_CODE, Answer
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json

DATA_FILE = Path(__file__).with_suffix(".yaml")
PATH = "/stub/openapi.json"

SEGMENT = re.compile(r"{(\w+)(?::path)?}")

ERROR: Json = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
}
TEXT: Json = {"type": "string"}


def routes(described: Sequence[Route], host: str) -> list[Route]:
    """Return the route that describes the others and itself."""
    made: list[Route] = []

    async def read(request: Request) -> Response:
        return Answer(document([*described, *made], load(), host))

    made.append(route("GET", PATH, read))
    return made


def load() -> Json:
    """Load description.yaml."""
    import yaml

    data: Json = yaml.safe_load(DATA_FILE.read_text(encoding="utf-8"))
    return data


def document(described: Sequence[Route], data: Json, host: str) -> Json:
    """Build the OpenAPI 3.1 document."""
    paths: dict[str, Json] = {}
    for method, path in operations(described):
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, data)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The stub workspace", "version": "1"},
        "servers": [{"url": host}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**{name: _relinked(schema) for name, schema in data["fields"].items()}, "error": ERROR},
        },
    }


def operations(described: Sequence[Route]) -> Iterator[tuple[str, str]]:
    """Yield the method and path of each route, with open segments as `{name}`."""
    for made in described:
        for method in made.methods or ():
            yield method, SEGMENT.sub(r"{\1}", made.path)


def _operation(method: str, path: str, data: Json) -> Json:
    about: Json = data["requests"].get(f"{method} {path}", {})
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in SEGMENT.findall(path)
    ]
    for field in about.get("query", ()):
        name, is_required = _read(field)
        parameters.append({"name": name, "in": "query", "required": is_required, "schema": _schema(name, data)})
    operation: Json = {
        "operationId": f"{method.lower()} {path}",
        "parameters": parameters,
        "responses": {
            "200": {"description": "done"},
            **{
                str(status): {"description": "refused", "content": {"application/json": {"schema": _link("error")}}}
                for status in sorted(set(STATUS_BY_CODE.values()) - {500})
            },
        },
    }
    if about.get("file"):
        operation["requestBody"] = {"content": {"application/octet-stream": {"schema": {}}}}
    elif method in ("POST", "PUT", "PATCH") or "body" in about:
        operation["requestBody"] = {"content": {"application/json": {"schema": _body(about.get("body"), data)}}}
    return operation


def _body(fields: list[str] | None, data: Json) -> Json:
    if fields is None:
        return {"type": "object"}
    read = [_read(field) for field in fields]
    wire = data["wire_names"]
    return {
        "type": "object",
        "properties": {wire.get(name, name): _schema(name, data) for name, _ in read},
        "required": [wire.get(name, name) for name, is_required in read if is_required],
    }


def _schema(field: str, data: Json) -> Json:
    return _link(field) if field in data["fields"] else TEXT


def _read(field: str) -> tuple[str, bool]:
    return field.removesuffix("!"), field.endswith("!")


def _link(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _relinked(schema: Any) -> Any:
    """Return `schema` with its links to `#/fields/...` rewritten to their place in the document."""
    if isinstance(schema, list):
        return [_relinked(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    return {key: _relinked(part) for key, part in schema.items()}
