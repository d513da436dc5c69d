"""The registry: models made by users, and the preinstalled ones (`system.ai`, examples), which nobody can change."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from stub.state.access import Access
from stub.state.catalogue import Catalogue, Facts
from stub.state.configuration import Json
from stub.state.model_version import (
    PENDING_REGISTRATION,
    READY,
    ModelVersion,
    RegisteredModel,
    from_document,
    to_document,
)
from stub.state.refusals import AlreadyExists, Forbidden, Invalid, NotFound
from stub.state.shelf import Shelf
from stub.state.store import Store

SYSTEM_CATALOG = "system"
SYSTEM_OWNER = "System user"
SYSTEM_CREATED_MS = 1_717_200_000_000
"""A fixed date for the preinstalled models, so that reads never differ between restarts."""

NAME_PART = re.compile(r"[^./\s\x00-\x1f\x7f\ud800-\udfff]{1,255}")
"""A level of a Unity Catalog name: no dot, slash, space or control character (docs.databricks.com, names)."""


class RegisteredModels:
    """Models by full name; names compare without case, as Unity Catalog does."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        access: Access,
        creator: str,
        clock_ms: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._catalogue = catalogue
        self._access = access
        self._creator = creator
        self._clock_ms = clock_ms
        self._new_id = new_id
        self._shelf: Shelf[RegisteredModel] = Shelf(store, "model", to_document, from_document)
        self._preinstalled = {name: _preinstalled(name, facts, creator) for name, facts in catalogue.models.items()}

    def get(self, full_name: str) -> RegisteredModel:
        key = full_name.lower()
        model = self._shelf.get(key) or self._preinstalled.get(key)
        if model is None:
            raise NotFound(f"Registered model '{full_name}' does not exist.")
        return model

    def all(self, catalog: str | None = None, schema: str | None = None) -> list[RegisteredModel]:
        """Models by rising full name, of one schema when both names are given."""
        # A state kept from before a model was preinstalled may hold one of its name; that one stays.
        models = list({**self._preinstalled, **dict(self._shelf)}.values())
        if catalog and schema:
            prefix = f"{catalog}.{schema}.".lower()
            models = [model for model in models if model.full_name.startswith(prefix)]
        return sorted(models, key=lambda model: model.full_name)

    def create(self, full_name: str, comment: str | None, owner: str | None, storage: str | None) -> RegisteredModel:
        full_name = full_name.lower()
        _check_name(full_name)
        if self._shelf.get(full_name) or full_name in self._preinstalled:
            raise AlreadyExists(f"Registered model '{full_name}' already exists.")
        self._refuse_system(full_name)
        now = self._clock_ms()
        model_id = self._new_id()
        model = RegisteredModel(
            full_name=full_name,
            id=model_id,
            created_ms=now,
            updated_ms=now,
            created_by=self._creator,
            owner=owner or self._creator,
            comment=comment,
            storage_location=storage or f"dbfs:/Models/{model_id}",
        )
        self._shelf.put(full_name, model)
        return model

    def update(self, full_name: str, comment: str | None, owner: str | None, new_name: str | None) -> RegisteredModel:
        """Change what is given; None leaves a field as it is."""
        model = self._own(full_name)
        changed = replace(
            model,
            comment=model.comment if comment is None else comment,
            owner=owner or model.owner,
            updated_ms=self._clock_ms(),
        )
        if new_name is None:
            return self._keep(changed)
        renamed = f"{model.full_name.rpartition('.')[0]}.{new_name.lower()}"
        _check_name(renamed)
        if renamed == model.full_name:
            return self._keep(changed)
        if self._shelf.get(renamed):
            raise AlreadyExists(f"Registered model '{renamed}' already exists.")
        self._keep(replace(changed, full_name=renamed))
        self._access.move_grants(grants_path(model.full_name), grants_path(renamed))
        self._shelf.remove(model.full_name)
        return self.get(renamed)

    def delete(self, full_name: str, force: bool) -> None:
        model = self._own(full_name)
        if model.versions and not force:
            raise Invalid(f"Registered model '{full_name}' is not empty; delete its versions first or set force.")
        self._access.forget_grants(grants_path(model.full_name))
        self._shelf.remove(model.full_name)

    def version(self, full_name: str, version: str) -> ModelVersion:
        found = self.get(full_name).version(int(version)) if version.isascii() and version.isdigit() else None
        if found is None:
            raise NotFound(f"Model version '{full_name}' version '{version}' does not exist.")
        return found

    def create_version(self, full_name: str, settings: Json) -> ModelVersion:
        """A new version, still to be finalized; `settings` is echoed."""
        model = self._own(full_name)
        now = self._clock_ms()
        version = ModelVersion(
            version=model.next_version,
            status=PENDING_REGISTRATION,
            id=self._new_id(),
            created_ms=now,
            updated_ms=now,
            created_by=self._creator,
            settings=settings,
        )
        self._keep(replace(model, versions=(*model.versions, version), next_version=model.next_version + 1))
        return version

    def finalize_version(self, full_name: str, version: str) -> ModelVersion:
        return self._replace_version(full_name, replace(self.version(full_name, version), status=READY))

    def comment_version(self, full_name: str, version: str, comment: str | None) -> ModelVersion:
        found = self.version(full_name, version)
        return self._replace_version(full_name, replace(found, settings={**found.settings, "comment": comment}))

    def delete_version(self, full_name: str, version: str) -> None:
        model = self._own(full_name)
        number = self.version(full_name, version).version
        self._keep(
            replace(
                model,
                versions=tuple(v for v in model.versions if v.version != number),
                aliases=tuple((alias, n) for alias, n in model.aliases if n != number),
            )
        )

    def set_alias(self, full_name: str, alias: str, version: str) -> int:
        model = self._own(full_name)
        number = self.version(full_name, version).version
        others = tuple((name, n) for name, n in model.aliases if name != alias)
        self._keep(replace(model, aliases=(*others, (alias, number))))
        return number

    def aliased(self, full_name: str, alias: str) -> ModelVersion:
        number = dict(self.get(full_name).aliases).get(alias)
        if number is None:
            raise NotFound(f"Registered model '{full_name}' has no alias '{alias}'.")
        return self.version(full_name, str(number))

    def delete_alias(self, full_name: str, alias: str) -> None:
        model = self._own(full_name)
        self.aliased(full_name, alias)
        self._keep(replace(model, aliases=tuple((name, n) for name, n in model.aliases if name != alias)))

    def facts(self, full_name: str, version: str) -> Facts:
        """What the platform knows about a version; raises NotFound for an unknown model or version."""
        known = self._catalogue.models.get(full_name.lower())
        if known is not None and version in known:
            return known[version]
        return self._catalogue.user_model(full_name, self.version(full_name, version).model_type)

    def _own(self, full_name: str) -> RegisteredModel:
        model = self.get(full_name)
        self._refuse_system(model.full_name)
        return model

    def _refuse_system(self, full_name: str) -> None:
        if full_name.split(".")[0] == SYSTEM_CATALOG:
            raise Forbidden(f"'{full_name}': models in catalog '{SYSTEM_CATALOG}' cannot be changed.")
        if full_name in self._preinstalled and self._shelf.get(full_name) is None:
            raise Forbidden(
                f"'{full_name}': an example model of the stub workspace cannot be changed; use another name."
            )

    def _replace_version(self, full_name: str, version: ModelVersion) -> ModelVersion:
        model = self._own(full_name)
        changed = replace(version, updated_ms=self._clock_ms())
        self._keep(
            replace(model, versions=tuple(changed if v.version == version.version else v for v in model.versions))
        )
        return changed

    def _keep(self, model: RegisteredModel) -> RegisteredModel:
        self._shelf.put(model.full_name, model)
        return model


def grants_path(full_name: str) -> str:
    """The securable of a model: Unity Catalog keeps models under the type `function`."""
    return f"function/{full_name}"


def _check_name(full_name: str) -> None:
    parts = full_name.split(".")
    if len(parts) != 3 or not all(NAME_PART.fullmatch(part) for part in parts):
        raise Invalid(f"name: '{full_name}' is not a three-level name catalog.schema.model.")


def _preinstalled(name: str, facts: Mapping[str, Facts], user: str) -> RegisteredModel:
    """A model that is there from the start: the platform's in `system`, made by `user` in any other catalog."""
    numbers = sorted(int(version) for version in facts)
    owner = SYSTEM_OWNER if name.split(".")[0] == SYSTEM_CATALOG else user
    return RegisteredModel(
        full_name=name,
        id=f"system-{name}",
        created_ms=SYSTEM_CREATED_MS,
        updated_ms=SYSTEM_CREATED_MS,
        created_by=owner,
        owner=owner,
        storage_location=f"dbfs:/Models/{name}",
        versions=tuple(
            ModelVersion(number, READY, f"system-{name}-{number}", SYSTEM_CREATED_MS, SYSTEM_CREATED_MS, owner)
            for number in numbers
        ),
        next_version=max(numbers, default=0) + 1,
    )
