"""Legacy optimized LLM serving, which the platform has deprecated (S28)."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, _settings: Settings) -> Iterator[Finding]:
    """Report one finding per endpoint; its entities are all of one kind."""
    if endpoint.family != "workload":
        return
    sizes = ", ".join(entity.workload or entity.model for entity in endpoint.entities)
    yield Finding(
        f"is legacy optimized serving ({sizes}), which is deprecated; move it to provisioned "
        "throughput: `bandplan migrate` writes the entry"
    )


RULE = EndpointRule("legacy-workload", "No endpoint runs on deprecated legacy optimized serving.", "advisory", check)
