"""Bursting beyond the model units, which is billed on top, without a stated reason."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings
from bandplan.wire.capacity import COUNTED


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Require the tag with the reason for each entity that may burst."""
    tag = str(settings["tag"])
    if endpoint.tags.get(tag, "").strip():
        return
    for entity in endpoint.entities:
        if entity.burst:
            sold = ((unit.of(entity)[1], unit.label) for unit in COUNTED)
            units = next((f" beyond {most} {label}" for most, label in sold if most is not None), "")
            yield Finding(
                f"{endpoint.where(entity)}may burst{units}, which is the default without burst: false; bursts are "
                f"billed on top, and no reason is given; write tags: {{{tag}: <why>}}, or burst: false"
            )


RULE = EndpointRule(
    "burst-without-reason",
    "Bursting beyond the model units has a stated reason.",
    "advisory",
    check,
    properties={"tag": {"type": "string", "default": "burst-reason", "description": "Tag that holds the reason."}},
)
