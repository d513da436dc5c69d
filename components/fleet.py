"""Every endpoint of one stack as a component, and what the stack says about them."""

from collections.abc import Sequence
from typing import Any

import pulumi

from components.endpoint import Endpoint
from serving.throughput.sizing import EndpointSizing


class Fleet(pulumi.ComponentResource):
    """`bandplan:index:Fleet`: one `Endpoint` child per sizing, in the order of models.yaml.

    `summary` is the stack output `endpoints`; `host` the workspace's base URL, None when none is configured (offline).
    """

    TYPE = "bandplan:index:Fleet"

    def __init__(
        self, sizings: Sequence[EndpointSizing], host: str | None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        totals = fleet_totals(sizings)
        super().__init__(self.TYPE, "fleet", totals, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.endpoints = [Endpoint(sizing, child) for sizing in sizings]
        self.summary = [
            endpoint_summary(sizing, endpoint.given_url or invocations_url(host, sizing))
            for sizing, endpoint in zip(sizings, self.endpoints, strict=True)
        ]
        self.register_outputs(totals)


def invocations_url(host: str | None, sizing: EndpointSizing) -> str | None:
    """Where the platform answers queries (S30: no `/api/2.0` in front); known before the endpoint is created."""
    return host and f"{host.rstrip('/')}/serving-endpoints/{sizing.entry.name}/invocations"


def endpoint_summary(sizing: EndpointSizing, url: pulumi.Input[str] | None) -> dict[str, Any]:
    """One endpoint of the stack output `endpoints`; figures that do not apply to it are None.

    Tokens per second are input and output tokens together.
    """
    return {
        "name": sizing.entry.name,
        "task": sizing.entry.task,
        "family": sizing.family,
        "models": [
            {"model": entity.model, "version": entity.version, "traffic_percent": entity.traffic_percent}
            for entity in sizing.entities
        ],
        "floor_tokens_per_second": sizing.floor_tokens_per_second,
        "ceiling_tokens_per_second": sizing.ceiling_tokens_per_second,
        "model_units": sizing.model_units,
        "url": url,
    }


def fleet_totals(sizings: Sequence[EndpointSizing]) -> dict[str, Any]:
    """Inputs and outputs of the fleet component: how many endpoints, and the sums of what they have."""
    return {
        "endpointCount": len(sizings),
        "floorTokensPerSecond": sum(sizing.floor_tokens_per_second or 0 for sizing in sizings),
        "ceilingTokensPerSecond": sum(sizing.ceiling_tokens_per_second or 0 for sizing in sizings),
        "modelUnits": sum(sizing.model_units or 0 for sizing in sizings),
    }
