"""Every endpoint of one stack as a component, and the outputs of the stack about them."""

from collections.abc import Iterable, Sequence
from typing import Any

import pulumi

from bandplan.components.capacity import waiver_inputs
from bandplan.components.endpoint import Endpoint
from bandplan.components.model_version import RegisteredVersions
from bandplan.components.pending import PendingSizing, pending_sizing
from bandplan.components.shares import capacity_shares
from bandplan.serving.planning.plan import Plan
from bandplan.serving.throughput.sizing import EndpointSizing, EntitySizing
from bandplan.wire.capacity import FIGURES, UNITS
from bandplan.wire.fleet import write_row, write_sums
from bandplan.wire.types import FLEET


class Fleet(pulumi.ComponentResource):
    """`bandplan:index:Fleet`: a `RegisteredVersions` child per model with new versions, an `Endpoint` per sizing.

    `summary` is the stack output `endpoints`, in the order of models.yaml. Query URLs are left out if the plan has no
    host (offline).
    """

    TYPE = FLEET

    def __init__(self, plan: Plan, opts: pulumi.ResourceOptions | None = None) -> None:
        sizings, waivers = plan.sizings, plan.fleet.waivers
        super().__init__(self.TYPE, "fleet", fleet_totals(sizings), opts)
        child = pulumi.ResourceOptions(parent=self)
        declared = {
            key: version
            for planned, standing in plan.models
            for key, version in RegisteredVersions(planned, standing, child).versions.items()
        }
        pending = [pending_sizing(sizing, declared, plan.resize) for sizing in sizings]
        self.endpoints = [
            Endpoint(sizing, child, later, plan.fleet.region, plan.stage_later.get(sizing.entry.name))
            for sizing, later in zip(sizings, pending, strict=True)
        ]
        self.summary = [
            {
                **endpoint_summary(sizing, endpoint.given_url or invocations_url(plan.host, sizing), later),
                **({"shortfall": endpoint.ready.shortfall} if sizing.accepts_less else {}),
            }
            for sizing, endpoint, later in zip(sizings, self.endpoints, pending, strict=True)
        ]
        self.register_outputs(
            {
                **later_totals(sizings, pending),
                "capacity": capacity_shares(sizings, pending),
                **({"waivers": waiver_inputs(waivers)} if waivers else {}),
            }
        )


def invocations_url(host: str | None, sizing: EndpointSizing) -> str | None:
    """Return the URL for queries (S30: without the `/api/2.0` prefix); it is known before the endpoint is created."""
    return host and f"{host.rstrip('/')}/serving-endpoints/{sizing.entry.name}/invocations"


def endpoint_summary(
    sizing: EndpointSizing, url: pulumi.Input[str] | None, pending: PendingSizing | None = None
) -> dict[str, Any]:
    """Return one endpoint of the stack output `endpoints`; figures that do not apply to it are None.

    Tokens per second are input and output tokens together.
    """
    return write_row(
        name=sizing.entry.name,
        task=sizing.entry.task,
        family=sizing.family,
        models=[
            (entity.model, _version(entity, index, pending), entity.traffic_percent)
            for index, entity in enumerate(sizing.entities)
        ],
        figures={figure.name: _amount(sizing, pending, figure.name, figure.family) for figure in FIGURES},
        url=url,
        accepted={unit.accepted: _amount(sizing, pending, unit.accepted, unit.family) for unit in UNITS}
        if sizing.accepts_less
        else {},
    )


def fleet_totals(sizings: Sequence[EndpointSizing]) -> dict[str, Any]:
    """Return the inputs of the fleet component: the number of endpoints, and the sums of their capacity.

    Everything waits for the fleet's inputs, including the versions that this deployment registers, so nothing here may
    depend on one. `unsizedEndpoints` names the endpoints whose size does: they are in neither sum. It is left out if
    empty.
    """
    unsized = [sizing.entry.name for sizing in sizings if _is_unsized(sizing)]
    sized = [sizing for sizing in sizings if not _is_unsized(sizing)]
    return write_sums(len(sizings), _sums(sized, [None] * len(sized)), unsized)


def _is_unsized(sizing: EndpointSizing) -> bool:
    return sizing.family == "bands" and None in [
        getattr(sizing, figure.name) for figure in FIGURES if figure.family == sizing.family
    ]


def later_totals(sizings: Sequence[EndpointSizing], pending: Sequence[PendingSizing | None]) -> dict[str, Any]:
    """Return the outputs of the fleet component: all of the sums."""
    return write_sums(len(sizings), _sums(sizings, pending))


def _sums(sizings: Sequence[EndpointSizing], pending: Sequence[PendingSizing | None]) -> dict[str, Any]:
    pairs = list(zip(sizings, pending, strict=True))
    return {
        figure.name: _sum(_amount(sizing, later, figure.name, figure.family) for sizing, later in pairs)
        for figure in FIGURES
    }


def _version(entity: EntitySizing, index: int, pending: PendingSizing | None) -> Any:
    if pending is None or index not in pending.entities:
        return entity.version
    return pending.entities[index].apply(lambda known: known.version)


def _amount(sizing: EndpointSizing, pending: PendingSizing | None, name: str, family: str) -> Any:
    """Return the amount, None if there is none, or an output of it while it depends on a version."""
    now = getattr(sizing, name)
    if pending is None or now is not None or sizing.family != "bands" or family != sizing.family:
        return now
    return pending.whole.apply(lambda known: getattr(known, name))


def _sum(amounts: Iterable[Any]) -> Any:
    """Sum numbers, None for 0; an output if one of them is."""
    listed = list(amounts)
    if not any(isinstance(amount, pulumi.Output) for amount in listed):
        return sum(amount or 0 for amount in listed)
    return pulumi.Output.all(*listed).apply(lambda known: sum(amount or 0 for amount in known))
