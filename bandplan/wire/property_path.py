"""Property paths: `config.servedEntities[0]["a key"]`, as providers and Pulumi write them.

Source: sdk/go/common/resource/properties_path.go in github.com/pulumi/pulumi (read 2026-11).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

PathStep = str | int
"""The name of a property, or the index of an item in a list; in a parsed path, `*` stands for any of them."""

_PART: Final = re.compile(r'\.?(?:\["((?:\\"|[^"])+)"\]|\[(\d+)\]|\[(\*)\]|([^.\[]+))')

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def property_path(steps: Sequence[PathStep]) -> str:
    """Write a path."""
    text = ""
    for step in steps:
        text = f"{text}[{step}]" if isinstance(step, int) else below(text, step)
    return text


def below(text: str, key: str) -> str:
    """Return the path of `key` inside the value at `text`."""
    if not _PLAIN_NAME.fullmatch(key):
        quoted = key.replace('"', '\\"')
        return f'{text}["{quoted}"]'
    return f"{text}.{key}" if text else key


def parse(text: str) -> tuple[PathStep, ...]:
    """Parse a path. ValueError if it is not one."""
    parts: list[PathStep] = []
    place = 0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None or (place == 0 and text[0] == "."):
            raise ValueError(f"{text!r} is not a property path")
        quoted, index, star, name = found.groups()
        if index is not None:
            parts.append(int(index))
        elif quoted is not None:
            parts.append(quoted.replace('\\"', '"'))
        else:
            parts.append(star or name)
        place = found.end()
    return tuple(parts)


def value_at(value: Any, steps: Sequence[PathStep]) -> Any:
    """Return what is at the path inside `value`; None if nothing is."""
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value
