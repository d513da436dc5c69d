"""An endpoint without a named owner."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Require the owner as a tag, so that the platform's bills and lists show it too."""
    tag = str(settings["tag"])
    if not endpoint.tags.get(tag, "").strip():
        yield Finding(f"no owner is named; write tags: {{{tag}: ana@example.com}}")


RULE = EndpointRule(
    "owner-missing",
    "Every endpoint names its owner.",
    "disabled",
    check,
    properties={"tag": {"type": "string", "default": "owner", "description": "Tag that names the owner."}},
)
