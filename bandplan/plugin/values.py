"""Conversion between the SDK's `PropertyValue` and plain Python values."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, overload

from pulumi.provider.experimental.property_value import Computed, PropertyValue

from bandplan.plugin.pulumi_internals import unchecked


class Unknown(Enum):
    """The type of `UNKNOWN`: a value that is known only after the deployment."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return self.name


UNKNOWN: Final = Unknown.UNKNOWN


@overload
def plain(value: Mapping[str, PropertyValue]) -> dict[str, Any]: ...
@overload
def plain(value: PropertyValue) -> Any: ...
def plain(value: PropertyValue | Mapping[str, PropertyValue]) -> Any:
    """Convert `value` to plain Python: integral numbers become int, unknowns `UNKNOWN`, secrets are unwrapped.

    Assets, archives and resource references are returned as the SDK's own objects.
    """
    if not isinstance(value, PropertyValue):
        return {name: plain(item) for name, item in value.items()}
    inner: Any = value.value
    kind = type(inner)
    if kind is str or kind is bool or inner is None:
        return inner
    if kind is MappingProxyType:  # the SDK turns every mapping into one
        return {name: plain(item) for name, item in inner.items()}
    if kind is tuple:  # and every sequence into one of these
        return [plain(item) for item in inner]
    if kind is float:
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Computed):
        return UNKNOWN
    return inner


def property_value(value: Any) -> PropertyValue:
    """Convert a plain value to a `PropertyValue`; one inside it stays unchanged (so secrets can be kept)."""
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is float:
        return unchecked(value)
    if kind is dict:
        return mapping_value({name: property_value(item) for name, item in value.items()})
    if kind is int:
        return unchecked(float(value))
    if kind is list or kind is tuple:
        return sequence_value([property_value(item) for item in value])
    if isinstance(value, PropertyValue):
        return value
    if value is UNKNOWN:
        return unchecked(_COMPUTED)
    if isinstance(value, Mapping):
        return mapping_value(property_values(value))
    return PropertyValue(value)


def mapping_value(items: Mapping[str, PropertyValue]) -> PropertyValue:
    """Return a `PropertyValue` of named values."""
    return unchecked(MappingProxyType(items))


def sequence_value(items: Sequence[PropertyValue]) -> PropertyValue:
    """Return a `PropertyValue` of a list of values."""
    return unchecked(tuple(items))


_COMPUTED: Final = Computed()


def property_values(values: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """Apply `property_value` to each entry; provider requests and responses have this shape."""
    return {name: property_value(value) for name, value in values.items()}
