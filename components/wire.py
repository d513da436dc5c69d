"""Values of models.yaml as inputs: their keys in the camelCase of the `databricks` package."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bandplan.wire.names import to_property_name


def wire(value: Any) -> Any:
    """Convert every key to camelCase and leave out unset (None) fields, at any depth; None for None."""
    match value:
        case BaseModel():
            return wire(value.model_dump(mode="json", exclude_none=True))
        case Mapping():
            return {to_property_name(key): wire(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [wire(item) for item in value]
        case _:
            return value
