"""Bursting past the model units, which is billed on top, without a word why."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """A burst needs the tag with its reason."""
    tag = str(settings["tag"])
    if endpoint.tags.get(tag, "").strip():
        return
    for entity in endpoint.entities:
        if entity.burst:
            units = f" past {entity.model_units} model units" if entity.model_units is not None else ""
            yield Finding(
                f"{endpoint.where(entity)}may burst{units}, as it may unless burst: false is stated; that is "
                f"billed on top, and no reason is given; write tags: {{{tag}: <why>}}, or burst: false"
            )


RULE = EndpointRule(
    "burst-without-reason",
    "Bursting past the model units has a reason.",
    "advisory",
    check,
    properties={"tag": {"type": "string", "default": "burst-reason", "description": "Tag that holds the reason."}},
)
