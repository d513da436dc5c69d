"""One serving endpoint as a component: the endpoint, who may use it, and the guard that makes ready mean ready."""

from typing import Any

import pulumi

from components.capacity import capacity_inputs
from components.request import EndpointRequest, endpoint_request
from components.resources import (
    EndpointReady,
    ModelServing,
    ModelServingProvisionedThroughput,
    Permissions,
    state_inputs,
)
from components.timeouts import Timeouts
from serving.throughput.sizing import EndpointSizing


class Endpoint(pulumi.ComponentResource):
    """`bandplan:index:Endpoint`: inputs are the endpoint's plain numbers (`capacity_inputs`), known at every preview.

    Children: `<name>` (the endpoint), `<name>-permissions` when anybody is named, `<name>-ready`.
    """

    TYPE = "bandplan:index:Endpoint"

    def __init__(self, sizing: EndpointSizing, opts: pulumi.ResourceOptions | None = None) -> None:
        name = sizing.entry.name
        properties: dict[str, Any] = {}
        super().__init__(self.TYPE, name, properties, opts)
        state_inputs(properties, capacity_inputs(sizing))
        request = endpoint_request(sizing)
        self.route_optimized = bool(sizing.entry.route_optimized)
        options = pulumi.ResourceOptions(parent=self, custom_timeouts=_custom_timeouts(request.timeouts))
        self.serving = _serving(name, request, options)
        served = {"servingEndpointId": self.serving.serving_endpoint_id}
        if request.access_controls:
            self.permissions = Permissions(
                f"{name}-permissions", {"accessControls": list(request.access_controls), **served}, _child_of(self)
            )
        self.ready = EndpointReady(f"{name}-ready", {**request.ready, **served}, options)
        self.register_outputs({})

    @property
    def given_url(self) -> pulumi.Output[str] | None:
        """The platform's own URL of a route-optimised endpoint, which has a host of its own; None for the others."""
        if isinstance(self.serving, ModelServing) and self.route_optimized:
            return self.serving.endpoint_url
        return None


def _serving(
    name: str, request: EndpointRequest, options: pulumi.ResourceOptions
) -> ModelServing | ModelServingProvisionedThroughput:
    if request.api == "pt":
        return ModelServingProvisionedThroughput(name, request.endpoint, options)
    return ModelServing(name, request.endpoint, options)


def _child_of(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(parent=parent)


def _custom_timeouts(limits: Timeouts) -> pulumi.CustomTimeouts:
    return pulumi.CustomTimeouts(
        create=_duration(limits.create_seconds),
        update=_duration(limits.update_seconds),
        delete=_duration(limits.delete_seconds),
    )


def _duration(seconds: int) -> str:
    """Seconds as the engine writes durations, in the largest unit that fits: 14400 is 4h, 2700 is 45m."""
    for unit_seconds, unit in ((3600, "h"), (60, "m")):
        if seconds % unit_seconds == 0:
            return f"{seconds // unit_seconds}{unit}"
    return f"{seconds}s"
