"""Translate between Pulumi's property names and the REST API's, according to the table."""

from collections.abc import Iterable, Mapping
from typing import Any

from bandplan.stub.provider.field import Field, Shape, is_zero


def to_request(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object to send, without unset, zero and output values; an empty block stays."""
    body: dict[str, Any] = {}
    for field in fields:
        value = values.get(field.name)
        if field.is_output or value is None or (is_zero(value) and not field.is_always_sent and value != {}):
            continue
        body[field.wire] = value_to_request(field, value)
    return body


def value_to_request(field: Field, value: Any) -> Any:
    if field.shape is Shape.BLOCK:
        return to_request(field.fields, value)
    if field.shape is Shape.LIST and field.fields:
        return [to_request(field.fields, item) for item in value]
    return value


def from_response(fields: Iterable[Field], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a JSON object; members without a field are ignored, as in every client."""
    return {field.name: _from(field, body[field.wire]) for field in fields if body.get(field.wire) is not None}


def _from(field: Field, value: Any) -> Any:
    if field.shape is Shape.BLOCK:
        return from_response(field.fields, value)
    if field.shape is Shape.LIST and field.fields:
        return [from_response(field.fields, item) for item in value]
    return value
