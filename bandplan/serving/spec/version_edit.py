"""Another version of an entry's model, in the text of models.yaml: nothing else changes, comments stay. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import cast

import yaml

from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class EditError(ValueError):
    """The text cannot be edited so; the message says what to edit by hand."""


@dataclass(frozen=True)
class _Value:
    """One value in the text: what it is to be, and from where to where it stands."""

    start: int
    end: int
    text: str


def with_version(text: str, file: str, stack: str | None, name: str, model: str, version: str) -> str:
    """`text` with this model and version in the entry `name`, or in the stack's override where that says it.

    Errors: EditError when it is written in another way, or when anything else would change.
    """
    before = _entry(text, file, stack, name)
    edits = []
    if (before.model, before.version) == (model, version):
        return text
    root = yaml.compose(text, Loader=_Loader)
    places = [f"overrides/{stack}/{name}", f"models/{name}"]
    mappings = [_override(root, stack, name), _model(root, name)]
    for key, value, is_same in (
        ("version", json.dumps(version), before.version == version),
        ("model", model, before.model == model),
    ):
        if is_same:
            continue
        found = [(place, mapping) for place, mapping in zip(places, mappings, strict=True) if _has(mapping, key)]
        if not found:
            raise EditError(f"{file}: models/{name}: no {key} is written in the entry itself; write `{key}: {value}`")
        edits.append(_value(text, file, found[0][1], key, value, f"{found[0][0]}/{key}"))
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    _check(text, file, stack, name, before, model, version)
    return text


def _entry(text: str, file: str, stack: str | None, name: str) -> Entry:
    loaded = load_text(text, file, stack)
    for entry in loaded.checkable.models if loaded.checkable is not None else ():
        if entry.name == name:
            return entry
    raise EditError(f"{file}: models/{name}: cannot be read; `bandplan validate` says why")


def _model(root: yaml.Node | None, name: str) -> yaml.Node | None:
    models = _child(root, "models")
    nodes: list[yaml.Node] = models.value if isinstance(models, yaml.SequenceNode) else []
    for node in nodes:
        named = _child(node, "name")
        if isinstance(named, yaml.ScalarNode) and named.value == name:
            return node
    return None


def _override(root: yaml.Node | None, stack: str | None, name: str) -> yaml.Node | None:
    return None if stack is None else _child(_child(_child(root, "overrides"), stack), name)


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for named, value in node.value:
            if named.value == key:
                return cast("yaml.Node", value)
    return None


def _has(node: yaml.Node | None, key: str) -> bool:
    return _child(node, key) is not None


def _value(text: str, file: str, mapping: yaml.Node | None, key: str, value: str, place: str) -> _Value:
    """Where the value of `key` stands; a value behind an anchor stands somewhere else, or for others too."""
    assert isinstance(mapping, yaml.MappingNode)
    named, node = next(pair for pair in mapping.value if pair[0].value == key)
    start, end = node.start_mark.index, _end(node)
    between = text[named.end_mark.index : start]
    if between.strip() != ":" or text[start : start + 1] in ("&", "*", "!"):
        raise EditError(f"{file}: {place}: is written with an anchor or a tag; write `{key}: {value}` there by hand")
    return _Value(start, end, value)


def _end(node: yaml.Node) -> int:
    """The end of the value's own text: a mapping in block style ends, for the parser, where the next thing begins."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    return int(node.end_mark.index)


def _check(text: str, file: str, stack: str | None, name: str, before: Entry, model: str, version: str) -> None:
    after = _entry(text, file, stack, name)
    wanted = before.model_copy(update={"model": model, "version": version})
    if after != wanted:
        raise EditError(
            f'{file}: models/{name}: could not be edited; write `model: {model}` and `version: "{version}"`'
        )
