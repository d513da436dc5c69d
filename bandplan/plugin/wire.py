"""Conversion between protobuf structs and `PropertyValue`, complete where the SDK's own is not.

`PropertyValue.unmarshal` of pulumi 3.260 takes the sentinel string for "unknown" as an ordinary string and fails on an
output value without dependencies or without a value; `marshal` fails on a computed value. An engine sends all of these.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import Computed, PropertyValue, ResourceReference

from bandplan.plugin.pulumi_internals import OUTPUT, REFERENCE, SECRET, SIGNATURE, UNKNOWN, unchecked
from bandplan.plugin.values import mapping_value, sequence_value

# Sentinels of the Go engine for an unknown bool, number, string, list, asset, archive, object, in this order;
# source: sdk/go/common/resource/plugin/rpc.go of pulumi/pulumi.
_UNKNOWN_SENTINELS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        UNKNOWN,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


def from_struct(struct: struct_pb2.Struct) -> dict[str, PropertyValue]:
    """Return the property values of a request; output values lose their dependencies, which no call of ours uses."""
    return {name: _from_value(value) for name, value in struct.fields.items()}


def to_struct(values: Mapping[str, PropertyValue] | None) -> struct_pb2.Struct:
    """Return the struct of a response; None becomes an empty one. Dependencies are not sent."""
    return struct_pb2.Struct(fields={name: _to_value(value) for name, value in (values or {}).items()})


def _from_value(value: struct_pb2.Value) -> PropertyValue:
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return PropertyValue.computed() if text in _UNKNOWN_SENTINELS else unchecked(text)
        case "number_value":
            return unchecked(value.number_value)
        case "bool_value":
            return unchecked(value.bool_value)
        case "struct_value":
            return _from_fields(value)
        case "list_value":
            return sequence_value([_from_value(item) for item in value.list_value.values])
        case _:
            return PropertyValue.null()


def _from_fields(value: struct_pb2.Value) -> PropertyValue:
    fields = value.struct_value.fields
    if SIGNATURE not in fields:
        return mapping_value({name: _from_value(item) for name, item in fields.items()})
    signature = fields[SIGNATURE].string_value
    if signature == SECRET:
        inner = _from_value(fields["value"]) if "value" in fields else PropertyValue.null()
        return inner.with_secret(True)
    if signature == OUTPUT:
        inner = _from_value(fields["value"]) if "value" in fields else PropertyValue.computed()
        is_secret = "secret" in fields and fields["secret"].bool_value
        return inner.with_secret(inner.is_secret or is_secret)
    if signature == REFERENCE:
        return _from_reference(fields)
    return PropertyValue.unmarshal(value)


def _from_reference(fields: Mapping[str, struct_pb2.Value]) -> PropertyValue:
    identity = _from_value(fields["id"]) if "id" in fields else None
    version = fields["packageVersion"].string_value if "packageVersion" in fields else None
    return PropertyValue(ResourceReference(fields["urn"].string_value, identity, version))


def _to_value(value: PropertyValue) -> struct_pb2.Value:
    bare = _to_bare(value)
    if not value.is_secret:
        return bare
    fields = {SIGNATURE: struct_pb2.Value(string_value=SECRET), "value": bare}
    return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))


def _to_bare(value: PropertyValue) -> struct_pb2.Value:
    inner: Any = value.value
    kind = type(inner)
    if kind is str:
        return struct_pb2.Value(string_value=inner)
    if kind is bool:
        return struct_pb2.Value(bool_value=inner)
    if kind is float:
        return struct_pb2.Value(number_value=inner)
    if kind is MappingProxyType:  # the SDK turns every mapping into one
        return struct_pb2.Value(struct_value=to_struct(inner))
    if kind is tuple:  # and every sequence into one of these
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(item) for item in inner]))
    if isinstance(inner, Computed):
        return struct_pb2.Value(string_value=UNKNOWN)
    if isinstance(inner, ResourceReference):
        return _to_reference(inner)
    return PropertyValue(inner).marshal()


def _to_reference(reference: ResourceReference) -> struct_pb2.Value:
    fields = {
        SIGNATURE: struct_pb2.Value(string_value=REFERENCE),
        "urn": struct_pb2.Value(string_value=reference.urn),
    }
    if reference.resource_id is not None:
        fields["id"] = _to_value(reference.resource_id)
    if reference.package_version is not None:
        fields["packageVersion"] = struct_pb2.Value(string_value=reference.package_version)
    return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
