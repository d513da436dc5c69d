"""An endpoint without usage tracking."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, _settings: Settings) -> Iterator[Finding]:
    """Require usage tracking in the AI gateway; use cannot be measured without it."""
    if not endpoint.tracks_usage:
        yield Finding("token usage is not tracked; write ai_gateway: {usage_tracking_config: {enabled: true}}")


RULE = EndpointRule("usage-tracking-missing", "Token usage is tracked on every endpoint.", "disabled", check)
