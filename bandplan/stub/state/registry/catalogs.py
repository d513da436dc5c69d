"""Catalogs and schemas of Unity Catalog, which contain models. Some are built in and cannot be deleted."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from bandplan.stub.state.access import Access
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import AlreadyExists, Forbidden, Invalid, NotFound
from bandplan.stub.state.stamp import Stamp
from bandplan.stub.state.store import Store

NAME_PART = re.compile(r"[^./\s\x00-\x1f\x7f\ud800-\udfff]{1,255}")
"""One level of a Unity Catalog name: no dots, slashes, spaces or control characters (docs.databricks.com, names)."""

WITH_EVERY_CATALOG = ("default", "information_schema")
"""Schemas that the platform creates with every catalog (docs.databricks.com, create catalogs)."""

PREINSTALLED_MS = 1_717_200_000_000
"""A fixed creation date of built-in objects, so that reads never differ between restarts."""


@dataclass(frozen=True, slots=True)
class Container:
    """A catalog (`full_name` of one level) or a schema (of two)."""

    full_name: str
    id: str
    created_ms: int
    updated_ms: int
    created_by: str
    owner: str
    comment: str | None = None
    properties: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return self.full_name.rpartition(".")[2]

    @property
    def catalog(self) -> str:
        return self.full_name.partition(".")[0]

    @property
    def is_schema(self) -> bool:
        return "." in self.full_name


class Catalogs:
    """Catalogs and schemas by full name; names are case-insensitive."""

    def __init__(
        self,
        store: Store,
        preinstalled: Mapping[str, tuple[str, ...]],
        access: Access,
        stamp: Stamp,
    ) -> None:
        self._access = access
        self._creator = stamp.creator
        self._clock_ms = stamp.clock_ms
        self._new_id = stamp.new_id
        self._collection: Collection[Container] = Collection(
            store, "container", asdict, lambda document: Container(**document)
        )
        names = [name for catalog, schemas in preinstalled.items() for name in (catalog, *_within(catalog, schemas))]
        self._preinstalled = {name: self._made_before(name) for name in names}

    def catalogs(self) -> list[Container]:
        return [found for found in self._all() if not found.is_schema]

    def schemas(self, catalog: str) -> list[Container]:
        """Return the schemas of a catalog. Raises NotFound."""
        name = self.catalog(catalog).full_name
        return [found for found in self._all() if found.is_schema and found.catalog == name]

    def catalog(self, name: str) -> Container:
        found = self._at(name.lower())
        if found is None or found.is_schema:
            raise NotFound(f"Catalog '{name}' does not exist.")
        return found

    def schema(self, catalog: str, name: str) -> Container:
        """Return a schema. Raises NotFound, naming the missing catalog or schema."""
        found = self._at(f"{self.catalog(catalog).full_name}.{name.lower()}")
        if found is None:
            raise NotFound(f"Schema '{catalog}.{name}' does not exist.")
        return found

    def create_catalog(self, name: str, comment: str | None, properties: Mapping[str, str] | None) -> Container:
        _check(name)
        made = self._create(name.lower(), comment, properties, "Catalog")
        for schema in _within(made.full_name, ()):
            self._create(schema, None, None, "Schema")
        return made

    def create_schema(
        self, catalog: str, name: str, comment: str | None, properties: Mapping[str, str] | None
    ) -> Container:
        _check(name)
        return self._create(f"{self.catalog(catalog).full_name}.{name.lower()}", comment, properties, "Schema")

    def update(self, found: Container, comment: str | None, owner: str | None) -> Container:
        """Change the given fields; None leaves a field unchanged."""
        self._refuse_preinstalled(found)
        changed = replace(
            found,
            comment=found.comment if comment is None else comment,
            owner=owner or found.owner,
            updated_ms=self._clock_ms(),
        )
        self._collection.put(found.full_name, changed)
        return changed

    def touch(self, full_name: str) -> None:
        """Update a schema's time of change when its contents change; a built-in schema does not show one."""
        if (found := self._collection.get(full_name)) is not None:
            self._collection.put(full_name, replace(found, updated_ms=self._clock_ms()))

    def delete(self, found: Container) -> None:
        """Remove a catalog with its schemas, or a schema. The caller must make sure that nothing else is left in it."""
        self._refuse_preinstalled(found)
        for inner in [other for other in self._all() if other.full_name.startswith(f"{found.full_name}.")]:
            self._remove(inner)
        self._remove(found)

    def _remove(self, found: Container) -> None:
        self._access.forget_grants(f"{'schema' if found.is_schema else 'catalog'}/{found.full_name}")
        self._collection.remove(found.full_name)

    def _create(
        self, full_name: str, comment: str | None, properties: Mapping[str, str] | None, kind: str
    ) -> Container:
        if self._at(full_name) is not None:
            raise AlreadyExists(f"{kind} '{full_name}' already exists.")
        now = self._clock_ms()
        made = Container(full_name, self._new_id(), now, now, self._creator, self._creator, comment, properties)
        self._collection.put(full_name, made)
        return made

    def _refuse_preinstalled(self, found: Container) -> None:
        if found.full_name in self._preinstalled:
            raise Forbidden(f"'{found.full_name}': is built in and cannot be changed.")

    def _made_before(self, full_name: str) -> Container:
        return Container(
            full_name, f"system-{full_name}", PREINSTALLED_MS, PREINSTALLED_MS, self._creator, self._creator
        )

    def _at(self, full_name: str) -> Container | None:
        return self._preinstalled.get(full_name) or self._collection.get(full_name)

    def _all(self) -> list[Container]:
        return sorted({**dict(self._collection), **self._preinstalled}.values(), key=lambda found: found.full_name)


def _within(catalog: str, schemas: tuple[str, ...]) -> list[str]:
    return [f"{catalog}.{name}" for name in dict.fromkeys((*WITH_EVERY_CATALOG, *schemas))]


def _check(name: str) -> None:
    if not NAME_PART.fullmatch(name):
        raise Invalid(f"name: '{name[:80]}' is not a valid name; use no dots, slashes, spaces or control characters.")
