"""What the platform allows in the configuration of an endpoint; pure.

Each rule yields its finding as text; a request with findings is refused with all of them in one message.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.serving.configuration import Configuration, ServedEntity
from bandplan.stub.state.serving.scale import CONCURRENCY_OF_SIZE

ENDPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
ENTITY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
"""Letters, digits, dashes, underscores (API reference of served entities, databricks-sdk-py); the length is a guess."""

RESERVED_ENDPOINT_NAMES = frozenset({"pt", "get-model-optimization-info"})
"""Words that stand in place of a name in the API's own paths."""

RESERVED_PREFIX = "databricks-"
"""Reserved by the platform for its own pay-per-token endpoints (docs.databricks.com, create serving endpoints)."""

TABLE_FIELDS = ("catalog_name", "schema_name", "table_name_prefix")
BAND_FIELDS = ("min_provisioned_throughput", "max_provisioned_throughput")
CONCURRENCY_FIELDS = ("min_provisioned_concurrency", "max_provisioned_concurrency")
COMPUTE_FIELDS = ("workload_size", *CONCURRENCY_FIELDS)

WORKLOAD_TYPES = (
    *("CPU", "CPU_MEDIUM", "CPU_LARGE", "GPU_SMALL", "GPU_MEDIUM", "GPU_LARGE", "GPU_LARGE_2"),
    *("MULTIGPU_MEDIUM", "GPU_XLARGE", "GPU_XLARGE_8"),
)
"""The types of databricks-sdk-py 0.156.0, and GPU_LARGE_2 of the page "Optimized large language model serving"."""
CPU_TYPES = ("CPU", "CPU_MEDIUM", "CPU_LARGE")


def check_endpoint_name(name: str) -> None:
    """Raise Invalid unless `name` is a valid endpoint name."""
    if not ENDPOINT_NAME.fullmatch(name):
        raise Invalid(
            f"name: '{name[:80]}' is not a valid endpoint name; use 1 to 63 letters, digits, '-' and '_', "
            "beginning with a letter or digit."
        )
    if name in RESERVED_ENDPOINT_NAMES or name.startswith(RESERVED_PREFIX):
        raise Invalid(f"name: '{name}' is reserved by the platform.")


def check_configuration(config: Configuration, facts: Mapping[str, Facts | None], most_entities: int) -> None:
    """Raise Invalid with every finding; `facts` is by entity name, None for an external model, absent if unknown."""
    findings = [
        *_entity_names(config, most_entities),
        *(finding for entity in config.entities for finding in _compute(entity)),
        *(finding for e in config.entities if e.name in facts for finding in _entity(e, facts[e.name])),
        *_mixture(config),
        *_traffic(config),
    ]
    if findings:
        raise Invalid(" ".join(findings))


def check_change(old: Configuration | None, new: Configuration) -> None:
    """Raise Invalid for what an update cannot change (API reference of serving endpoints, databricks-sdk-py)."""
    if old is None or not old.entities:
        return
    findings = []
    was_external, is_external = (c.entities[0].external_model is not None for c in (old, new))
    if was_external != is_external:
        findings.append("served_entities: an endpoint cannot be switched between external models and other models.")
    findings += changed_table("auto_capture_config", old.auto_capture, new.auto_capture)
    if findings:
        raise Invalid(" ".join(findings))


def check_gateway_change(old: Json | None, new: Json | None) -> None:
    """Raise Invalid for an inference table that is renamed without having been disabled first."""
    tables = [(gateway or {}).get("inference_table_config") for gateway in (old, new)]
    # Disabled unless it says otherwise: the published providers drop a false from their requests.
    if tables[0] and tables[0].get("enabled") and (findings := changed_table("inference_table_config", *tables)):
        raise Invalid(" ".join(findings))


def changed_table(place: str, old: Json | None, new: Json | None) -> list[str]:
    """Return the findings for an enabled inference table that is renamed; it is enabled unless `enabled` is false."""
    if not old or not new or old.get("enabled") is False:
        return []
    return [
        f"{place}: {key} cannot be changed while the inference table is enabled."
        for key in TABLE_FIELDS
        if old.get(key) != new.get(key)
    ]


def repointed(config: Configuration) -> Configuration:
    """Return the configuration with its route pointed at its entity, if it has one of each; else unchanged."""
    if len(config.entities) != 1 or len(config.routes) != 1:
        return config
    name, route = config.entities[0].name, config.routes[0]
    pointed = replace(
        route,
        served_entity_name=name if route.served_entity_name else None,
        served_model_name=name if route.served_model_name else None,
    )
    return replace(config, routes=(pointed,))


def _entity_names(config: Configuration, most_entities: int) -> Iterator[str]:
    names = [entity.name for entity in config.entities]
    if not names:
        yield "served_entities: at least one served entity is required."
    if len(names) > most_entities:
        yield f"served_entities: {len(names)} entities; an endpoint serves at most {most_entities}."
    for name in names:
        if not ENTITY_NAME.fullmatch(name):
            yield f"served_entities: '{name[:80]}' is not a valid name; use letters, digits, '-' and '_'."
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"served_entities: the name '{name}' is used more than once."


def _mixture(config: Configuration) -> Iterator[str]:
    if len({entity.external_model is not None for entity in config.entities}) > 1:
        yield "served_entities: external models cannot be mixed with other models on one endpoint."
    tasks = {entity.external_model.get("task") for entity in config.entities if entity.external_model is not None}
    if len(tasks) > 1:
        yield "served_entities: the external models of one endpoint must all have the same task."


def _entity(entity: ServedEntity, facts: Facts | None) -> Iterator[str]:
    place = f"served_entities/{entity.name}"
    settings = entity.settings
    if facts is None:
        if any(key in settings for key in (*BAND_FIELDS, "provisioned_model_units")):
            yield f"{place}: provisioned throughput cannot be set for an external model."
        return
    if facts.is_base_llama:
        yield (
            f"{place}: {entity.model} is a base Llama model; only Instruct versions of Llama in system.ai "
            "can be deployed."
        )
        return
    has_bands = any(key in settings for key in BAND_FIELDS)
    has_units = "provisioned_model_units" in settings
    if has_bands and has_units:
        yield f"{place}: set either a throughput band or provisioned_model_units, not both."
    elif has_bands:
        yield from _bands(place, entity, facts)
    elif has_units:
        yield from _model_units(place, entity, facts)
    if "workload_size" in settings and any(key in settings for key in CONCURRENCY_FIELDS):
        yield f"{place}: set either workload_size or provisioned concurrency, not both."


def _compute(entity: ServedEntity) -> Iterator[str]:
    """Yield the findings about the compute settings of an entity, whatever its model."""
    place, settings = f"served_entities/{entity.name}", entity.settings
    kind, size = settings.get("workload_type", "CPU"), settings.get("workload_size")
    if kind not in WORKLOAD_TYPES:
        yield f"{place}: workload_type '{kind[:80]}' is not one of {', '.join(WORKLOAD_TYPES)}."
    # A real workspace may have sizes of its own (API reference of served entities); this one has none.
    if size is not None and size not in CONCURRENCY_OF_SIZE:
        yield f"{place}: workload_size '{size[:80]}' is not one of {', '.join(CONCURRENCY_OF_SIZE)}."
    if entity.is_provisioned:
        # The Go provider sends back the type that the workspace filled in before, CPU, even with a band.
        beside = [key for key in COMPUTE_FIELDS if key in settings] + (["workload_type"] if kind != "CPU" else [])
        for key in beside:
            yield f"{place}: {key} cannot be set together with provisioned throughput."
    elif kind not in CPU_TYPES and settings.get("scale_to_zero_enabled"):
        yield f"{place}: scale_to_zero_enabled is not available for workload_type {kind}, only for CPU."


def _bands(place: str, entity: ServedEntity, facts: Facts) -> Iterator[str]:
    if facts.capacity == "model_units":
        yield (
            f"{place}: {entity.model} version {entity.version} is not eligible for Provisioned Throughput in "
            "tokens per second; set provisioned_model_units instead of min/max_provisioned_throughput."
        )
        return
    chunk = facts.chunk_tokens_per_second
    if chunk is None:
        yield f"{place}: {entity.model} version {entity.version} is not eligible for Provisioned Throughput."
        return
    # An absent minimum is 0: the published Terraform and Pulumi providers drop zero values from their requests.
    low = entity.settings.get("min_provisioned_throughput", 0)
    high = entity.settings.get("max_provisioned_throughput", 0)
    if high <= 0:
        yield f"{place}: max_provisioned_throughput must be at least one chunk of {chunk}."
    for key, bound in (("min_provisioned_throughput", low), ("max_provisioned_throughput", high)):
        if bound < 0 or bound % chunk:
            yield f"{place}: {key} {bound} is not a multiple of the throughput chunk size {chunk}."
    if low > high > 0:
        yield f"{place}: min_provisioned_throughput {low} is above max_provisioned_throughput {high}."


def _model_units(place: str, entity: ServedEntity, facts: Facts) -> Iterator[str]:
    if facts.capacity == "none":
        yield f"{place}: {entity.model} version {entity.version} is not eligible for Provisioned Throughput."
    elif facts.capacity == "bands":
        yield (
            f"{place}: {entity.model} version {entity.version} is not eligible for Provisioned Throughput in "
            "model units; set min_provisioned_throughput and max_provisioned_throughput."
        )
    elif (units := entity.settings["provisioned_model_units"]) < 1:
        yield f"{place}: provisioned_model_units must be at least 1."
    elif (chunk := facts.unit_chunk) is not None and units % chunk:
        yield f"{place}: provisioned_model_units {units} is not a multiple of the model unit chunk size {chunk}."


def _traffic(config: Configuration) -> Iterator[str]:
    names = {entity.name for entity in config.entities}
    targets = [route.target for route in config.routes]
    for route in config.routes:
        if route.served_entity_name and route.served_model_name and route.served_entity_name != route.served_model_name:
            yield (
                f"traffic_config: one route names both '{route.served_entity_name}' and '{route.served_model_name}'."
            )
        if route.target not in names:
            yield f"traffic_config: '{route.target}' is not a served entity of this configuration."
        if not 0 <= route.traffic_percentage <= 100:
            yield f"traffic_config: '{route.target}' has {route.traffic_percentage} percent; use 0 to 100."
    for target in sorted({target for target in targets if targets.count(target) > 1}):
        yield f"traffic_config: '{target}' has more than one route."
    if not config.routes and len(config.entities) > 1:
        yield "traffic_config: routes are required when there is more than one served entity."
    total = sum(route.traffic_percentage for route in config.routes)
    if config.routes and total != 100:
        yield f"traffic_config: the percentages sum to {total}, not 100."
