"""Runs of MLflow tracking: parameters, metrics, tags, and the models that they logged."""

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
from bandplan.stub.state.tracking.experiments import ACTIVE, Experiments

STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
RUN_NAME = "mlflow.runName"

MOST_METRICS = 10_000
"""Maximum number of metric values in one run; arbitrary: the workspace holds every run in memory."""

SEARCHED = frozenset({"run_id", "run_name", "status", "start_time", "end_time", "user_id", "artifact_uri"})


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a metric."""

    key: str
    value: float
    timestamp: int
    step: int
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run; `models` are the ids of logged models with the step at which each was logged."""

    id: str
    experiment_id: str
    name: str
    user: str
    status: str
    started_ms: int
    ended_ms: int | None
    artifact_uri: str
    stage: str = ACTIVE
    params: Tags = ()
    tags: Tags = ()
    metrics: tuple[Metric, ...] = ()
    models: tuple[tuple[str, int], ...] = ()

    def latest_metrics(self) -> list[Metric]:
        """Return the last value of each metric: of the highest step, then the latest time."""
        latest: dict[str, Metric] = {}
        for metric in self.metrics:
            known = latest.get(metric.key)
            if known is None or (metric.step, metric.timestamp) >= (known.step, known.timestamp):
                latest[metric.key] = metric
        return list(latest.values())


class Runs:
    """Runs by id; every change is committed before it returns."""

    def __init__(
        self,
        store: Store,
        experiments: Experiments,
        files: StoredFiles,
        user: str,
        clock_ms: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._experiments = experiments
        self._user = user
        self._clock_ms = clock_ms
        self._new_id = new_id
        self._collection: Collection[Run] = Collection(store, "run", asdict, _from_document)
        files.keep_only("runs", {run_id for run_id, _ in self._collection})

    def create(self, experiment_id: str, name: str | None, started_ms: int | None, tags: Tags) -> Run:
        experiment = self._experiments.active(experiment_id)
        run_id = self._new_id()
        run_name = name or dict(tags).get(RUN_NAME) or f"run-{run_id[:8]}"
        return self._keep(
            Run(
                id=run_id,
                experiment_id=experiment.id,
                name=run_name,
                user=self._user,
                status="RUNNING",
                started_ms=self._clock_ms() if started_ms is None else started_ms,
                ended_ms=None,
                artifact_uri=f"{experiment.artifact_location}/{run_id}/artifacts",
                tags=with_tags(tags, ((RUN_NAME, run_name),)),
            )
        )

    def get(self, run_id: str) -> Run:
        found = self._collection.get(run_id)
        if found is None:
            raise NotFound(f"Run '{run_id}' does not exist.")
        return found

    def update(self, run_id: str, status: str | None, ended_ms: int | None, name: str | None) -> Run:
        """Change the given fields; None leaves a field unchanged."""
        run = self.get(run_id)
        if status is not None and status not in STATUSES:
            raise Invalid(f"status: '{status}' is not one of {', '.join(STATUSES)}.")
        tags = with_tags(run.tags, ((RUN_NAME, name),)) if name else run.tags
        changed = replace(run, status=status or run.status, name=name or run.name, tags=tags)
        return self._keep(replace(changed, ended_ms=run.ended_ms if ended_ms is None else ended_ms))

    def log(self, run_id: str, metrics: tuple[Metric, ...], params: Tags, tags: Tags) -> None:
        """Add values; a parameter already logged with another value is refused, as on the platform."""
        run = self.get(run_id)
        known = dict(run.params)
        for key, value in params:
            if known.get(key, value) != value:
                raise Invalid(f"params: '{key}' was logged as '{known[key]}'; a parameter cannot be changed.")
        if len(run.metrics) + len(metrics) > MOST_METRICS:
            raise Invalid(f"metrics: run '{run_id}' would have more than {MOST_METRICS} values.")
        self._keep(
            replace(
                run,
                metrics=(*run.metrics, *metrics),
                params=with_tags(run.params, params),
                tags=with_tags(run.tags, tags),
            )
        )

    def delete_tag(self, run_id: str, key: str) -> None:
        run = self.get(run_id)
        if key not in dict(run.tags):
            raise NotFound(f"Run '{run_id}' has no tag '{key}'.")
        self._keep(replace(run, tags=with_tags(run.tags, (), (key,))))

    def add_models(self, run_id: str, models: tuple[tuple[str, int], ...]) -> None:
        run = self.get(run_id)
        self._keep(replace(run, models=tuple({**dict(run.models), **dict(models)}.items())))

    def set_stage(self, run_id: str, stage: str) -> None:
        self._keep(replace(self.get(run_id), stage=stage))

    def search(self, experiment_ids: list[str], text: str | None, stages: frozenset[str]) -> list[Run]:
        """Return the runs of the given experiments that match a filter, latest start first."""
        conditions = search_filter.parse(text, SEARCHED)
        found = [
            run
            for _, run in self._collection
            if run.experiment_id in experiment_ids
            and run.stage in stages
            and search_filter.matches(conditions, _subject(run))
        ]
        return sorted(found, key=lambda run: run.started_ms, reverse=True)

    def _keep(self, run: Run) -> Run:
        self._collection.put(run.id, run)
        return run


def holder(run_id: str) -> str:
    """Return the directory for the artifacts of a run."""
    return f"runs/{run_id}"


def _subject(run: Run) -> dict[str, dict[str, Any]]:
    attributes = {
        "run_id": run.id,
        "run_name": run.name,
        "status": run.status,
        "start_time": run.started_ms,
        "end_time": run.ended_ms,
        "user_id": run.user,
        "artifact_uri": run.artifact_uri,
    }
    metrics = {metric.key: metric.value for metric in run.latest_metrics()}
    return {"attributes": attributes, "params": dict(run.params), "tags": dict(run.tags), "metrics": metrics}


def _from_document(document: Json) -> Run:
    fields = dict(document)
    for key in ("params", "tags", "models"):
        fields[key] = tuple((name, value) for name, value in document[key])
    fields["metrics"] = tuple(Metric(**metric) for metric in document["metrics"])
    return Run(**fields)
