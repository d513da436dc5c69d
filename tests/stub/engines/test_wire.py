"""Every route of the workspace on the engine `openai`: the server's text, log probabilities and usage, or a refusal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from bandplan.stub.api.queries import engine_fields, forms
from bandplan.stub.state.refusals import Invalid
from tests.stub.engines.fake_engine import FakeEngine
from tests.stub.engines.fake_server import ANSWER, LOGPROB, Behaviour, serving
from tests.stub.stub_client import GTE, StubClient, bands

TEXT = "".join(ANSWER)
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


@pytest.fixture(scope="module")
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, behaviour: Behaviour) -> Iterator[StubClient]:
    """A workspace with a chat, a completions and an embeddings endpoint, all behind one server."""
    state_dir: Path = tmp_path_factory.mktemp("wire")
    with serving(behaviour) as url:
        running = process.start(state_dir, engine_arguments=["--engine", "openai"])
        process.set_engines(running, {"*": {"url": url}})
        client = StubClient(running.host, running.token)
        client.create("chat")
        client.create("embed", bands(entity_name=GTE))
        size = {"min_provisioned_throughput": 880, "max_provisioned_throughput": 880}
        client.create("complete", bands(entity_name="ml.legacy.mpt_7b_instruct", **size))
        # Ready, before a test changes how the server behaves.
        invoke(client, CHAT)
        invoke(client, {"input": "a"}, "embed")
        invoke(client, {"prompt": "a"}, "complete")
        yield client
        process.stop(state_dir)


@pytest.fixture(autouse=True)
def fresh(behaviour: Behaviour) -> Iterator[None]:
    yield
    for name, value in vars(Behaviour()).items():
        setattr(behaviour, name, value)


def invoke(client: StubClient, body: dict[str, Any], endpoint: str = "chat") -> Any:
    return client.ok("POST", f"/serving-endpoints/{endpoint}/invocations", body)


def events(client: StubClient, body: dict[str, Any], path: str = "/serving-endpoints/chat/invocations") -> list[Any]:
    reply = client.send("POST", path, {**body, "stream": True})
    assert reply.status == 200, reply
    lines = [line.removeprefix("data: ") for line in reply.body.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_chat_answers_with_the_servers_text_and_usage(workspace: StubClient) -> None:
    answer = invoke(workspace, CHAT)
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": TEXT}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == USAGE


def test_streamed_chat_has_the_same_text_and_ends_with_the_same_usage(workspace: StubClient) -> None:
    chunks = events(workspace, {**CHAT, "stream_options": {"include_usage": True}})
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text == TEXT
    assert chunks[-1]["usage"] == USAGE
    assert chunks[-1]["choices"] == []


def test_journal_has_the_servers_counts(workspace: StubClient) -> None:
    invoke(workspace, CHAT)
    entry = workspace.ok("GET", "/stub/requests")["requests"][-1]
    assert (entry["input_tokens"], entry["output_tokens"], entry["is_usage_counted"]) == (11, 5, False)


def test_usage_that_the_server_leaves_out_is_counted_and_marked(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.has_usage = False
    assert invoke(workspace, CHAT)["usage"] == {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}
    entry = workspace.ok("GET", "/stub/requests")["requests"][-1]
    assert (entry["input_tokens"], entry["output_tokens"], entry["is_usage_counted"]) == (6, 4, True)


def test_choices_are_generated_at_once_each_with_its_own_seed(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.asked.clear()
    answer = invoke(workspace, {**CHAT, "n": 3, "seed": 7, "temperature": 1})
    assert [choice["message"]["content"] for choice in answer["choices"]] == [TEXT] * 3
    assert answer["usage"] == {"prompt_tokens": 11, "completion_tokens": 15, "total_tokens": 26}
    assert sorted(body["seed"] for _, body in behaviour.asked) == [7, 8, 9]


def test_log_probabilities_of_chat_are_the_servers(workspace: StubClient) -> None:
    answer = invoke(workspace, {**CHAT, "logprobs": True, "top_logprobs": 1})
    content = answer["choices"][0]["logprobs"]["content"]
    assert [(row["token"], row["logprob"]) for row in content] == [(word, LOGPROB) for word in ANSWER]
    assert content[0]["top_logprobs"] == [{"token": "Yes", "logprob": LOGPROB, "bytes": list(b"Yes")}]


def test_limits_and_sampling_reach_the_server(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.asked.clear()
    sampling = {"temperature": 0.5, "top_p": 0.5, "frequency_penalty": 0.1, "logit_bias": {"5": 1}, "top_k": 3}
    sampling |= {"min_p": 0.1, "user": "me"}
    invoke(workspace, {**CHAT, **sampling, "max_completion_tokens": 3, "stop": "zzz", "ignore_eos": True})
    ((path, body),) = behaviour.asked
    assert path == "/v1/chat/completions"
    assert {key: body[key] for key in sampling} == sampling
    assert (body["max_tokens"], body["stop"], body["ignore_eos"]) == (3, ["zzz"], True)


def test_stop_word_ends_an_answer_even_if_the_server_goes_on(workspace: StubClient) -> None:
    answer = invoke(workspace, {**CHAT, "stop": ["indeed"]})
    assert answer["choices"][0]["message"]["content"] == "Yes, "


def test_stop_word_is_left_to_a_server_that_must_not_end_before_a_length(
    workspace: StubClient, behaviour: Behaviour
) -> None:
    behaviour.asked.clear()
    asked = {**CHAT, "stop": ["indeed"], "min_tokens": 4}
    answer = invoke(workspace, asked)
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["usage"] == USAGE
    chunks = events(workspace, asked)
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"]) == TEXT
    assert [(body["stop"], body["min_tokens"]) for _, body in behaviour.asked] == [(["indeed"], 4)] * 2


def test_legacy_formats_ask_for_bare_prompts(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.asked.clear()
    answer = invoke(workspace, {"inputs": {"prompt": ["Hello"]}, "params": {"max_tokens": 2}})
    (prediction,) = answer["predictions"]
    assert prediction["candidates"][0]["text"] == "Yes,"
    assert prediction["metadata"] == {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
    assert [(path, body["prompt"]) for path, body in behaviour.asked] == [("/v1/completions", "Hello")]


def test_completions_have_text_log_probabilities_and_usage_streamed_or_not(workspace: StubClient) -> None:
    body = {"model": "complete", "prompt": ["Hello", "Hi"], "logprobs": 2, "max_tokens": 2}
    answer = workspace.ok("POST", "/serving-endpoints/completions", body)
    assert [choice["text"] for choice in answer["choices"]] == ["Yes,"] * 2
    logprobs = answer["choices"][0]["logprobs"]
    assert (logprobs["tokens"], logprobs["token_logprobs"]) == (["Yes", ","], [LOGPROB] * 2)
    assert logprobs["top_logprobs"][0] == {"Yes": LOGPROB, "no": -2.0}
    # 11 for each prompt, and two tokens and one without a chunk of its own for each answer
    usage = {"prompt_tokens": 22, "completion_tokens": 6, "total_tokens": 28}
    assert answer["usage"] == usage
    chunks = events(workspace, {**body, "stream_options": {"include_usage": True}}, "/serving-endpoints/completions")
    text = "".join(choice["text"] for chunk in chunks for choice in chunk["choices"] if choice["index"] == 1)
    assert (text, chunks[-1]["usage"]) == ("Yes,", usage)


def test_responses_are_answered_whole_and_streamed(workspace: StubClient) -> None:
    body = {"model": "chat", "input": "Hello"}
    answer = workspace.ok("POST", "/serving-endpoints/responses", body)
    assert answer["output"][0]["content"][0]["text"] == TEXT
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (11, 5)
    last = events(workspace, body, "/serving-endpoints/responses")[-1]
    assert last["type"] == "response.completed"
    assert last["response"]["usage"]["output_tokens"] == 5


def test_embeddings_are_the_servers_with_its_count(workspace: StubClient) -> None:
    answer = invoke(workspace, {"input": ["a", "b"]}, "embed")
    assert [row["embedding"] for row in answer["data"]] == [[1.0, 0.0], [1.0, 1.0]]
    assert answer["usage"] == {"prompt_tokens": 42, "total_tokens": 42}
    assert invoke(workspace, {"inputs": {"input": ["a"]}}, "embed")["predictions"] == [[1.0, 0.0]]


def test_field_that_the_server_does_not_know_is_refused_by_it_by_name(
    workspace: StubClient, behaviour: Behaviour
) -> None:
    behaviour.refuses = frozenset({"colour"})
    reply = workspace.send("POST", "/serving-endpoints/chat/invocations", {**CHAT, "colour": "red"})
    assert (reply.status, reply.error_code) == (400, "BAD_REQUEST")
    assert reply.message.endswith("answered 400: Unrecognized request argument: colour")


def test_length_of_vectors_is_not_passed_on(workspace: StubClient) -> None:
    body = {"input": "a", "dimensions": 64}
    reply = workspace.send("POST", "/serving-endpoints/embed/invocations", body)
    assert (
        reply.message
        == "dimensions: not supported in embeddings requests, by the openai engine or another; leave it out."
    )


def test_responses_request_passes_on_no_field_of_its_own(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.asked.clear()
    workspace.ok("POST", "/serving-endpoints/responses", {"model": "chat", "input": "Hi", "store": False, "text": {}})
    ((_, body),) = behaviour.asked
    assert not body.keys() & {"store", "text", "input"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("functions", [{"name": "f"}]),
        ("echo", True),
        ("reasoning_effort", "high"),
        ("repetition_penalty", 1.2),
    ],
)
def test_field_that_the_engine_does_not_pass_on_is_refused_by_name(
    workspace: StubClient, field: str, value: Any
) -> None:
    reply = workspace.send("POST", "/serving-endpoints/chat/invocations", {**CHAT, field: value})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert reply.message == f"{field}: not supported by the openai engine; leave it out or use another engine."


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def test_model_decides_about_function_calls(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.asked.clear()
    answer = invoke(workspace, {**CHAT, "tools": TOOLS, "tool_choice": "auto"})
    (choice,) = answer["choices"]
    function = {"name": "weather", "arguments": '{"city":"Ulm"}'}
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }
    assert choice["finish_reason"] == "tool_calls"
    assert answer["usage"]["completion_tokens"] == 9
    ((_, body),) = behaviour.asked
    assert (body["tools"], body["tool_choice"]) == (TOOLS, "auto")


def test_streamed_function_call_has_its_name_first_and_its_arguments_in_parts(workspace: StubClient) -> None:
    chunks = events(workspace, {**CHAT, "tools": TOOLS})
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas[0]["role"] == "assistant"
    calls = [delta["tool_calls"][0] for delta in deltas if delta.get("tool_calls")]
    assert (calls[0]["id"], calls[0]["function"]["name"]) == ("call_1", "weather")
    assert "".join(call["function"]["arguments"] for call in calls) == '{"city":"Ulm"}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_conversation_with_function_calls_reaches_the_server_whole(workspace: StubClient, behaviour: Behaviour) -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    messages = [
        *CHAT["messages"],
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "5", "tool_call_id": "1", "name": "f"},
    ]
    behaviour.asked.clear()
    invoke(workspace, {"messages": messages})
    ((_, body),) = behaviour.asked
    assert body["messages"] == messages


def test_function_that_is_chosen_must_be_one_of_the_tools(workspace: StubClient) -> None:
    choice = {"type": "function", "function": {"name": "other"}}
    reply = workspace.send(
        "POST", "/serving-endpoints/chat/invocations", {**CHAT, "tools": TOOLS, "tool_choice": choice}
    )
    assert (reply.status, reply.message) == (400, "tool_choice: 'other' is not one of the tools.")


def test_engine_without_functions_refuses_a_conversation_that_has_them() -> None:
    calls = {"messages": [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "5", "tool_call_id": "1"}]}
    with pytest.raises(Invalid, match=r"^messages/1/tool_call_id: not supported by the fake engine"):
        engine_fields.check(calls, forms.CHAT, FakeEngine())


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "BAD_REQUEST", 400),
        (429, "REQUEST_LIMIT_EXCEEDED", 429),
        (500, "INTERNAL_ERROR", 500),
        (503, "TEMPORARILY_UNAVAILABLE", 503),
    ],
)
def test_failure_of_the_server_is_one_of_the_platform_streamed_or_not(
    workspace: StubClient, behaviour: Behaviour, status: int, code: str, expected: int, is_stream: bool
) -> None:
    behaviour.status, behaviour.error = status, "because"
    reply = workspace.send("POST", "/serving-endpoints/chat/invocations", {**CHAT, "stream": is_stream})
    assert (reply.status, reply.error_code) == (expected, code)
    assert reply.message.endswith(f"answered {status}: because")


def test_server_that_breaks_off_ends_the_stream_with_an_error(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.cut_after = 2
    last = events(workspace, CHAT)[-1]
    assert last["error_code"] == "INTERNAL_ERROR"
    assert last["message"].endswith("ended its answer early")
    assert workspace.ok("GET", "/stub/status")["queries"]["in_flight"] == 0


def test_status_says_what_the_server_lacks(workspace: StubClient, behaviour: Behaviour) -> None:
    invoke(workspace, CHAT)
    (chat, *_) = [one for one in workspace.ok("GET", "/stub/status")["engines"] if one["state"] == "ready"]
    assert chat["kind"] == "openai"
    assert chat["missing"] == []
    assert "functions" in chat["lacks"]


def test_client_that_leaves_ends_the_generation_at_the_server(workspace: StubClient, behaviour: Behaviour) -> None:
    behaviour.stays_after = 1
    response = workspace.pool.request(
        "POST",
        f"{workspace.host}/serving-endpoints/chat/invocations",
        json={**CHAT, "stream": True, "ignore_eos": True, "max_tokens": 1000},
        headers=workspace.authorization,
        preload_content=False,
    )
    pieces = response.stream(4096)  # kept: with it goes the connection
    assert b"Yes" in next(pieces)
    assert not behaviour.left.is_set()
    response.close()
    while workspace.ok("GET", "/stub/status")["queries"]["in_flight"]:
        pass
    assert behaviour.left.wait(60)


def test_prompt_that_a_query_repeats_is_accounted_each_time(workspace: StubClient) -> None:
    body = {"prompt": ["a", "a", "b"], "n": 2, "max_tokens": 10}
    assert invoke(workspace, body, "complete")["usage"]["prompt_tokens"] == 33
    assert workspace.ok("GET", "/stub/requests")["requests"][-1]["input_tokens"] == 33
