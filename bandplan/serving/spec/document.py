"""Read YAML text as plain values with places, in bounded time, memory and depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bandplan.serving.spec.event_reader import TEXT_PER_VALUE, EventReader, Unreadable
from bandplan.serving.spec.problem import Problem, shown_path
from bandplan.serving.spec.source import Marks, labels_of


@dataclass(frozen=True)
class Document:
    """A YAML document: `data` consists of dict, list, str, int, float, bool and None, and is None if the text cannot be
    read at all.

    A number that cannot be used is OUT_OF_RANGE in `data`, and is among the problems. `names` are the labels of the
    entries.
    """

    data: object
    marks: Marks
    problems: tuple[Problem, ...]
    names: tuple[str | None, ...] = ()


def read(text: str, file: str) -> Document:
    """Read the one document in `text`, with everything wrong with it as YAML."""
    reader = EventReader(text, file)
    try:
        reader.run()
    except Unreadable:
        return Document(None, {}, _labelled(reader, reader.models_so_far()))
    models = reader.root.get("models") if isinstance(reader.root, dict) else None
    return Document(reader.root, reader.root_marks, _labelled(reader, models), labels_of(models))


def _labelled(reader: EventReader, models: object) -> tuple[Problem, ...]:
    """Return the reader's problems, each with the path of its entry, as far as that had been read."""
    names = labels_of(models) if reader.problems else ()
    found = []
    for problem, path in zip(reader.problems, reader.paths, strict=True):
        parts = list(path)
        if len(parts) > 1 and parts[0] == "models" and isinstance(parts[1], int) and parts[1] < len(names):
            parts[1] = names[parts[1]] or parts[1]
        found.append(replace(problem, path=shown_path(parts)))
    return tuple(found)


def values_in(whole: object) -> int:
    """Count the values of the whole as reading does: keys included, and long texts as several."""
    values, left = 0, [whole]
    while left:
        one = left.pop()
        values += 1
        if isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str):
            values += len(one) // TEXT_PER_VALUE
    return values
