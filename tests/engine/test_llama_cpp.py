"""The engine `openai` before a real server: llama.cpp with a checkpoint of examples/checkpoints.

`make test-engine` installs the server into `.venv-engine`; without that these tests are skipped.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bandplan.stub import process
from tests.engine.numpy_llama import greedy
from tests.stub.stub_client import StubClient

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-engine" / "bin" / "python"
LLAMA = ROOT / "examples" / "checkpoints" / "tiny-llama"
RECORDED = json.loads((Path(__file__).parent / "transformers_greedy.json").read_text())["answers"]

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-engine; `make test-engine` makes it")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of llama.cpp's server, which ends with our end of the pipe."""
    folder = tmp_path_factory.mktemp("gguf")
    command = [str(PYTHON), str(Path(__file__).with_name("serve.py")), str(LLAMA), str(folder)]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environ)
        assert child.stdout is not None and child.stdin is not None
        line = child.stdout.readline()
        assert line, (folder / "log").read_text()[-2000:]
        try:
            yield json.loads(line)["url"]
        finally:
            child.stdin.close()
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[StubClient]:
    """A workspace with one chat endpoint, behind the server."""
    state_dir = tmp_path_factory.mktemp("llama-cpp")
    running = process.start(state_dir)
    process.set_engines(running, {"*": {"engine": "openai", "url": server}})
    client = StubClient(running.host, running.token)
    client.create("chat")
    yield client
    process.stop(state_dir)


def asked_once(server: str, path: str, body: dict[str, Any]) -> urllib3.BaseHTTPResponse:
    """Ask on a connection of its own: the server closes idle ones, and a POST is not sent again."""
    url = server.removesuffix("/v1") + path
    return urllib3.request("POST", url, json=body, headers={"Connection": "close"})


def directly(server: str, path: str, body: dict[str, Any]) -> Any:
    return asked_once(server, path, body).json()


def streamed(server: str, path: str, body: dict[str, Any]) -> str:
    """The server's own text as a stream, which leaves out half a character at the end, unlike its whole answer."""
    data = asked_once(server, path, {**body, "stream": True}).data.decode()
    chunks = [json.loads(line[6:]) for line in data.splitlines() if line.startswith("data: {")]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["text"] if "text" in choice else choice["delta"].get("content") or "" for choice in choices)


def invoke(client: StubClient, body: dict[str, Any]) -> Any:
    return client.ok("POST", "/serving-endpoints/chat/invocations", body)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["prompt"])
def test_greedy_tokens_are_those_of_transformers_and_of_a_forward_pass_by_hand(
    server: str, recorded: dict[str, Any]
) -> None:
    asked = {"prompt": recorded["prompt"], "n_predict": 24, "temperature": 0, "ignore_eos": True, "return_tokens": True}
    assert directly(server, "/completion", asked)["tokens"] == recorded["tokens"]
    assert greedy(LLAMA, recorded["ids"], 24) == recorded["tokens"]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["prompt"])
def test_greedy_text_through_the_workspace_is_the_servers_own(
    workspace: StubClient, server: str, recorded: dict[str, Any]
) -> None:
    sampling = {"max_tokens": 24, "temperature": 0, "ignore_eos": True}
    body = {"inputs": {"prompt": [recorded["prompt"]]}, "params": sampling}
    (prediction,) = invoke(workspace, body)["predictions"]
    own = directly(server, "/v1/completions", {"prompt": recorded["prompt"], **sampling})
    text = streamed(server, "/v1/completions", {"prompt": recorded["prompt"], **sampling})
    assert prediction["candidates"][0]["text"] == text
    assert prediction["metadata"]["input_tokens"] == len(recorded["ids"]) == own["usage"]["prompt_tokens"]
    assert prediction["metadata"]["output_tokens"] == 24 == own["usage"]["completion_tokens"]


CHAT = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, "temperature": 0, "ignore_eos": True}


def test_chat_has_the_servers_text_usage_and_log_probabilities_streamed_or_not(
    workspace: StubClient, server: str
) -> None:
    asked = {**CHAT, "logprobs": True, "top_logprobs": 2}
    own = directly(server, "/v1/chat/completions", asked)
    answer = invoke(workspace, asked)
    true_text = streamed(server, "/v1/chat/completions", asked)
    assert answer["choices"][0]["message"]["content"] == true_text
    assert answer["choices"][0]["finish_reason"] == own["choices"][0]["finish_reason"] == "length"
    counted = {key: own["usage"][key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")}
    assert answer["usage"] == counted
    shown, true = (body["choices"][0]["logprobs"]["content"] for body in (answer, own))
    assert [row["token"] for row in shown] == [row["token"] for row in true]
    assert [row["logprob"] for row in shown] == pytest.approx([row["logprob"] for row in true], abs=1e-3)
    assert [len(row["top_logprobs"]) for row in shown] == [2] * len(shown)
    reply = workspace.send("POST", "/serving-endpoints/chat/invocations", {**asked, "stream": True})
    chunks = [json.loads(line[6:]) for line in reply.body.splitlines() if line.startswith("data: {")]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text == true_text
    assert chunks[-1]["usage"] == counted


def test_openai_client_gets_the_same_answer_whole_and_streamed(workspace: StubClient) -> None:
    from openai import OpenAI

    token = workspace.authorization["Authorization"].removeprefix("Bearer ")
    client = OpenAI(base_url=f"{workspace.host}/serving-endpoints", api_key=token, max_retries=0)
    asked: dict[str, Any] = {**CHAT, "model": "chat", "logprobs": True, "top_logprobs": 2}
    asked["extra_body"] = {"ignore_eos": asked.pop("ignore_eos")}
    whole = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert whole.usage is not None and whole.usage.completion_tokens == 8
    assert whole.choices[0].logprobs is not None and whole.choices[0].logprobs.content is not None
    assert all(len(row.top_logprobs) == 2 for row in whole.choices[0].logprobs.content)


def test_prompt_is_counted_by_the_models_own_tokenizer_before_it_is_sent(workspace: StubClient) -> None:
    counted = workspace.ok("POST", "/stub/tokenize", {"model": "chat", "text": "hello world"})
    assert (counted["engine"], counted["tokens"], counted["is_exact"]) == ("openai", 11, True)  # one for each letter
    long = {**CHAT, "messages": [{"role": "user", "content": "x" * 300}]}  # the context is 256 tokens
    reply = workspace.send("POST", "/serving-endpoints/chat/invocations", long)
    assert (reply.status, reply.error_code) == (400, "BAD_REQUEST")
    assert "cannot exceed 256" in reply.message


def test_same_seed_gives_the_same_sample(workspace: StubClient) -> None:
    asked = {**CHAT, "temperature": 1.5, "seed": 5, "n": 2}
    first, again = (invoke(workspace, asked)["choices"] for _ in range(2))
    texts = [choice["message"]["content"] for choice in first]
    assert texts == [choice["message"]["content"] for choice in again]
    assert texts[0] != texts[1], "each choice has a seed of its own"


def test_what_the_server_lacks_is_found_out(workspace: StubClient) -> None:
    invoke(workspace, CHAT)
    (engine,) = workspace.ok("GET", "/stub/status")["engines"]
    assert engine["missing"] == ["min_tokens"]
    reply = workspace.send("POST", "/serving-endpoints/chat/invocations", {**CHAT, "min_tokens": 4})
    assert reply.status == 400
    assert reply.message.startswith("min_tokens: not supported by the openai engine")


def test_32_at_once_all_answer_alike(workspace: StubClient) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: invoke(workspace, CHAT)["choices"][0]["message"]["content"], range(32)))
    assert len(set(answers)) == 1
    assert workspace.ok("GET", "/stub/status")["queries"]["in_flight"] == 0
