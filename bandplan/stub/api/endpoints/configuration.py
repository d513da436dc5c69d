"""Served entities and traffic on the wire: from request bodies and to answers.

A read shows what was sent: an absent field stays absent, routes keep their order and names. The workspace fills in only
the name of an entity, the workload type, and the route of a single entity; the published Terraform and Pulumi providers
take any other default for drift.
"""

from collections.abc import Callable
from typing import Any

from bandplan.stub.api.requests import boolean, integer, json_object, objects, required_text, text
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.configuration import THROUGHPUT_FIELDS, Configuration, Route, ServedEntity

INTEGERS = (
    "min_provisioned_throughput",
    "max_provisioned_throughput",
    "min_provisioned_concurrency",
    "max_provisioned_concurrency",
    "provisioned_model_units",
)
BOOLEANS = ("scale_to_zero_enabled", "burst_scaling_enabled")
TEXTS = ("workload_size", "workload_type", "instance_profile_arn")
OBJECTS = ("environment_vars", "external_model")
BESIDE_NO_EXTERNAL_MODEL = (
    *("entity_name", "entity_version", "model_name", "model_version"),
    *("workload_size", "workload_type", "scale_to_zero_enabled"),
)
"""Fields that describe a registered model and its compute; false is allowed, as the Go provider always sends it (API
reference of served entities).
"""

PROVISIONED_ONLY = frozenset({"provisioned_model_units", "burst_scaling_enabled"})
"""Settings that the /pt form of the API accepts; the others belong to the classic form."""


def read_classic(config: Json) -> Configuration:
    """Read the configuration of the classic API: served_entities, or the deprecated served_models."""
    entities, models = objects(config, "served_entities", "config/"), objects(config, "served_models", "config/")
    if entities and models:
        raise Invalid("config: set either served_entities or served_models, not both.")
    served = [_entity(row, "entity", f"config/served_entities/{n}/") for n, row in enumerate(entities)]
    served += [_entity(row, "model", f"config/served_models/{n}/") for n, row in enumerate(models)]
    return Configuration(0, tuple(served), _routes(config), json_object(config, "auto_capture_config", "config/"))


def read_provisioned(config: Json) -> Configuration:
    """Read the configuration of the /pt API: model units for every entity."""
    served = []
    for index, row in enumerate(objects(config, "served_entities", "config/")):
        place = f"config/served_entities/{index}/"
        entity = _entity(row, "entity", place)
        if "provisioned_model_units" not in entity.settings:
            raise Invalid(f"{place}provisioned_model_units: is required.")
        foreign = sorted(set(entity.settings) - PROVISIONED_ONLY)
        if foreign:
            raise Invalid(f"{place}{foreign[0]}: is not a field of provisioned throughput endpoints in model units.")
        served.append(entity)
    return Configuration(0, tuple(served), _routes(config))


def _entity(row: Json, kind: str, place: str) -> ServedEntity:
    settings: Json = {}
    for key in INTEGERS:
        _keep(settings, key, integer(row, key, place))
    for key in BOOLEANS:
        _keep(settings, key, boolean(row, key, place))
    for key in TEXTS:
        _keep(settings, key, text(row, key, place))
    for key in OBJECTS:
        _keep(settings, key, json_object(row, key, place))
    external = settings.get("external_model")
    if external is not None:
        return _external(row, external, settings, place)
    if not any(key in settings for key in THROUGHPUT_FIELDS):
        settings.setdefault("workload_type", "CPU")
    model = required_text(row, f"{kind}_name", place).lower()
    version = str(integer(row, f"{kind}_version", place) or "")
    if not version:
        raise Invalid(f"{place}{kind}_version: is required.")
    name = text(row, "name", place) or f"{model.rpartition('.')[2]}-{version}"
    return ServedEntity(name, model, version, settings)


def _external(row: Json, external: Json, settings: Json, place: str) -> ServedEntity:
    for key in ("name", "provider", "task"):
        required_text(external, key, f"{place}external_model/")
    if beside := [key for key in BESIDE_NO_EXTERNAL_MODEL if row.get(key)]:
        raise Invalid(f"{place}external_model: cannot be set together with {', '.join(beside)}.")
    name = text(row, "name", place) or external["name"].replace(".", "-").replace(":", "-")
    return ServedEntity(name, "", "", {**settings, "external_model": _without_plaintext(external)})


def _without_plaintext(value: Any) -> Any:
    # A secret sent in plain text is neither stored nor shown again.
    if isinstance(value, dict):
        return {key: _without_plaintext(v) for key, v in value.items() if not key.endswith("_plaintext")}
    return value


def _routes(config: Json) -> tuple[Route, ...]:
    traffic = json_object(config, "traffic_config", "config/") or {}
    routes = []
    for index, row in enumerate(objects(traffic, "routes", "config/traffic_config/")):
        place = f"config/traffic_config/routes/{index}/"
        entity, model = text(row, "served_entity_name", place), text(row, "served_model_name", place)
        if not entity and not model:
            raise Invalid(f"{place}served_entity_name: is required.")
        routes.append(Route(entity, model, integer(row, "traffic_percentage", place) or 0))
    return tuple(routes)


def _keep(settings: Json, key: str, value: object) -> None:
    if value is not None:
        settings[key] = value


def show(
    config: Configuration, deployment: Json, failed: dict[str, Json], settings_of: Callable[[ServedEntity], Json]
) -> Json:
    """Show a configuration in full, in both views; `failed` holds the entity states that differ from `deployment`."""
    entities, models = [], []
    for entity in config.entities:
        about = {
            "name": entity.name,
            **settings_of(entity),
            "creator": entity.creator,
            "creation_timestamp": entity.created_ms,
            "state": failed.get(entity.name, deployment),
        }
        if entity.external_model is not None:
            entities.append(about)
            continue
        entities.append({**about, "entity_name": entity.model, "entity_version": entity.version})
        models.append({**about, "model_name": entity.model, "model_version": entity.version})
    shown: Json = {
        "config_version": config.version,
        "served_entities": entities,
        "served_models": models,
        "traffic_config": {"routes": [show_route(route) for route in config.routes]},
    }
    if config.auto_capture is not None:
        shown["auto_capture_config"] = _show_auto_capture(config.auto_capture)
    return shown


def _show_auto_capture(table: Json) -> Json:
    """Show the inference table as sent, enabled unless it says otherwise, with the state of its payload table."""
    table = {"enabled": True, **table}
    if table.get("enabled") is False or not table.get("table_name_prefix"):
        return table
    payload = {"name": f"{table['table_name_prefix']}_payload", "status": "READY", "status_message": ""}
    return {**table, "state": {"payload_table": payload}}


def show_route(route: Route) -> Json:
    names = {"served_entity_name": route.served_entity_name, "served_model_name": route.served_model_name}
    return {**{k: v for k, v in names.items() if v}, "traffic_percentage": route.traffic_percentage}


def summarise(config: Configuration) -> Json:
    """Show the reduced configuration, as in the list of endpoints."""
    entities: list[Json] = []
    models: list[Json] = []
    for entity in config.entities:
        if entity.external_model is not None:
            entities.append({"name": entity.name, "external_model": entity.external_model})
            continue
        entities.append({"name": entity.name, "entity_name": entity.model, "entity_version": entity.version})
        models.append({"name": entity.name, "model_name": entity.model, "model_version": entity.version})
    return {"served_entities": entities, "served_models": models}
