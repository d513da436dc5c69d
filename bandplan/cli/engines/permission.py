"""Restrict an update of the embedded engine to the approved preview, step by step, as Pulumi's plans do."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bandplan.embedded.steps import Step

Permit = Callable[["Step"], str | None]
"""A function that returns the objection to a step about to run, or None."""


def permission(document: Mapping[str, Any]) -> Permit:
    """Permit the steps of `document`, a preview, with their previewed inputs.

    An input that was unknown in the preview may have any value; a step may turn out to be unnecessary.
    """
    from bandplan.embedded.steps import Op
    from bandplan.wire.sentinels import UNKNOWN as UNKNOWN_SENTINEL

    free = (Op.SAME, Op.REFRESH)
    of_a_replacement = (Op.CREATE_REPLACEMENT, Op.IMPORT_REPLACEMENT, Op.DELETE_REPLACED)

    planned = {step["urn"]: step for step in document.get("steps") or ()}

    def permit(step: "Step") -> str | None:
        is_left_over = step.op is Op.DELETE_REPLACED and step.old is not None and step.old.delete
        if step.op in free or is_left_over or step.resource.is_provider:
            return None
        op = Op.REPLACE if step.op in of_a_replacement else step.op
        reviewed = planned.get(step.urn)
        if reviewed is None or reviewed["op"] != op.value:
            return f"{step.resource.name}: {op.value} was not previewed; no further steps are started"
        if step.new is None:
            return None
        wanted = (reviewed.get("newState") or {}).get("inputs") or {}
        if not agrees(wanted, step.new.inputs, UNKNOWN_SENTINEL):
            return f"{step.resource.name}: its inputs differ from the preview; no further steps are started"
        return None

    return permit


def agrees(previewed: Any, wanted: Any, unknown: str) -> bool:
    """Return whether `wanted` equals what was previewed, wherever that was known."""
    if previewed == unknown:
        return True
    if isinstance(previewed, Mapping) and isinstance(wanted, Mapping):
        return previewed.keys() == wanted.keys() and all(
            agrees(previewed[key], wanted[key], unknown) for key in previewed
        )
    if isinstance(previewed, list) and isinstance(wanted, list):
        return len(previewed) == len(wanted) and all(map(lambda a, b: agrees(a, b, unknown), previewed, wanted))
    return bool(previewed == wanted)
