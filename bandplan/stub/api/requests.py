"""Typed access to the JSON of a request."""

import json
import math
from typing import Any

from starlette.requests import Request

from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import BadRequest, Invalid


async def read_object(request: Request) -> Json:
    """Read the body as a JSON object; an empty body reads as {}. Raises BadRequest."""
    body = await request.body()
    if not body:
        return {}
    try:
        value = _DECODER.decode(_text_of(body))
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise BadRequest("The request body must be a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    # A number beyond the range of floats reads as infinity, which JSON cannot express.
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
"""Made once: it takes longer than a small body."""


def _text_of(body: bytes) -> str:
    """Decode a body as `json.loads` does."""
    return body.decode(json.detect_encoding(body), "surrogatepass")


def text(body: Json, key: str, place: str = "") -> str | None:
    """Read an optional string; null counts as absent."""
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{place}{key}: must be a string.")
    return value


def required_text(body: Json, key: str, place: str = "") -> str:
    value = text(body, key, place)
    if not value:
        raise Invalid(f"{place}{key}: is required.")
    return value


def integer(body: Json, key: str, place: str = "") -> int | None:
    """Read an optional integer; proto clients may send 64-bit numbers as strings of digits."""
    value = body.get(key)
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 19:
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63):
        raise Invalid(f"{place}{key}: must be an integer.")
    return value


def boolean(body: Json, key: str, place: str = "") -> bool | None:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise Invalid(f"{place}{key}: must be true or false.")
    return value


def number(body: Json, key: str, place: str = "") -> float | None:
    value = body.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise Invalid(f"{place}{key}: must be a number.")
    return value


def json_object(body: Json, key: str, place: str = "") -> Json | None:
    value = body.get(key)
    if value is not None and not isinstance(value, dict):
        raise Invalid(f"{place}{key}: must be an object.")
    return value


def objects(body: Json, key: str, place: str = "") -> list[Json]:
    """Read a list of objects; absent and null read as an empty list."""
    return _list(body, key, place, dict, "objects")


def texts(body: Json, key: str, place: str = "") -> list[str]:
    """Read a list of strings; absent and null read as an empty list."""
    return _list(body, key, place, str, "strings")


def _list(body: Json, key: str, place: str, kind: type, kinds: str) -> list[Any]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise Invalid(f"{place}{key}: must be a list of {kinds}.")
    return value
