"""Logged models of MLflow 3: what `log_model` creates first, with its own files, before anything is registered."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.files.stored_files import StoredFiles
from bandplan.stub.state.refusals import Invalid, NotFound
from bandplan.stub.state.registry.model_version import Tags, with_tags
from bandplan.stub.state.store import Store
from bandplan.stub.state.tracking import search_filter
from bandplan.stub.state.tracking.experiments import Experiments

PENDING = "LOGGED_MODEL_PENDING"
STATUSES = (PENDING, "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")

SEARCHED = frozenset(
    {"name", "model_id", "model_type", "status", "source_run_id", "creation_timestamp", "last_updated_timestamp"}
)


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """One logged model."""

    id: str
    experiment_id: str
    name: str
    created_ms: int
    updated_ms: int
    artifact_uri: str
    status: str = PENDING
    model_type: str | None = None
    source_run_id: str | None = None
    params: Tags = ()
    tags: Tags = ()


class LoggedModels:
    """Logged models by id; every change is committed before it returns."""

    def __init__(
        self,
        store: Store,
        experiments: Experiments,
        files: StoredFiles,
        clock_ms: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._experiments = experiments
        self._files = files
        self._clock_ms = clock_ms
        self._new_id = new_id
        self._collection: Collection[LoggedModel] = Collection(store, "logged_model", asdict, _from_document)
        files.keep_only("logged_models", {model_id for model_id, _ in self._collection})

    def create(
        self,
        experiment_id: str,
        name: str | None,
        model_type: str | None,
        source_run_id: str | None,
        params: Tags,
        tags: Tags,
    ) -> LoggedModel:
        experiment = self._experiments.active(experiment_id)
        now = self._clock_ms()
        model_id = f"m-{self._new_id()}"
        return self._keep(
            LoggedModel(
                id=model_id,
                experiment_id=experiment.id,
                name=name or model_id,
                created_ms=now,
                updated_ms=now,
                artifact_uri=f"{experiment.artifact_location}/logged_models/{model_id}/artifacts",
                model_type=model_type,
                source_run_id=source_run_id,
                params=with_tags((), params),
                tags=with_tags((), tags),
            )
        )

    def get(self, model_id: str) -> LoggedModel:
        found = self._collection.get(model_id)
        if found is None:
            raise NotFound(f"Logged model '{model_id}' does not exist.")
        return found

    def finalize(self, model_id: str, status: str) -> LoggedModel:
        if status not in STATUSES[1:]:
            raise Invalid(f"status: '{status}' is not one of {', '.join(STATUSES[1:])}.")
        return self._keep(replace(self.get(model_id), status=status, updated_ms=self._clock_ms()))

    def set_tags(self, model_id: str, add: Tags, remove: tuple[str, ...] = ()) -> LoggedModel:
        model = self.get(model_id)
        return self._keep(replace(model, tags=with_tags(model.tags, add, remove), updated_ms=self._clock_ms()))

    def add_params(self, model_id: str, params: Tags) -> LoggedModel:
        model = self.get(model_id)
        return self._keep(replace(model, params=with_tags(model.params, params), updated_ms=self._clock_ms()))

    def delete(self, model_id: str) -> None:
        """Delete a logged model and its files."""
        self._collection.remove(self.get(model_id).id)
        self._files.drop(holder(model_id))

    def search(self, experiment_ids: list[str], text: str | None) -> list[LoggedModel]:
        """Return the logged models of the given experiments that match a filter, newest first."""
        conditions = search_filter.parse(text, SEARCHED)
        found = [
            model
            for _, model in self._collection
            if model.experiment_id in experiment_ids and search_filter.matches(conditions, _subject(model))
        ]
        return found[::-1]

    def _keep(self, model: LoggedModel) -> LoggedModel:
        self._collection.put(model.id, model)
        return model


def holder(model_id: str) -> str:
    """Return the directory for the files of a logged model."""
    return f"logged_models/{model_id}"


def _subject(model: LoggedModel) -> dict[str, dict[str, Any]]:
    attributes = {
        "name": model.name,
        "model_id": model.id,
        "model_type": model.model_type,
        "status": model.status.removeprefix("LOGGED_MODEL_"),
        "source_run_id": model.source_run_id,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
    }
    return {"attributes": attributes, "params": dict(model.params), "tags": dict(model.tags)}


def _from_document(document: Json) -> LoggedModel:
    fields = dict(document)
    for key in ("params", "tags"):
        fields[key] = tuple((name, value) for name, value in document[key])
    return LoggedModel(**fields)
