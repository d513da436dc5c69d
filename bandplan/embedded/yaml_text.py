"""YAML of any origin: libyaml's composer calls itself for each level, and ends the process where Python would raise."""

from typing import Any, Final

import yaml

DEEPEST: Final = 100
"""Levels of nesting; no configuration comes near."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """The document of a text. ValueError, or yaml.YAMLError, says what fails."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} levels deep")
    return yaml.load(text, Loader=_LOADER)
