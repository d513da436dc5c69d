"""What the platform allows in the configuration of an endpoint; pure.

Each rule yields the finding as text; a request with findings is refused with all of them in one message.
"""

import re
from collections.abc import Iterator, Mapping

from stub.state.catalogue import Facts
from stub.state.configuration import Configuration, ServedEntity
from stub.state.refusals import Invalid

ENDPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
ENTITY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
RESERVED_ENDPOINT_NAMES = frozenset({"pt", "get-model-optimization-info"})
"""Words that stand in the place of a name in the API's own paths."""

RESERVED_PREFIX = "databricks-"
"""Kept by the platform for its own pay-per-token endpoints (docs.databricks.com, create serving endpoints)."""

MAX_ENTITIES = 10
"""Documented limit of served models per endpoint; a public report says 15 in practice."""

BAND_FIELDS = ("min_provisioned_throughput", "max_provisioned_throughput")
CONCURRENCY_FIELDS = ("min_provisioned_concurrency", "max_provisioned_concurrency")


def check_endpoint_name(name: str) -> None:
    """Raise Invalid unless `name` may name an endpoint."""
    if not ENDPOINT_NAME.fullmatch(name):
        raise Invalid(
            f"name: '{name[:80]}' is not a valid endpoint name; use 1 to 63 letters, digits, '-' and '_', "
            "beginning with a letter or digit."
        )
    if name in RESERVED_ENDPOINT_NAMES or name.startswith(RESERVED_PREFIX):
        raise Invalid(f"name: '{name}' is reserved by the platform.")


def check_configuration(config: Configuration, facts: Mapping[str, Facts | None]) -> None:
    """Raise Invalid with every finding; `facts` is by entity name, None for an external model."""
    findings = [
        *_entity_names(config),
        *(finding for entity in config.entities for finding in _entity(entity, facts[entity.name])),
        *_mixture(config),
        *_traffic(config),
    ]
    if findings:
        raise Invalid(" ".join(findings))


def _entity_names(config: Configuration) -> Iterator[str]:
    names = [entity.name for entity in config.entities]
    if not names:
        yield "served_entities: at least one served entity is required."
    if len(names) > MAX_ENTITIES:
        yield f"served_entities: {len(names)} entities; an endpoint serves at most {MAX_ENTITIES}."
    for name in names:
        if not ENTITY_NAME.fullmatch(name):
            yield f"served_entities: '{name[:80]}' is not a valid name; use letters, digits, '-', '_' and '.'."
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"served_entities: the name '{name}' is used more than once."


def _mixture(config: Configuration) -> Iterator[str]:
    if len({entity.external_model is not None for entity in config.entities}) > 1:
        yield "served_entities: external models cannot be mixed with other models on one endpoint."


def _entity(entity: ServedEntity, facts: Facts | None) -> Iterator[str]:
    place = f"served_entities/{entity.name}"
    settings = entity.settings
    if facts is None:
        if any(key in settings for key in (*BAND_FIELDS, "provisioned_model_units")):
            yield f"{place}: an external model takes no provisioned throughput."
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
        yield f"{place}: throughput bands and provisioned_model_units exclude each other."
    elif has_bands:
        yield from _bands(place, entity, facts)
    elif has_units:
        yield from _model_units(place, entity, facts)
    if "workload_size" in settings and any(key in settings for key in CONCURRENCY_FIELDS):
        yield f"{place}: workload_size and provisioned concurrency exclude each other."


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
    elif entity.settings["provisioned_model_units"] < 1:
        yield f"{place}: provisioned_model_units must be at least 1."


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
