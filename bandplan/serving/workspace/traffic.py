"""Move all traffic of an endpoint to one of its served entities, by one config update that deploys nothing new."""

from collections.abc import Mapping
from typing import Any

from bandplan.serving.endpoint.api_fields import ENTITY, unknown
from bandplan.serving.endpoint.live_endpoint import Config
from bandplan.wire.capacity import COUNTED, SERVED_FIELDS, SERVED_FIELDS_AT_MOST
from bandplan.wire.names import to_api_name

_SENT = (
    "name",
    "entity_name",
    "entity_version",
    "workload_size",
    "workload_type",
    "scale_to_zero_enabled",
    *SERVED_FIELDS,
    "min_provisioned_concurrency",
    "max_provisioned_concurrency",
    "burst_scaling_enabled",
    "environment_vars",
    "instance_profile_arn",
)
"""Fields of a served entity that a request may have; the others are the platform's own, such as its state.

docs.databricks.com REST reference, "Serving endpoints", PUT /api/2.0/serving-endpoints/{name}/config (read 2025-11).
"""

_NEVER_WITH_THROUGHPUT = ("workload_size", "workload_type", "scale_to_zero_enabled")
"""Fields that the platform fills in for provisioned throughput, and that a request for it must not have."""


def config_with_all_traffic_to(config: Config, served_name: str, *, burst: bool | None = None) -> dict[str, Any]:
    """Return the body of a config update: the entities as they are, `served_name` with 100 percent, the others with 0.

    `burst` is for model units: the platform does not return it, and a request that omits it enables it.
    """
    order = list(config.traffic_percent) or [entity.name for entity in config.entities]
    body: dict[str, Any] = {
        "served_entities": [_sent(entity.settings, burst) for entity in config.served_entities],
        "traffic_config": {
            "routes": [
                {
                    "served_entity_name": name,
                    "traffic_percentage": 100 if name == served_name else 0,
                    **config.unknown_of_routes.get(name, {}),
                }
                for name in order
            ]
        },
        **config.unknown_fields,
    }
    capture = {key: value for key, value in config.auto_capture_config.items() if key != "state"}
    return {**body, "auto_capture_config": capture} if capture else body


def _sent(settings: Mapping[str, Any], burst: bool | None) -> dict[str, Any]:
    is_provisioned = any(map(settings.get, SERVED_FIELDS_AT_MOST))
    left_out = _NEVER_WITH_THROUGHPUT if is_provisioned else ()
    sent = {key: settings[key] for key in _SENT if settings.get(key) is not None and key not in left_out}
    sent |= unknown(settings, ENTITY)
    is_stated = burst is not None and any(sent.get(to_api_name(unit.high.served)) for unit in COUNTED)
    return {**sent, "burst_scaling_enabled": burst} if is_stated else sent
