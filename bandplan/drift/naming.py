"""Names of an endpoint's fields, the same for wanted, deployed and live values. Pure.

`entities/current/max_provisioned_throughput`, `traffic/current`, `tags/team`, `notifications/on_update_failure`,
`ai_gateway/usage_tracking_config/enabled`, `permissions/group_name:support-apps`, `description`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bandplan.serving.endpoint.declared import route_target
from bandplan.serving.spec.access import principal_key
from bandplan.wire.names import to_api, to_api_name
from bandplan.wire.property_path import PathStep

_ENTITY_KEYS = ("servedEntities", "servedModels")
_IDENTITY = ("name",)
_PARTS = {"aiGateway": "ai_gateway", "emailNotifications": "notifications", "rateLimits": "rate_limits"}
_API_LISTS = {"onUpdateFailures": "on_update_failure", "onUpdateSuccesses": "on_update_success"}
_PRINCIPALS = {"userName": "user_name", "groupName": "group_name", "servicePrincipalName": "service_principal_name"}


def field_of(declared: Mapping[str, Any], path: Sequence[PathStep]) -> str:
    """Name the field of a difference whose path begins with `declared`, such as
    `declared.servedEntities[0].maxProvisionedThroughput`.
    """
    part, *rest = path[1:]
    match part, rest:
        case ("servedEntities" | "servedModels", []):
            return "entities"
        case ("servedEntities" | "servedModels", [int(index), *inner]):
            return "/".join(["entities", entity_name(declared[str(part)][index]), *map(_word, inner)])
        case ("trafficConfig", ["routes", int(index), *_]):
            return f"traffic/{route_target(declared['trafficConfig']['routes'][index])}"
        case ("trafficConfig", _):
            return "traffic"
        case ("tags", [int(index), *_]):
            return f"tags/{declared['tags'][index]['key']}"
    return "/".join([_PARTS.get(str(part), to_api_name(str(part))), *map(_word, rest)])


def entity_name(entity: Mapping[str, Any]) -> str:
    """Return the served name, or the model's name if there is none."""
    return str(entity.get("name") or entity.get("entityName") or entity.get("modelName") or "")


def principal_field(control: Mapping[str, Any]) -> str:
    """Name the field `permissions/group_name:support-apps` of an access control in Pulumi's names.

    Users are lowercased, as the platform stores mail addresses that way: two spellings are one person.
    """
    kind = next((kind for kind in _PRINCIPALS if control.get(kind)), "userName")
    _, name = principal_key(_PRINCIPALS[kind], str(control.get(kind)))
    return f"permissions/{_PRINCIPALS[kind]}:{name}"


def flattened(declared: Mapping[str, Any], access: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Map every field of a declaration to its value; zero, false and empty values are dropped: they mean unset."""
    return {field: value for field, value in _fields(declared, access) if _says_something(value)}


def _fields(declared: Mapping[str, Any], access: Sequence[Mapping[str, Any]] | None) -> Iterator[tuple[str, Any]]:
    for part, value in declared.items():
        if part in _ENTITY_KEYS:
            for entity in value:
                name = entity_name(entity)
                for key, item in entity.items():
                    if key not in _IDENTITY:
                        yield f"entities/{name}/{to_api_name(key)}", to_api(item)
        elif part == "trafficConfig":
            for route in value.get("routes") or ():
                yield f"traffic/{route_target(route)}", route.get("trafficPercentage")
        elif part == "tags":
            for tag in value:
                yield f"tags/{tag['key']}", tag.get("value") or "(no value)"
        elif isinstance(value, Mapping):
            yield from _leaves(_PARTS.get(part, to_api_name(part)), value)
        else:
            yield _PARTS.get(part, to_api_name(part)), to_api(value)
    for control in access or ():
        yield principal_field(control), control.get("permissionLevel")


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{place}/{_word(key)}", item)
    else:
        yield place, to_api(value)


def _word(step: PathStep) -> str:
    return _API_LISTS.get(str(step), to_api_name(str(step)))


def _says_something(value: Any) -> bool:
    return value not in (None, False, 0, "", [], {})
