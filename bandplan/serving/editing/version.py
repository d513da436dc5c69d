"""Another version of an entry's model, in the text of models.yaml: nothing else changes, comments stay. Pure."""

from typing import Any

from bandplan.serving.editing.edits import CannotEdit, Path, Put, edited
from bandplan.serving.spec.document import read
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text


def with_version(text: str, file: str, stack: str | None, name: str, model: str, version: str) -> str:
    """`text` with this model and version in the entry `name`, or in the stack's override where that says it.

    Errors: CannotEdit when it is written in another way, or when anything else would change.
    """
    before = _entry(text, file, stack, name)
    places = written_at(read(text, file).data, stack, name)
    edits = []
    for key, value, was in (("version", version, before.version), ("model", model, before.model)):
        if value == was:
            continue
        place = next((path for path, mapping in places if key in mapping), None)
        if place is None:
            raise CannotEdit(f"{file}: models/{name}: no {key} is written in the entry itself; write `{key}: {value}`")
        edits.append(Put((*place, key), value))
    if not edits:
        return text
    by_hand = f'write `model: {model}` and `version: "{version}"`'
    try:
        after = edited(text, edits, file)
    except CannotEdit as error:
        raise CannotEdit(f"{file}: models/{name}: {error}; {by_hand}") from error
    if _entry(after, file, stack, name) != before.model_copy(update={"model": model, "version": version}):
        raise CannotEdit(f"{file}: models/{name}: could not be edited; {by_hand}")
    return after


def written_at(data: Any, stack: str | None, name: str) -> list[tuple[Path, dict[str, Any]]]:
    """Where a stack's entry is written, what comes first deciding: its override, then the entry."""
    overrides, models = (data.get(key) if isinstance(data, dict) else None for key in ("overrides", "models"))
    of_stack = overrides.get(stack) if isinstance(overrides, dict) else None
    override = of_stack.get(name) if isinstance(of_stack, dict) else None
    found: list[tuple[Path, dict[str, Any]]] = []
    if stack is not None and isinstance(override, dict):
        found.append((("overrides", stack, name), override))
    for index, entry in enumerate(models if isinstance(models, list) else ()):
        if isinstance(entry, dict) and entry.get("name") == name:
            found.append((("models", index), entry))
    return found


def _entry(text: str, file: str, stack: str | None, name: str) -> Entry:
    loaded = load_text(text, file, stack)
    for entry in loaded.checkable.models if loaded.checkable is not None else ():
        if entry.name == name:
            return entry
    raise CannotEdit(f"{file}: models/{name}: cannot be read; `bandplan validate` says why")
