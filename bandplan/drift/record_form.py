"""Check that what the state says about endpoints has the form expected here. Pure.

Readers of a state check every resource against Pulumi's form, in which inputs and outputs may be anything. A file that
was edited or damaged may have a string where a list of tags belongs.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bandplan.wire.sentinels import SIGNATURE
from bandplan.wire.types import (
    ENDPOINT_READY,
    MODEL_ALIAS,
    MODEL_SERVING,
    MODEL_SERVING_PT,
    MODEL_VERSION,
    PERMISSIONS,
)
from bandplan.wire.urn import name_of

_ENTITIES: Final = [{"name": str, "entityName": str, "modelName": str, "environmentVars": {}}]
_PARTS: Final[dict[str, Any]] = {
    "servedEntities": _ENTITIES,
    "servedModels": _ENTITIES,
    "trafficConfig": {"routes": [{"servedEntityName": str, "servedModelName": str}]},
    "tags": [{"key!": str}],
    "aiGateway": {},
    "rateLimits": [{}],
    "emailNotifications": {"onUpdateFailures": [str], "onUpdateSuccesses": [str]},
}
_ENDPOINT: Final[dict[str, Any]] = {
    "inputs": {"name": str, "config": {part: _PARTS[part] for part in _PARTS if part != "tags"}, **_PARTS},
    "outputs": {"config": {"servedEntities": _ENTITIES}, **{part: _PARTS[part] for part in ("tags", "aiGateway")}},
    "ignoreChanges": [str],
}
_FORMS: Final[Mapping[str, Any]] = {
    MODEL_SERVING: _ENDPOINT,
    MODEL_SERVING_PT: _ENDPOINT,
    ENDPOINT_READY: {
        "inputs": {"endpoint": str, "declared": _PARTS},
        "outputs": {"declared": _PARTS, "shortfall": [{"servedName": str}]},
    },
    PERMISSIONS: {
        "inputs": {
            "servingEndpointId": str,
            "accessControls": [{"groupName": str, "userName": str, "servicePrincipalName": str}],
        }
    },
    MODEL_VERSION: {"outputs": {"name": str, "version": str}},
    MODEL_ALIAS: {"inputs": {"name!": str, "alias!": str, "version": str}},
}
"""What is read, by type of resource: mappings by key, lists by the form of their items. `!` marks required values;
others may be missing or null.
"""


class BadRecord(ValueError):
    """The state says something impossible about an endpoint, a version or an alias."""


def require_form(resources: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]]) -> None:
    """Check the resources. Errors: BadRecord with every finding and its place, without values, which may be secret."""
    found = [
        f"{name_of(str(one.get('urn')))}: {finding}"
        for one in resources
        for finding in _misfits(one, _FORMS.get(str(one.get("type")), {}), "")
    ]
    if found:
        raise BadRecord("\n".join(f"  - {line}" for line in found))


def _misfits(value: Any, form: Any, place: str) -> Iterator[str]:
    if isinstance(value, Mapping) and SIGNATURE in value:
        return
    if value is None and isinstance(form, dict) and any(key.endswith("!") for key in form):
        value = {}
    if value is None:
        return
    if isinstance(form, dict):
        if not isinstance(value, Mapping):
            yield f"{place} must be an object"
            return
        for key, inner in form.items():
            name = key.removesuffix("!")
            if key != name and value.get(name) is None:
                yield f"{_below(place, name)} is missing"
            yield from _misfits(value.get(name), inner, _below(place, name))
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield f"{place} must be a list"
            return
        for index, item in enumerate(value):
            if item is None:
                yield f"{place}[{index}] is null"
            yield from _misfits(item, form[0], f"{place}[{index}]")
    elif not isinstance(value, form):
        yield f"{place} must be a string"


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
