"""The JSON of a preview by either engine: steps, diagnostics, policy events; its shape is checked.

Source of the shape: pkg/display/json.go and sdk/go/common/apitype in github.com/pulumi/pulumi (read 2026-11). Pulumi
omits policy findings from this JSON: they are in the engine's event log (`events`), or, in a preview by bandplan, under
`policyEvents` in the event log's format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bandplan.report.events import PolicyEvent, policy_event
from bandplan.report.reading import Reading
from bandplan.wire.property_path import parse, value_at
from bandplan.wire.sentinels import is_special
from bandplan.wire.text import one_line
from bandplan.wire.urn import Urn, parse_urn

WHAT: Final = "the output of `bandplan preview --json` or `pulumi preview --json`"

_NOT_STEPS: Final = frozenset({"read", "read-replacement", "refresh", "discard-read", "discard-replaced"})
"""Operations that change nothing; a preview with `--refresh` has one of them for every resource."""


@dataclass(frozen=True, slots=True)
class State:
    """One side of a step. `inputs` and `outputs` are as in the document."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    parent: str


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one resource; `reasons` are the top-level names of the differing properties.

    `changed` are the paths that the program changes; `is_live_different`: some properties differ in the workspace.
    """

    op: str
    urn: str
    parts: Urn
    place: str
    old: State | None
    new: State | None
    reasons: tuple[str, ...]
    replace_reasons: tuple[str, ...]
    changed: tuple[str, ...] = ()
    is_live_different: bool = False

    @property
    def parent(self) -> str:
        state = self.new or self.old
        return state.parent if state is not None else ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A message of the program, a provider or the engine; `urn` may be empty."""

    severity: str
    message: str
    urn: str


@dataclass(frozen=True)
class Preview:
    """One stack's preview. `steps` has each resource once; `reading` collects problems of its shape.

    `is_offline`: no workspace was contacted, and the state before is what another models file declares. `is_refused`:
    the record of a deployment that did nothing.
    """

    reading: Reading
    stack: str
    project: str
    steps: Mapping[str, Step]
    diagnostics: tuple[Diagnostic, ...]
    policy_events: tuple[PolicyEvent, ...] = field(default=())
    is_offline: bool = False
    is_refused: bool = False


def read_preview(document: Any, reading: Reading) -> Preview:
    """Read the preview in `document`; note problems of its shape in `reading`."""
    if not isinstance(document, dict) or not ("steps" in document or "diagnostics" in document):
        reading.note("", f"has neither `steps` nor `diagnostics`; expected {WHAT}")
        document = {}
    steps: dict[str, Step] = {}
    refreshes: dict[str, Step] = {}
    for index, item in enumerate(reading.items(document.get("steps"), "steps")):
        step = _step(reading.record(item, f"steps[{index}]"), f"steps[{index}]", reading)
        if step is None:
            continue
        if step.op == "refresh":
            refreshes[step.urn] = step
        elif step.op not in _NOT_STEPS:
            # A resource's refresh step comes before its planned step: the planned one counts.
            steps[step.urn] = _after_refresh(step, refreshes.get(step.urn))
    diagnostics = tuple(
        _diagnostic(reading.record(item, f"diagnostics[{index}]"), f"diagnostics[{index}]", reading)
        for index, item in enumerate(reading.items(document.get("diagnostics"), "diagnostics"))
    )
    policy_events = tuple(
        policy_event(reading.record(item, f"policyEvents[{index}]"), f"policyEvents[{index}]", reading)
        for index, item in enumerate(reading.items(document.get("policyEvents"), "policyEvents"))
    )
    first = next(iter(steps.values()), None)
    stack, project = (first.parts.stack, first.parts.project) if first is not None else ("", "")
    is_offline, is_refused = document.get("offline") is True, document.get("refused") is True
    return Preview(reading, stack, project, steps, diagnostics, policy_events, is_offline, is_refused)


def _after_refresh(step: Step, refresh: Step | None) -> Step:
    """Return the step, marked if the workspace differed: a refresh turned its old state into what the workspace has."""
    if refresh is None or refresh.old is None or step.old is None or refresh.old.inputs == step.old.inputs:
        return step
    is_program_same = step.new is not None and refresh.old.inputs == step.new.inputs
    return replace(step, is_live_different=True, changed=() if is_program_same else step.changed)


def _step(item: Mapping[str, Any], place: str, reading: Reading) -> Step | None:
    op, urn = (reading.text(item.get(key), f"{place}.{key}") for key in ("op", "urn"))
    if op is None or urn is None:
        reading.note(place, "found a step without `op` or `urn`")
        return None
    parts = parse_urn(urn)
    if parts is None:
        reading.note(f"{place}.urn", "found a string that is not a URN such as urn:pulumi:dev::fleet::type::name")
        return None
    old = _state(item.get("oldState"), f"{place}.oldState", reading)
    new = _state(item.get("newState"), f"{place}.newState", reading)
    differing = _differing(item.get("detailedDiff"), f"{place}.detailedDiff", old, new, reading)
    return Step(
        op=op,
        urn=urn,
        parts=parts,
        place=place,
        old=old,
        new=new,
        reasons=_names(item.get("diffReasons"), f"{place}.diffReasons", reading),
        replace_reasons=_names(item.get("replaceReasons"), f"{place}.replaceReasons", reading),
        changed=tuple(path for path, is_changed in differing.items() if is_changed),
        is_live_different=not all(differing.values()),
    )


def _differing(value: Any, place: str, old: State | None, new: State | None, reading: Reading) -> dict[str, bool]:
    """Map the path of each differing property to whether the program changes it."""
    found = {}
    for path, item in reading.record(value, place).items():
        at = f"{place}.{one_line(path, 80)}"
        is_input = reading.flag(reading.record(item, at).get("inputDiff"), f"{at}.inputDiff")
        found[path] = is_input and not _is_same_input(path, old, new)
    return found


def _is_same_input(path: str, old: State | None, new: State | None) -> bool:
    """Report whether an input is as it was, so that the workspace is what differs; secrets count as changed."""
    if old is None or new is None:
        return False
    try:
        steps = parse(path)
    except ValueError:
        return False
    before = value_at(old.inputs, steps)
    return not is_special(before) and before == value_at(new.inputs, steps)


def _state(value: Any, place: str, reading: Reading) -> State | None:
    if value is None:
        return None
    state = reading.record(value, place)
    return State(
        inputs=reading.record(state.get("inputs"), f"{place}.inputs"),
        outputs=reading.record(state.get("outputs"), f"{place}.outputs"),
        parent=reading.text(state.get("parent"), f"{place}.parent") or "",
    )


def _names(value: Any, place: str, reading: Reading) -> tuple[str, ...]:
    found = (reading.text(name, f"{place}[{index}]") for index, name in enumerate(reading.items(value, place)))
    return tuple(name for name in found if name)


def _diagnostic(item: Mapping[str, Any], place: str, reading: Reading) -> Diagnostic:
    severity, message, urn = (
        reading.text(item.get(key), f"{place}.{key}") or "" for key in ("severity", "message", "urn")
    )
    return Diagnostic(severity, message, urn)
