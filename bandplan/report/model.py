"""Versions that a preview registers, and aliases that it moves."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from bandplan.report.preview import Preview, State, Step
from bandplan.wire.sentinels import UNKNOWN
from bandplan.wire.types import MODEL_ALIAS, MODEL_VERSION, REGISTERED_VERSIONS

MODEL_TYPES: Final = frozenset({MODEL_VERSION, MODEL_ALIAS, REGISTERED_VERSIONS})

Kind = Literal["version", "alias"]


@dataclass(frozen=True, slots=True)
class ModelMove:
    """A version that is registered or no longer managed (`kind` version), or an alias that moves.

    `old` and `new` are version numbers; None if there is none, "" if only the update determines it.
    """

    kind: Kind
    model: str
    alias: str
    old: str | None
    new: str | None
    source: str = ""


def model_moves(preview: Preview) -> tuple[ModelMove, ...]:
    """Return the changes of models, sorted by model, then versions before aliases."""
    found = (_move(step, preview) for step in preview.steps.values() if step.op != "same")
    moves: Iterable[ModelMove] = (move for move in found if move is not None)
    return tuple(sorted(moves, key=lambda move: (move.model, move.kind != "version", move.alias)))


def _move(step: Step, preview: Preview) -> ModelMove | None:
    if step.parts.type not in (MODEL_VERSION, MODEL_ALIAS) or (
        step.parts.type == MODEL_VERSION and step.op == "update"
    ):
        return None  # an update of a version changes its description, tags and the like
    kind: Kind = "version" if step.parts.type == MODEL_VERSION else "alias"
    states = [state for state in (step.new, step.old) if state is not None]
    if not states:
        return None
    reading, inputs, place = preview.reading, states[0].inputs, f"{step.place}.inputs"
    name, alias, source = (reading.text(inputs.get(key), f"{place}.{key}") or "" for key in ("name", "alias", "source"))
    old, new = (_version(step, state, kind, preview) for state in (step.old, step.new))
    if step.op == "delete":
        new = None
    return ModelMove(kind, name or step.parts.name, alias, old, new, source)


def _version(step: Step, state: State | None, kind: Kind, preview: Preview) -> str | None:
    if state is None:
        return None
    value = (state.inputs if kind == "alias" else state.outputs).get("version")
    if value is None or value == UNKNOWN:
        return ""
    return preview.reading.text(value, f"{step.place}: version") or ""
