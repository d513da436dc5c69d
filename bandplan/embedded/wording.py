"""Words and marks for steps and property changes, as in Pulumi's own display. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, Step
from bandplan.plugin.values import UNKNOWN
from bandplan.wire.types import PROVIDER_PREFIX

MARKS: Final = {
    Op.SAME: " ",
    Op.CREATE: "+",
    Op.UPDATE: "~",
    Op.REPLACE: "+-",
    Op.CREATE_REPLACEMENT: "++",
    Op.DELETE_REPLACED: "--",
    Op.DELETE: "-",
    Op.REFRESH: "~",
    Op.IMPORT: "=",
    Op.IMPORT_REPLACEMENT: "=>",
}

COLOURS: Final = {
    Op.CREATE: "green",
    Op.UPDATE: "yellow",
    Op.REPLACE: "magenta",
    Op.CREATE_REPLACEMENT: "green",
    Op.DELETE_REPLACED: "red",
    Op.DELETE: "red",
    Op.REFRESH: "yellow",
    Op.IMPORT: "green",
    Op.IMPORT_REPLACEMENT: "magenta",
}

_DOING: Final = {
    Op.CREATE: "creating",
    Op.UPDATE: "updating",
    Op.REPLACE: "replacing",
    Op.CREATE_REPLACEMENT: "creating replacement",
    Op.DELETE_REPLACED: "deleting original",
    Op.DELETE: "deleting",
    Op.REFRESH: "reading",
    Op.IMPORT: "importing",
    Op.IMPORT_REPLACEMENT: "importing replacement",
    Op.SAME: "",
}

_DONE: Final = {
    Op.CREATE: "created",
    Op.UPDATE: "updated",
    Op.REPLACE: "replaced",
    Op.CREATE_REPLACEMENT: "created replacement",
    Op.DELETE_REPLACED: "deleted original",
    Op.DELETE: "deleted",
    Op.REFRESH: "read",
    Op.IMPORT: "imported",
    Op.IMPORT_REPLACEMENT: "imported replacement",
    Op.SAME: "unchanged",
}

_SUMMARY: Final = [
    ("create", "+", "to create", "created"),
    ("update", "~", "to update", "updated"),
    ("delete", "-", "to delete", "deleted"),
    ("replace", "+-", "to replace", "replaced"),
    ("import", "=", "to import", "imported"),
]

_SHORTEST_NAME: Final = 8
"""Characters of a name on the narrowest terminal; a guess at what remains distinguishable."""

_VALUE_WIDTH: Final = 160
"""Characters of a value in a diff line; a guess at what remains readable."""


_LEAVING: Final = frozenset({Op.DELETE, Op.REPLACE, Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})
"""Operations by which a retained resource leaves the state but continues to exist."""


def doing(op: Op, is_preview: bool, is_retained: bool = False) -> str:
    """Return the verb for a step in progress: the plan's verb in a preview, the operation's otherwise."""
    return (op.value if is_preview and op is not Op.REFRESH else _DOING[op]) + ("[retain]" if is_retained else "")


def done(op: Op, is_preview: bool, is_retained: bool = False) -> str:
    """Return the verb for a finished step."""
    return (op.value if is_preview and op is not Op.REFRESH else _DONE[op]) + ("[retain]" if is_retained else "")


def is_retained(step: Step) -> bool:
    """Report whether the step removes a resource from the state but keeps it (`retain_on_delete`)."""
    return step.op in _LEAVING and step.old is not None and step.old.retain_on_delete


def short_type(type_token: str) -> str:
    """Return a type token without the module's file part: `databricks:index:ModelServing`."""
    parts = type_token.split(":")
    if len(parts) == 3 and "/" in parts[1]:
        parts[1] = parts[1].split("/", 1)[0]
    return ":".join(parts)


def label(state: ResourceState) -> str:
    """Return how a line names a resource: its type and its name."""
    return f"{short_type(state.type)} {state.name}"


def short_label(state: ResourceState, width: int) -> str:
    """Return the label in `width` characters if possible: without the package, then with the middle of the name cut.

    Names of a fleet differ at their ends more often than in the middle.
    """
    whole = label(state)
    if len(whole) <= width:
        return whole
    kind, name = short_type(state.type).rsplit(":", 1)[-1], state.name
    room = max(width - len(kind) - 1, _SHORTEST_NAME)
    if len(name) > room:
        name = f"{name[: room // 2 - 1]}…{name[len(name) - (room - room // 2) :]}"
    return f"{kind} {name}"


def summary(changes: Mapping[str, int], is_preview: bool, failed: int = 0) -> list[str]:
    """Return the lines of the `Resources:` block, which says so if nothing changes."""
    lines = []
    for op, mark, to_do, was_done in _SUMMARY:
        if count := changes.get(op, 0):
            lines.append(f"    {mark} {count} {to_do if is_preview else was_done}")
    unchanged = changes.get("same", 0)
    total = sum(count for op, count in changes.items() if op != "same")
    if failed:
        lines.append(f"    {failed} failed")
    if not total:
        nothing = [] if failed else ["    no changes"]
        return [*lines, *nothing, *([f"    {unchanged} unchanged"] if unchanged else [])]
    if unchanged:
        lines.append(f"    {total} change{'s' if total > 1 else ''}. {unchanged} unchanged")
    return lines


def property_changes(step: Step, is_full: bool = False) -> Iterator[str]:
    """Yield one line per changed property, at the depth where it changes: `~ config.x[0].y: 980 => 1960`.

    If the inputs are the same and the provider has another reason, such as a live endpoint that differs, the provider's
    own paths are shown without values. `is_full`: new resources show all their inputs, and no value is cut.
    """
    width = None if is_full else _VALUE_WIDTH
    old = step.old.inputs if step.old else {}
    new = step.new.inputs if step.new else {}
    if step.op in (Op.DELETE, Op.DELETE_REPLACED, Op.SAME, Op.REFRESH, Op.IMPORT, Op.IMPORT_REPLACEMENT):
        return
    if step.op in (Op.CREATE, Op.CREATE_REPLACEMENT):
        if is_full and step.op is Op.CREATE:
            yield from _compared("", {}, new, width)
        return
    if step.is_done and step.op is Op.UPDATE:
        # A provider may or may not repeat the inputs in its outputs, and may have done so only until now.
        before, after = ({**one.inputs, **one.outputs} if one else {} for one in (step.old, step.new))
        yield from _compared("", before, after, width)
        return
    if old != new:
        yield from _compared("", old, new, width)
        return
    for path, diff in sorted((step.detailed_diff or {}).items()):
        yield f"{_KIND_MARKS[diff.kind.removesuffix('-replace')]} {path}"
    for reason in step.old.init_errors if step.old else []:
        yield f"! not ready since the last update: {reason}"


_KIND_MARKS: Final = {"add": "+", "delete": "-", "update": "~"}


def _compared(path: str, old: Any, new: Any, width: int | None) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if path else key
            if key not in old:
                yield f"+ {inner}: {value(new[key], width)}"
            elif key not in new:
                yield f"- {inner}: {value(old[key], width)}"
            else:
                yield from _compared(inner, old[key], new[key], width)
        return
    if isinstance(old, list) and isinstance(new, list) and (len(old) == len(new) or _has_records(old, new)):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _compared(f"{path}[{index}]", before, after, width)
        for index in range(len(old), len(new)):
            yield f"+ {path}[{index}]: {value(new[index], width)}"
        for index in range(len(new), len(old)):
            yield f"- {path}[{index}]: {value(old[index], width)}"
        return
    yield f"~ {path}: {value(old, width)} => {value(new, width)}"


def _has_records(*lists: list[Any]) -> bool:
    """Report whether elements are worth a line each when their number changes."""
    return any(isinstance(item, dict) for items in lists for item in items)


def value(content: Any, width: int | None = _VALUE_WIDTH) -> str:
    """Format a value on one line, cut to `width` characters; None cuts nothing."""
    if content is UNKNOWN:
        return "output<unknown>"
    text = json.dumps(content, default=lambda _: "output<unknown>", ensure_ascii=False)
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def is_internal(state: ResourceState) -> bool:
    """Report whether displays leave the resource out: a default provider."""
    return state.type.startswith(PROVIDER_PREFIX)


def duration(seconds: float) -> str:
    """Format a duration for readers."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
