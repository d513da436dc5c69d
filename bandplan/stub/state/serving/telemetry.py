"""The telemetry configuration of an endpoint, as the workspace applies it; pure.

Table names are consumed: they make a profile, and a read shows the profile's id in their place. Sources: the
Databricks CLI's fake workspace (libs/testserver/serving_endpoints.go) and its recorded cases
(acceptance/bundle/resources/model_serving_endpoints/drift/telemetry_config_*), read 2026-11.
"""

from bandplan.stub.state.serving.configuration import Configuration, Json

PROFILE = "telemetry_profile_id"
INFERENCE_TABLE = "inference_table_config"


def applied(previous: Json | None, wanted: Json | None, new_profile: str) -> Json | None:
    """The telemetry after a request for `wanted`; None removes it, and one that names no profile changes nothing."""
    if wanted is None:
        return None
    tables = wanted.get("table_names")
    if tables is None and not wanted.get(PROFILE):
        return previous
    # Table names alone always make a new profile, also when they are those of the last request.
    telemetry: Json = {PROFILE: wanted.get(PROFILE) or new_profile}
    if (table := wanted.get(INFERENCE_TABLE)) is not None:
        logs = (tables or {}).get("logs_table")
        telemetry[INFERENCE_TABLE] = {**table, "name": f"{logs}_payload"} if logs else table
    return telemetry


def unsupported(config: Configuration | None) -> str | None:
    """The platform's word for the kind of an endpoint that takes no telemetry; None for one that does."""
    if config is None or not config.entities:
        return "NO_CONFIG"
    if all(entity.external_model is not None for entity in config.entities):
        return "EXTERNAL_MODELS"
    return None
