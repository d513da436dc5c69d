"""models.yaml with entries added, checked to say what it said before plus what is live. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bandplan.adoption.defaults import kept_from_defaults
from bandplan.adoption.entry import Proposal, Skipped
from bandplan.serving.editing.edits import NEW_FILE, CannotEdit, with_child, with_entries
from bandplan.serving.spec.document import read
from bandplan.serving.spec.problem import Problem

Check = Callable[[str], Sequence[Problem]]
"""A function that returns every problem of a text, using the platform's answers about its models."""


@dataclass(frozen=True)
class Draft:
    """The new text, the proposals in it, in order, and those left out, with the reason."""

    text: str
    added: tuple[Proposal, ...]
    skipped: tuple[Skipped, ...] = field(default_factory=tuple)


def draft(text: str, file: str, stack: str, proposals: Sequence[Proposal], check: Check) -> Draft:
    """Add the proposals to the text; leave out entries that violate rules of models.yaml, with the reasons.

    Errors: CannotEdit if lines cannot be added to the text without changing what it says.
    """
    skipped: list[Skipped] = []
    wanted = list(proposals)
    while True:
        new = _with(text, stack, wanted)
        refused = _refused(check(new), wanted)
        if not refused:
            _require_same(text, new, file, stack, wanted)
            return Draft(new, tuple(wanted), tuple(skipped))
        skipped += refused
        gone = {one.name for one in refused}
        wanted = [one for one in wanted if one.name not in gone]


def _with(text: str, stack: str, proposals: Sequence[Proposal]) -> str:
    defaults = _raw(text or NEW_FILE).get("defaults")
    kept = [kept_from_defaults(one, defaults if isinstance(defaults, Mapping) else {}) for one in proposals]
    new = with_entries(text, [one.proposal.raw for one in kept])
    for one in kept:
        if one.override:
            new = with_child(new, ("overrides", stack, one.proposal.name), one.override)
    return new


def _refused(problems: Sequence[Problem], proposals: Sequence[Proposal]) -> list[Skipped]:
    found = []
    for one in proposals:
        prefix = f"models/{one.name}"
        errors = [
            p for p in problems if p.severity == "error" and (p.path == prefix or p.path.startswith(f"{prefix}/"))
        ]
        if errors:
            told = "; ".join(
                f"{p.path.removeprefix(prefix).strip('/') or 'entry'}: {p.finding}; {p.rule}" for p in errors
            )
            found.append(Skipped(one.name, f"its entry would be invalid in models.yaml: {told}"))
    return found


def _require_same(before: str, after: str, file: str, stack: str, proposals: Sequence[Proposal]) -> None:
    """Raise CannotEdit unless the new text says the same as the old one plus the stack's new entries."""
    old, new = _raw(before or NEW_FILE), _raw(after)
    count = len(old.get("models") or [])
    names = [one.name for one in proposals]
    added = (new.get("models") or [])[count:]
    is_same = (
        (new.get("models") or [])[:count] == (old.get("models") or [])
        and {k: v for k, v in new.items() if k not in ("models", "overrides")}
        == {k: v for k, v in old.items() if k not in ("models", "overrides")}
        and [entry.get("name") for entry in added] == names
        and _without(new.get("overrides"), stack, names) == _without(old.get("overrides"), stack, names)
    )
    if not is_same:
        raise CannotEdit(f"{file} is laid out so that no lines can be added without changing what it says")


def _without(overrides: Any, stack: str, names: Sequence[str]) -> dict[str, Any]:
    """Return the overrides except those of the new entries, and without empty stacks."""
    found = {key: dict(value or {}) for key, value in (overrides or {}).items()}
    for name in names:
        found.get(stack, {}).pop(name, None)
    return {key: value for key, value in found.items() if value}


def _raw(text: str) -> dict[str, Any]:
    data = read(text, "models.yaml").data
    return data if isinstance(data, dict) else {}


__all__ = ["CannotEdit", "Check", "Draft", "draft"]
