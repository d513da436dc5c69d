"""Who may use a serving endpoint, as the workspace reports it, as typed values. Pure.

Source: docs.databricks.com REST reference, "Permissions" (read 2025-11).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PRINCIPALS = ("user_name", "group_name", "service_principal_name")


@dataclass(frozen=True)
class Grant:
    """A level that one principal holds directly; `kind` is one of PRINCIPALS."""

    kind: str
    principal: str
    level: str


def direct_grants(body: Mapping[str, Any]) -> Iterator[Grant]:
    """Yield the direct grants, not inherited ones, of GET /api/2.0/permissions/serving-endpoints/{id}."""
    for entry in _mappings(body.get("access_control_list")):
        kind = next((kind for kind in PRINCIPALS if entry.get(kind)), None)
        for permission in _mappings(entry.get("all_permissions")):
            if kind is not None and not permission.get("inherited"):
                yield Grant(kind, str(entry[kind]), str(permission.get("permission_level") or ""))


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
