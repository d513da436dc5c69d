"""The fields of the serving endpoints API that this program knows, and how to handle all others. Pure.

Fields come and go within weeks. A request that replaces a whole object (a config, an AI gateway) sends back its unknown
fields; otherwise an unknown field is left alone, and is never a difference.

Source: docs.databricks.com REST reference, "Serving endpoints", and databricks-sdk 0.156.0, `service/serving.py` (read
2026-08).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bandplan.wire.capacity import SERVED_FIELDS

Known = Mapping[str, Any]
"""Known fields by name, each with the fields known below it; an empty mapping for a value that is handled as a whole.
"""


def _names(text: str) -> Known:
    return {name: {} for name in text.split()}


ENTITY: Known = _names(
    f"name entity_name entity_version model_name model_version {' '.join(SERVED_FIELDS)} "
    "burst_scaling_enabled workload_size workload_type scale_to_zero_enabled "
    "min_provisioned_concurrency max_provisioned_concurrency provisioned_concurrency current_provisioned_throughput "
    "environment_vars instance_profile_arn external_model foundation_model creator creation_timestamp state"
)
"""A served entity, or a served model of the older form, in requests and answers."""

CONFIG: Known = _names(
    "name config_version start_time served_entities served_models traffic_config auto_capture_config"
)

ROUTE: Known = _names("served_entity_name served_model_name traffic_percentage")

_ENABLED = _names("enabled")
_GUARDRAIL: Known = {"pii": _names("behavior"), **_names("safety invalid_keywords valid_topics")}

GATEWAY: Known = {
    "fallback_config": _ENABLED,
    "guardrails": {"input": _GUARDRAIL, "output": _GUARDRAIL},
    "inference_table_config": _names("enabled catalog_name schema_name table_name_prefix"),
    "rate_limits": _names("calls tokens key principal renewal_period"),
    "usage_tracking_config": _ENABLED,
}

ENDPOINT: Known = {
    **_names(
        "name id creator creator_display_name creator_kind creation_timestamp last_updated_timestamp state config "
        "pending_config tags task permission_level route_optimized endpoint_url endpoint_type data_plane_info "
        "description email_notifications rate_limits budget_policy_id effective_budget_policy_id usage_policy_id "
        "telemetry_config"
    ),
    "ai_gateway": GATEWAY,
}


def unknown(value: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """Return the members of `value` that are not `known`, without looking below those that are."""
    return {name: item for name, item in value.items() if name not in known}


def unknown_paths(value: Any, known: Known, place: str = "") -> Iterator[str]:
    """Yield the path of everything in `value` that is not `known`, at any depth: `ai_gateway/guardrails/jailbreak`."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in known:
                yield f"{place}{name}"
            elif known[name]:
                yield from unknown_paths(item, known[name], f"{place}{name}/")
    elif isinstance(value, list):
        yield from dict.fromkeys(path for item in value for path in unknown_paths(item, known, place))


def only_known(value: Any, known: Known) -> Any:
    """Return `value` without its unknown members, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: only_known(item, known[name]) if known[name] else item
            for name, item in value.items()
            if name in known
        }
    return [only_known(item, known) for item in value] if isinstance(value, list) else value


def with_unknown(wanted: Any, live: Any, known: Known) -> Any:
    """Return `wanted` with the unknown members of `live` added, at any depth. Items of lists of equal length are paired
    by position.
    """
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        merged = {
            name: with_unknown(item, live.get(name), known[name]) if known.get(name) else item
            for name, item in wanted.items()
        }
        return {**merged, **{name: item for name, item in unknown(live, known).items() if name not in wanted}}
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [with_unknown(one, other, known) for one, other in zip(wanted, live, strict=True)]
    return wanted
