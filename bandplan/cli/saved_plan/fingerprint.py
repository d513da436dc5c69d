"""Fingerprints of values: enough to see that and where two differ, too little to recover a secret.

A plan is kept in the artifacts of a pull request, which every reader of the repository may open. A digest of a short
secret can be found by trial, so no fingerprint contains secrets: neither values marked secret, nor values under a
secret's name, nor values that look like a token. The steps show that a secret changes, but not to what.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from bandplan.wire.redaction import is_secret_name, redactor
from bandplan.wire.sentinels import SIGNATURE

LENGTH: Final = 24
"""Hexadecimal digits of a fingerprint: 96 bits, too many to find a second value for. A choice."""

SECRET: Final = "secret"
"""The fingerprint of a secret value."""

EVENT_LOG_SECRET: Final = "[secret]"
"""What Pulumi's event log writes in place of a secret."""

_without_tokens = redactor(())
_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_is_secret_name = lru_cache(maxsize=10_000)(is_secret_name)


def fingerprint(value: Any) -> str:
    """Fingerprint one JSON value without its secrets, regardless of the order of keys."""
    return _of_text(_encoded(without_secrets(value)))


@lru_cache(maxsize=50_000)
def _of_text(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:LENGTH]


def fingerprints(value: Any) -> dict[str, str]:
    """Map path to fingerprint for every leaf, as in `config.servedEntities[0].name`; an empty list or mapping is a
    leaf.
    """
    return dict(_leaves("", without_secrets(value)))


def without_secrets(value: Any) -> Any:
    """Replace everything secret by a mark, and normalise integers so that both engines agree on them."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            return _SECRET
        return {key: _named(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    if isinstance(value, str):
        return _SECRET if value == EVENT_LOG_SECRET else _without_tokens(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _named(name: str, value: Any) -> Any:
    """Mark the value as secret if its name says so. A reference such as {{secrets/scope/key}} is not a secret."""
    is_reference = isinstance(value, str) and value.startswith("{{")
    return _SECRET if _is_secret_name(str(name)) and not is_reference else without_secrets(value)


_SECRET: Final = {SECRET: SECRET}
"""The mark; no property has this form, so it cannot be mistaken for a value."""


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is _SECRET:
        yield path, SECRET
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), item)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(f"{path}[{index}]", item)
    else:
        yield path, _of_text(_encoded(value))
