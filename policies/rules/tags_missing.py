"""Missing tags that cost reports and owners rely on."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Report all missing tags in one finding."""
    missing = [tag for tag in settings["tags"] if not endpoint.tags.get(tag, "").strip()]
    if missing:
        written = ", ".join(f"{tag}: ..." for tag in missing)
        there = ", ".join(sorted(tag for tag, value in endpoint.tags.items() if value.strip())) or "none"
        yield Finding(
            f"lacks {len(missing)} of {len(settings['tags'])} tags: {', '.join(missing)} (it has "
            f"{there}); write tags: {{{written}}}, in the entry or under defaults"
        )


RULE = EndpointRule(
    "tags-missing",
    "Every endpoint has the tags that costs are reported by.",
    "advisory",
    check,
    properties={
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["team"],
            "description": "Tags that must be present and not empty.",
        }
    },
)
