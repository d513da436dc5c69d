"""An endpoint whose requests and responses are not logged."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Require an inference table in the AI gateway, for the configured tasks."""
    if endpoint.task in settings["tasks"] and not endpoint.inference_table:
        yield Finding(
            "requests and responses are not logged; write ai_gateway: {inference_table_config: "
            "{enabled: true, catalog_name: ..., schema_name: ..., table_name_prefix: ...}}"
        )


RULE = EndpointRule(
    "inference-table-missing",
    "Requests and responses are logged to an inference table.",
    "disabled",
    check,
    properties={
        "tasks": {
            "type": "array",
            "items": {"type": "string", "enum": ["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"]},
            "default": ["llm/v1/chat", "llm/v1/completions"],
            "description": "Tasks whose endpoints need an inference table.",
        }
    },
)
