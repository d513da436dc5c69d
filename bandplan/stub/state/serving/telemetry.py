"""The telemetry configuration of an endpoint, as the workspace applies it; pure.

Table names are consumed: they create a profile, and a read shows the profile's id instead. Sources: the Databricks
CLI's fake workspace (libs/testserver/serving_endpoints.go) and its recorded cases
(acceptance/bundle/resources/model_serving_endpoints/drift/telemetry_config_*), read 2026-11.
"""

from bandplan.stub.json_object import Json
from bandplan.stub.state.serving.configuration import Configuration

PROFILE = "telemetry_profile_id"
INFERENCE_TABLE = "inference_table_config"


def applied(previous: Json | None, wanted: Json | None, new_profile: str) -> Json | None:
    """Return the telemetry after a request: None removes it, and one without profile or tables has no effect."""
    if wanted is None:
        return None
    tables = wanted.get("table_names")
    if tables is None and not wanted.get(PROFILE):
        return previous
    # Table names alone always create a new profile, even if they are those of the last request.
    telemetry: Json = {PROFILE: wanted.get(PROFILE) or new_profile}
    if (table := wanted.get(INFERENCE_TABLE)) is not None:
        logs = (tables or {}).get("logs_table")
        telemetry[INFERENCE_TABLE] = {**table, "name": f"{logs}_payload"} if logs else table
    return telemetry


def unsupported(config: Configuration | None) -> str | None:
    """Return the platform's name for an endpoint type without telemetry support, or None if it is supported."""
    if config is None or not config.entities:
        return "NO_CONFIG"
    if all(entity.external_model is not None for entity in config.entities):
        return "EXTERNAL_MODELS"
    return None
