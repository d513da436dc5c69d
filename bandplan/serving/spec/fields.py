"""The shapes' fields, found by their place in the file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import get_args

from pydantic.fields import FieldInfo

from bandplan.serving.spec.shape import Shape
from bandplan.serving.spec.suggestion import Suggestions
from bandplan.wire.capacity import SERVED_FIELDS

Path = tuple[str | int, ...]

# What the Serving endpoints API (and Terraform and the SDKs with it) calls a key of models.yaml.
_API_WORDS = {
    "entity_name": "model",
    "entity_version": "version",
    "model_name": "model",
    "model_version": "version",
    "served_entities": "entities",
    "served_models": "entities",
    **dict.fromkeys(SERVED_FIELDS, "throughput"),
    "workload_size": "workload",
    "workload_type": "workload",
    "traffic_percentage": "traffic_percent",
    "email_notifications": "notifications",
}


@cache
def keys_of(shape: type[Shape]) -> Mapping[str, FieldInfo]:
    """Return a shape's fields by the key that the file uses."""
    return {info.alias or name: info for name, info in shape.model_fields.items()}


@cache
def known_keys(owners: tuple[type[Shape], ...]) -> tuple[str, ...]:
    return tuple(sorted({name for owner in owners for name in keys_of(owner)}))


def meant_key(written: object, known: tuple[str, ...], suggestions: Suggestions) -> str | None:
    """Return the known key that an unknown one stands for: the API's name for it, or a mistyped one."""
    if isinstance(written, str) and _API_WORDS.get(written) in known:
        return _API_WORDS[written]
    return suggestions.nearest(written, known)


def meant_keys(raw: Mapping[str, object], shape: type[Shape], suggestions: Suggestions) -> set[str]:
    """Return the keys that the unknown ones of a mapping stand for."""
    known = known_keys((shape,))
    return {
        meant for key in raw if key not in keys_of(shape) and (meant := meant_key(key, known, suggestions)) is not None
    }


def is_removable(key: str, owners: tuple[type[Shape], ...]) -> bool:
    """Whether the shape is still complete without `key`, as far as the key itself says."""
    for owner in owners:
        info = keys_of(owner).get(key)
        needed = {one for group in (*owner.exactly_one, *owner.together) for one in group}
        if info is not None and (info.is_required() or key in needed):
            return False
    return True


def field_at(shape: type[Shape], written: Path) -> tuple[tuple[type[Shape], ...], FieldInfo | None]:
    """Return the shapes that may own the last key of `written`, and the field of that key if it is known."""
    owners: tuple[type[Shape], ...] = (shape,)
    info: FieldInfo | None = None
    for position, part in enumerate(written):
        if isinstance(part, int):
            continue
        info = next((keys_of(owner)[part] for owner in owners if part in keys_of(owner)), None)
        if position == len(written) - 1 or info is None:
            return owners, info
        owners = shapes_in(info.annotation)
    return owners, info


def shapes_in(annotation: object) -> tuple[type[Shape], ...]:
    """Return the shapes in a field's type."""
    return _shapes_in(annotation) if isinstance(annotation, Hashable) else ()


@cache
def _shapes_in(annotation: Hashable) -> tuple[type[Shape], ...]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return (annotation,)
    return tuple(shape for part in get_args(annotation) for shape in shapes_in(part))
