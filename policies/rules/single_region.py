"""An endpoint that only one region serves.

A stack is one workspace, in one region, and sees no other. What the others have is configured: `region` in models.yaml,
and for each other stack its region and its output `endpoints`.
"""

from collections.abc import Iterator
from functools import lru_cache

from bandplan.policies.document import Document
from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding, note
from bandplan.policies.rule import EndpointRule, Settings
from bandplan.wire.fleet import read_rows


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Require endpoints with the tag in a stack of another region too, under the same name."""
    tag, wanted = str(settings["tag"]), str(settings["value"])
    if wanted and endpoint.tags.get(tag) != wanted:
        return
    if not endpoint.region:
        yield Finding("its region is not stated; write region: ... in models.yaml")
        return
    for other in settings["others"]:
        document: Document = other["endpoints"]
        if document.problem:
            yield note(f"waits: the endpoints in {other['region']} are unknown: {document.problem}")
            return
        if other["region"] != endpoint.region and endpoint.name in _names(document):
            return
    there = ", ".join(sorted({other["region"] for other in settings["others"]})) or "no other stack"
    yield Finding(
        f"{endpoint.region} is the only region that serves it (checked: {there}); deploy it in a second region too, "
        "and name that stack's endpoints in the rule's `others`"
    )


@lru_cache(maxsize=16)
def _names(document: Document) -> frozenset[str]:
    return frozenset(one.name for one in read_rows(document.content))


RULE = EndpointRule(
    "single-region",
    "Critical endpoints are served from two regions.",
    "disabled",
    check,
    properties={
        "tag": {"type": "string", "default": "tier", "description": "Tag that says which endpoints are critical."},
        "value": {
            "type": "string",
            "default": "critical",
            "description": "The tag's value on critical endpoints; if empty, every endpoint is critical.",
        },
        "others": {
            "type": "array",
            "default": [],
            "description": "Stacks in other regions.",
            "items": {
                "type": "object",
                "required": ["region", "endpoints"],
                "properties": {
                    "region": {"type": "string", "description": "Region of that stack's workspace."},
                    "endpoints": {
                        "type": "string",
                        "format": "file",
                        "description": "Its `pulumi stack output endpoints --json`, relative to the project.",
                    },
                },
            },
        },
    },
)
