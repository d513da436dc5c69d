"""Which endpoints of a workspace models.yaml can declare: settled provisioned throughput and legacy workloads. Pure.

The others are reported with the reason. Kinds of endpoint: docs.databricks.com REST reference, "Serving endpoints":
external models, feature and function serving, agents, pay-per-token foundation models, custom models on CPU or GPU.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bandplan.serving.endpoint.live_endpoint import LiveEndpoint, ServedEntity
from bandplan.serving.endpoint.readiness import Ready, assess
from bandplan.serving.spec.shape import EndpointName, VersionNumber
from bandplan.serving.spec.tasks import LEGACY, NAMES, TASKS
from bandplan.serving.throughput.families import family_of
from bandplan.serving.throughput.legacy import LEGACY_FAMILIES
from bandplan.wire.capacity import SERVED_FIELDS

CAPACITY = SERVED_FIELDS


def refusal(live: LiveEndpoint, body: Mapping[str, Any]) -> str:
    """Return why the endpoint cannot be taken over, and the next step if there is one; "" if it can."""
    if live.config is None or not live.config.entities:
        if live.is_updating:
            return "its first deployment is under way; adopt it once it has settled"
        return "it serves nothing"
    for entity in live.config.entities:
        if kind := _other_kind(entity, live, body):
            return kind
    if not isinstance(assess(live), Ready):
        return "it is not settled (an update is under way or failed); adopt it once it is READY and NOT_UPDATING"
    if live.task not in TASKS:
        return f"its task is {live.task or 'not reported'}; models.yaml accepts {NAMES}"
    return _unsayable(live)


def is_legacy(entity: ServedEntity) -> bool:
    """Return whether it runs on compute of a type and size and not on throughput."""
    return not any(entity.settings.get(name) for name in CAPACITY)


def _other_kind(entity: ServedEntity, live: LiveEndpoint, body: Mapping[str, Any]) -> str:
    settings = entity.settings
    if settings.get("external_model"):
        provider = settings["external_model"].get("provider", "another provider")
        return f"it serves an external model ({provider}), which has no throughput to declare"
    if body.get("endpoint_type") == "FOUNDATION_MODEL_API" or (settings.get("foundation_model") and is_legacy(entity)):
        return "it is a pay-per-token endpoint that Databricks manages"
    if not (settings.get("entity_version") or settings.get("model_version")):
        return f"{entity.name} has no model version: it serves a feature spec or a function"
    if is_legacy(entity) and str(live.task or "").startswith("agent/"):
        return "it serves an agent on its own compute, not on provisioned throughput"
    if is_legacy(entity) and live.task != LEGACY:
        return _custom(entity, live)
    if is_legacy(entity) and (settings.get("workload_type") or "CPU") == "CPU" and not _is_of_legacy_family(entity):
        return _custom(entity, live)
    return ""


def _custom(entity: ServedEntity, live: LiveEndpoint) -> str:
    compute = entity.settings.get("workload_type") or "CPU"
    task = live.task or "no task"
    return f"it serves a custom model on {compute} compute ({task}): neither throughput nor legacy LLM serving"


def _is_of_legacy_family(entity: ServedEntity) -> bool:
    family = family_of(str(entity.settings.get("entity_name") or entity.settings.get("model_name")))
    return family is not None and family.name in LEGACY_FAMILIES


def _unsayable(live: LiveEndpoint) -> str:
    """Return the first setting that models.yaml cannot declare and a later deployment would remove."""
    if not _fits(EndpointName, live.name):
        return "its name is not valid in models.yaml (at most 63 letters, digits, - and _)"
    config = live.config
    if config is None:
        return "it serves nothing"
    for entity in config.entities:
        if not _fits(EndpointName, entity.name):
            return f"the name of its served entity {entity.name!r} is not valid in models.yaml"
        version = str(entity.settings.get("entity_version") or entity.settings.get("model_version"))
        if not _fits(VersionNumber, version):
            return f"{entity.name} serves version {version!r}, which is not a number"
        for name in ("environment_vars", "instance_profile_arn"):
            if entity.settings.get(name):
                return (
                    f"{entity.name} has {name}, which models.yaml cannot declare: the next deployment would remove it"
                )
        for name in ("min_provisioned_concurrency", "max_provisioned_concurrency"):
            if is_legacy(entity) and entity.settings.get(name):
                return f"{entity.name} is sized by {name}, which models.yaml cannot declare"
    if config.auto_capture_config and config.auto_capture_config.get("enabled") is not False:
        return (
            "it logs to a legacy inference table (auto_capture_config), which the next deployment would switch "
            "off: replace it with an AI Gateway inference table first"
        )
    shares = sum(config.traffic_percent.values())
    return "" if shares == 100 else f"its routes add up to {shares} percent"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _fits(kind: Any, text: str) -> bool:
    """Return whether a type of models.yaml accepts the text."""
    try:
        _adapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True
