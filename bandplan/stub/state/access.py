"""Access rights: permissions on endpoints (levels) and grants on models (privileges)."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.store import Store

PrincipalKind = Literal["user_name", "group_name", "service_principal_name"]

LEVELS = {
    "serving-endpoints": {
        "CAN_VIEW": "Can view the endpoint",
        "CAN_QUERY": "Can query the endpoint",
        "CAN_MANAGE": "Can manage the endpoint",
    },
    "directories": {
        "CAN_READ": "Can read what is in the folder",
        "CAN_RUN": "Can run what is in the folder",
        "CAN_EDIT": "Can edit what is in the folder",
        "CAN_MANAGE": "Can manage the folder",
    },
}
"""Permission levels with their descriptions, weakest first, by kind of object."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission level held directly by one principal."""

    kind: PrincipalKind
    principal: str
    level: str


@dataclass(frozen=True, slots=True)
class GrantChange:
    """Privileges to grant to and revoke from one principal."""

    principal: str
    add: tuple[str, ...]
    remove: tuple[str, ...]


Grants = dict[str, tuple[str, ...]]
"""Privileges by principal in order of granting; the privileges of one principal in alphabetical order."""


class Access:
    """Permissions by object path such as `serving-endpoints/<id>`, its kind first; grants by `function/<full name>`."""

    def __init__(self, store: Store) -> None:
        self._permissions: Collection[tuple[Permission, ...]] = Collection(
            store, "permissions", _permissions_document, lambda rows: tuple(Permission(*row) for row in rows)
        )
        self._grants: Collection[Grants] = Collection(
            store, "grants", dict, lambda document: {who: tuple(what) for who, what in document.items()}
        )

    def permissions(self, object_path: str) -> tuple[Permission, ...]:
        return self._permissions.get(object_path) or ()

    def set_permissions(self, object_path: str, wanted: tuple[Permission, ...]) -> tuple[Permission, ...]:
        """Replace all direct permissions; the last entry of a principal counts."""
        levels = LEVELS[object_path.partition("/")[0]]
        for permission in wanted:
            if permission.level not in levels:
                raise Invalid(f"permission_level: '{permission.level}' is not one of {', '.join(levels)}.")
        named = [replace(p, principal=_principal(p.kind, p.principal)) for p in wanted]
        kept = tuple({(p.kind, p.principal): p for p in named}.values())
        self._permissions.put(object_path, kept)
        return kept

    def add_permissions(self, object_path: str, wanted: tuple[Permission, ...]) -> tuple[Permission, ...]:
        """Set the levels of the given principals and leave the others."""
        return self.set_permissions(object_path, (*self.permissions(object_path), *wanted))

    def leave_permissions(self, object_path: str, otherwise: tuple[Permission, ...]) -> None:
        """Keep the permissions of a deleted object, or `otherwise` if it never had its own."""
        if self._permissions.get(object_path) is None:
            self._permissions.put(object_path, otherwise)

    def has_permissions(self, object_path: str) -> bool:
        return self._permissions.get(object_path) is not None

    def forget_permissions(self, object_path: str) -> None:
        self._permissions.remove(object_path)

    def grants(self, object_path: str) -> Grants:
        return self._grants.get(object_path) or {}

    def change_grants(self, object_path: str, changes: tuple[GrantChange, ...]) -> Grants:
        """Apply removals, then additions; removing ALL_PRIVILEGES clears the principal. Raises Invalid."""
        for change in changes:
            if set(change.add) & set(change.remove):
                raise Invalid(f"Duplicate privileges to add and delete for principal {change.principal}.")
        grants = dict(self.grants(object_path))
        for change in changes:
            principal = change.principal.lower() if "@" in change.principal else change.principal
            held = () if "ALL_PRIVILEGES" in change.remove else grants.get(principal, ())
            held = tuple(privilege for privilege in held if privilege not in change.remove)
            grants[principal] = tuple(sorted({*held, *change.add}))
        kept = {principal: privileges for principal, privileges in grants.items() if privileges}
        self._grants.put(object_path, kept)
        return kept

    def move_grants(self, object_path: str, new_path: str) -> None:
        """Move the grants of an object that was renamed."""
        if grants := self.grants(object_path):
            self._grants.put(new_path, grants)
            self._grants.remove(object_path)

    def forget_grants(self, object_path: str) -> None:
        self._grants.remove(object_path)


def _principal(kind: PrincipalKind, principal: str) -> str:
    """Return a principal's name as stored: mail addresses and application ids in lower case, groups as written."""
    return principal if kind == "group_name" else principal.lower()


def _permissions_document(permissions: tuple[Permission, ...]) -> list[list[Any]]:
    return [[p.kind, p.principal, p.level] for p in permissions]
