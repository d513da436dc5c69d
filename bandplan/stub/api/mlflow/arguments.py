"""What MLflow's client sends in the query or body of a request, and the values that its routes share."""

from typing import Any

from starlette.requests import Request

from bandplan.stub.api.requests import integer, objects, read_object, required_text, text
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.model_version import Tags


async def arguments(request: Request) -> Json:
    """Return the fields of a request: those of the query, then those of a JSON body."""
    return {**request.query_params, **await read_object(request)}


def read_tags(given: Json, key: str = "tags") -> Tags:
    """Read a list of `{key, value}`; a tag without a value gets an empty one."""
    return tuple(
        (required_text(row, "key", f"{key}/"), text(row, "value", f"{key}/") or "") for row in objects(given, key)
    )


def show_tags(tags: Tags) -> list[Json]:
    return [{"key": key, "value": value} for key, value in tags]


def version_number(given: Json) -> str:
    """Read the number of a model version: a string of digits, or a number from some clients."""
    value: Any = given.get("version")
    if isinstance(value, str) and value:
        return value
    number = integer(given, "version")
    if number is None:
        raise Invalid("version: is required.")
    return str(number)
