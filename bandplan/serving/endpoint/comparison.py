"""Compare the declared endpoint with the live one: which properties the platform does not run as declared. Pure.

What counts as equal, and why:
- zero, false, empty and absent are equal: the published provider drops zero values from its requests;
- email addresses that differ only in letter case are equal, as the platform keeps some in lower case;
- a value that the platform filled in for an undeclared property (entity name, workload type, routes of a single entity)
  is not a difference, except the capacity of an entity: an undeclared minimum, for example, means zero.
  `scale_to_zero_enabled` is filled in for an entity with throughput: its floor decides, and the switch is for CPU
  (S26);
- a part that was not declared at all (tags, AI gateway, ...) is not managed here, so it never differs;
- a value that the platform does not return cannot differ: `unverifiable` names it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bandplan.serving.endpoint.api_fields import ENTITY, GATEWAY, only_known, unknown, unknown_paths
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.difference import Difference
from bandplan.serving.endpoint.equality import is_hidden, is_same, is_write_only, is_zero
from bandplan.serving.endpoint.live_endpoint import Config, LiveEndpoint, ServedEntity
from bandplan.wire.capacity import SERVED_FIELDS
from bandplan.wire.names import to_api, to_api_name, to_properties, to_property_name
from bandplan.wire.property_path import PathStep, property_path

_CAPACITY = SERVED_FIELDS
"""Compared even if not declared: absent means zero, because a PUT replaces the whole config."""

_NOTIFICATIONS = (("on_update_failure", "onUpdateFailures"), ("on_update_success", "onUpdateSuccesses"))

_BY_HAND = ("environment_vars", "instance_profile_arn")
"""Settings of an entity that the platform never fills in and models.yaml cannot express."""


def effective_config(live: LiveEndpoint) -> Config | None:
    """Return the config to compare with the declared one: the pending one during an update, else the running one."""
    return live.pending_config if live.is_updating and live.pending_config is not None else live.config


def differences(declared: Declared, live: LiveEndpoint) -> tuple[Difference, ...]:
    """List every difference that a request can fix, in the order of the parts. `description` is not among them."""
    return (
        *config_differences(declared, effective_config(live)),
        *_settings_differences(declared, live),
    )


def config_differences(declared: Declared, config: Config | None) -> tuple[Difference, ...]:
    """List the differences in entities and traffic; without a config, all entities are missing."""
    return (
        *_entity_differences(declared, config),
        *_traffic_differences(declared, config),
    )


def description_difference(declared: Declared, live: LiveEndpoint) -> Difference | None:
    """Return the difference in the description, which the platform cannot change after creation."""
    if declared.description is None or declared.description == live.description:
        return None
    return Difference(("declared", "description"), declared.description, live.description)


def task_difference(declared: Declared, live: LiveEndpoint) -> Difference | None:
    """Return the difference in the task, which the models determine and no request changes; None if the platform
    reports no task.

    While other models than the declared ones run, their task says nothing about the declared ones.
    """
    if declared.task is None or not live.task or declared.task == live.task:
        return None
    if live.config is None or _models(declared) != {_model(entity.settings) for entity in live.config.entities}:
        return None
    return Difference(("declared", "task"), declared.task, live.task)


def unverifiable(declared: Declared, live: LiveEndpoint) -> tuple[str, ...]:
    """List the property paths of declared values that the platform does not return, so that they cannot be compared."""
    pairs = _pairs(declared.entities, _view(declared, effective_config(live)))
    found = [
        property_path(("declared", declared.entity_key, index, name))
        for index, (entity, paired) in enumerate(zip(declared.entities, pairs, strict=True))
        for name, value in entity.items()
        if is_write_only(name) and value not in (None, "")
        if paired is None or to_api_name(name) not in paired.settings
    ]
    found += [f"declared.{name}" for name, value in declared.kept.items() if value]
    if declared.rate_limits and live.rate_limits is None:
        found.append("declared.rateLimits")
    return tuple(found)


def is_burst_unstated(
    declared: Declared, previous: Declared | None, live: LiveEndpoint, recorded_version: int | None
) -> bool:
    """Whether an explicit false, which the published provider drops, has to be sent because nothing shows that it was.

    A config without it enables bursting, the platform's default. So false is sent if the platform does not return the
    value and the config is not the one that the guard saw last (`recorded_version`), and if a declaration of it is
    withdrawn.
    """
    off = [entity for entity in declared.entities if entity.get(_BURST) is False]
    if not off:
        was_off = previous is not None and any(entity.get(_BURST) is False for entity in previous.entities)
        return was_off and not any(entity.get(_BURST) for entity in declared.entities)
    pairs = _pairs(off, _view(declared, effective_config(live)))
    if all(paired is not None and to_api_name(_BURST) in paired.settings for paired in pairs):
        return False
    if previous is None or (previous.entities, previous.routes) != (declared.entities, declared.routes):
        return True
    return live.config is None or recorded_version != live.config.version


_BURST = "burstScalingEnabled"


def _entity_differences(declared: Declared, config: Config | None) -> Iterator[Difference]:
    live_entities = _view(declared, config)
    key = declared.entity_key
    pairs = _pairs(declared.entities, live_entities)
    for index, (entity, live) in enumerate(zip(declared.entities, pairs, strict=True)):
        path: tuple[PathStep, ...] = ("declared", key, index)
        if live is None:
            yield Difference(
                path,
                entity.get("name") or entity.get("entityName") or entity.get("modelName"),
                None,
            )
            continue
        for name, value in entity.items():
            if not is_hidden(name, live.settings):
                yield from _value_differences((*path, name), value, live.settings.get(to_api_name(name)))
        undeclared = {to_api_name(name) for name, value in entity.items() if value is not None}
        is_on_compute = key == "servedEntities" and undeclared.isdisjoint(_CAPACITY)
        always = (*_CAPACITY, "scale_to_zero_enabled") if is_on_compute else _CAPACITY
        for api_name in always:
            if api_name not in undeclared and not is_zero(live.settings.get(api_name)):
                yield Difference((*path, to_property_name(api_name)), None, live.settings[api_name])
    extra = [live for live in live_entities if not any(live is paired for paired in pairs)]
    if extra:
        yield Difference(
            ("declared", key),
            f"{len(declared.entities)} entities",
            "also " + ", ".join(live.name for live in extra),
        )


def undeclared_parts(declared: Declared, live: LiveEndpoint) -> dict[str, Any]:
    """Return parts that the program does not declare and somebody has set, with Pulumi's names.

    A refresh adopts them, so that the next update clears them like any part that is no longer declared.
    """
    found: dict[str, Any] = {}
    if declared.email_notifications is None and any(live.email_notifications.values()):
        mails = live.email_notifications
        lists = {name: list(mails.get(api_name, ())) for api_name, name in _NOTIFICATIONS}
        found["emailNotifications"] = {name: addresses for name, addresses in lists.items() if addresses}
    gateway = only_known(live.ai_gateway, GATEWAY)
    if declared.ai_gateway is None and not is_zero(gateway):
        found["aiGateway"] = to_properties(gateway)
    return found


def fields_at_risk(declared: Declared, live: LiveEndpoint, *, config: bool, ai_gateway: bool) -> tuple[str, ...]:
    """List live, undeclared fields that are lost if the published provider replaces the config or the AI gateway.

    The provider sends only the fields that it knows, so others are lost; of those that it knows it sends what its state
    has, and a value set by hand is in the state only after a refresh.
    """
    found: list[str] = []
    running = live.config if config else None
    for entity in running.entities if running is not None else ():
        others = [*unknown(entity.settings, ENTITY), *(name for name in _BY_HAND if entity.settings.get(name))]
        found += [f"entities/{entity.name}/{name}" for name in others]
    if running is not None:
        found += [f"config/{name}" for name in running.unknown_fields]
        found += [f"traffic/{target}/{name}" for target, others in running.unknown_of_routes.items() for name in others]
        if running.auto_capture_config.get("enabled", True) and running.auto_capture_config:
            found.append("auto_capture_config")
    if ai_gateway and declared.ai_gateway is not None:
        found += unknown_paths(live.ai_gateway, GATEWAY, "ai_gateway/")
    return tuple(found)


def _models(declared: Declared) -> set[tuple[str, str]]:
    return {_model({to_api_name(name): value for name, value in entity.items()}) for entity in declared.entities}


def _model(settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name and version of an entity's model, in either of its two forms, with the platform's names."""
    name = settings.get("entity_name") or settings.get("model_name") or ""
    return str(name), str(settings.get("entity_version") or settings.get("model_version") or "")


def _view(declared: Declared, config: Config | None) -> tuple[ServedEntity, ...]:
    """Return the live entities under the names that the declaration uses."""
    if config is None:
        return ()
    if declared.entity_key == "servedEntities":
        return config.served_entities
    if config.served_models:
        return config.served_models
    renamed = {"entity_name": "model_name", "entity_version": "model_version"}
    return tuple(
        ServedEntity(
            entity.name,
            {renamed.get(key, key): value for key, value in entity.settings.items()},
            entity.deployment,
            entity.message,
        )
        for entity in config.served_entities
    )


def _pairs(declared: Sequence[Mapping[str, Any]], live: Sequence[ServedEntity]) -> list[ServedEntity | None]:
    """Pair each declared entity with its live one: by name if one was declared, otherwise the first one left."""
    by_name = {entity.name: entity for entity in live}
    named = [by_name.get(str(entity["name"])) if entity.get("name") else None for entity in declared]
    left_over = [entity for entity in live if not any(entity is taken for taken in named)]
    return [
        paired if entity.get("name") else (left_over.pop(0) if left_over else None)
        for entity, paired in zip(declared, named, strict=True)
    ]


def _traffic_differences(declared: Declared, config: Config | None) -> Iterator[Difference]:
    if declared.traffic_percent is None or config is None:
        return
    path: tuple[PathStep, ...] = ("declared", "trafficConfig", "routes")
    for index, (name, percent) in enumerate(declared.traffic_percent.items()):
        live = config.traffic_percent.get(name, 0)
        if live != percent:
            yield Difference((*path, index, "trafficPercentage"), percent, live)
    extra = {n: p for n, p in config.traffic_percent.items() if p and n not in declared.traffic_percent}
    if extra:
        yield Difference(
            path,
            None,
            ", ".join(f"{name} {percent}%" for name, percent in extra.items()),
        )


def _settings_differences(declared: Declared, live: LiveEndpoint) -> Iterator[Difference]:
    if declared.email_notifications is not None:
        for api_name, name in _NOTIFICATIONS:
            wanted = declared.email_notifications.get(api_name, ())
            present = live.email_notifications.get(api_name, ())
            if sorted(map(str.lower, wanted)) != sorted(map(str.lower, present)):
                yield Difference(
                    ("declared", "emailNotifications", name),
                    list(wanted),
                    list(present),
                )
    if declared.tags is not None:
        for index, (key, value) in enumerate(declared.tags.items()):
            if live.tags.get(key) != value:
                yield Difference(("declared", "tags", index, "value"), value, live.tags.get(key))
    if declared.rate_limits is not None and live.rate_limits is not None:
        wanted_limits, present_limits = (
            list(declared.rate_limits),
            list(live.rate_limits),
        )
        if not is_same(wanted_limits, present_limits):
            yield Difference(("declared", "rateLimits"), wanted_limits, present_limits)
    if declared.ai_gateway is not None:
        yield from _value_differences(("declared", "aiGateway"), declared.ai_gateway, _with_defaults(live.ai_gateway))


def _with_defaults(gateway: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what a rate limit means if left out: the whole endpoint, a minute (API reference, read 2026-08)."""
    limits = gateway.get("rate_limits")
    if not isinstance(limits, list):
        return gateway
    return {**gateway, "rate_limits": [{"key": "endpoint", "renewal_period": "minute", **limit} for limit in limits]}


def _value_differences(path: tuple[PathStep, ...], declared: Any, live: Any) -> Iterator[Difference]:
    """Yield the differences at the deepest properties that differ; a list differs as a whole."""
    if isinstance(declared, Mapping) and isinstance(live, Mapping) and path[-1] != "environmentVars":
        for name, value in declared.items():
            if not is_write_only(name):
                yield from _value_differences((*path, name), value, live.get(to_api_name(name)))
    elif not is_same(to_api(declared), live):
        yield Difference(path, declared, live)
