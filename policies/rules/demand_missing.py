"""An endpoint without a demand: there is no way to tell whether it is too large or too small."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings
from bandplan.wire.capacity import FAMILIES


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Require a demand, by default only for bands.

    The throughput of model units is published for only one shape of one model.
    """
    is_stated = endpoint.demand_tokens_per_second is not None or endpoint.concurrent_requests is not None
    if not is_stated and endpoint.family in settings["families"]:
        yield Finding(
            "states no demand, so neither floor nor ceiling can be judged; write "
            "demand: {requests_per_second: ..., input_tokens: ..., output_tokens: ...} at the busiest time"
        )


RULE = EndpointRule(
    "demand-missing",
    "Every endpoint states the demand that it is sized for.",
    "disabled",
    check,
    properties={
        "families": {
            "type": "array",
            "items": {"type": "string", "enum": [*FAMILIES]},
            "default": ["bands"],
            "description": "Units of the endpoints that need to state a demand.",
        }
    },
)
