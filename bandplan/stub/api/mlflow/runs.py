"""/api/2.0/mlflow/runs, /metrics and /artifacts: runs of MLflow tracking."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.arguments import arguments, read_tags, show_tags
from bandplan.stub.api.mlflow.artifacts import artifacts
from bandplan.stub.api.mlflow.experiments import refuse_order, stages
from bandplan.stub.api.paging import page
from bandplan.stub.api.requests import integer, number, objects, required_text, text, texts
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.files.stored_files import StoredFiles
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.tracking.experiments import ACTIVE, DELETED
from bandplan.stub.state.tracking.runs import Metric, Run, Runs, holder

BASE = "/api/2.0/mlflow/runs"


def routes(runs: Runs, files: StoredFiles) -> list[Route]:
    handlers = MlflowRuns(runs, files)
    return [
        route("POST", f"{BASE}/create", handlers.create),
        route("GET", f"{BASE}/get", handlers.read),
        route("POST", f"{BASE}/update", handlers.update),
        route("POST", f"{BASE}/delete", handlers.delete),
        route("POST", f"{BASE}/restore", handlers.restore),
        route("POST", f"{BASE}/search", handlers.search),
        route("POST", f"{BASE}/log-metric", handlers.log_metric),
        route("POST", f"{BASE}/log-parameter", handlers.log_parameter),
        route("POST", f"{BASE}/log-batch", handlers.log_batch),
        route("POST", f"{BASE}/log-model", handlers.log_model),
        route("POST", f"{BASE}/outputs", handlers.log_outputs),
        route("POST", f"{BASE}/set-tag", handlers.set_tag),
        route("POST", f"{BASE}/delete-tag", handlers.delete_tag),
        route("GET", "/api/2.0/mlflow/metrics/get-history", handlers.metric_history),
        route("GET", "/api/2.0/mlflow/artifacts/list", handlers.artifacts),
    ]


class MlflowRuns:
    """Handlers; each reads the request, calls the runs and shows the result."""

    def __init__(self, runs: Runs, files: StoredFiles) -> None:
        self._runs = runs
        self._files = files

    async def create(self, request: Request) -> Response:
        given = await arguments(request)
        run = self._runs.create(
            required_text(given, "experiment_id"),
            text(given, "run_name"),
            integer(given, "start_time"),
            read_tags(given),
        )
        return Answer({"run": show(run)})

    async def read(self, request: Request) -> Response:
        return Answer({"run": show(self._runs.get(_id(await arguments(request))))})

    async def update(self, request: Request) -> Response:
        given = await arguments(request)
        run = self._runs.update(_id(given), text(given, "status"), integer(given, "end_time"), text(given, "run_name"))
        return Answer({"run_info": show_info(run)})

    async def delete(self, request: Request) -> Response:
        self._runs.set_stage(_id(await arguments(request)), DELETED)
        return Answer({})

    async def restore(self, request: Request) -> Response:
        self._runs.set_stage(_id(await arguments(request)), ACTIVE)
        return Answer({})

    async def search(self, request: Request) -> Response:
        given = await arguments(request)
        refuse_order(given)
        found = self._runs.search(texts(given, "experiment_ids"), text(given, "filter"), stages(given, "run_view_type"))
        return Answer(page("runs", found, show, given.get("max_results"), given.get("page_token")))

    async def log_metric(self, request: Request) -> Response:
        given = await arguments(request)
        self._runs.log(_id(given), (read_metric(given),), (), ())
        return Answer({})

    async def log_parameter(self, request: Request) -> Response:
        given = await arguments(request)
        self._runs.log(_id(given), (), ((required_text(given, "key"), text(given, "value") or ""),), ())
        return Answer({})

    async def log_batch(self, request: Request) -> Response:
        given = await arguments(request)
        metrics = tuple(read_metric(row, "metrics/") for row in objects(given, "metrics"))
        self._runs.log(_id(given), metrics, read_tags(given, "params"), read_tags(given))
        return Answer({})

    async def log_model(self, request: Request) -> Response:
        # The logged model is in the run's tags and outputs; nothing here reads this older record.
        self._runs.get(_id(await arguments(request)))
        return Answer({})

    async def log_outputs(self, request: Request) -> Response:
        given = await arguments(request)
        models = tuple(
            (required_text(row, "model_id", "models/"), integer(row, "step", "models/") or 0)
            for row in objects(given, "models")
        )
        self._runs.add_models(_id(given), models)
        return Answer({})

    async def set_tag(self, request: Request) -> Response:
        given = await arguments(request)
        self._runs.log(_id(given), (), (), ((required_text(given, "key"), text(given, "value") or ""),))
        return Answer({})

    async def delete_tag(self, request: Request) -> Response:
        given = await arguments(request)
        self._runs.delete_tag(_id(given), required_text(given, "key"))
        return Answer({})

    async def metric_history(self, request: Request) -> Response:
        given = await arguments(request)
        key = required_text(given, "metric_key")
        found = [metric for metric in self._runs.get(_id(given)).metrics if metric.key == key]
        return Answer(page("metrics", found, show_metric, given.get("max_results"), given.get("page_token")))

    async def artifacts(self, request: Request) -> Response:
        given = await arguments(request)
        run = self._runs.get(_id(given))
        return Answer(artifacts(self._files, f"{holder(run.id)}/artifacts", run.artifact_uri, text(given, "path")))


def read_metric(given: Json, place: str = "") -> Metric:
    """Read a metric value; NaN and the infinities arrive as words."""
    value = given.get("value")
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        raise Invalid(f"{place}value: the stub workspace stores finite numbers only.")
    found = number(given, "value", place)
    if found is None:
        raise Invalid(f"{place}value: is required.")
    return Metric(
        required_text(given, "key", place),
        float(found),
        integer(given, "timestamp", place) or 0,
        integer(given, "step", place) or 0,
        text(given, "model_id", place),
    )


def show(run: Run) -> Json:
    return {
        "info": show_info(run),
        "data": {
            "metrics": [show_metric(metric) for metric in run.latest_metrics()],
            "params": show_tags(run.params),
            "tags": show_tags(run.tags),
        },
        "inputs": {},
        "outputs": {"model_outputs": [{"model_id": model_id, "step": step} for model_id, step in run.models]},
    }


def show_info(run: Run) -> Json:
    shown: Json = {
        "run_id": run.id,
        "run_uuid": run.id,
        "run_name": run.name,
        "experiment_id": run.experiment_id,
        "user_id": run.user,
        "status": run.status,
        "start_time": run.started_ms,
        "artifact_uri": run.artifact_uri,
        "lifecycle_stage": run.stage,
    }
    if run.ended_ms is not None:
        shown["end_time"] = run.ended_ms
    return shown


def show_metric(metric: Metric) -> Json:
    shown: Json = {
        "key": metric.key,
        "value": metric.value,
        "timestamp": metric.timestamp,
        "step": metric.step,
    }
    if metric.model_id is not None:
        shown["model_id"] = metric.model_id
    return shown


def _id(given: Json) -> str:
    return required_text(given, "run_id" if given.get("run_id") else "run_uuid")
