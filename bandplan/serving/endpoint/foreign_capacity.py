"""Capacity of another kind that somebody gave an endpoint by hand, and that an update cannot remove. Pure."""

from collections.abc import Iterable, Mapping

from bandplan.serving.endpoint.comparison import effective_config
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.equality import is_zero
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.wire.capacity import SERVED, SERVED_FIELDS

_COMPUTE = ("workload_type", "workload_size", "min_provisioned_concurrency", "max_provisioned_concurrency")
_FILLED_IN = {"workload_type": "CPU"}
"""Values that the platform fills in on any entity, and accepts beside throughput."""


def is_external(live: LiveEndpoint) -> bool:
    """Whether the endpoint serves an external model, which no update turns into one of models.yaml.

    Source: docs.databricks.com API reference, "Update config of a serving endpoint" (read 2026-11).
    """
    config = effective_config(live)
    return config is not None and any(entity.settings.get("external_model") for entity in config.entities)


def compute_by_hand(declared: Declared, live: LiveEndpoint) -> Mapping[str, tuple[str, ...]]:
    """Return the compute settings by entity if an endpoint declared with throughput runs without any."""
    config = effective_config(live)
    if config is None or not any(entity.get(name) for entity in declared.entities for name in SERVED):
        return {}
    found = {
        entity.name: tuple(
            name
            for name in _COMPUTE
            if not is_zero(entity.settings.get(name)) and entity.settings[name] != _FILLED_IN.get(name)
        )
        for entity in config.entities
        if all(is_zero(entity.settings.get(name)) for name in SERVED_FIELDS)
    }
    return {name: settings for name, settings in found.items() if settings}


def unconvertible(endpoint: str) -> str:
    """Explain why an endpoint of an external model cannot become the declared one, and what to do."""
    return (
        f"{endpoint}: the workspace's endpoint of this name serves an external model, and the platform does not update "
        "such an endpoint to other models. Nothing was changed. If nobody needs it, delete it in the workspace and run "
        "`bandplan up --refresh` to create the declared one; otherwise give the entry another name"
    )


def unsendable_beside_compute(endpoint: str, compute: Mapping[str, Iterable[str]]) -> str:
    """Warn of compute that the published provider, after a refresh, sends back beside the throughput."""
    what = ", ".join(f"entities/{name}/{setting}" for name, settings in compute.items() for setting in settings)
    return (
        f"{endpoint}: somebody replaced its throughput with compute ({what}). After a refresh the databricks provider "
        "sends those settings back together with the throughput, and the platform refuses that. Run `up` without "
        "`--refresh`, "
        "which puts the throughput back. If the state is refreshed already, `up` fails: set the throughput in the "
        "workspace (Serving, the endpoint, Edit), then run `up --refresh`"
    )
