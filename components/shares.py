"""What each team's endpoints have of each model: outputs of the fleet, so that budgets need not add up a stack."""

from collections.abc import Sequence
from typing import Any

import pulumi

from bandplan.components.pending import PendingSizing
from bandplan.serving.throughput.sizing import EndpointSizing, EntitySizing
from bandplan.wire.capacity import FIGURES
from bandplan.wire.fleet import SHARE_FIGURES, write_share

TEAM_TAG = "team"
"""The tag whose value is an endpoint's team."""

_OF_OTHER_FAMILIES = frozenset(figure.name for figure in FIGURES if figure.family != "bands")


def capacity_shares(sizings: Sequence[EndpointSizing], pending: Sequence[PendingSizing | None]) -> list[dict[str, Any]]:
    """Return one row per team, model and family, in that order; what does not apply to a row is left out.

    What a rollout leaves behind is not counted. Tokens per second are input and output tokens together. An amount that
    depends on an unregistered version is an output.
    """
    amounts: dict[tuple[str, str, str], dict[str, list[Any]]] = {}
    for sizing, later in zip(sizings, pending, strict=True):
        team = sizing.entry.tags.get(TEAM_TAG, "")
        # A rollout has one entity in the file; for a while, the version that it leaves behind comes first.
        wanted = sizing.entities if sizing.rollout is None else sizing.entities[-1:]
        for index, entity in enumerate(wanted):
            row = amounts.setdefault((team, entity.model, sizing.family), {})
            for name in SHARE_FIGURES:
                amount = _amount(sizing, entity, index, later, name)
                if amount is not None:
                    row.setdefault(name, []).append(amount)
    return [
        write_share(team, model, family, {name: _sum(parts) for name, parts in row.items()})
        for (team, model, family), row in sorted(amounts.items(), key=lambda item: item[0])
    ]


def _amount(sizing: EndpointSizing, entity: EntitySizing, index: int, pending: PendingSizing | None, name: str) -> Any:
    now = getattr(entity, name)
    if now is not None or pending is None or index not in pending.entities or sizing.family != "bands":
        return now
    if name in _OF_OTHER_FAMILIES:
        return None
    return pending.entities[index].apply(lambda known: getattr(known, name))


def _sum(parts: list[Any]) -> Any:
    """Sum numbers; the result is an output if one of them is."""
    if not any(isinstance(part, pulumi.Output) for part in parts):
        return sum(parts)
    return pulumi.Output.all(*parts).apply(lambda known: sum(part or 0 for part in known))
