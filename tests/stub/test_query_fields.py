"""Fields of queries on the wire, whole and streamed: what is honoured, and what is refused in words."""

import json
from typing import Any

import pytest

from bandplan.stub import process
from bandplan.stub.api.queries.engine_fields import NEUTRAL
from tests.stub.stub_client import StubClient, bands

MPT = "system.ai.mpt_7b_instruct"
CHAT, COMPLETIONS = "f-chat", "f-completions"

# What should change the text, and does not change that of the simulated engine.
UNSUPPORTED = [
    "audio", "bad_words", "best_of", "echo", "frequency_penalty", "function_call", "functions", "guided_choice",
    "guided_grammar", "guided_json", "guided_regex", "logit_bias", "modalities", "prediction",
    "presence_penalty", "prompt_logprobs", "reasoning", "reasoning_effort", "repetition_penalty",
    "stop_token_ids", "structured_outputs", "suffix", "thinking", "web_search_options", "no_field_of_anybody",
]  # fmt: skip

OWN = "Simulated answer of llm to: Say hello"  # 12 tokens: Simu|late|d| answ|er| of| llm| to|:| Say| hell|o


@pytest.fixture(scope="module", autouse=True)
def endpoints(running: process.Running) -> None:
    client = StubClient(running.host, running.token)
    client.create(CHAT, bands(name="llm"))
    client.create(
        COMPLETIONS, bands(entity_name=MPT, min_provisioned_throughput=0, max_provisioned_throughput=880, name="llm")
    )


def of_chat(**fields: Any) -> tuple[str, dict[str, Any]]:
    return f"/serving-endpoints/{CHAT}/invocations", {"messages": [{"role": "user", "content": "Say hello"}], **fields}


def of_completions(**fields: Any) -> tuple[str, dict[str, Any]]:
    return f"/serving-endpoints/{COMPLETIONS}/invocations", {"prompt": "Say hello", **fields}


def of_responses(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "/serving-endpoints/responses", {"model": CHAT, "input": "Say hello", **fields}


def of_legacy(**fields: Any) -> tuple[str, dict[str, Any]]:
    return f"/serving-endpoints/{COMPLETIONS}/invocations", {"inputs": ["Say hello"], "params": fields}


FORMS = {"chat": of_chat, "completions": of_completions, "responses": of_responses, "legacy": of_legacy}


def events(client: StubClient, path: str, body: dict[str, Any]) -> list[Any]:
    response = client.raw("POST", path, json.dumps({**body, "stream": True}).encode())
    assert response.status == 200, response.data
    lines = [line for line in response.data.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def texts_of(chunks: list[Any]) -> dict[int, str]:
    """The text of each choice of a chat stream."""
    texts: dict[int, str] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] = texts.get(choice["index"], "") + choice["delta"].get("content", "")
    return texts


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("field", UNSUPPORTED)
def test_field_that_the_engine_lacks_is_refused_with_its_name_and_the_engines(
    client: StubClient, form: str, field: str
) -> None:
    path, body = FORMS[form](**{field: {"a": 1.5}})
    reply = client.send("POST", path, body)
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert reply.message.startswith(f"{'params/' if form == 'legacy' else ''}{field}: not supported by the simulated ")


def test_all_fields_that_the_engine_lacks_are_told_at_once(client: StubClient) -> None:
    reply = client.send("POST", *of_chat(logit_bias={"50256": -100}, presence_penalty=0.5, stream=True))
    assert reply.message.startswith("logit_bias, presence_penalty: not supported by the simulated engine")


def test_extra_params_are_fields_of_the_request(client: StubClient) -> None:
    answer = client.ok("POST", *of_chat(extra_params={"max_tokens": "3", "stop": "zzz", "top_p": "0.9", "top_k": 5}))
    assert answer["usage"]["completion_tokens"] == 3
    for extra, finding in [
        ({"colour": "red"}, "colour: not supported by the simulated engine"),
        ({"top_p": "1.5"}, "top_p: must be from 0 to 1"),
        ({"temperature": "0"}, "extra_params: temperature must not be given twice"),
        (["top_p"], "extra_params: must be an object"),
        ({"top_p": "1e999"}, "top_p: must be a number"),
    ]:
        reply = client.send("POST", *of_chat(temperature=1, extra_params=extra))
        assert (reply.status, reply.message.startswith(finding)) == (400, True), reply


def test_fields_that_ask_for_nothing_are_taken(client: StubClient) -> None:
    neutral = {name: values[0] for name, values in NEUTRAL.items()}
    for values in [dict.fromkeys(UNSUPPORTED), neutral]:
        assert client.ok("POST", *of_chat(**values))["choices"][0]["message"]["content"] == OWN


@pytest.mark.parametrize("form", FORMS)
def test_length_of_an_answer_is_reached_in_every_form(client: StubClient, form: str) -> None:
    limit = "max_output_tokens" if form == "responses" else "max_tokens"
    path, body = FORMS[form](**{limit: 300, "ignore_eos": True})
    answer = client.ok("POST", path, body)
    match form:
        case "responses":
            assert answer["usage"]["output_tokens"] == 300
            assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
        case "legacy":
            assert answer["predictions"][0]["metadata"]["output_tokens"] == 300
        case _:
            assert answer["usage"]["completion_tokens"] == 300
            assert answer["choices"][0]["finish_reason"] == "length"
    if form == "legacy":
        return
    last = events(client, path, body)[-1]
    usage = last["response"]["usage"]["output_tokens"] if form == "responses" else last["usage"]["completion_tokens"]
    assert usage == 300


def test_max_completion_tokens_is_the_newer_name_of_max_tokens(client: StubClient) -> None:
    assert client.ok("POST", *of_chat(max_completion_tokens=3))["usage"]["completion_tokens"] == 3
    reply = client.send("POST", *of_chat(max_completion_tokens=9000))
    assert "cannot exceed 8192" in reply.message


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ({"min_tokens": -1}, "min_tokens: must be from 0 to max_tokens"),
        ({"min_tokens": 5, "max_tokens": 4}, "min_tokens: must be from 0 to max_tokens"),
        ({"min_tokens": 9000}, "min_tokens: must be from 0 to 8192"),
        ({"ignore_eos": "yes"}, "ignore_eos: must be true or false"),
        ({"seed": 1.5}, "seed: must be an integer"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options/include_usage: must be true or false"),
    ],
)
def test_wrong_value_is_refused(client: StubClient, fields: dict[str, Any], finding: str) -> None:
    reply = client.send("POST", *of_chat(**fields))
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert finding in reply.message


def test_choices_of_a_stream_come_at_once_and_are_those_of_the_whole_answer(client: StubClient) -> None:
    path, body = of_chat(n=3, max_tokens=200, ignore_eos=True)
    whole = client.ok("POST", path, body)
    chunks = events(client, path, body)
    texts = [choice["message"]["content"] for choice in whole["choices"]]
    assert texts_of(chunks) == dict(enumerate(texts))
    assert chunks[-1]["usage"] == whole["usage"] == {"prompt_tokens": 7, "completion_tokens": 600, "total_tokens": 607}
    order = [chunk["choices"][0]["index"] for chunk in chunks]
    assert order.index(2) < order.index(0) + 200
    roles = [chunk["choices"][0]["index"] for chunk in chunks if "role" in chunk["choices"][0]["delta"]]
    assert sorted(roles) == [0, 1, 2]
    reasons = {c["index"]: c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]}
    assert reasons == {0: "length", 1: "length", 2: "length"}


def test_the_same_seed_gives_the_same_answer_and_another_one_another(client: StubClient) -> None:
    def answer(**fields: Any) -> Any:
        return client.ok("POST", *of_chat(logprobs=True, **fields))["choices"]

    assert answer(seed=7) == answer(seed=7) != answer(seed=8)
    assert answer(seed=7, temperature=0) == answer(seed=8, temperature=0)
    assert texts_of(events(client, *of_chat(seed=7))) == {0: answer(seed=7)[0]["message"]["content"]}


def test_stop_word_wins_over_a_forced_length(client: StubClient) -> None:
    path, body = of_chat(max_tokens=500, ignore_eos=True, min_tokens=400, stop=["(3)"])
    answer = client.ok("POST", path, body)
    choice = answer["choices"][0]
    assert choice["message"]["content"] == f"{OWN} (2) {OWN} "
    assert choice["finish_reason"] == "stop"
    chunks = events(client, path, body)
    assert texts_of(chunks) == {0: choice["message"]["content"]}
    assert chunks[-1]["usage"] == answer["usage"]


def test_stop_word_at_once_leaves_an_answer_without_text(client: StubClient) -> None:
    path, body = of_chat(stop="Simu")
    answer = client.ok("POST", path, body)
    assert (answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"]) == ("", 0)
    first, last = events(client, path, body)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert (last["choices"][0]["finish_reason"], last["usage"]) == ("stop", answer["usage"])


def test_logprobs_of_a_chat_stream_are_those_of_the_whole_answer(client: StubClient) -> None:
    path, body = of_chat(logprobs=True, top_logprobs=3)
    whole = client.ok("POST", path, body)["choices"][0]["logprobs"]["content"]
    parts = [chunk["choices"][0]["logprobs"] for chunk in events(client, path, body)]
    assert parts[-1] is None
    assert [token for part in parts[:-1] for token in part["content"]] == whole
    assert len(whole) == 12
    assert all(len(token["top_logprobs"]) == 3 for token in whole)


@pytest.mark.parametrize("top", [0, 2])
def test_logprobs_of_completions_in_their_own_form(client: StubClient, top: int) -> None:
    path, body = of_completions(logprobs=top)
    choice = client.ok("POST", path, body)["choices"][0]
    shown = choice["logprobs"]
    assert "".join(shown["tokens"]) == choice["text"] == OWN
    for token, logprob, most_likely, offset in zip(
        shown["tokens"], shown["token_logprobs"], shown["top_logprobs"], shown["text_offset"], strict=True
    ):
        assert choice["text"][offset:].startswith(token)
        assert -100 < logprob <= 0
        assert len(most_likely) == top
        assert not top or most_likely[token] == logprob
    parts = [chunk["choices"][0]["logprobs"] for chunk in events(client, path, body)][:-1]
    assert {key: [value for part in parts for value in part[key]] for key in shown} == shown
    assert client.send("POST", *of_completions(logprobs=6)).message == "logprobs: must be from 0 to 5."


def test_logprobs_of_responses(client: StubClient) -> None:
    for fields in ({"include": ["message.output_text.logprobs"]}, {"top_logprobs": 2}):
        path, body = of_responses(**fields)
        part = client.ok("POST", path, body)["output"][0]["content"][0]
        assert [token["token"] for token in part["logprobs"]][:2] == ["Simu", "late"]
        streamed = events(client, path, body)
        deltas = [event for event in streamed if event["type"] == "response.output_text.delta"]
        assert [token for event in deltas for token in event["logprobs"]] == part["logprobs"]
        assert streamed[-1]["response"]["output"][0]["content"][0] == part
    assert client.ok("POST", *of_responses())["output"][0]["content"][0]["logprobs"] == []


def test_responses_in_json_fit_their_schema(client: StubClient) -> None:
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}}
    form = {"type": "json_schema", "name": "counted", "schema": schema}
    answer = client.ok("POST", *of_responses(text={"format": form}))
    assert json.loads(answer["output"][0]["content"][0]["text"]) == {"count": 1}
    reply = client.send("POST", *of_responses(text={"format": {"type": "xml"}}))
    assert "text/format/type: 'xml' is not one of" in reply.message


def test_completions_in_json_fit_their_schema(client: StubClient) -> None:
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "counted", "schema": schema}}
    answer = client.ok("POST", *of_completions(response_format=form))
    assert json.loads(answer["choices"][0]["text"]) == {"count": 1}


def test_usage_comes_once_more_in_a_last_chunk_when_asked(client: StubClient) -> None:
    for path, body in (of_chat(), of_completions()):
        without = events(client, path, body)
        chunks = events(client, path, {**body, "stream_options": {"include_usage": True}})
        assert len(chunks) == len(without) + 1
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"] == chunks[-2]["usage"] == client.ok("POST", path, body)["usage"]


@pytest.mark.parametrize("field", ["stream", "logprobs"])
def test_legacy_formats_say_what_they_have_not(client: StubClient, field: str) -> None:
    reply = client.send("POST", *of_legacy(**{field: True}))
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert reply.message.startswith(f"params/{field}: ")


def test_role_comes_alone_and_first_when_switched(client: StubClient) -> None:
    path, body = of_chat(n=2)
    client.ok("PATCH", "/stub/behaviour", {"sends_role_chunk_first": True})
    try:
        chunks = events(client, path, body)
    finally:
        client.ok("PATCH", "/stub/behaviour", {"sends_role_chunk_first": False})
    assert [chunk["choices"][0]["delta"] for chunk in chunks[:2]] == [{"role": "assistant", "content": ""}] * 2
    assert [chunk["usage"]["completion_tokens"] for chunk in chunks[:3]] == [0, 0, 1]
    assert all("role" not in choice["delta"] for chunk in chunks[2:] for choice in chunk["choices"])
    assert texts_of(chunks)[0] == OWN


def test_function_call_is_streamed_with_its_name_and_first_arguments_in_one_chunk(client: StubClient) -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"properties": {"a": {"type": "integer"}}}}}
    path, body = of_chat(tools=[tool], tool_choice="required")
    chunks = [chunk["choices"][0] for chunk in events(client, path, body)]
    first = chunks[0]["delta"]
    assert (first["role"], first["content"]) == ("assistant", None)
    assert first["tool_calls"][0]["function"]["name"] == "add"
    arguments = "".join(c["delta"]["tool_calls"][0]["function"]["arguments"] for c in chunks[:-1])
    assert json.loads(arguments) == {"a": 1}
    assert first["tool_calls"][0]["function"]["arguments"]
    assert chunks[-1]["finish_reason"] == "tool_calls"
