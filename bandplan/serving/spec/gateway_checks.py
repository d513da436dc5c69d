"""Rules across the keys of an AI gateway, for an entry with its defaults and overrides applied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bandplan.serving.spec import rules
from bandplan.serving.spec.access import principal_key
from bandplan.serving.spec.problem import Problem, clipped
from bandplan.serving.spec.shape import EMAIL_PATTERN, UUID_PATTERN
from bandplan.serving.spec.source import Source

Path = tuple[str | int, ...]

# docs.databricks.com: "Configure rate limits for AI Gateway endpoints" (read 2026-11).
MOST_LIMITS = 20
MOST_GROUP_LIMITS = 5

_PRINCIPAL_OF_KEY = {
    "user": ("user_name", EMAIL_PATTERN, "the user's email address"),
    "service_principal": ("service_principal_name", UUID_PATTERN, "its application id, a UUID"),
    "user_group": ("group_name", ".", "the group's name"),
}
_NEEDS_PRINCIPAL = ("user_group", "service_principal")


def gateway_problems(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report what the platform refuses in the gateway of the whole entry `raw` at `base`."""
    gateway = raw.get("ai_gateway")
    if not isinstance(gateway, dict):
        return []
    path = (*base, "ai_gateway")
    return [*_table(gateway, path, source), *_limits(gateway, path, source)]


def _table(gateway: Mapping[str, Any], path: Path, source: Source) -> list[Problem]:
    table = gateway.get("inference_table_config")
    if not isinstance(table, dict) or table.get("enabled") is not True:
        return []
    missing = [key for key in ("catalog_name", "schema_name") if key not in table]
    if not missing:
        return []
    finding = f"the inference table is enabled without {' and '.join(missing)}"
    step = "add " + " and ".join(f"`{key}: ...`" for key in missing) + ", of a catalog and a schema that exist"
    return [rules.INFERENCE_TABLE.problem(source, (*path, "inference_table_config"), finding, step)]


def _limits(gateway: Mapping[str, Any], path: Path, source: Source) -> list[Problem]:
    limits = gateway.get("rate_limits")
    if not isinstance(limits, list):
        return []
    found = []
    of_groups = sum(isinstance(one, dict) and one.get("key") == "user_group" for one in limits)
    for count, most, kind in ((len(limits), MOST_LIMITS, "limits"), (of_groups, MOST_GROUP_LIMITS, "limits of groups")):
        if count > most:
            step = f"keep {most}, or give a group instead of its users" if kind == "limits" else f"keep {most}"
            found.append(
                rules.RATE_LIMITS_MANY.problem(source, (*path, "rate_limits"), f"there are {count} {kind}", step)
            )
    first: dict[tuple[str, tuple[str, str]], int] = {}
    for index, one in enumerate(limits[: MOST_LIMITS * 10]):
        if isinstance(one, dict):
            found += _limit(one, index, first, (*path, "rate_limits", index), source)
    return found


def _limit(
    limit: Mapping[str, Any], index: int, first: dict[tuple[str, tuple[str, str]], int], path: Path, source: Source
) -> list[Problem]:
    """Check one rate limit; `first` holds the positions of earlier ones and receives this one's."""
    found = []
    key, principal = limit.get("key", "endpoint"), limit.get("principal")
    if "calls" not in limit and "tokens" not in limit:
        step = "add `calls: 100` or `tokens: 100000`; without either, every request is refused"
        found.append(rules.RATE_LIMIT.problem(source, path, "neither calls nor tokens is given", step))
    if principal is None and key in _NEEDS_PRINCIPAL:
        step = f"add `principal: ...`, {_PRINCIPAL_OF_KEY[key][2]}"
        found.append(rules.RATE_LIMIT.problem(source, path, f"a limit for key {key} has no principal", step))
    if not isinstance(principal, str) or not isinstance(key, str):
        return [*found, *_twice(limit, (key, ("", "")), index, first, path, source)]
    if key not in _PRINCIPAL_OF_KEY:
        step = "remove the principal, or write `key: user`, `user_group` or `service_principal`"
        found.append(
            rules.RATE_LIMIT.problem(source, (*path, "principal"), f"a limit for key {key} takes no principal", step)
        )
        return found
    kind, pattern, meant = _PRINCIPAL_OF_KEY[key]
    if not re.search(pattern, principal):
        finding = f"{clipped(principal, 60)} cannot be the principal for key {key}"
        found.append(rules.RATE_LIMIT.problem(source, (*path, "principal"), finding, f"write {meant}"))
    return [*found, *_twice(limit, (key, principal_key(kind, principal)), index, first, path, source)]


def _twice(
    limit: Mapping[str, Any],
    whom: tuple[Any, tuple[str, str]],
    index: int,
    first: dict[tuple[str, tuple[str, str]], int],
    path: Path,
    source: Source,
) -> list[Problem]:
    """Report a second limit of the same amount for the same principal."""
    found = []
    for amount in ("calls", "tokens"):
        if amount not in limit:
            continue
        same = (f"{amount} {whom[0]}", whom[1])
        if same in first:
            finding = f"its {amount} are already limited by item {first[same] + 1} of the list"
            found.append(rules.RATE_LIMIT.problem(source, (*path, amount), finding, "keep one of the two"))
        first.setdefault(same, index)
    return found
