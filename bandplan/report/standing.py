"""What a preview says about the endpoints that it does not change.

Either it lists their components (`bandplan preview --json` and `pulumi preview --json --show-sames` do), or only the
stack's outputs have them. Pulumi writes those at the end of a deployment, so after one that failed they may be older
than the endpoints.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bandplan.report.endpoint import EndpointChange
from bandplan.report.endpoint_side import Side
from bandplan.report.preview import Preview
from bandplan.report.stated_capacity import component_capacity, summary_capacities
from bandplan.report.totals import NOTHING, capacity_totals
from bandplan.wire.capacity import figures_of
from bandplan.wire.fleet import Sums, read_sums
from bandplan.wire.types import ENDPOINT, FLEET, STACK


@dataclass(frozen=True, slots=True)
class Standing:
    """The endpoints before the change, by name; at least the unchanged ones.

    `is_known` is False if the preview does not state them. `is_listed`: they come from the preview's own steps, not
    from the stack's outputs. `is_contradicted`: the outputs are older than the endpoints, so they were dropped.
    """

    rows: Mapping[str, Side]
    is_known: bool
    is_listed: bool = False
    is_contradicted: bool = False

    def checked(self, preview: Preview, changes: Iterable[EndpointChange]) -> "Standing":
        """Return this without rows if the changes, or the old sums of the fleet, contradict the stack's outputs."""
        if self.is_listed or not self.is_known:
            return self
        before = _sums_before(preview)
        has_sums = before is not None and before.totals is not None
        if before is not None and before.totals is not None:
            sized = [row for name, row in self.rows.items() if name not in before.unsized]
            totals = sum(map(capacity_totals, sized), NOTHING)
            if totals != before.totals or before.endpoints not in (None, len(self.rows)):
                return self._without_rows()
        # Without sums to compare: an endpoint that does not run what was deployed may be where the deployment failed.
        if any(
            (change.rollout.kind == "guard" and not has_sums) or self._is_contradicted_by(preview, change)
            for change in changes
        ):
            return self._without_rows()
        return self

    def _is_contradicted_by(self, preview: Preview, change: EndpointChange) -> bool:
        """Compare the outputs with what was declared before: by the component, or by the resource below it."""
        recorded = self.rows.get(change.name)
        declared = change.before if change.urn in preview.steps else change.after
        if recorded is None or declared is None or not change.is_whole:
            return False
        if not (recorded.is_sized and declared.is_sized):
            return False
        return figures_of(recorded) != figures_of(declared)

    def _without_rows(self) -> "Standing":
        return replace(self, rows={}, is_known=False, is_contradicted=True)


def standing_endpoints(preview: Preview) -> Standing:
    """Read what the preview states about the endpoints before the change."""
    components = [step for step in preview.steps.values() if step.parts.type in (ENDPOINT, FLEET)]
    if any(step.op == "same" for step in components):
        listed = [
            component_capacity(step.new.inputs, step.parts.name, f"{step.place}.newState.inputs", preview.reading)
            for step in components
            if step.op == "same" and step.parts.type == ENDPOINT and step.new is not None
        ]
        return Standing({one.name: one for one in listed}, is_known=True, is_listed=True)
    outputs = _stack_outputs(preview)
    return Standing({one.name: one for one in outputs or ()}, is_known=outputs is not None)


def _stack_outputs(preview: Preview) -> tuple[Side, ...] | None:
    """Return what the stack's outputs say about its endpoints before the change; None if the preview lacks them."""
    for step in preview.steps.values():
        if step.parts.type == STACK:
            if step.old is None:
                return () if step.op == "create" else None
            if "endpoints" not in step.old.outputs:
                return None
            return summary_capacities(step.old.outputs, f"{step.place}.oldState.outputs", preview.reading)
    return None


def _sums_before(preview: Preview) -> Sums | None:
    """Return the sums that the fleet declared before the change; None if it has no step with an old state."""
    for step in preview.steps.values():
        if step.parts.type == FLEET and step.old is not None:
            return read_sums(step.old.inputs, preview.reading, f"{step.place}.oldState.inputs")
    return None
