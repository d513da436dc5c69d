"""What the state of a stack says about its endpoints, model versions and aliases. Pure.

Source of the shape: sdk/go/common/apitype/core.go, `ResourceV3`, in github.com/pulumi/pulumi (read 2026-11).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.drift.record_form import require_form
from bandplan.wire.capacity import SERVED_AT_MOST
from bandplan.wire.guard import CONFIG_PARTS, ONLY_THE_GUARD_KNOWS, SETTING_NAMES
from bandplan.wire.sentinels import is_special
from bandplan.wire.types import (
    ENDPOINT_READY,
    MODEL_ALIAS,
    MODEL_SERVING,
    MODEL_SERVING_PT,
    MODEL_VERSION,
    PERMISSIONS,
)
from bandplan.wire.urn import name_of

_ENDPOINTS = {MODEL_SERVING: "classic", MODEL_SERVING_PT: "pt"}
_SETTINGS = tuple(name for name in SETTING_NAMES if name not in ONLY_THE_GUARD_KNOWS)
_SENT_BY_THE_GUARD = frozenset(_SETTINGS) - {"description"}
"""Settings that the guard sends. Without the description: nothing sends one that is no longer declared, so the deployed
one stays.
"""
_OF_AN_ENTITY = re.compile(r"config\.servedEntities\[([0-9]{1,4})\]\.([A-Za-z]{1,60})\Z")


@dataclass(frozen=True)
class RecordedEndpoint:
    """An endpoint as it was deployed. `declared` has the parts and names of the input `declared` of an EndpointReady.

    `access` holds `{groupName: ..., permissionLevel: ...}`, None if the stack does not manage its permissions. `hidden`
    are the parts encrypted in the state, which are not compared. `is_short_of_capacity`: the last attempt at the wanted
    capacity failed, and less was accepted.
    """

    name: str
    id: str
    api: str
    declared: Mapping[str, Any]
    access: tuple[Mapping[str, Any], ...] | None = None
    hidden: tuple[str, ...] = ()
    is_short_of_capacity: bool = False


@dataclass(frozen=True)
class RecordedVersion:
    """A version that the stack has registered: `state` has the outputs of its resource."""

    key: str
    model: str
    version: str
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedAlias:
    """An alias that the stack has set."""

    model: str
    alias: str
    version: str


@dataclass(frozen=True)
class RecordedStack:
    """The whole stack; empty when it was never deployed."""

    endpoints: tuple[RecordedEndpoint, ...] = ()
    versions: tuple[RecordedVersion, ...] = ()
    aliases: tuple[RecordedAlias, ...] = ()


def recorded(deployment: Mapping[str, Any]) -> RecordedStack:
    """Read the `deployment` of `pulumi stack export`, or the `latest` of a checkpoint. Errors: BadRecord."""
    resources = [one for one in deployment.get("resources") or () if one.get("custom") and not one.get("delete")]
    require_form(resources)
    guards = {one["inputs"].get("endpoint"): one for one in _of(resources, ENDPOINT_READY)}
    access = {
        str(one["inputs"].get("servingEndpointId")): _unmarked(one["inputs"].get("accessControls") or ())
        for one in _of(resources, PERMISSIONS)
    }
    return RecordedStack(
        tuple(
            _endpoint(one, api, guards, access)
            for one in resources
            if (api := _ENDPOINTS.get(one.get("type", ""))) is not None
        ),
        tuple(
            RecordedVersion(name_of(str(one["urn"])), str(state.get("name")), str(state.get("version")), state)
            for one in _of(resources, MODEL_VERSION)
            if (state := one.get("outputs") or {}).get("version")
        ),
        tuple(
            RecordedAlias(str(one["inputs"]["name"]), str(one["inputs"]["alias"]), str(one["inputs"].get("version")))
            for one in _of(resources, MODEL_ALIAS)
        ),
    )


def _of(resources: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [{**one, "inputs": one.get("inputs") or {}} for one in resources if one.get("type") == kind]


def _endpoint(
    resource: Mapping[str, Any],
    api: str,
    guards: Mapping[Any, Mapping[str, Any]],
    access: Mapping[str, Any],
) -> RecordedEndpoint:
    inputs, outputs = _unmarked(resource.get("inputs") or {}), resource.get("outputs") or {}
    name = str(resource.get("id") or inputs.get("name"))
    guarding = guards.get(name) or {"inputs": {}}
    guard = guarding["inputs"].get("declared") or {}
    short = (guarding.get("outputs") or {}).get("shortfall") or ()
    # If less than the wanted capacity is accepted, only the guard sends the config after creation.
    is_the_guards = bool(guarding["inputs"].get("accepted"))
    config = _with_what_ran(guard, short) if is_the_guards else inputs.get("config") or {}
    if guard and not is_the_guards:
        config = _with_what_the_guard_sent(config, guard, resource.get("ignoreChanges") or ())
    declared = {part: config[part] for part in CONFIG_PARTS if config.get(part)}
    # Inputs that the endpoint's own resource ignores are outdated; the guard has what was deployed.
    ignored = frozenset(resource.get("ignoreChanges") or ()) & _SENT_BY_THE_GUARD if guard else frozenset()
    declared |= {part: inputs[part] for part in _SETTINGS if inputs.get(part) and part not in ignored}
    declared |= {part: guard[part] for part in (*ONLY_THE_GUARD_KNOWS, *sorted(ignored)) if guard.get(part)}
    if not guard and inputs.get("emailNotifications"):
        declared["emailNotifications"] = inputs["emailNotifications"]
    hidden = tuple(part for part, value in declared.items() if is_special(value))
    identity = str(outputs.get("servingEndpointId") or "")
    controls = access.get(identity)
    return RecordedEndpoint(
        name,
        identity,
        api,
        {part: value for part, value in declared.items() if part not in hidden},
        None if controls is None or is_special(controls) else tuple(controls),
        hidden,
        bool(is_the_guards and short),
    )


def _with_what_the_guard_sent(
    config: Mapping[str, Any], guard: Mapping[str, Any], ignored: Iterable[Any]
) -> dict[str, Any]:
    """Return the config, with the guard's values for what the endpoint's own resource ignores of a served entity."""
    entities = [dict(entity) for entity in config.get("servedEntities") or ()]
    declared = {entity.get("name"): entity for entity in guard.get("servedEntities") or ()}
    for path in ignored:
        match = _OF_AN_ENTITY.match(path) if isinstance(path, str) else None
        if match is None or int(match[1]) >= len(entities):
            continue
        entity, name = entities[int(match[1])], match[2]
        sent = declared.get(entity.get("name"), {}).get(name)
        entity.pop(name, None)
        if sent is not None:
            entity[name] = sent
    return {**config, **({"servedEntities": entities} if entities else {})}


def _with_what_ran(declared: Mapping[str, Any], short: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the declaration with the capacity that finally ran if it was less: `shortfall` of an EndpointReady."""
    runs = {str(one.get("servedName")): one.get("runs") for one in short}
    entities = [
        {
            name: runs[served["name"]] if served.get("name") in runs and name in SERVED_AT_MOST else value
            for name, value in served.items()
        }
        for served in declared.get("servedEntities") or ()
    ]
    return {**declared, "servedEntities": entities}


def _unmarked(value: Any) -> Any:
    """Remove the marks of Pulumi's bridge, such as __defaults, at any depth."""
    if isinstance(value, Mapping):
        return {key: _unmarked(item) for key, item in value.items() if not key.startswith("__")}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value
