"""The fields of one endpoint, deployed against live, with a verdict on each difference. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from bandplan.drift.finding import FieldFinding, Verdict
from bandplan.drift.naming import entity_name, field_of
from bandplan.drift.recorded import RecordedEndpoint
from bandplan.serving.endpoint.api_fields import GATEWAY, only_known, unknown_paths
from bandplan.serving.endpoint.comparison import (
    description_difference,
    differences,
    effective_config,
    task_difference,
    unverifiable,
)
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.difference import Difference
from bandplan.serving.endpoint.equality import is_zero
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint, ServedEntity
from bandplan.wire.capacity import SERVED
from bandplan.wire.names import to_api_name
from bandplan.wire.property_path import PathStep

_AUTOSCALED = frozenset(
    (
        "workload_size",
        "min_provisioned_concurrency",
        "max_provisioned_concurrency",
        "provisioned_concurrency",
        "current_provisioned_throughput",
    )
)
"""What the platform determines, within a band or a number of model units, for the compute behind an entity.

A guess for the last two: no public page says that a GET shows how far an endpoint has scaled.
"""
_IDENTITY = frozenset(("name", "entity_name", "entity_version", "model_name", "model_version"))
_FILLED_IN_GATEWAY = frozenset(("ai_gateway/inference_table_config/table_name_prefix",))
_BY_HAND = frozenset(("environment_vars", "instance_profile_arn"))
"""Settings of an entity that only people set."""

NO_CALL = "the platform cannot change it after creation"
NOT_DEPLOYED = "it was not deployed: `up` alone leaves it, `up --refresh` removes it"
LEFT_ALONE = "it was not deployed, so every `up` leaves it: declare it in models.yaml, or remove it manually"


def field_findings(recorded: RecordedEndpoint, live: LiveEndpoint) -> tuple[FieldFinding, ...]:
    """Return every field that differs from what was deployed or cannot be compared; differences first."""
    declared = Declared.from_inputs(recorded.declared)
    found = [*_real(recorded, declared, live), *_undeclared(recorded, live), *_filled_in(recorded, live)]
    found += [
        FieldFinding(field, Verdict.UNVERIFIABLE, "(set)", None, "the platform never returns it")
        for field in _unverifiable_fields(recorded, declared, live)
    ]
    found += [
        FieldFinding(to_api_name(part), Verdict.UNVERIFIABLE, "(encrypted)", None, "it is encrypted in the state")
        for part in recorded.hidden
    ]
    return tuple(found)


def _real(recorded: RecordedEndpoint, declared: Declared, live: LiveEndpoint) -> Iterator[FieldFinding]:
    task, description = task_difference(declared, live), description_difference(declared, live)
    # An endpoint that runs nothing yet differs in everything; its condition says so in one line.
    has_config = effective_config(live) is not None
    for difference in differences(declared, live):
        if has_config or difference.part not in ("servedEntities", "servedModels", "trafficConfig"):
            yield _finding(recorded, difference)
    if task is not None:
        yield _finding(recorded, task, "the task is determined by the served model")
    if description is not None:
        yield _finding(recorded, description, NO_CALL)


def _finding(recorded: RecordedEndpoint, difference: Difference, note: str = "") -> FieldFinding:
    field = field_of(recorded.declared, difference.path)
    deployed = difference.declared
    if difference.live is None and field.count("/") == 0 and isinstance(deployed, str) and field == "entities":
        return FieldFinding(f"entities/{deployed}", Verdict.REAL, "served", None)
    if _is_whole_entity(difference.path):
        return FieldFinding(f"{field}", Verdict.REAL, "served", None)
    return FieldFinding(field, Verdict.REAL, deployed, difference.live, note)


def _is_whole_entity(path: tuple[PathStep, ...]) -> bool:
    return len(path) == 3 and path[1] in ("servedEntities", "servedModels") and isinstance(path[2], int)


def _undeclared(recorded: RecordedEndpoint, live: LiveEndpoint) -> Iterator[FieldFinding]:
    """Yield parts that somebody set although nothing was deployed for them."""
    declared = recorded.declared
    if "description" not in declared and live.description:
        yield FieldFinding("description", Verdict.REAL, None, live.description, NO_CALL)
    if "emailNotifications" not in declared:
        for kind, addresses in live.email_notifications.items():
            if addresses:
                yield FieldFinding(f"notifications/{kind}", Verdict.REAL, None, list(addresses), NOT_DEPLOYED)
    if "aiGateway" not in recorded.hidden:
        gateway = declared.get("aiGateway") or {}
        yield from _in_gateway(gateway, only_known(live.ai_gateway, GATEWAY), "ai_gateway", NOT_DEPLOYED)
    yield from _without_a_word(live)
    stated = {str(tag["key"]) for tag in declared.get("tags") or ()}
    for key, value in live.tags.items():
        if key not in stated and "tags" not in recorded.hidden:
            yield FieldFinding(
                f"tags/{key}", Verdict.PLATFORM_DEFAULT, None, value or "(no value)", "somebody else's tag"
            )


def _without_a_word(live: LiveEndpoint) -> Iterator[FieldFinding]:
    """Yield what models.yaml cannot declare, except for entities: deployments leave it alone."""
    config = effective_config(live)
    others = {f"config/{name}": value for name, value in config.unknown_fields.items()} if config is not None else {}
    if config is not None and config.auto_capture_config.get("enabled", bool(config.auto_capture_config)):
        others["auto_capture_config"] = config.auto_capture_config
    if live.telemetry_config:
        others["telemetry_config"] = live.telemetry_config
    others |= dict.fromkeys(unknown_paths(live.ai_gateway, GATEWAY, "ai_gateway/"), "(set)")
    for field, value in others.items():
        yield FieldFinding(
            field, Verdict.PLATFORM_DEFAULT, None, "(set)" if isinstance(value, Mapping | list) else value
        )


def _in_gateway(declared: Mapping[str, Any], live: Mapping[str, Any], place: str, note: str) -> Iterator[FieldFinding]:
    stated = {to_api_name(name): value for name, value in declared.items()}
    for name, value in live.items():
        field = f"{place}/{name}"
        if isinstance(value, Mapping) and isinstance(stated.get(name), Mapping | None):
            yield from _in_gateway(stated.get(name) or {}, value, field, note)
        elif name not in stated and not is_zero(value):
            is_default = field in _FILLED_IN_GATEWAY
            verdict = Verdict.PLATFORM_DEFAULT if is_default else Verdict.REAL
            yield FieldFinding(field, verdict, None, value, "" if is_default else note)


def _filled_in(recorded: RecordedEndpoint, live: LiveEndpoint) -> Iterator[FieldFinding]:
    """Yield settings of entities that were not deployed."""
    config = effective_config(live)
    by_name = {} if config is None else {entity.name: entity for entity in config.entities}
    for part in ("servedEntities", "servedModels"):
        for entity in recorded.declared.get(part) or ():
            there = by_name.get(entity_name(entity))
            if there is not None:
                yield from _filled_in_entity(entity, there)


def _filled_in_entity(declared: Mapping[str, Any], live: ServedEntity) -> Iterator[FieldFinding]:
    stated = {to_api_name(name) for name, value in declared.items() if value is not None}
    is_scaled = any(declared.get(name) for name in SERVED)
    compared = {to_api_name(name) for name in SERVED} | (set() if is_scaled else {"scale_to_zero_enabled"})
    for name, value in live.settings.items():
        if name in stated or name in _IDENTITY or name in compared or is_zero(value):
            continue
        if name in _BY_HAND:
            yield FieldFinding(f"entities/{live.name}/{name}", Verdict.REAL, None, "(set)", NOT_DEPLOYED)
            continue
        verdict = Verdict.AUTOSCALER if is_scaled and name in _AUTOSCALED else Verdict.PLATFORM_DEFAULT
        shown = "(set)" if isinstance(value, Mapping | list) else value
        yield FieldFinding(f"entities/{live.name}/{name}", verdict, None, shown)


def _unverifiable_fields(recorded: RecordedEndpoint, declared: Declared, live: LiveEndpoint) -> Iterator[str]:
    for path in unverifiable(declared, live):
        index, name = _entity_path(path)
        if index is None:
            yield to_api_name(path.removeprefix("declared."))
        else:
            entity = declared.entities[index]
            yield f"entities/{entity_name(entity)}/{to_api_name(name)}"


def _entity_path(path: str) -> tuple[int | None, str]:
    """Return (index of the entity, property) of `declared.servedEntities[0].burstScalingEnabled`; index None for
    others.
    """
    head, bracket, rest = path.partition("[")
    if not bracket:
        return None, head
    index, _, name = rest.partition("].")
    return int(index), name
