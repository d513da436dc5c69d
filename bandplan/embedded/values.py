"""Property values in three forms: the wire's protobuf `Struct`, plain Python, and the providers' `PropertyValue`.

Plain form: None, bool, int or float, str, list, dict with str keys, and `UNKNOWN` for a value that only an update can
determine. Whole numbers are ints, as in a checkpoint's JSON. Secrets, assets, archives and resource references are
refused (`Unsupported`): this engine has no encryption, and nothing that it deploys needs them.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import Computed, PropertyValue

from bandplan.embedded.errors import Unsupported
from bandplan.plugin.values import UNKNOWN, Unknown
from bandplan.wire.sentinels import SECRET, SIGNATURE
from bandplan.wire.sentinels import UNKNOWN as UNKNOWN_SENTINEL

_SIGNED: Final = {
    SECRET: "a secret value",
    "c44067f5952c0a294b673a41bacd8c17": "an asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "an archive",
    "5cf8f73096256a8f31e491e813e4eb8e": "a resource reference",
    "d0e6a833031e9bbcd3f4e8bde6ca49a4": "an output value",
}


def from_struct(struct: struct_pb2.Struct, place: str) -> dict[str, Any]:
    """Convert the wire's properties to plain form. `place` names the resource in a refusal."""
    return {key: from_value(value, place) for key, value in struct.fields.items()}


def from_value(value: struct_pb2.Value, place: str) -> Any:
    """Convert one wire value to plain form."""
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return UNKNOWN if text == UNKNOWN_SENTINEL else text
        case "number_value":
            return plain_number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE in fields:
                signature = fields[SIGNATURE].string_value
                raise Unsupported(_SIGNED.get(signature, f"a value with signature {signature}"), place)
            return {key: from_value(item, place) for key, item in fields.items()}
        case "list_value":
            return [from_value(item, place) for item in value.list_value.values]
        case _:
            return None


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Convert plain properties to wire form."""
    return struct_pb2.Struct(fields={key: to_value(value) for key, value in properties.items()})


def to_value(value: Any) -> struct_pb2.Value:
    """Convert one plain value to wire form."""
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=float(value))
        case str():
            return struct_pb2.Value(string_value=value)
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_SENTINEL)
        case dict():
            return struct_pb2.Value(struct_value=to_struct(value))
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[to_value(item) for item in value]))
    raise TypeError(f"a property cannot hold a {type(value).__name__}")


def from_property_values(properties: Mapping[str, PropertyValue] | None, place: str) -> dict[str, Any]:
    """Convert the properties that a provider returned to plain form."""
    return {key: from_property_value(value, place) for key, value in (properties or {}).items()}


def from_property_value(value: PropertyValue, place: str) -> Any:
    """Convert one provider value to plain form."""
    if value.is_secret:
        raise Unsupported("a secret value", place)
    inner: Any = value.value
    kind = type(inner)
    if kind is str:
        return UNKNOWN if inner == UNKNOWN_SENTINEL else inner
    if kind is bool or inner is None:
        return inner
    if kind is MappingProxyType:  # the SDK converts every mapping to this; checking for an ABC costs more
        return {key: from_property_value(item, place) for key, item in inner.items()}
    if kind is tuple:
        return [from_property_value(item, place) for item in inner]
    if kind is float:
        return plain_number(inner)
    if isinstance(inner, Computed):
        return UNKNOWN
    raise Unsupported(f"a {type(inner).__name__} value", place)


def dumped(document: Any) -> str:
    """Format a document of plain values as compact JSON text."""
    return json.dumps(document, separators=(",", ":"), default=_unknown_as_text)


def _unknown_as_text(value: Any) -> str:
    if value is UNKNOWN:
        return UNKNOWN_SENTINEL
    raise TypeError(f"a property cannot hold a {type(value).__name__}")


def to_json(value: Any) -> Any:
    """Convert a plain value to JSON form: as in Pulumi's own files, an unknown value is its sentinel text."""
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return UNKNOWN_SENTINEL if value is UNKNOWN else value


def same_value(old: Any, new: Any) -> bool:
    """Report whether two plain values are the same to Pulumi: unlike in Python's `==`, true is not 1."""
    return old == new and (_kinds(old) == _kinds(new) if isinstance(old, dict | list | bool | int) else True)


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_kinds(item) for item in value]
    return isinstance(value, bool)


def plain_number(number: float) -> int | float:
    """Return a number in plain form: an int if it is whole and exact."""
    whole = int(number) if number == number and abs(number) < 2**53 else None
    return whole if whole is not None and whole == number else number
