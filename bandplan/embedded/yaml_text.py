"""YAML of any origin: libyaml's composer recurses for each level, and crashes the process where Python would raise."""

from typing import Any, Final

import yaml

DEEPEST: Final = 100
"""Maximum levels of nesting; no configuration comes near."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def unreadable(file: object, error: Exception) -> str:
    """Return one line for a failure of `parse_yaml`: the place in the file, as far as it is known, and the reason."""
    mark = getattr(error, "problem_mark", None)
    place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else f"{file}"
    reason = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{place}: is not YAML: {reason}; correct it there, or just above"


def parse_yaml(text: str) -> Any:
    """Parse a YAML document. ValueError or yaml.YAMLError gives the reason for a failure."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} levels deep")
    return yaml.load(text, Loader=_LOADER)
