"""A workspace whose endpoints are answered by a child process, here one that only pretends to have torch."""

import os
import signal
from pathlib import Path

from bandplan.stub import process
from tests.checkpoints import write_llama
from tests.stub.engines.test_transformers_child import is_alive, lives, pretending_python
from tests.stub.stub_client import StubClient

NOTE = "CPU, float32; slow: about 5 tokens/s for one request"


def started(state_dir: Path, folder: Path, mode: str) -> StubClient:
    """A workspace with two endpoints of one model, whose weights are a folder."""
    arguments = ["--engine", "transformers", "--engine-python", str(pretending_python(folder, mode))]
    running = process.start(state_dir, settle="at-once", engine_arguments=arguments)
    client = StubClient(running.host, running.token)
    process.set_engines(running, {"*": {"weights": str(write_llama(folder / "weights"))}})
    for name in ("a", "b"):
        client.create(name)
    return client


def chat(name: str, words: str) -> tuple[str, str, dict[str, object]]:
    return "POST", f"/serving-endpoints/{name}/invocations", {"messages": [{"role": "user", "content": words}]}


def test_one_child_answers_for_all_endpoints_of_the_weights_and_says_how_slow_it_is(
    state_dir: Path, tmp_path: Path
) -> None:
    client = started(state_dir, tmp_path, "chats")
    for name in ("a", "b"):
        reply = client.send(*chat(name, "one two"))
        assert reply.status == 200
        assert reply.body["choices"][0]["message"]["content"] == "onetwo"
        assert reply.headers["x-stub-engine-note"] == NOTE
    assert len(lives(tmp_path)) == 1
    (shown,) = client.ok("GET", "/stub/endpoints/a")["engines"].values()
    assert (shown["state"], shown["detail"]) == ("ready", NOTE)


def test_crash_is_an_error_of_the_platform_and_ends_nothing_else(state_dir: Path, tmp_path: Path) -> None:
    client = started(state_dir, tmp_path, "chats")
    assert client.send(*chat("a", "one")).status == 200
    os.kill(lives(tmp_path)[0], signal.SIGKILL)
    reply = client.send(*chat("a", "one"))
    # The workspace may notice the end before or after the query is sent to the child.
    assert reply.status in (200, 500)
    if reply.status == 500:
        assert reply.error_code == "INTERNAL_ERROR"
        assert "ended by signal 9" in reply.message or "has ended" in reply.message
    assert client.ok("GET", "/stub/status")["endpoints"] == 2
    assert client.send(*chat("b", "one")).status == 200
    assert len(lives(tmp_path)) == 2


def test_weights_that_cannot_be_served_are_told_to_each_query(state_dir: Path, tmp_path: Path) -> None:
    client = started(state_dir, tmp_path, "unusable")
    reply = client.send(*chat("a", "one"))
    assert (reply.status, reply.error_code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert reply.message == "the engine transformers failed: the weights are too large; name smaller ones"


def test_chat_without_a_template_is_refused_by_name(state_dir: Path, tmp_path: Path) -> None:
    client = started(state_dir, tmp_path, "well")
    reply = client.send(*chat("a", "one"))
    assert (reply.status, reply.error_code) == (400, "BAD_REQUEST")
    assert "the checkpoint has no chat template" in reply.message


def test_end_of_the_workspace_ends_the_child(state_dir: Path, tmp_path: Path) -> None:
    client = started(state_dir, tmp_path, "chats")
    assert client.send(*chat("a", "one")).status == 200
    (child,) = lives(tmp_path)
    process.stop(state_dir)
    assert not is_alive(child)
