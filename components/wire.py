"""Names as they go on the wire: snake_case of models.yaml to the camelCase of the `databricks` package."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def wire(value: Any) -> Any:
    """The value with every key in camelCase and unset (None) fields left out, at any depth; None for None."""
    match value:
        case BaseModel():
            return wire(value.model_dump(mode="json", exclude_none=True))
        case Mapping():
            return {camel_case(key): wire(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [wire(item) for item in value]
        case _:
            return value


def camel_case(name: str) -> str:
    """`inference_table_config` as `inferenceTableConfig`."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
