"""The versions of registered models: created, filled with files, finalized, read, tagged, deleted.

A newly created version accepts files; finalizing closes it and checks the files: a readable MLmodel file makes it
READY, anything else FAILED_REGISTRATION with a message.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bandplan.stub.json_object import Json
from bandplan.stub.state.faults.registration_faults import RegistrationFaults
from bandplan.stub.state.files.stored_files import Place, StoredFiles
from bandplan.stub.state.refusals import NoSuchFile
from bandplan.stub.state.registry import mlmodel
from bandplan.stub.state.registry.eligibility import Assessment, assess
from bandplan.stub.state.registry.model_version import (
    FAILED_REGISTRATION,
    PENDING_REGISTRATION,
    READY,
    ModelVersion,
    Outcome,
    RegisteredModel,
    Tags,
    holder,
    with_tags,
)
from bandplan.stub.state.registry.registered_models import RegisteredModels
from bandplan.stub.state.stamp import Stamp
from bandplan.stub.state.tracking import search_filter
from bandplan.stub.state.tracking.search_filter import Condition

CONFIG_PLACES = (("model", "config.json"), ("config.json",))
"""Places of the Hugging Face configuration in a model of the transformers flavor."""

MAX_CONFIG_BYTES = 1024 * 1024

SEARCHED = frozenset({"name", "run_id", "version_number", "source_path"})


class ModelVersions:
    """Versions by model and number; every change is committed before it returns."""

    def __init__(
        self,
        models: RegisteredModels,
        files: StoredFiles,
        faults: RegistrationFaults,
        stamp: Stamp,
    ) -> None:
        self._models = models
        self._files = files
        self._faults = faults
        self._creator = stamp.creator
        self._clock_ms = stamp.clock_ms
        self._new_id = stamp.new_id

    def create(self, full_name: str, settings: Json, tags: Tags = ()) -> ModelVersion:
        """Create a version, to be filled and finalized; `settings` is echoed."""
        model = self._models.own(full_name)
        now = self._clock_ms()
        version = ModelVersion(
            version=model.next_version,
            status=PENDING_REGISTRATION,
            id=self._new_id(),
            created_ms=now,
            updated_ms=now,
            created_by=self._creator,
            settings=settings,
            tags=with_tags((), tags),
        )
        self._models.keep(replace(model, versions=(*model.versions, version), next_version=model.next_version + 1))
        return version

    def read(self, full_name: str, version: str) -> ModelVersion:
        """Return the version as a client's GET sees it; this counts as one read of a held registration."""
        found = self._models.version(full_name, version)
        if not found.is_held or found.held_reads is None:
            return found
        if found.held_reads == 0:
            return self.settle(full_name, version)
        return self._change(full_name, replace(found, held_reads=found.held_reads - 1))

    def finalize(self, full_name: str, version: str) -> ModelVersion:
        """End the upload; a version that is already finalized is returned unchanged."""
        found = self._models.version(full_name, version)
        if not found.takes_files:
            return found
        outcome, assessment = self._judge(found)
        fault = self._faults.take(self._models.get(full_name).full_name)
        if fault is not None and fault.reason is not None:
            outcome = Outcome(FAILED_REGISTRATION, fault.reason)
        finalized = replace(found, outcome=outcome, assessment=assessment, updated_ms=self._clock_ms())
        if fault is not None and fault.reads != 0:
            return self._change(full_name, replace(finalized, held_reads=fault.reads))
        return self._change(full_name, _ended(finalized))

    def settle(self, full_name: str, version: str) -> ModelVersion:
        """End a held registration; other versions stay unchanged."""
        found = self._models.version(full_name, version)
        return self._change(full_name, _ended(found)) if found.is_held else found

    def comment(self, full_name: str, version: str, comment: str | None) -> ModelVersion:
        found = self._models.version(full_name, version)
        settings = {**found.settings, "comment": comment}
        return self._change(full_name, replace(found, settings=settings, updated_ms=self._clock_ms()))

    def set_tags(self, full_name: str, version: str, add: Tags, remove: tuple[str, ...] = ()) -> ModelVersion:
        found = self._models.version(full_name, version)
        return self._change(full_name, replace(found, tags=with_tags(found.tags, add, remove)))

    def delete(self, full_name: str, version: str) -> None:
        """Delete a version, its files and the aliases that point to it."""
        model = self._models.own(full_name)
        found = self._models.version(full_name, version)
        self._models.keep(
            replace(
                model,
                versions=tuple(v for v in model.versions if v.version != found.version),
                aliases=tuple((alias, n) for alias, n in model.aliases if n != found.version),
            )
        )
        self._files.drop(holder(found))

    def search(self, text: str | None) -> list[tuple[RegisteredModel, ModelVersion]]:
        """Return the versions that match an MLflow filter, newest first within a model. Raises Invalid."""
        conditions = tuple(map(_without_case, search_filter.parse(text, SEARCHED)))
        found = []
        for model in self._models.all():
            for version in reversed(model.versions):
                subject = {"attributes": _attributes(model, version), "tags": dict(version.tags)}
                if search_filter.matches(conditions, subject):
                    found.append((model, version))
        return found

    def _judge(self, version: ModelVersion) -> tuple[Outcome, Assessment | None]:
        try:
            model = mlmodel.read(self._files.read(_place(version, "MLmodel"), mlmodel.MAX_BYTES))
        except NoSuchFile:
            return Outcome(FAILED_REGISTRATION, "No MLmodel file was uploaded; is the source a model folder?"), None
        except mlmodel.UnreadableModel as error:
            return Outcome(FAILED_REGISTRATION, f"The MLmodel file {error}."), None
        return Outcome(READY), assess(model, self._config(version))

    def _config(self, version: ModelVersion) -> Mapping[str, Any] | None:
        for segments in CONFIG_PLACES:
            try:
                data = self._files.read(_place(version, *segments), MAX_CONFIG_BYTES)
                config = json.loads(data)
            except (NoSuchFile, ValueError, RecursionError):
                continue
            if isinstance(config, dict):
                return config
        return None

    def _change(self, full_name: str, version: ModelVersion) -> ModelVersion:
        model = self._models.own(full_name)
        versions = tuple(version if v.version == version.version else v for v in model.versions)
        self._models.keep(replace(model, versions=versions))
        return version


def _ended(version: ModelVersion) -> ModelVersion:
    assert version.outcome is not None
    return replace(version, status=version.outcome.status, status_message=version.outcome.message, held_reads=None)


def _without_case(condition: Condition) -> Condition:
    if condition.kind != "attributes" or condition.key != "name":
        return condition
    return replace(condition, value=str(condition.value).lower())


def _place(version: ModelVersion, *segments: str) -> Place:
    return Place(holder(version), segments, "/".join(segments))


def _attributes(model: RegisteredModel, version: ModelVersion) -> dict[str, Any]:
    return {
        "name": model.full_name,
        "run_id": version.settings.get("run_id"),
        "version_number": version.version,
        "source_path": version.settings.get("source"),
    }
