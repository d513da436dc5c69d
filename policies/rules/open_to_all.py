"""An endpoint that every user may use: any script can use up the band, and read the responses."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Find permissions of groups that contain every user."""
    for access in endpoint.access:
        if access.is_group and access.principal.lower() in {group.lower() for group in settings["groups"]}:
            yield Finding(
                f"the group {access.principal}, which contains every user, has {access.level}; name the "
                "groups that need it under permissions"
            )


RULE = EndpointRule(
    "open-to-all",
    "No endpoint is open to all users.",
    "advisory",
    check,
    properties={
        "groups": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["users", "account users"],
            "description": "Groups that contain every user: `users` of a workspace, `account users` of an account.",
        }
    },
)
