"""One serving endpoint as a component: the endpoint, who may use it, and the guard that makes ready mean ready."""

from typing import TYPE_CHECKING

import pulumi

from bandplan.components.capacity import capacity_inputs, pending_capacity_inputs, rollout_of
from bandplan.components.pending import PendingSizing, later_request, pending_entities, staged_later
from bandplan.components.pulumi_internals import properties_to_state, state_inputs
from bandplan.components.request import EndpointRequest, endpoint_request
from bandplan.components.resources import (
    EndpointReady,
    ModelServing,
    ModelServingProvisionedThroughput,
    Permissions,
)
from bandplan.components.timeouts import Timeouts
from bandplan.serving.throughput.sizing import EndpointSizing
from bandplan.wire.types import ENDPOINT

if TYPE_CHECKING:
    from bandplan.serving.planning.rollouts import StageLater

LEFT_TO_THE_GUARD = ("emailNotifications",)
"""Properties that the published plugin plans, never sends, and plans again. `EndpointReady` compares and sends them.

Not a stated `description`, which nothing sends: an endpoint that is replaced later would be created with its first one.
Nor `rateLimits`, which the guard cannot compare. Where less than the wanted capacity is accepted, `config` is added.
Where no AI gateway is stated, `aiGateway` is added, which the guard clears if there was one: the published plugin
crashes on that. So is a `description` that is no longer stated, which would otherwise be planned at every preview.
"""

NO_WORD_FOR = ("telemetryConfig", "config.autoCaptureConfig")
"""Properties of the classic API that models.yaml cannot express: if someone else set them, they stay unchanged.

The published plugin plans a change of `telemetryConfig` and never sends it, and replaces an endpoint whose
`autoCaptureConfig` is removed.
"""

FILLED_IN = ("scaleToZeroEnabled", "workloadSize", "minProvisionedConcurrency", "maxProvisionedConcurrency")
"""Properties that a workspace may fill in for an entity with throughput, for which throughput alone decides."""

NEVER_GIVEN_BACK = "burstScalingEnabled"
"""A property that a refresh drops if the platform does not return it; the guard sends it when its declaration changes.
"""


class Endpoint(pulumi.ComponentResource):
    """`bandplan:index:Endpoint`: inputs are the endpoint's plain numbers (`capacity_inputs`), known at every preview.

    With `pending`, values that depend on versions registered by this deployment are outputs: known at a preview in
    which the version stays; `stage_later` then gives it the stage of its rollout. Children: `<name>` (the endpoint),
    `<name>-permissions` if anyone is named, `<name>-ready`.
    """

    TYPE = ENDPOINT

    def __init__(
        self,
        sizing: EndpointSizing,
        opts: pulumi.ResourceOptions | None = None,
        pending: PendingSizing | None = None,
        region: str | None = None,
        stage_later: "StageLater | None" = None,
    ) -> None:
        name = sizing.entry.name
        properties = properties_to_state()
        super().__init__(self.TYPE, name, properties, opts)
        if pending is None:
            state_inputs(properties, capacity_inputs(sizing))
            request, before_serving = endpoint_request(sizing), None
        else:
            state_inputs(properties, pending_capacity_inputs(sizing, pending))
            request = endpoint_request(sizing, pending_entities(sizing, pending))
            before_serving = list(pending.before_serving)
            if stage_later is not None:
                staged = staged_later(pending, stage_later)
                state_inputs(properties, {"rollout": staged.apply(rollout_of)})
                request = later_request(request, staged)
        if region is not None:
            state_inputs(properties, {"region": region})
        self.route_optimized = bool(sizing.entry.route_optimized)
        timeouts = _custom_timeouts(request.timeouts)
        options = pulumi.ResourceOptions(parent=self, custom_timeouts=timeouts)
        left = left_to_the_guard(request, entities=0 if sizing.family == "workload" else len(sizing.entities))
        after = pulumi.ResourceOptions(
            parent=self, custom_timeouts=timeouts, depends_on=before_serving, ignore_changes=left
        )
        self.serving = _serving(name, request, after)
        served = {"servingEndpointId": self.serving.serving_endpoint_id}
        if request.access_controls:
            self.permissions = Permissions(
                f"{name}-permissions", {"accessControls": list(request.access_controls), **served}, _child_of(self)
            )
        self.ready = EndpointReady(f"{name}-ready", {**request.ready, **served}, options)
        self.register_outputs({})

    @property
    def given_url(self) -> pulumi.Output[str] | None:
        """The platform's own URL of a route-optimized endpoint, which has its own host; None for other endpoints."""
        if isinstance(self.serving, ModelServing) and self.route_optimized:
            return self.serving.endpoint_url
        return None


def left_to_the_guard(request: EndpointRequest, *, entities: int) -> list[str]:
    """Return properties that the endpoint's own resource must not change: the guard changes them, or nobody does.

    `entities` is the number of entities with throughput.
    """
    found = [*LEFT_TO_THE_GUARD]
    if request.config_is_left_to_the_guard:
        found.append("config")
    if "aiGateway" not in request.endpoint:
        found.append("aiGateway")
    if request.api == "classic" and "description" not in request.endpoint:
        found.append("description")
    if request.api == "classic":
        found += NO_WORD_FOR
    names = (*(FILLED_IN if request.api == "classic" else ()), NEVER_GIVEN_BACK)
    # By number: the published plugin matches no element with `[*]` (pulumi-databricks 1.118.0, seen 2026-11).
    return [*found, *(f"config.servedEntities[{index}].{name}" for index in range(entities) for name in names)]


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
    """Format seconds as the engine writes durations, in the largest unit that fits: 14400 is 4h, 2700 is 45m."""
    for unit_seconds, unit in ((3600, "h"), (60, "m")):
        if seconds % unit_seconds == 0:
            return f"{seconds // unit_seconds}{unit}"
    return f"{seconds}s"
