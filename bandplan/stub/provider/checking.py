"""Check the properties of a program against those of the resource type."""

import difflib
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.plugin.values import UNKNOWN
from bandplan.stub.provider.field import Field, ResourceFields, Shape

# The published provider appends seven hexadecimal digits to the logical name.
SUFFIX_DIGITS = 7
KINDS = {Shape.BLOCK: "an object", Shape.MAP: "an object", Shape.LIST: "a list", Shape.VALUE: "a single value"}


@dataclass(frozen=True)
class Failure:
    """A problem with the property at `path`; `reason` states the finding and the next step."""

    path: str
    reason: str


def failures(resource: ResourceFields, inputs: Mapping[str, Any]) -> list[Failure]:
    """Return every problem of `inputs`: unknown, missing or unsupported properties, values of the wrong shape."""
    found = _failures(resource.fields, inputs, "")
    if resource.one_of:
        stated = [name for name in resource.one_of if inputs.get(name) not in (None, "")]
        if len(stated) != 1 and not any(failure.path in _names(resource) for failure in found):
            have = f"{' and '.join(stated)} are set" if stated else "none is set"
            found.append(
                Failure((stated or list(resource.one_of))[0], f"{have}; set one of {_listed(resource.one_of)}")
            )
    return found


def generated_name(logical_name: str, urn: str, seed: bytes) -> str:
    """Return `<logical name>-<7 hex digits>`: the same for the same `seed`, random if it is empty."""
    digits = hashlib.sha256(seed + urn.encode()).hexdigest() if seed else secrets.token_hex(SUFFIX_DIGITS)
    return f"{logical_name}-{digits[:SUFFIX_DIGITS]}"


def _names(resource: ResourceFields) -> set[str]:
    return {field.name for field in resource.fields if not field.is_supported}


def _failures(fields: Iterable[Field], values: Mapping[str, Any], prefix: str) -> list[Failure]:
    by_name = {field.name: field for field in fields}
    found = []
    for name, value in values.items():
        if name.startswith("__"):  # marks of the engine's bridge, as the published provider leaves them in a state
            continue
        field = by_name.get(name)
        if field is None or field.is_output:
            found.append(Failure(prefix + name, _unknown(name, by_name)))
        elif value is not None:
            found += _value_failures(field, value, prefix + name)
    found += [
        Failure(prefix + field.name, "is required")
        for field in by_name.values()
        if field.is_required and values.get(field.name) is None
    ]
    return found


def _value_failures(field: Field, value: Any, path: str) -> list[Failure]:
    if value is UNKNOWN:
        return []
    if not field.is_supported:
        return [Failure(path, f"is not supported: {field.reason}; use a real workspace for it")]
    if _kind(value) != KINDS[field.shape]:
        return [Failure(path, f"is {_kind(value)}; use {KINDS[field.shape]}")]
    if field.shape is Shape.BLOCK:
        return _failures(field.fields, value, path + ".")
    if field.shape is Shape.LIST and field.fields:
        return [failure for index, item in enumerate(value) for failure in _item(field, item, f"{path}[{index}]")]
    return []


def _item(field: Field, item: Any, path: str) -> list[Failure]:
    if item is UNKNOWN:
        return []
    if not isinstance(item, dict):
        return [Failure(path, f"is {_kind(item)}; use an object with {_listed(field.by_name)}")]
    return _failures(field.fields, item, path + ".")


def _unknown(name: str, by_name: Mapping[str, Field]) -> str:
    if name in by_name:
        return "is an output of the resource and cannot be set; remove it"
    close = difflib.get_close_matches(name, by_name, n=1)
    return (
        f"no such property; did you mean {close[0]}?" if close else f"no such property; use one of {_listed(by_name)}"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a single value"
