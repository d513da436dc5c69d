"""Conversion of a program's and the SDK's values to and from plain form.

Values that only the SDK can encode (a secret, an asset, a resource, an awaitable inside a value) go through its own
serialization, so the result, or the refusal, is the same.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from bandplan.embedded.pulumi_internals import UNKNOWN as SDK_UNKNOWN
from bandplan.embedded.pulumi_internals import data_of, serialize_properties
from bandplan.embedded.values import from_struct, plain_number
from bandplan.plugin.values import UNKNOWN
from bandplan.wire.sentinels import UNKNOWN as UNKNOWN_SENTINEL


class NotPlain(Exception):
    """A value that only the SDK can encode."""


async def plain_properties(
    properties: Mapping[str, Any], depended: dict[str, list[pulumi.Resource]], res: pulumi.Resource | None, place: str
) -> dict[str, Any]:
    """Convert properties to plain form; `depended` receives, for each one, the resources that it comes from."""
    try:
        plain = {}
        for key, value in properties.items():
            resources: list[pulumi.Resource] = []
            item = _plain(value) if type(value) is not pulumi.Output else _plain_output(await data_of(value), resources)
            if item is not None:
                plain[key] = item
                depended[key] = resources
        return plain
    except NotPlain:
        depended.clear()
        struct = await serialize_properties(properties, depended, res)
        return {key: value for key, value in from_struct(struct, place).items() if value is not None}


def _plain(value: Any) -> Any:
    """Convert a value of the program to plain form. NotPlain if it must be awaited, or is more than data."""
    kind = type(value)
    if kind is str:
        return UNKNOWN if value == UNKNOWN_SENTINEL else value
    if kind is bool or value is None:
        return value
    if kind is dict:
        return {key: _plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is int or kind is float:
        return plain_number(float(value))  # on the wire every number is a double
    raise NotPlain


def _plain_output(data: Any, resources: list[pulumi.Resource]) -> Any:
    if data.is_secret:
        raise NotPlain
    resources.extend(data.resources)
    return _plain(data.value) if data.is_known else UNKNOWN


def to_sdk(value: Any) -> Any:
    """Convert a plain value to what the SDK gives a program: no None in an object, and every number a float."""
    kind = type(value)
    if kind is dict:
        return {key: sdk_item for key, item in value.items() if (sdk_item := to_sdk(item)) is not None}
    if kind is list:
        return [to_sdk(item) for item in value]
    if kind is int:
        return float(value)
    return SDK_UNKNOWN if value is UNKNOWN else value
