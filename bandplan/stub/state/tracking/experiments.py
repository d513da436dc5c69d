"""Experiments of MLflow tracking."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import AlreadyExists, Invalid, NotFound
from bandplan.stub.state.registry.model_version import Tags, with_tags
from bandplan.stub.state.store import Store
from bandplan.stub.state.tracking import search_filter

ACTIVE = "active"
DELETED = "deleted"

NAME = re.compile(r"/[^\x00-\x1f\x7f\ud800-\udfff]{1,499}")
"""The name of an experiment: the absolute path of a workspace object."""

SEARCHED = frozenset({"name", "creation_time", "last_update_time"})


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment; `id` is a string of digits."""

    id: str
    name: str
    created_ms: int
    updated_ms: int
    artifact_location: str
    stage: str = ACTIVE
    tags: Tags = ()


class Experiments:
    """Experiments by id; names are unique among those that are not deleted."""

    def __init__(self, store: Store, clock_ms: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._clock_ms = clock_ms
        self._new_id = new_id
        self._collection: Collection[Experiment] = Collection(store, "experiment", asdict, _from_document)

    def create(self, name: str, artifact_location: str | None, tags: Tags) -> Experiment:
        if not NAME.fullmatch(name):
            raise Invalid(
                f"name: '{name[:80]}' is not a valid experiment name; use an absolute path of the workspace, "
                "such as /Users/<user>/<experiment> or /Shared/<experiment>."
            )
        if self._named(name) is not None:
            raise AlreadyExists(f"Experiment '{name}' already exists.")
        now = self._clock_ms()
        # Digits, as on the platform; few enough that a client in JavaScript reads them exactly.
        number = str(10**14 + int(self._new_id()[:11], 16))
        location = artifact_location or f"dbfs:/databricks/mlflow-tracking/{number}"
        experiment = Experiment(number, name, now, now, location, tags=with_tags((), tags))
        return self._keep(experiment)

    def get(self, experiment_id: str) -> Experiment:
        found = self._collection.get(experiment_id)
        if found is None:
            raise NotFound(
                f"No experiment with id '{experiment_id}' exists; name one with "
                "mlflow.set_experiment('/Shared/<experiment>') before you start a run."
            )
        return found

    def active(self, experiment_id: str) -> Experiment:
        """Return an experiment that accepts runs. Raises NotFound and Invalid."""
        found = self.get(experiment_id)
        if found.stage != ACTIVE:
            raise Invalid(f"Experiment '{found.name}' is deleted.")
        return found

    def named(self, name: str) -> Experiment:
        found = self._named(name)
        if found is None:
            raise NotFound(f"Experiment '{name}' does not exist.")
        return found

    def set_tags(self, experiment_id: str, add: Tags, remove: tuple[str, ...] = ()) -> None:
        found = self.get(experiment_id)
        self._keep(replace(found, tags=with_tags(found.tags, add, remove), updated_ms=self._clock_ms()))

    def rename(self, experiment_id: str, name: str) -> None:
        if not NAME.fullmatch(name):
            raise Invalid(f"new_name: '{name[:80]}' is not an absolute path of the workspace.")
        if self._named(name) is not None:
            raise AlreadyExists(f"Experiment '{name}' already exists.")
        self._keep(replace(self.get(experiment_id), name=name, updated_ms=self._clock_ms()))

    def set_stage(self, experiment_id: str, stage: str) -> None:
        self._keep(replace(self.get(experiment_id), stage=stage, updated_ms=self._clock_ms()))

    def search(self, text: str | None, stages: frozenset[str]) -> list[Experiment]:
        """Return the experiments that match a filter, newest first."""
        conditions = search_filter.parse(text, SEARCHED)
        found = [e for _, e in self._collection if e.stage in stages and search_filter.matches(conditions, _subject(e))]
        return found[::-1]

    def _named(self, name: str) -> Experiment | None:
        return next((found for _, found in self._collection if found.name == name and found.stage == ACTIVE), None)

    def _keep(self, experiment: Experiment) -> Experiment:
        self._collection.put(experiment.id, experiment)
        return experiment


def _subject(experiment: Experiment) -> dict[str, dict[str, Any]]:
    attributes = {
        "name": experiment.name,
        "creation_time": experiment.created_ms,
        "last_update_time": experiment.updated_ms,
    }
    return {"attributes": attributes, "tags": dict(experiment.tags)}


def _from_document(document: Json) -> Experiment:
    return Experiment(**{**document, "tags": tuple((key, value) for key, value in document["tags"])})
