"""An endpoint without an AI gateway: no usage figures, no rate limits, no guardrails."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, _settings: Settings) -> Iterator[Finding]:
    """Require `ai_gateway` to be stated at all; other rules check its contents."""
    if not endpoint.has_gateway:
        yield Finding(
            "has no AI gateway; write ai_gateway: {usage_tracking_config: {enabled: true}}, in "
            "the entry or under defaults"
        )


RULE = EndpointRule("gateway-missing", "Every endpoint has an AI gateway.", "disabled", check)
