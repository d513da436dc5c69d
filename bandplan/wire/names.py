"""Property names: camelCase as in Pulumi, snake_case as on the platform."""

import re
from collections.abc import Mapping
from typing import Any

_USER_KEYED = frozenset({"environmentVars"})
"""Maps whose keys are the user's own and are passed on unchanged."""

_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")
_UNDERSCORE = re.compile(r"_([a-z0-9])")


def to_api_name(name: str) -> str:
    """Convert `maxProvisionedThroughput` to `max_provisioned_throughput`."""
    return _CAPITAL.sub(lambda match: "_" + match.group().lower(), name)


def to_property_name(name: str) -> str:
    """Convert `max_provisioned_throughput` to `maxProvisionedThroughput`."""
    return _UNDERSCORE.sub(lambda match: match.group(1).upper(), name)


def to_properties(value: Any) -> Any:
    """Convert every key to Pulumi's form, at every depth; only for values without keys of the user's own."""
    if isinstance(value, Mapping):
        return {to_property_name(key): to_properties(item) for key, item in value.items()}
    return [to_properties(item) for item in value] if isinstance(value, list | tuple) else value


def to_api(value: Any) -> Any:
    """Convert every key to the platform's form, at every depth, and drop absent (None) entries."""
    if isinstance(value, Mapping):
        return {
            to_api_name(key): dict(item) if key in _USER_KEYED and isinstance(item, Mapping) else to_api(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [to_api(item) for item in value]
    return value
