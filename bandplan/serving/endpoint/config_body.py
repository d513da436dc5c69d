"""The body of a config update: the declared config, and what a PUT must repeat because it replaces the whole. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from bandplan.serving.endpoint.api_fields import ENTITY, unknown
from bandplan.serving.endpoint.declared import Declared, route_target
from bandplan.serving.endpoint.live_endpoint import Config, ServedEntity
from bandplan.wire.names import to_api

_KEYS = {"servedEntities": "served_entities", "servedModels": "served_models"}


def config_body(declared: Declared, running: Config | None) -> dict[str, Any]:
    """Return the whole config in the form that the platform accepts.

    It repeats the inference log of the `running` config and the fields that this program does not know; an entity gets
    those of the running entity of the same name, otherwise of one with the same model. Zeros and false are stated
    explicitly: the platform treats an absent value as zero, but a reader need not know that.
    """
    config = running or Config(None)
    body: dict[str, Any] = {
        _KEYS[declared.entity_key]: [
            {**to_api(entity), **(unknown(before.settings, ENTITY) if before is not None else {})}
            for entity, before in zip(declared.entities, _predecessors(declared.entities, config), strict=True)
        ]
    }
    if declared.routes is not None:
        routes = [{**to_api(one), **config.unknown_of_routes.get(route_target(one), {})} for one in declared.routes]
        body["traffic_config"] = {"routes": routes}
    settings = {key: value for key, value in config.auto_capture_config.items() if key != "state"}
    if settings:
        body["auto_capture_config"] = settings
    return {**body, **config.unknown_fields}


def _predecessors(entities: Sequence[Mapping[str, Any]], config: Config) -> list[ServedEntity | None]:
    """Return for each declared entity the running one that it replaces: the one of its name, otherwise one of its
    model.
    """
    by_name = {entity.name: entity for entity in config.entities}
    named = [by_name.get(str(entity.get("name"))) for entity in entities]
    left_over = [entity for entity in config.entities if not any(entity is taken for taken in named)]
    found = []
    for entity, before in zip(entities, named, strict=True):
        if before is None:
            model = entity.get("entityName") or entity.get("modelName")
            before = next((one for one in left_over if _model(one) == model), None)
            left_over = [one for one in left_over if one is not before]
        found.append(before)
    return found


def _model(entity: ServedEntity) -> Any:
    return entity.settings.get("entity_name") or entity.settings.get("model_name")
