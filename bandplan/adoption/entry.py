"""The entry of models.yaml that describes a live endpoint. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.adoption.capacity import EntryCapacity, NotSayable, throughput, workload
from bandplan.adoption.eligibility import is_legacy, refusal
from bandplan.serving.endpoint.api_fields import ENDPOINT, ENTITY, GATEWAY, only_known, unknown, unknown_paths
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint, ServedEntity
from bandplan.serving.spec.access import is_admins
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.workspace.endpoint_access import Grant
from bandplan.serving.workspace.surveyed import Surveyed
from bandplan.wire.capacity import COUNTED

Answers = Mapping[ModelVersion, OptimizationInfo | Unavailable]


@dataclass(frozen=True)
class Proposal:
    """An entry to write, keys in order; `notes` say what could not be read or was guessed."""

    name: str
    raw: Mapping[str, Any]
    notes: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Skipped:
    """An endpoint that is left alone, and the reason."""

    name: str
    reason: str


def model_versions(surveyed: Iterable[Surveyed]) -> tuple[ModelVersion, ...]:
    """Return the versions whose optimization info `proposed` needs."""
    found: dict[ModelVersion, None] = {}
    for one in surveyed:
        live = one.live
        if live is not None and live.config is not None and not refusal(live, one.body):
            found.update(dict.fromkeys(_version(e) for e in live.config.entities if not is_legacy(e)))
    return tuple(found)


def proposed(surveyed: Surveyed, answers: Answers, caller: str) -> Proposal | Skipped:
    """Propose an entry for the endpoint. `caller` is the requesting user, whose own permission is not declared."""
    live = surveyed.live
    if surveyed.refusal:
        return Skipped(surveyed.name, surveyed.refusal)
    if live is None:
        return Skipped(surveyed.name, "there is no such endpoint")
    reason = refusal(live, surveyed.body)
    if reason:
        return Skipped(surveyed.name, reason)
    try:
        capacities = _capacities(live, answers)
    except NotSayable as error:
        return Skipped(surveyed.name, str(error))
    if len({(one.key, any(unit.key in one.value for unit in COUNTED)) for one in capacities}) > 1:
        return Skipped(
            surveyed.name,
            "its served entities have different kinds of capacity; models.yaml accepts one kind per entry",
        )
    raw = {"name": live.name, "task": live.task, **_served(live, capacities), **_settings(live, surveyed, caller)}
    notes = [note for one in capacities for note in one.notes]
    if surveyed.grants is None:
        notes.append("its permissions could not be read, so none are managed")
    notes += _left_as_they_are(live, surveyed.body)
    return Proposal(live.name, raw, tuple(notes))


def _left_as_they_are(live: LiveEndpoint, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the entry does not declare, and later deployments leave unchanged or write once."""
    config = live.config
    if config is None:
        return
    if body.get("telemetry_config"):
        yield "its telemetry_config is left unchanged: models.yaml cannot declare it"
    for entity in config.entities:
        if not is_legacy(entity) and entity.settings.get("scale_to_zero_enabled"):
            said = "scale_to_zero_enabled is left unchanged: models.yaml cannot declare it, and the floor decides"
            yield f"{entity.name}: {said}"
        if entity.name not in config.traffic_percent and config.traffic_percent:
            yield f"{entity.name} has no route; the first `up --refresh` writes one with 0 percent"
    routes = (body["config"].get("traffic_config") or {}).get("routes") or ()
    if not any(map(is_legacy, config.entities)) and any(not route.get("served_entity_name") for route in routes):
        yield "its routes name served models; the first `up --refresh` writes the same routes by served entity"
    if any(not limit.get("key") for limit in live.ai_gateway.get("rate_limits") or ()):
        yield "a rate limit of its AI gateway has no key; the first `up --refresh` writes the default key, endpoint"
    others = [
        *unknown_paths(body, ENDPOINT),
        *(f"config/{name}" for name in config.unknown_fields),
        *(f"{entity.name}/{name}" for entity in config.entities for name in unknown(entity.settings, ENTITY)),
        *(f"{target}/{name}" for target, fields in config.unknown_of_routes.items() for name in fields),
    ]
    if others:
        yield f"{', '.join(others)}: fields that bandplan does not know; they are left unchanged"


def _capacities(live: LiveEndpoint, answers: Answers) -> list[EntryCapacity]:
    entities = live.config.entities if live.config is not None else ()
    return [workload(one) if is_legacy(one) else throughput(one, answers.get(_version(one))) for one in entities]


def _served(live: LiveEndpoint, capacities: list[EntryCapacity]) -> dict[str, Any]:
    """Declare the model in the entry itself if there is one with the default name, else under `entities`."""
    config = live.config
    if config is None:
        return {}
    alone = len(config.entities) == 1
    rows = []
    # In the order of the routes, which the published provider compares by position; it pairs entities by name.
    places = {name: index for index, name in enumerate(config.traffic_percent)}
    pairs = sorted(
        zip(config.entities, capacities, strict=True), key=lambda pair: places.get(pair[0].name, len(places))
    )
    for entity, capacity in pairs:
        version = _version(entity)
        row = {"model": version.model, "version": version.version, capacity.key: dict(capacity.value)}
        usual = f"{version.model.rsplit('.', 1)[-1]}-{version.version}"
        if alone and entity.name == usual:
            return {**row, **_allowed(capacities)}
        share = config.traffic_percent.get(entity.name, 0)
        rows.append({"name": entity.name, **row, **({} if alone else {"traffic_percent": share})})
    return {"entities": rows, **_allowed(capacities)}


def _allowed(capacities: list[EntryCapacity]) -> dict[str, Any]:
    return {"allow_legacy": True} if any(one.key == "workload" for one in capacities) else {}


def _settings(live: LiveEndpoint, surveyed: Surveyed, caller: str) -> dict[str, Any]:
    notifications = {kind: list(mails) for kind, mails in live.email_notifications.items() if mails}
    found: dict[str, Any] = {
        "description": live.description,
        "tags": dict(live.tags),
        "ai_gateway": _gateway(live.ai_gateway),
        "rate_limits": [_rate_limit(limit) for limit in live.rate_limits or ()],
        "permissions": [_permission(grant) for grant in surveyed.grants or () if _is_managed(grant, caller)],
        "notifications": notifications,
        "budget_policy_id": surveyed.body.get("budget_policy_id"),
        "route_optimized": bool(surveyed.body.get("route_optimized")),
    }
    return {name: value for name, value in found.items() if value}


def _gateway(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gateway without what models.yaml cannot declare; a switch that the platform omits is off."""
    found: dict[str, Any] = only_known(live, GATEWAY)
    for name in ("usage_tracking_config", "inference_table_config", "fallback_config"):
        if isinstance(found.get(name), Mapping):
            found[name] = {"enabled": False, **found[name]}
    return found


def _rate_limit(limit: Mapping[str, Any]) -> dict[str, Any]:
    return {name: limit[name] for name in ("calls", "key", "renewal_period") if limit.get(name) is not None}


def _permission(grant: Grant) -> dict[str, Any]:
    return {grant.kind: grant.principal, "permission_level": grant.level}


def _is_managed(grant: Grant, caller: str) -> bool:
    """Return whether a permission belongs to neither the caller nor `admins`, both of which the published provider
    ignores.
    """
    if grant.kind == "group_name":
        return not is_admins(grant.principal)
    return grant.principal.lower() != caller.lower()


def _version(entity: ServedEntity) -> ModelVersion:
    settings = entity.settings
    name = settings.get("entity_name") or settings.get("model_name")
    return ModelVersion(str(name), str(settings.get("entity_version") or settings.get("model_version")))
