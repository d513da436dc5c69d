"""MLflow tracking: experiments, runs, logged models and their artifacts."""

from typing import Any

import pytest

from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.tracking import search_filter
from tests.stub.registering import FILES, error, put
from tests.stub.stub_client import StubClient

ML = "/api/2.0/mlflow"


@pytest.fixture
def experiment(client: StubClient, name: str) -> str:
    return str(client.ok("POST", f"{ML}/experiments/create", {"name": f"/Shared/{name}"})["experiment_id"])


def run_in(client: StubClient, experiment: str, **fields: Any) -> Any:
    return client.ok("POST", f"{ML}/runs/create", {"experiment_id": experiment, **fields})["run"]


def test_experiment_is_found_by_id_and_by_name_and_by_search(client: StubClient, experiment: str, name: str) -> None:
    assert experiment.isdigit()
    by_id = client.ok("GET", f"{ML}/experiments/get?experiment_id={experiment}")["experiment"]
    assert (by_id["name"], by_id["lifecycle_stage"]) == (f"/Shared/{name}", "active")
    assert client.ok("GET", f"{ML}/experiments/get-by-name?experiment_name=/Shared/{name}")["experiment"] == by_id
    tag = {"experiment_id": experiment, "key": "team", "value": name}
    client.ok("POST", f"{ML}/experiments/set-experiment-tag", tag)
    for text in (f"name = '/Shared/{name}'", f"tags.team = '{name}'", f"name LIKE '%{name}'"):
        found = client.ok("POST", f"{ML}/experiments/search", {"filter": text, "max_results": 5})["experiments"]
        assert [row["experiment_id"] for row in found] == [experiment], text


def test_experiment_names_are_absolute_paths_and_unique(client: StubClient, experiment: str, name: str) -> None:
    relative = client.send("POST", f"{ML}/experiments/create", {"name": name})
    assert error(relative) == (400, "INVALID_PARAMETER_VALUE")
    again = client.send("POST", f"{ML}/experiments/create", {"name": f"/Shared/{name}"})
    assert error(again) == (400, "RESOURCE_ALREADY_EXISTS")
    client.ok("POST", f"{ML}/experiments/delete", {"experiment_id": experiment})
    assert client.send("GET", f"{ML}/experiments/get-by-name?experiment_name=/Shared/{name}").status == 404
    assert error(client.send("POST", f"{ML}/runs/create", {"experiment_id": experiment})) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )


def test_run_without_an_experiment_is_told_to_set_one(client: StubClient) -> None:
    reply = client.send("POST", f"{ML}/runs/create", {"experiment_id": "0"})
    assert error(reply) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "mlflow.set_experiment" in reply.message


def test_run_keeps_what_was_logged(client: StubClient, experiment: str) -> None:
    run = run_in(client, experiment, run_name="first", start_time=5, tags=[{"key": "a", "value": "1"}])
    run_id = run["info"]["run_id"]
    assert run["info"]["artifact_uri"] == f"dbfs:/databricks/mlflow-tracking/{experiment}/{run_id}/artifacts"
    batch = {
        "run_id": run_id,
        "params": [{"key": "lr", "value": "0.1"}],
        "metrics": [{"key": "loss", "value": v, "timestamp": t, "step": s} for v, t, s in ((3, 1, 0), (1.5, 2, 2))],
        "tags": [{"key": "b", "value": "2"}],
    }
    client.ok("POST", f"{ML}/runs/log-batch", batch)
    late = {"run_id": run_id, "key": "loss", "value": 2.5, "timestamp": 9, "step": 1}
    client.ok("POST", f"{ML}/runs/log-metric", late)
    client.ok("POST", f"{ML}/runs/log-parameter", {"run_id": run_id, "key": "lr", "value": "0.1"})
    client.ok("POST", f"{ML}/runs/set-tag", {"run_id": run_id, "key": "a", "value": "3"})
    client.ok("POST", f"{ML}/runs/delete-tag", {"run_id": run_id, "key": "b"})
    client.ok("POST", f"{ML}/runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 10})
    found = client.ok("GET", f"{ML}/runs/get?run_id={run_id}")["run"]
    assert (found["info"]["status"], found["info"]["end_time"], found["info"]["run_name"]) == ("FINISHED", 10, "first")
    assert found["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert [(m["value"], m["step"]) for m in found["data"]["metrics"]] == [(1.5, 2)]  # the highest step counts
    assert {tag["key"]: tag["value"] for tag in found["data"]["tags"]} == {"a": "3", "mlflow.runName": "first"}
    history = client.ok("GET", f"{ML}/metrics/get-history?run_id={run_id}&metric_key=loss")["metrics"]
    assert [metric["value"] for metric in history] == [3, 1.5, 2.5]


def test_parameter_cannot_be_changed(client: StubClient, experiment: str) -> None:
    run_id = run_in(client, experiment)["info"]["run_id"]
    client.ok("POST", f"{ML}/runs/log-parameter", {"run_id": run_id, "key": "lr", "value": "1"})
    reply = client.send("POST", f"{ML}/runs/log-parameter", {"run_id": run_id, "key": "lr", "value": "2"})
    assert error(reply) == (400, "INVALID_PARAMETER_VALUE")


def test_runs_are_searched_in_their_experiment_latest_first(client: StubClient, experiment: str) -> None:
    for number in (1, 3, 2):
        run_id = run_in(client, experiment, start_time=number, run_name=f"r{number}")["info"]["run_id"]
        client.ok("POST", f"{ML}/runs/log-metric", {"run_id": run_id, "key": "m", "value": number / 2, "timestamp": 1})
    client.ok("POST", f"{ML}/runs/delete", {"run_id": run_id})

    def search(**fields: Any) -> list[str]:
        body = {"experiment_ids": [experiment], **fields}
        return [row["info"]["run_name"] for row in client.ok("POST", f"{ML}/runs/search", body)["runs"]]

    assert search() == ["r3", "r1"]
    assert search(run_view_type="ALL", order_by=["attributes.start_time DESC"]) == ["r3", "r2", "r1"]
    assert search(filter="metrics.m > 1") == ["r3"]
    assert search(filter="attributes.run_name = 'r1' and tags.`mlflow.runName` = 'r1'") == ["r1"]
    assert search(experiment_ids=["1"]) == []
    reply = client.send("POST", f"{ML}/runs/search", {"experiment_ids": [experiment], "order_by": ["metrics.m ASC"]})
    assert error(reply) == (400, "INVALID_PARAMETER_VALUE")


def test_artifacts_of_a_run_come_by_the_files_api_and_are_listed(client: StubClient, experiment: str) -> None:
    run_id = run_in(client, experiment)["info"]["run_id"]
    root = f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/{run_id}/artifacts"
    put(client, f"{root}/notes/a.txt", b"abc")
    listing = f"{ML}/artifacts/list?run_id={run_id}"
    assert client.ok("GET", listing)["files"] == [{"path": "notes", "is_dir": True}]
    row = {"path": "notes/a.txt", "is_dir": False, "file_size": 3}
    assert client.ok("GET", f"{listing}&path=notes")["files"] == [row]
    assert client.ok("GET", f"{listing}&path=notes/a.txt")["files"] == [row]
    assert client.ok("GET", f"{listing}&path=nothing")["files"] == []
    assert client.send("GET", f"{listing}&path=../../..").status == 400
    elsewhere = root.replace(f"/{experiment}/", "/1/")
    assert client.raw("GET", f"{FILES}{elsewhere}/notes/a.txt").status == 404


def test_logged_model_is_created_filled_finalized_found_and_deleted(client: StubClient, experiment: str) -> None:
    run_id = run_in(client, experiment)["info"]["run_id"]
    body = {"experiment_id": experiment, "name": "m", "source_run_id": run_id, "params": [{"key": "p", "value": "1"}]}
    info = client.ok("POST", f"{ML}/logged-models", body)["model"]["info"]
    path = f"{ML}/logged-models/{info['model_id']}"
    assert info["status"] == "LOGGED_MODEL_PENDING"
    root = f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/LoggedModels/{info['model_id']}/artifacts"
    put(client, f"{root}/MLmodel", b"x")
    client.ok("POST", f"{path}/params", {"params": [{"key": "q", "value": "2"}]})
    client.ok("PATCH", f"{path}/tags", {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]})
    client.ok("DELETE", f"{path}/tags/b")
    assert client.ok("PATCH", path, {"status": "LOGGED_MODEL_READY"})["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    found = client.ok("GET", path)["model"]
    assert found["data"]["params"] == [{"key": "p", "value": "1"}, {"key": "q", "value": "2"}]
    assert found["info"]["tags"] == [{"key": "a", "value": "1"}]
    listed = client.ok("GET", f"{path}/artifacts/directories")["files"]
    assert listed == [{"path": "MLmodel", "is_dir": False, "file_size": 1}]
    search = {"experiment_ids": [experiment], "filter": f"source_run_id = '{run_id}' AND name = 'm'"}
    models = client.ok("POST", f"{ML}/logged-models/search", search)["models"]
    assert [row["info"]["model_id"] for row in models] == [info["model_id"]]
    client.ok("POST", f"{ML}/runs/outputs", {"run_id": run_id, "models": [{"model_id": info["model_id"], "step": 1}]})
    outputs = client.ok("GET", f"{ML}/runs/get?run_id={run_id}")["run"]["outputs"]["model_outputs"]
    assert outputs == [{"model_id": info["model_id"], "step": 1}]
    client.ok("DELETE", path)
    assert client.send("GET", path).status == 404
    assert client.raw("GET", f"{FILES}{root}/MLmodel").status == 404


SUBJECT = {"attributes": {"name": "a", "size": 10}, "tags": {"k.x": "v", "odd key": "it's"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("  ", True),
        ("name = 'a'", True),
        ("name='b'", False),
        ("attributes.name != 'b' AND size > 9", True),
        ("size > 10", False),
        ("size >= 10 and size <= 10 and size < 10.5", True),
        ("tags.k.x = 'v'", True),
        ('tags.`odd key` = "it\'s"', True),
        ("tag.\"k.x\" ILIKE 'V%'", True),
        ("tags.k.x LIKE 'V%'", False),
        ("tags.none != 'v'", False),
        ("name = 'a AND b'", False),
    ],
)
def test_filter_names_what_it_says(text: str, expected: bool) -> None:
    conditions = search_filter.parse(text, frozenset({"name", "size"}))
    assert search_filter.matches(conditions, SUBJECT) is expected


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name =",
        "name = a",
        "other = 'a'",
        "metric.",
        "name = 'a' OR name = 'b'",
        "name = 'a' AND",
        "name = 'a' name = 'b'",
        "name = 'a",
        "wrong.name = 'a'",
        "name = '" + "a" * 10_000 + "'",
    ],
)
def test_filter_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        search_filter.parse(text, frozenset({"name"}))
