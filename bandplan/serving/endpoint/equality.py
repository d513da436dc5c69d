"""Whether a live value counts as equal to the declared one, both with the platform's names. Pure."""

from collections.abc import Mapping
from typing import Any

from bandplan.wire.names import to_api_name

WRITE_ONLY = frozenset({"burst_scaling_enabled"})
"""Fields that GET does not return (github.com/databricks/cli, bundle/direct notes on serving endpoints, read 2025-11);
compared if a workspace returns them all the same. The same holds for budget_policy_id and for every `*_plaintext`
secret.
"""


_ZERO_IS_A_VALUE = frozenset({"calls", "tokens"})
"""Amounts of a rate limit for which 0 blocks everything, while an absent amount blocks nothing. The published provider
drops 0.
"""


def is_same(declared: Any, live: Any) -> bool:
    """Whether `live` has everything that is `declared`, both with the platform's names."""
    if is_zero(declared) or is_zero(live):
        return is_zero(declared) and is_zero(live)
    if isinstance(declared, Mapping) and isinstance(live, Mapping):
        return all(is_write_only(name) or _is_same_member(name, value, live) for name, value in declared.items())
    if isinstance(declared, list) and isinstance(live, list):
        return len(declared) == len(live) and all(is_same(d, v) for d, v in zip(declared, live, strict=True))
    if isinstance(declared, str) or isinstance(live, str):
        return str(declared) == str(live)  # a version may come back as a number
    return bool(declared == live)


def _is_same_member(name: str, declared: Any, live: Mapping[str, Any]) -> bool:
    if name in _ZERO_IS_A_VALUE and (declared is None) != (live.get(name) is None):
        return False
    if name == "principal" and "@" in str(declared):  # of a rate limit: email addresses ignore letter case
        return str(declared).lower() == str(live.get(name)).lower()
    return is_same(declared, live.get(name))


def is_zero(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(is_zero(item) for item in value.values())
    return value is None or value is False or value == 0 or value == "" or value == []


def is_hidden(name: str, live: Mapping[str, Any]) -> bool:
    """Whether `live` omits a value that the platform may withhold."""
    return is_write_only(name) and live.get(to_api_name(name)) is None


def is_write_only(name: str) -> bool:
    api_name = to_api_name(name)
    return api_name in WRITE_ONLY or api_name.endswith("_plaintext")
