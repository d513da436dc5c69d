"""Between property names of Pulumi and names of the REST API, as the table says."""

from collections.abc import Iterable, Mapping
from typing import Any

from bandplan.stub.provider.field import Field, Shape, is_zero


def to_request(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object to send; what is not stated, zero, or an output is left out, an empty block is not."""
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
    """Properties of a JSON object; members that no field names are ignored, as every client does."""
    return {field.name: _from(field, body[field.wire]) for field in fields if body.get(field.wire) is not None}


def _from(field: Field, value: Any) -> Any:
    if field.shape is Shape.BLOCK:
        return from_response(field.fields, value)
    if field.shape is Shape.LIST and field.fields:
        return [from_response(field.fields, item) for item in value]
    return value
