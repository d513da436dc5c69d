"""Each served entity gets the engine that its settings and its version's files ask for; the workspace says which."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from bandplan.stub.api.queries import choices
from bandplan.stub.api.queries.assignments import Assignments, show
from bandplan.stub.engines import assignments_of
from bandplan.stub.inference.engine import Down
from bandplan.stub.inference.errors import EngineUnavailable
from bandplan.stub.inference.selection.options import EngineOptions
from bandplan.stub.inference.selection.running import RunningEngines
from bandplan.stub.inference.selection.settings import Settings
from bandplan.stub.inference.selection.spec import EngineSpec
from bandplan.stub.state.serving.configuration import Configuration, Route, ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint
from bandplan.stub.state.workspace import Workspace, open_workspace
from tests.stub.engines.fake_engine import FakeEngine
from tests.stub.registering import mlmodel, registered
from tests.stub.stub_client import LLAMA, StubClient, bands

NOBODY = "http://127.0.0.1:9/v1"  # the port for "discard", where nothing listens


def endpoint(name: str, model: str = LLAMA) -> Endpoint:
    entity = ServedEntity("e", model, "1")
    config = Configuration(1, (entity,), (Route("e", "e", 100),))
    return Endpoint(name, f"id-{name}", "somebody", 0, 0, task="llm/v1/chat", config=config)


def run(
    tmp_path: Path,
    settings: dict[str, Any],
    body: Callable[[Assignments, dict[EngineSpec, FakeEngine]], Awaitable[None]],
    default: str | None = None,
) -> None:
    async def whole(workspace: Workspace) -> None:
        made: dict[EngineSpec, FakeEngine] = {}
        assignments = assignments_of(workspace, tmp_path, None, EngineOptions(default))
        workspace.engine_settings.set_engines(settings)

        async def make(spec: EngineSpec) -> FakeEngine:
            return made.setdefault(spec, FakeEngine(kind=spec.kind))

        assignments.running = RunningEngines(make)
        await body(assignments, made)
        await assignments.running.close()

    workspace = open_workspace(tmp_path)
    try:
        asyncio.run(whole(workspace))
    finally:
        workspace.close()


async def asked(assignments: Assignments, one: Endpoint) -> Any:
    assert one.config is not None
    return await assignments.engine(one, one.config.entities[0], 5)


def test_endpoints_of_one_model_share_one_engine(tmp_path: Path) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        one, two = [await asked(assignments, endpoint(name)) for name in ("a", "b")]
        assert one is two
        assert list(made) == [EngineSpec("vllm", weights="org/name")]

    run(tmp_path, {LLAMA: {"engine": "vllm", "weights": "org/name"}}, body)


def test_settings_of_the_endpoint_come_before_those_of_the_model_and_the_default_before_those_of_all(
    tmp_path: Path,
) -> None:
    settings = {
        "a": {"engine": "simulated"},
        LLAMA: {"weights": "org/name"},
        "*": {"engine": "openai", "url": NOBODY, "weights": "org/other"},
    }

    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        assert (await asked(assignments, endpoint("a"))).kind == "simulated"
        assert (await asked(assignments, endpoint("b"))).kind == "vllm"
        assert (await asked(assignments, endpoint("c", "system.ai.llama_v3_2_1b_instruct"))).kind == "vllm"
        assert {spec.weights for spec in made} == {"org/name", "org/other"}

    run(tmp_path, settings, body, default="vllm")


def test_change_of_settings_changes_the_engine_of_the_next_query(tmp_path: Path) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        one = endpoint("a")
        assert (await asked(assignments, one)).kind == "openai"
        assignments._settings.set_engines({})
        assert (await asked(assignments, one)).kind == "simulated"

    run(tmp_path, {"a": {"engine": "openai", "url": NOBODY}}, body)


def test_choice_is_shown_with_weights_state_and_reasons(tmp_path: Path) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        one = endpoint("a")
        await asked(assignments, one)
        (assigned,) = assignments.assigned(one)
        assert show(assigned, assignments) == {
            "kind": "vllm",
            "weights": "org/name",
            "state": "ready",
            "detail": "",
            "passed_over": [],
            "remarks": [],
        }

    run(tmp_path, {"a": {"engine": "vllm", "weights": "org/name"}}, body)


@pytest.mark.parametrize("row", [{"engine": "gone"}, {"speed": 1}, {"engine": ["vllm"]}])
def test_stored_settings_that_are_not_valid_any_more_are_a_reason_and_keep_no_other_engine_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: dict[str, Any]
) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        ill, well = endpoint("ill"), endpoint("well")
        monkeypatch.setattr(assignments._endpoints, "all", lambda: [ill, well])
        with pytest.raises(EngineUnavailable, match=r"not valid: ill/.*: must be one of: .* run `bandplan up`"):
            await asked(assignments, ill)
        (shown,) = [show(one, assignments) for one in assignments.assigned(ill)]
        assert shown["state"] == "failed" and "not valid: ill/" in shown["detail"]
        assert (await asked(assignments, well)).kind == "vllm"
        assert assignments.needed() == {EngineSpec("vllm", weights="org/name")}
        assert await assignments.sharers(EngineSpec("vllm", weights="org/name")) == 1

    run(tmp_path, {"ill": row, "well": {"engine": "vllm", "weights": "org/name"}}, body)


# `auto` chooses again when the situation has changed.

AUTO = {"a": {"engine": "auto", "url": NOBODY, "weights": "org/name"}}


class Machine:
    """A machine that lacks what is stated; a value that is an exception is raised."""

    def __init__(self, **lacks: str | Exception | None) -> None:
        self.lacks = lacks

    async def lack(self, kind: str, settings: Settings, weights: str | None) -> str | None:
        found = self.lacks.get(kind)
        if isinstance(found, Exception):
            raise found
        return found


def shown(assignments: Assignments, one: Endpoint) -> dict[str, Any]:
    (assigned,) = assignments.assigned(one)
    return show(assigned, assignments)


def test_server_that_comes_up_later_or_goes_is_noticed_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        assignments._machine = machine = Machine(openai="refused the connection", vllm="no vllm")
        one = endpoint("a")
        assert (await asked(assignments, one)).kind == "transformers"
        for reason, kind in ((None, "openai"), ("refused the connection", "transformers")):
            machine.lacks["openai"] = reason
            before = (await asked(assignments, one)).kind
            assert before != kind, "not before the time has passed"
            monkeypatch.setattr(choices, "AGAIN_SECONDS", 0.0)
            await asked(assignments, one)  # begins to choose, and waits for nothing
            monkeypatch.setattr(choices, "AGAIN_SECONDS", 3000.0)
            async with asyncio.timeout(60):
                while (await asked(assignments, one)).kind != kind:
                    await asyncio.sleep(0.001)

    run(tmp_path, AUTO, body)


def test_engine_that_failed_for_good_is_passed_over_with_its_reason_until_it_is_restarted(tmp_path: Path) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        assignments._machine = Machine(openai="refused the connection")
        vllm = EngineSpec("vllm", weights="org/name")
        made[vllm] = FakeEngine(kind="vllm", fault=EngineUnavailable("no memory"))
        one = endpoint("a")
        assert (await asked(assignments, one)).kind == "transformers"
        assert shown(assignments, one)["passed_over"] == [
            {"engine": "openai", "reason": "refused the connection"},
            {"engine": "vllm", "reason": "it failed: no memory"},
        ]
        assignments.running.keep_only({EngineSpec("transformers", weights="org/name")})
        assert (await asked(assignments, one)).kind == "transformers"
        assert made[vllm].starts == 1, "it was not tried again and again"
        made[vllm].fault = None
        assignments.restart()
        assert (await asked(assignments, one)).kind == "vllm"
        # It answered, and ends for good.
        made[vllm].down = Down("crashed twice", is_final=True)
        assert (await asked(assignments, one)).kind == "transformers"
        assert shown(assignments, one)["passed_over"][1]["reason"] == "it failed: crashed twice"

    run(tmp_path, AUTO, body)


def test_what_is_left_when_every_engine_of_auto_failed_is_simulated(tmp_path: Path) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        assignments._machine = Machine()
        for spec in (
            EngineSpec("openai", url=NOBODY),
            EngineSpec("vllm", weights="org/name"),
            EngineSpec("transformers", weights="org/name"),
        ):
            made[spec] = FakeEngine(kind=spec.kind, fault=EngineUnavailable("broken"))
        one = endpoint("a")
        assert (await asked(assignments, one)).kind == "simulated"
        assert [row["reason"] for row in shown(assignments, one)["passed_over"]] == ["it failed: broken"] * 3

    run(tmp_path, AUTO, body)


def test_engine_that_was_named_and_failed_is_not_replaced(tmp_path: Path) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        made[EngineSpec("vllm", weights="w/w")] = FakeEngine(kind="vllm", fault=EngineUnavailable("no memory"))
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match="vllm failed: no memory"):
                await asked(assignments, endpoint("a"))

    run(tmp_path, {"a": {"engine": "vllm", "weights": "w/w", "url": NOBODY}}, body)


def test_fault_while_an_engine_is_chosen_is_shown_as_one_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = "no engine could be chosen (PermissionError); stub.log says why"

    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        assignments._machine = machine = Machine(openai=PermissionError("/proc"))
        one = endpoint("a")
        monkeypatch.setattr(assignments._endpoints, "all", lambda: [one])
        assert shown(assignments, one)["state"] == "choosing"
        with pytest.raises(EngineUnavailable, match=re.escape(problem)):
            await asked(assignments, one)
        assert (shown(assignments, one)["state"], shown(assignments, one)["detail"]) == ("failed", problem)
        assert assignments.needed() == set()
        assert await assignments.sharers(EngineSpec("vllm", weights="org/name")) == 1
        machine.lacks["openai"] = None
        monkeypatch.setattr(choices, "AGAIN_SECONDS", 0.0)
        assert (await asked(assignments, one)).kind == "openai"
        assert shown(assignments, one)["state"] == "ready"

    run(tmp_path, AUTO, body)


def test_fault_in_a_versions_files_is_no_error_of_the_status(tmp_path: Path) -> None:
    async def body(assignments: Assignments, made: dict[EngineSpec, FakeEngine]) -> None:
        def broken(model: str, version: str) -> None:
            raise OSError("disk")

        assignments._checkpoints.of = broken  # type: ignore[method-assign,assignment]
        one = endpoint("a")
        with pytest.raises(EngineUnavailable, match=r"no engine could be chosen \(OSError\)"):
            await asked(assignments, one)
        assert shown(assignments, one)["state"] == "failed"

    run(tmp_path, AUTO, body)


# The workspace as a process.


def test_workspace_says_which_engine_answers_and_why_not_another(state_dir: Path) -> None:
    running = process.start(state_dir, engine_arguments=["--engine", "vllm"])
    client = StubClient(running.host, running.token)
    client.create("a")
    expected = {
        "kind": "simulated",
        "weights": None,
        "state": "ready",
        "detail": "",
        "passed_over": [
            {
                "engine": "vllm",
                "reason": "the version was not registered from a checkpoint, and bandplan:engines names no weights for it",
            }
        ],
        "remarks": [],
    }
    (name,) = client.ok("GET", "/stub/endpoints/a")["engines"]
    client.ok("POST", "/serving-endpoints/a/invocations", {"messages": [{"role": "user", "content": "Hi"}]})
    assert client.ok("GET", "/stub/endpoints/a")["engines"] == {name: expected}
    assert client.ok("GET", "/stub/engines")["endpoints"] == {"a": {name: expected}}
    (shown,) = client.ok("GET", "/stub/endpoints")["endpoints"]
    assert shown["served_entities"][0]["engine"] == expected
    assert client.ok("GET", "/stub/status")["engine"]["default"] == "vllm"


def test_version_registered_from_a_checkpoint_is_served_from_its_files(state_dir: Path) -> None:
    running = process.start(state_dir, engine_arguments=["--engine", "vllm"])
    client = StubClient(running.host, running.token)
    files = {
        "MLmodel": mlmodel(),
        "model/config.json": b'{"model_type": "llama"}',
        "model/model.safetensors": b"weights",
        "components/tokenizer/tokenizer_config.json": b"{}",
    }
    version = registered(client, "ml.chat.mine", files)
    client.create("mine", bands(entity_name="ml.chat.mine", entity_version=str(version)))
    (shown,) = client.ok("GET", "/stub/engines")["endpoints"]["mine"].values()
    while shown["state"] == "choosing":
        (shown,) = client.ok("GET", "/stub/engines")["endpoints"]["mine"].values()
    assert (shown["kind"], shown["weights"]) == ("vllm", f"ml.chat.mine v{version}")


def test_settings_are_refused_as_a_whole_with_every_problem(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    with pytest.raises(process.SettingsRefused) as refused:
        process.set_engines(running, {"good": {"engine": "openai", "url": NOBODY}, "a": {"engine": "x", "speed": 1}})
    assert str(refused.value).splitlines() == [
        "a/speed: must be one of: engine, url, model, key_env, weights, random, context_tokens, gpu_share, arguments.",
        "a/engine: must be one of: simulated, openai, transformers, vllm, auto.",
    ]
    assert client.ok("GET", "/stub/engines")["settings"] == {}
    reply = client.send("PUT", "/stub/engines", {"no name!": {}, "b": 5})
    assert reply.status == 400 and len(reply.message.splitlines()) == 2


def test_prompts_go_to_no_other_host_unless_it_was_allowed(state_dir: Path) -> None:
    running = process.start(state_dir, engine_arguments=["--allow-engine-host", "models.example.com"])
    process.set_engines(running, {"*": {"url": "https://models.example.com/v1"}})
    with pytest.raises(process.SettingsRefused, match=r"\*/url: other.example.com is not this machine"):
        process.set_engines(running, {"*": {"url": "https://other.example.com/v1"}})


def test_engine_that_cannot_run_is_an_error_of_the_platform_and_no_simulated_answer(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    client.create("a")
    process.set_engines(running, {"a": {"engine": "openai", "url": NOBODY}})
    reply = client.send("POST", "/serving-endpoints/a/invocations", {"messages": [{"role": "user", "content": "Hi"}]})
    assert (reply.status, reply.error_code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert reply.message.startswith("the engine openai failed: ")
    (shown,) = client.ok("GET", "/stub/endpoints/a")["engines"].values()
    assert (shown["state"], shown["kind"]) == ("failed", "openai")


def test_settings_of_engines_outlive_a_restart(state_dir: Path) -> None:
    running = process.start(state_dir)
    process.set_engines(running, {"*": {"engine": "auto"}})
    process.stop(state_dir)
    assert process.engines(process.start(state_dir))["settings"] == {"*": {"engine": "auto"}}
