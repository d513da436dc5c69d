"""Set fields of one entry in the text of models.yaml; nothing else changes, and comments stay. Pure."""

from collections.abc import Mapping
from typing import Any

from bandplan.serving.editing.edits import CannotEdit, Path, Put, edited
from bandplan.serving.spec.document import read
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text


def with_fields(text: str, file: str, stack: str | None, name: str, fields: Mapping[Path, Any]) -> str:
    """Return `text` with new values for fields of the entry `name`, such as {("throughput", "bands", "max"): 4}.

    Each value is written where it is now: in the stack's override if that has it, otherwise in the entry, which also
    gets fields that neither has. A field of one of several entities begins with ("entities", index): the entities of an
    override replace those of the entry. Errors: CannotEdit.
    """
    places = _places(text, file, stack, name)
    edits = [Put((*(_place(places, path) or _home(places, path)), *path), value) for path, value in fields.items()]
    return edited(text, edits, file)


def with_version(text: str, file: str, stack: str | None, name: str, model: str, version: str) -> str:
    """Return `text` with this model and version in the entry `name`, or in the stack's override if that sets them.

    Errors: CannotEdit if the version is written in another form, or if anything else would change.
    """
    before = _entry(text, file, stack, name)
    wanted = {"version": (version, before.version), "model": (model, before.model)}
    fields: dict[Path, str] = {(key,): value for key, (value, was) in wanted.items() if value != was}
    if not fields:
        return text
    places = _places(text, file, stack, name)
    for path, value in fields.items():
        if _place(places, path) is None:
            step = f"write `{path[0]}: {value}`"
            raise CannotEdit(f"{file}: models/{name}: the entry itself has no {path[0]}; {step}")
    by_hand = f'write `model: {model}` and `version: "{version}"`'
    try:
        after = with_fields(text, file, stack, name, fields)
    except CannotEdit as error:
        raise CannotEdit(f"{file}: models/{name}: {error}; {by_hand}") from error
    if _entry(after, file, stack, name) != before.model_copy(update={"model": model, "version": version}):
        raise CannotEdit(f"{file}: models/{name}: could not be edited; {by_hand}")
    return after


def _places(text: str, file: str, stack: str | None, name: str) -> list[tuple[Path, dict[str, Any]]]:
    """List the places where a stack's entry is written, in order of precedence: its override, if there is one, then the
    entry.
    """
    data = read(text, file).data
    overrides, models = (data.get(key) if isinstance(data, dict) else None for key in ("overrides", "models"))
    of_stack = overrides.get(stack) if isinstance(overrides, dict) and stack is not None else None
    override = of_stack.get(name) if isinstance(of_stack, dict) else None
    found: list[tuple[Path, dict[str, Any]]] = []
    if stack is not None and isinstance(override, dict):
        found.append((("overrides", stack, name), override))
    for index, entry in enumerate(models if isinstance(models, list) else ()):
        if isinstance(entry, dict) and entry.get("name") == name:
            return [*found, (("models", index), entry)]
    raise CannotEdit(f"{file}: models/{name}: there is no such entry")


def _place(places: list[tuple[Path, dict[str, Any]]], path: Path) -> Path | None:
    """Return the first place that has a value at `path`."""
    for place, mapping in places:
        value: Any = mapping
        for step in path:
            if isinstance(value, list) and isinstance(step, int):
                value = value[step] if step < len(value) else _ABSENT
            else:
                value = value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is not _ABSENT:
            return place
    return None


def _home(places: list[tuple[Path, dict[str, Any]]], path: Path) -> Path:
    """Return where a field that no place has belongs: beside its entity, otherwise in the entry."""
    return (_place(places, path[:2]) if path[0] == "entities" else None) or places[-1][0]


_ABSENT = object()


def _entry(text: str, file: str, stack: str | None, name: str) -> Entry:
    loaded = load_text(text, file, stack)
    for entry in loaded.checkable.models if loaded.checkable is not None else ():
        if entry.name == name:
            return entry
    raise CannotEdit(f"{file}: models/{name}: cannot be read; run `bandplan validate` to see why")
