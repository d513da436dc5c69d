"""Fields that the API gained recently: shown on every answer while a switch is on, until a request omits them.

Such fields come and go within weeks, and a request that replaces a whole object removes what it does not repeat. The
field has the same name and value everywhere; only whether a request repeated it is stored.
"""

from collections.abc import Iterable
from typing import Any

from bandplan.stub.json_object import Json

NAME = "new_since_last_week"
VALUE: Json = {"mode": "auto"}

LEFT_OUT = "without_new_fields"
"""The setting of an endpoint that lists the places whose last request omitted the field."""

CONFIG, GATEWAY = "config", "ai_gateway"


def with_new_fields(shown: Json, left_out: Iterable[str]) -> Json:
    """Add the field to an endpoint shown in full, its configurations, their entities and its AI gateway."""
    places = frozenset(left_out)
    found = {**shown, NAME: VALUE}
    for key in ("config", "pending_config"):
        if key in found:
            found[key] = _with(_with_entities(found[key], places), CONFIG, places)
    if GATEWAY in found:
        found[GATEWAY] = _with(found[GATEWAY], GATEWAY, places)
    return found


def left_out_of_config(config: Json) -> list[str]:
    """Return the places in the body of a config update that omit the field."""
    entities = [*(config.get("served_entities") or ()), *(config.get("served_models") or ())]
    lacking = [_place(entity) for entity in entities if NAME not in entity]
    return [*([] if NAME in config else [CONFIG]), *lacking]


def left_out_of_gateway(gateway: Json) -> list[str]:
    return [] if NAME in gateway else [GATEWAY]


def is_of_gateway(place: str) -> bool:
    return place == GATEWAY


def _with_entities(config: Json, left_out: frozenset[str]) -> Json:
    views = {
        view: [_with(entity, _place(entity), left_out) for entity in config[view]]
        for view in ("served_entities", "served_models")
    }
    return {**config, **views}


def _with(value: Json, place: str, left_out: frozenset[str]) -> Json:
    return value if place in left_out else {**value, NAME: VALUE}


def _place(entity: dict[str, Any]) -> str:
    return f"served_entities/{entity.get('name')}"
