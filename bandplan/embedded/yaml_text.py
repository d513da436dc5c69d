"""YAML of any origin: libyaml's composer recurses for each level, and crashes the process where Python would raise."""

from typing import Any, Final

import yaml

DEEPEST: Final = 100
"""Maximum levels of nesting; no configuration comes near."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
