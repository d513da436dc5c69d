"""The AI gateway of an endpoint in requests. Rate limits take effect (`queries.metering`); the rest is only stored."""

from bandplan.stub.api.requests import boolean, json_object, objects, required_text, text
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.catalogs import NAME_PART
from bandplan.stub.state.serving import rate_limits

PII_BEHAVIOURS = ("NONE", "BLOCK", "MASK")

OLD_LIMIT_KEYS = ("user", "endpoint")
"""Keys allowed in the deprecated rate limits of an endpoint."""


def read_gateway(gateway: Json, place: str = "") -> Json:
    """Return the gateway as it was sent. Raises Invalid if it is not valid."""
    rate_limits.read(objects(gateway, "rate_limits", place), f"{place}rate_limits")
    for key in ("fallback_config", "usage_tracking_config"):
        boolean(json_object(gateway, key, place) or {}, "enabled", f"{place}{key}/")
    table = json_object(gateway, "inference_table_config", place) or {}
    if boolean(table, "enabled", f"{place}inference_table_config/"):
        at = f"{place}inference_table_config/"
        names: dict[str, str | None] = {key: required_text(table, key, at) for key in ("catalog_name", "schema_name")}
        names["table_name_prefix"] = text(table, "table_name_prefix", at)
        for key, name in names.items():
            if name and not NAME_PART.fullmatch(name):
                raise Invalid(
                    f"{at}{key}: '{name[:80]}' is not a valid name; use no dots, slashes, spaces or control characters."
                )
    guardrails = json_object(gateway, "guardrails", place) or {}
    for side in ("input", "output"):
        at = f"{place}guardrails/{side}/"
        pii = json_object(json_object(guardrails, side, f"{place}guardrails/") or {}, "pii", at) or {}
        behaviour = text(pii, "behavior", f"{at}pii/")
        if behaviour is not None and behaviour not in PII_BEHAVIOURS:
            raise Invalid(f"{at}pii/behavior: must be one of {', '.join(PII_BEHAVIOURS)}.")
    return gateway


def read_old_limits(body: Json) -> list[Json]:
    """Return the deprecated rate limits as they were sent. Raises Invalid."""
    rows = objects(body, "rate_limits")
    for index, limit in enumerate(rate_limits.read(rows, "rate_limits")):
        if limit.key not in OLD_LIMIT_KEYS:
            raise Invalid(f"rate_limits/{index}/key: must be one of {', '.join(OLD_LIMIT_KEYS)}.")
    return rows
