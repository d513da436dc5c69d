"""The registry: models created by users, and preinstalled ones (`system.ai`, examples), which nobody can change.

Their versions are managed in `bandplan.stub.state.registry.model_versions`.
"""

from collections.abc import Mapping
from dataclasses import replace

from bandplan.stub.state.access import Access
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.files.stored_files import StoredFiles
from bandplan.stub.state.refusals import AlreadyExists, Forbidden, Invalid, NotFound
from bandplan.stub.state.registry.catalogs import NAME_PART, PREINSTALLED_MS, Catalogs
from bandplan.stub.state.registry.catalogue import Catalogue, Facts
from bandplan.stub.state.registry.model_version import (
    READY,
    ModelVersion,
    RegisteredModel,
    Tags,
    from_document,
    holder,
    to_document,
    with_tags,
)
from bandplan.stub.state.stamp import Stamp
from bandplan.stub.state.store import Store

SYSTEM_CATALOG = "system"
SYSTEM_OWNER = "System user"

MAX_DIGITS = 18
"""Maximum number of digits of a version number, so that it fits into 64 bits."""


class RegisteredModels:
    """Models by full name; names are case-insensitive, as in Unity Catalog."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        catalogs: Catalogs,
        access: Access,
        files: StoredFiles,
        stamp: Stamp,
    ) -> None:
        self._catalogue = catalogue
        self._catalogs = catalogs
        self._access = access
        self._files = files
        self._creator = stamp.creator
        self._clock_ms = stamp.clock_ms
        self._new_id = stamp.new_id
        self._collection: Collection[RegisteredModel] = Collection(store, "model", to_document, from_document)
        self._preinstalled = {
            name: _preinstalled(name, facts, stamp.creator) for name, facts in catalogue.models.items()
        }
        files.keep_only("models", {version.id for _, model in self._collection for version in model.versions})

    def get(self, full_name: str) -> RegisteredModel:
        key = full_name.lower()
        model = self._collection.get(key) or self._preinstalled.get(key)
        if model is None:
            raise NotFound(f"Registered model '{full_name}' does not exist.")
        return model

    def all(self, catalog: str | None = None, schema: str | None = None) -> list[RegisteredModel]:
        """Return models in ascending order of full name; those of one schema if both names are given."""
        # State from before a model was preinstalled may hold a model of the same name; that one stays.
        models = list({**self._preinstalled, **dict(self._collection)}.values())
        if catalog and schema:
            prefix = f"{catalog}.{schema}.".lower()
            models = [model for model in models if model.full_name.startswith(prefix)]
        return sorted(models, key=lambda model: model.full_name)

    def create(
        self,
        full_name: str,
        comment: str | None,
        storage: str | None = None,
        tags: Tags = (),
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Create a model. Raises Invalid, NotFound for a missing catalog or schema, AlreadyExists and Forbidden."""
        full_name = full_name.lower()
        catalog, schema = _check_name(full_name)
        self._catalogs.schema(catalog, schema)
        if self._collection.get(full_name) or full_name in self._preinstalled:
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
            owner=self._creator,
            comment=comment,
            storage_location=storage or f"dbfs:/Models/{model_id}",
            tags=with_tags((), tags),
            deployment_job_id=deployment_job_id,
        )
        self._collection.put(full_name, model)
        return model

    def update(
        self,
        full_name: str,
        comment: str | None,
        owner: str | None = None,
        new_name: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Change the given fields; None leaves a field unchanged. `new_name` has one level, or all three."""
        model = self.own(full_name)
        changed = replace(
            model,
            comment=model.comment if comment is None else comment,
            owner=owner or model.owner,
            deployment_job_id=model.deployment_job_id if deployment_job_id is None else deployment_job_id,
            updated_ms=self._clock_ms(),
        )
        renamed = _renamed(model.full_name, new_name)
        if renamed == model.full_name:
            return self.keep(changed)
        if self._collection.get(renamed) or renamed in self._preinstalled:
            raise AlreadyExists(f"Registered model '{renamed}' already exists.")
        self.keep(replace(changed, full_name=renamed))
        self._access.move_grants(grants_path(model.full_name), grants_path(renamed))
        self._collection.remove(model.full_name)
        return self.get(renamed)

    def delete(self, full_name: str) -> None:
        """Delete a model. Raises Invalid while it has versions, contrary to the API reference."""
        model = self.own(full_name)
        if model.versions:
            raise Invalid(
                f"Function '{model.full_name}' is not empty. The function has {len(model.versions)} model versions(s)"
            )
        self.discard(full_name)

    def discard(self, full_name: str) -> None:
        """Delete a model with all its versions, as the forced deletion of its schema or catalog does."""
        model = self.own(full_name)
        self._access.forget_grants(grants_path(model.full_name))
        self._collection.remove(model.full_name)
        for version in model.versions:
            self._files.drop(holder(version))

    def set_tags(self, full_name: str, add: Tags, remove: tuple[str, ...] = ()) -> RegisteredModel:
        model = self.own(full_name)
        return self.keep(replace(model, tags=with_tags(model.tags, add, remove)))

    def version(self, full_name: str, version: str) -> ModelVersion:
        model = self.get(full_name)
        is_number = version.isascii() and version.isdigit() and len(version) <= MAX_DIGITS
        found = model.version(int(version)) if is_number else None
        if found is None:
            raise NotFound(f"Model version '{full_name}' version '{version}' does not exist.")
        return found

    def set_alias(self, full_name: str, alias: str, version: str) -> int:
        model = self.own(full_name)
        number = self.version(full_name, version).version
        others = tuple((name, n) for name, n in model.aliases if name != alias)
        self.keep(replace(model, aliases=(*others, (alias, number))))
        return number

    def aliased(self, full_name: str, alias: str) -> ModelVersion:
        number = dict(self.get(full_name).aliases).get(alias)
        if number is None:
            raise NotFound(f"Registered model '{full_name}' has no alias '{alias}'.")
        return self.version(full_name, str(number))

    def delete_alias(self, full_name: str, alias: str) -> None:
        model = self.own(full_name)
        self.aliased(full_name, alias)
        self.keep(replace(model, aliases=tuple((name, n) for name, n in model.aliases if name != alias)))

    def facts(self, full_name: str, version: str) -> Facts:
        """Return what the platform knows about a version. Raises NotFound for an unknown model or version."""
        known = self._catalogue.models.get(full_name.lower())
        if known is not None and version in known:
            return known[version]
        found = self.version(full_name, version)
        judged = found.assessment
        if found.status != READY or judged is None or judged.reasons:
            return Facts(task=judged.task if judged else None, capacity="none")
        return self._catalogue.user_model(
            judged.family, judged.task, judged.dimension, judged.context_tokens, judged.sizes
        )

    def check_ready(self, full_name: str, version: str) -> None:
        """Raise Invalid if a version cannot be served, or cannot be served yet."""
        found = self.version(full_name, version)
        if found.status != READY:
            reason = f": {found.status_message}" if found.status_message else ""
            raise Invalid(f"Model version '{full_name}' version '{version}' is {found.status}, not READY{reason}")

    def own(self, full_name: str) -> RegisteredModel:
        """Return a model that users may change. Raises NotFound and Forbidden."""
        model = self.get(full_name)
        self._refuse_system(model.full_name)
        return model

    def keep(self, model: RegisteredModel) -> RegisteredModel:
        self._collection.put(model.full_name, model)
        return model

    def _refuse_system(self, full_name: str) -> None:
        if full_name.split(".")[0] == SYSTEM_CATALOG:
            raise Forbidden(f"'{full_name}': models in catalog '{SYSTEM_CATALOG}' cannot be changed.")
        if full_name in self._preinstalled and self._collection.get(full_name) is None:
            raise Forbidden(
                f"'{full_name}': an example model of the stub workspace cannot be changed; use another name."
            )


def grants_path(full_name: str) -> str:
    """Return the securable of a model: Unity Catalog keeps models under the type `function`."""
    return f"function/{full_name}"


def _check_name(full_name: str) -> tuple[str, str]:
    """Return the catalog and schema of a full name. Raises Invalid."""
    parts = full_name.split(".")
    if len(parts) != 3 or not all(NAME_PART.fullmatch(part) for part in parts):
        # MLflow looks for "specify all three levels", and then points its users to the workspace registry.
        raise Invalid(
            f"name: '{full_name[:255]}' is not a three-level name; specify all three levels: catalog.schema.model."
        )
    return parts[0], parts[1]


def _renamed(full_name: str, new_name: str | None) -> str:
    if not new_name:
        return full_name
    schema, _, _ = full_name.rpartition(".")
    renamed = new_name.lower() if "." in new_name else f"{schema}.{new_name.lower()}"
    _check_name(renamed)
    if renamed.rpartition(".")[0] != schema:
        raise Invalid(f"new_name: '{new_name}' is not in schema '{schema}'; a model stays in its schema.")
    return renamed


def _preinstalled(name: str, facts: Mapping[str, Facts], user: str) -> RegisteredModel:
    """Build a preinstalled model: created by the platform in `system`, by `user` in any other catalog."""
    numbers = sorted(int(version) for version in facts)
    owner = SYSTEM_OWNER if name.split(".")[0] == SYSTEM_CATALOG else user
    return RegisteredModel(
        full_name=name,
        id=f"system-{name}",
        created_ms=PREINSTALLED_MS,
        updated_ms=PREINSTALLED_MS,
        created_by=owner,
        owner=owner,
        storage_location=f"dbfs:/Models/{name}",
        versions=tuple(
            ModelVersion(number, READY, f"system-{name}-{number}", PREINSTALLED_MS, PREINSTALLED_MS, owner)
            for number in numbers
        ),
        next_version=max(numbers, default=0) + 1,
    )
