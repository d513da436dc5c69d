"""Keep values secret that were secret when they came in."""

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.values import mapping_value, property_value, sequence_value
from bandplan.stub.provider.field import Field


def sealed(
    fields: Mapping[str, Field], values: Mapping[str, Any], known: Mapping[str, PropertyValue]
) -> dict[str, PropertyValue]:
    """Return `values` as property values; those that are secret in `known` or by the table are secret."""
    return {name: _seal(fields.get(name), value, known.get(name)) for name, value in values.items()}


def _seal(field: Field | None, value: Any, known: PropertyValue | None) -> PropertyValue:
    if (known is not None and known.is_secret) or (field is not None and field.is_secret):
        return property_value(value).with_secret(True)
    before = None if known is None else known.value
    if isinstance(value, dict):
        inner = before if isinstance(before, Mapping) else {}
        return mapping_value(sealed(field.by_name if field else {}, value, inner))
    if isinstance(value, list):
        items = before if isinstance(before, tuple) else ()
        return sequence_value(
            [_seal_item(field, item, items[index] if index < len(items) else None) for index, item in enumerate(value)]
        )
    return property_value(value)


def _seal_item(field: Field | None, item: Any, known: PropertyValue | None) -> PropertyValue:
    if isinstance(item, dict) and not (known is not None and known.is_secret):
        inner = known.value if known is not None and isinstance(known.value, Mapping) else {}
        return mapping_value(sealed(field.by_name if field else {}, item, inner))
    return _seal(None, item, known)
