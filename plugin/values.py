"""Conversion between the SDK's `PropertyValue` and plain Python values."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, overload

from pulumi.provider.experimental.property_value import Computed, PropertyValue


class Unknown(Enum):
    """The type of `UNKNOWN`: a value that is known only after the deploy."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return self.name


UNKNOWN: Final = Unknown.UNKNOWN


@overload
def plain(value: Mapping[str, PropertyValue]) -> dict[str, Any]: ...
@overload
def plain(value: PropertyValue) -> Any: ...
def plain(value: PropertyValue | Mapping[str, PropertyValue]) -> Any:
    """Plain Python of `value`: integral numbers become int, unknowns `UNKNOWN`, secrets are unwrapped.

    Assets, archives and resource references are returned as the SDK's own objects.
    """
    if not isinstance(value, PropertyValue):
        return {name: plain(item) for name, item in value.items()}
    inner = value.value
    if inner is None or isinstance(inner, (str, bool)):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, MappingProxyType):  # the SDK turns every mapping into one
        return {name: plain(item) for name, item in inner.items()}
    if isinstance(inner, tuple):  # and every sequence into one of these
        return [plain(item) for item in inner]
    if isinstance(inner, Computed):
        return UNKNOWN
    return inner


def property_value(value: Any) -> PropertyValue:
    """`PropertyValue` of a plain value; a `PropertyValue` anywhere inside stays as it is (so secrets can be kept)."""
    kind = type(value)
    if kind is str or kind is bool or value is None:  # most of them, before the checks that cost
        return PropertyValue(value)
    if kind is dict:
        return PropertyValue({name: property_value(item) for name, item in value.items()})
    if isinstance(value, PropertyValue):
        return value
    if isinstance(value, Unknown):
        return PropertyValue.computed()
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue(property_values(value))
    if isinstance(value, (list, tuple)):
        return PropertyValue([property_value(item) for item in value])
    return PropertyValue(value)


def property_values(values: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """`property_value` of each entry; the shape that provider requests and responses carry."""
    return {name: property_value(value) for name, value in values.items()}
