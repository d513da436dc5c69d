"""`bandplan:engines` of the local stack's file reaches the workspace, or every problem in it is reported first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli import local_engines
from bandplan.cli.errors import UsageProblem
from bandplan.cli.local_engines import (
    EngineArguments,
    cell,
    engine_rows,
    failed,
    reasons,
    require_engine,
    require_right,
    tell_engines,
)
from bandplan.cli.project import Project
from bandplan.stub import process
from tests.stub.stub_client import LLAMA, StubClient

MODELS: dict[str, Any] = {
    "models": [
        {"name": "support-chat", "model": LLAMA, "task": "llm/v1/chat"},
        {"name": "embeddings", "register": {"name": "ml.search.mine"}, "task": "llm/v1/embeddings"},
    ]
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    (tmp_path / "stacks").mkdir()
    project = Project(tmp_path)
    yield project
    if project.stub_folder.exists():
        process.stop(project.stub_folder)


def write(project: Project, engines: str) -> None:
    (project.root / "stacks" / "Pulumi.local.yaml").write_text(f"config:\n  bandplan:engines: {engines}\n")


def test_settings_of_the_file_hold_in_the_workspace(project: Project) -> None:
    write(project, "{support-chat: {capacity: {startup_seconds: 5, basis: output}}, embeddings: {}}")
    running = process.start(project.stub_folder)
    process.set_capacity(running, "embeddings", {"queue_limit": 1})
    tell_engines(project, lambda: MODELS)
    client = StubClient(running.host, running.token)
    path = "/stub/endpoints/{}/capacity"
    assert client.ok("GET", path.format("support-chat"))["own"] == {"startup_seconds": 5, "basis": "output"}
    assert client.ok("GET", path.format("embeddings"))["own"] == {}, "what the file leaves out has its default again"


def test_file_that_says_nothing_needs_neither_workspace_nor_models(project: Project) -> None:
    def unread() -> dict[str, Any]:
        raise AssertionError("the models file is not needed")

    tell_engines(project, unread)
    write(project, "null")
    tell_engines(project, unread)


KEYS = "engine, url, model, key_env, weights, random, context_tokens, gpu_share, arguments"


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ([], ': must be a mapping of endpoints, models or "*"'),
        ({"support-chat": 5}, f"/support-chat: must be a mapping with any of the keys capacity, {KEYS}"),
        ({"support-chat": {"speed": 1}}, f"/support-chat/speed: must be one of: capacity, {KEYS}"),
        ({"*": {"speed": 1}}, f"/*/speed: must be one of: {KEYS}"),
        ({"support-chat": {"capacity": 1}}, "/support-chat/capacity: must be a mapping of settings"),
        (
            {"support-chat": {"capacity": {"queue_limit": -1}}},
            "/support-chat/capacity/queue_limit: must be an integer from 0 to 100000",
        ),
        (
            {LLAMA: {"capacity": {}}},
            f"/{LLAMA}/capacity: belongs to an endpoint; state it for each endpoint by name",
        ),
        ({"suport-chat": {}}, "/suport-chat: the models file has no endpoint of this name; did you mean support-chat?"),
        (
            {"system.ai.lama": {}},
            "/system.ai.lama: the models file has no model of this name; name one of its entries",
        ),
        ({"x\x1b": {}}, "/x\\x1b: the models file has no endpoint of this name; name one of its entries"),
        ({5: {}}, "/5: the models file has no endpoint of this name; name one of its entries"),
        (
            {"support-chat": {"engine": "ollama"}},
            "/support-chat/engine: must be one of: simulated, openai, transformers, vllm, auto",
        ),
        ({"*": {"url": "localhost"}}, "/*/url: must be a URL such as http://127.0.0.1:8000/v1"),
    ],
)
def test_problem_is_told_with_its_place_and_rule(project: Project, found: Any, line: str) -> None:
    with pytest.raises(UsageProblem) as told:
        require_right(project, found, MODELS)
    first, step = str(told.value).splitlines()
    assert first == f"stacks/Pulumi.local.yaml: bandplan:engines{line}"
    assert step.startswith("fix the file")


def test_problems_of_names_keys_and_values_are_told_together(project: Project) -> None:
    found = {"support-chat": {"engine": "ollama", "speed": 1}, "*": {"url": "localhost"}, "ghost": {"weights": ""}}
    with pytest.raises(UsageProblem) as told:
        require_right(project, found, MODELS)
    places = [line.split(": ")[1] for line in str(told.value).splitlines()[:-1]]
    assert sorted(places) == [
        "bandplan:engines/*/url",
        "bandplan:engines/ghost",
        "bandplan:engines/ghost/weights",
        "bandplan:engines/support-chat/engine",
        "bandplan:engines/support-chat/speed",
    ]


def test_endpoint_that_is_named_by_a_number_has_its_settings(project: Project) -> None:
    write(project, "{123: {engine: simulated, capacity: {startup_seconds: 5}}}")
    running = process.start(project.stub_folder)
    tell_engines(project, lambda: {"models": [{"name": "123", "model": LLAMA, "task": "llm/v1/chat"}]})
    client = StubClient(running.host, running.token)
    assert client.ok("GET", "/stub/endpoints/123/capacity")["own"] == {"startup_seconds": 5}


def test_folder_of_weights_is_found_from_the_project_and_must_have_a_chat_template_for_chat(project: Project) -> None:
    found = {"support-chat": {"engine": "simulated", "weights": "./mine"}}
    folder = project.root / "mine"
    with pytest.raises(UsageProblem, match=f"support-chat/weights: {folder} is not a folder"):
        require_right(project, found, MODELS)
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"w")
    with pytest.raises(UsageProblem, match=f"support-chat/weights: {folder} has no chat template"):
        require_right(project, found, MODELS)
    require_right(project, {"embeddings": {"weights": "./mine"}}, MODELS)
    (folder / "chat_template.jinja").write_text("x")
    require_right(project, found, MODELS)
    assert engine_rows(project, found) == {"support-chat": {"engine": "simulated", "weights": str(folder)}}


def test_settings_of_engines_reach_the_workspace_and_go_with_the_file(project: Project) -> None:
    running = process.start(project.stub_folder)
    client = StubClient(running.host, running.token)
    write(project, '{"*": {engine: auto}, support-chat: {url: "http://127.0.0.1:1", capacity: {queue_limit: 3}}}')
    tell_engines(project, lambda: MODELS)
    settings = {"*": {"engine": "auto"}, "support-chat": {"url": "http://127.0.0.1:1"}}
    assert client.ok("GET", "/stub/engines")["settings"] == settings
    write(project, "null")
    tell_engines(project, lambda: MODELS)
    assert client.ok("GET", "/stub/engines")["settings"] == {}


def test_what_only_the_workspace_knows_is_told_with_the_same_place(project: Project) -> None:
    process.start(project.stub_folder)
    write(project, '{"*": {url: "https://models.example.com/v1"}}')
    with pytest.raises(UsageProblem) as told:
        tell_engines(project, lambda: MODELS)
    assert str(told.value).startswith(
        "stacks/Pulumi.local.yaml: bandplan:engines/*/url: models.example.com is not this machine; start the local "
        "workspace with `bandplan stub start --allow-engine-host models.example.com` to send prompts there\n"
    )


@pytest.mark.parametrize(
    ("arguments", "found", "line"),
    [
        (
            EngineArguments("ollama"),
            None,
            "--engine ollama: must be one of: simulated, openai, transformers, vllm, auto",
        ),
        (
            EngineArguments("openai"),
            {"*": {}},
            "--engine openai: bandplan:engines in stacks/Pulumi.local.yaml names no",
        ),
        (EngineArguments(python=Path("/none/python")), None, "--engine-python /none/python: is not a program"),
        (EngineArguments(hosts=("http://x/",)), None, "--allow-engine-host http://x/: must be a host alone"),
        (EngineArguments(hosts=("x:80",)), None, "--allow-engine-host x:80: must be a host alone"),
    ],
)
def test_option_that_cannot_be_honoured_is_told_before_anything_starts(
    arguments: EngineArguments, found: Any, line: str
) -> None:
    with pytest.raises(UsageProblem) as told:
        require_engine(arguments, found)
    assert str(told.value).startswith(line)


def entity(kind: str = "vllm", state: str = "ready", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "weights": None, "state": state, "detail": "", "passed_over": [], "remarks": [], **more}


PASSED_OVER = [{"engine": "vllm", "reason": "no GPU"}]


def test_reasons_are_listed_once_with_all_endpoints_that_they_concern() -> None:
    found = {
        "b": {"e": entity("simulated", passed_over=PASSED_OVER)},
        "a": {"e": entity("simulated", passed_over=PASSED_OVER), "f": entity("simulated", passed_over=PASSED_OVER)},
        "c": {"e": entity("transformers", passed_over=PASSED_OVER)},
        "d": {"e": entity(state="failed", detail="no memory")},
    }
    assert reasons(found) == ["  a, b, c: vllm: no GPU", "  d: vllm failed: no memory"]
    assert reasons(found, of_answers_only=True) == ["  a, b: vllm: no GPU", "  d: vllm failed: no memory"]
    assert failed(found) == {"d"}


def test_engine_that_auto_has_replaced_by_simulation_is_told_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    since = [{"engine": "openai", "reason": "no url"}, {"engine": "vllm", "reason": "it failed: no memory"}]
    seen: dict[str, Any] = {
        "replaced": {"e": entity("simulated", passed_over=since)},
        "other": {"e": entity("transformers", passed_over=since)},
        "simulated": {"e": entity("simulated", passed_over=PASSED_OVER)},
    }
    looks = iter([{"replaced": {"e": entity(state="starting", detail="loading weights")}}, seen])
    monkeypatch.setattr(local_engines, "answering", lambda _: next(looks))
    monkeypatch.setattr(local_engines, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr("bandplan.cli.local_engines.time.monotonic", lambda: 100.0)
    found = local_engines.await_engines(Project(tmp_path), seen)
    assert failed(found) == {"replaced"}
    told = reasons(found, of_answers_only=True)
    assert "  replaced: vllm failed: no memory" in told
    assert "  other: vllm: it failed: no memory" in told  # and another real engine answers
    assert not any("openai" in line and "other" in line for line in told)
    assert capsys.readouterr().err.startswith("  replaced: vllm: loading weights (0 s)\n")


def test_failure_before_a_kind_was_chosen_is_that_of_the_engine() -> None:
    found = {"a": {"e": {**entity(state="failed", detail="settings are not valid"), "kind": None}}}
    assert reasons(found) == ["  a: engine failed: settings are not valid"]


@pytest.mark.parametrize(
    ("entities", "text"),
    [
        ([{"kind": "simulated", "weights": None, "state": "ready"}] * 2, "simulated"),
        ([{"kind": "vllm", "weights": "org/name", "state": "starting"}], "vllm (org/name), starting"),
        ([{"kind": None, "weights": None, "state": "choosing"}], "engine, choosing"),
    ],
)
def test_engine_of_an_endpoint_is_one_cell(entities: list[dict[str, Any]], text: str) -> None:
    assert cell(entities) == text


def test_all_problems_are_told_at_once_and_nothing_is_sent(project: Project) -> None:
    write(project, "{support-chat: {capacity: {queue_limit: 3}}, embeddings: {capacity: {a: 1, b: 2}, c: 3}}")
    running = process.start(project.stub_folder)
    with pytest.raises(UsageProblem) as told:
        tell_engines(project, lambda: MODELS)
    assert len(str(told.value).splitlines()) == 4
    client = StubClient(running.host, running.token)
    assert client.ok("GET", "/stub/endpoints/support-chat/capacity")["own"] == {}


def test_models_file_that_cannot_be_read_is_for_the_deployment_to_tell(project: Project) -> None:
    require_right(project, {"support-chat": {}}, {})


def test_stub_that_is_gone_is_told(project: Project) -> None:
    running = process.start(project.stub_folder)
    process.stop(project.stub_folder)
    with pytest.raises(process.StubError):
        process.set_capacity(running, "e", {})
