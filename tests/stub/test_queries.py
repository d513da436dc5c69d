"""Queries: chat, completions, embeddings, the legacy formats; whole and streamed; traffic and usage."""

import base64
import json
import math
import struct
from collections import Counter
from typing import Any

import pytest

from bandplan.stub import process
from tests.stub.registering import mlmodel, registered
from tests.stub.stub_client import BGE, ENDPOINTS, GTE, StubClient, bands

MPT = "system.ai.mpt_7b_instruct"  # a completions model, chunk 880


@pytest.fixture(scope="module")
def endpoints(running: process.Running) -> dict[str, str]:
    """Task to an endpoint that has it."""
    client = StubClient(running.host, running.token)
    client.create("q-chat", bands(name="llm"))
    client.create(
        "q-completions",
        bands(entity_name=MPT, min_provisioned_throughput=0, max_provisioned_throughput=880, name="mpt"),
    )
    client.create("q-gte", bands(entity_name=GTE, name="gte"))
    client.create(
        "q-bge", bands(entity_name=BGE, min_provisioned_throughput=0, max_provisioned_throughput=1360, name="bge")
    )
    return {"chat": "q-chat", "completions": "q-completions", "gte": "q-gte", "bge": "q-bge"}


def invoke(client: StubClient, endpoint: str, body: dict[str, Any]) -> Any:
    return client.ok("POST", f"/serving-endpoints/{endpoint}/invocations", body)


def user(content: Any = "Say hello", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **fields}


def events(client: StubClient, path: str, body: dict[str, Any]) -> list[Any]:
    """The data of every event; fails on any other kind of line and on a stream that does not end in [DONE]."""
    response = client.raw("POST", path, json.dumps({**body, "stream": True}).encode())
    assert response.status == 200, response.data
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = response.data.decode().split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    assert blocks.pop() == "data: [DONE]"
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def test_chat_answers_from_the_prompt_with_usage(client: StubClient, endpoints: dict[str, str]) -> None:
    reply = client.send("POST", f"/serving-endpoints/{endpoints['chat']}/invocations", user())
    body = reply.body
    assert (body["object"], body["model"], reply.headers["served-model-name"]) == ("chat.completion", "llm", "llm")
    assert body["id"].startswith("chatcmpl_")
    (choice,) = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Simulated answer of llm to: Say hello"}
    assert (choice["finish_reason"], choice["logprobs"]) == ("stop", None)
    # Prompt: 4 for the message + Say| hell|o. Answer: Simu|late|d| answ|er| of| llm| to|:| Say| hell|o.
    assert body["usage"] == {"prompt_tokens": 7, "completion_tokens": 12, "total_tokens": 19}


def test_the_same_question_gets_the_same_answer_and_another_one_another(
    client: StubClient, endpoints: dict[str, str]
) -> None:
    answers = [invoke(client, endpoints["chat"], user(text))["choices"] for text in ("a", "a", "b")]
    assert answers[0] == answers[1] != answers[2]


def test_max_tokens_ends_the_answer(client: StubClient, endpoints: dict[str, str]) -> None:
    body = invoke(client, endpoints["chat"], user(max_tokens=3))
    assert (body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]) == ("Simulated", "length")
    assert body["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("stop", ["er of", ["never", "er of"]])
def test_stop_word_is_cut_off_even_across_tokens(client: StubClient, endpoints: dict[str, str], stop: Any) -> None:
    choice = invoke(client, endpoints["chat"], user(stop=stop))["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Simulated answ", "stop")


def test_several_choices_are_given(client: StubClient, endpoints: dict[str, str]) -> None:
    body = invoke(client, endpoints["chat"], user(n=3))
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in body["choices"]}) == 3


def test_s31_logprobs_of_chat(client: StubClient, endpoints: dict[str, str]) -> None:
    choice = invoke(client, endpoints["chat"], user(logprobs=True, top_logprobs=2, max_tokens=2))["choices"][0]
    content = choice["logprobs"]["content"]
    assert [token["token"] for token in content] == ["Simu", "late"]
    for token in content:
        assert token["logprob"] <= 0
        assert bytes(token["bytes"]).decode() == token["token"]
        assert next(top["token"] for top in token["top_logprobs"]) == token["token"]
        assert len(token["top_logprobs"]) == 2


def test_chat_stream_has_role_and_first_text_in_one_chunk_usage_on_every_chunk_and_done_last(
    client: StubClient, endpoints: dict[str, str]
) -> None:
    whole = invoke(client, endpoints["chat"], user())
    chunks = events(client, f"/serving-endpoints/{endpoints['chat']}/invocations", user())
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "Simu"}
    assert all("role" not in chunk["choices"][0]["delta"] for chunk in chunks[1:])
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == whole["choices"][0]["message"]["content"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert [chunk["usage"]["completion_tokens"] for chunk in chunks] == [*range(1, 13), 12]
    assert chunks[-1]["usage"] == whole["usage"]


def test_stream_gives_logprobs_and_a_last_usage_chunk_when_asked(client: StubClient, endpoints: dict[str, str]) -> None:
    body = user(logprobs=True, max_tokens=2, stream_options={"include_usage": True})
    chunks = events(client, f"/serving-endpoints/{endpoints['chat']}/invocations", body)
    assert chunks[0]["choices"][0]["logprobs"]["content"][0]["token"] == "Simu"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 2


def test_completions_whole_and_streamed(client: StubClient, endpoints: dict[str, str]) -> None:
    path = f"/serving-endpoints/{endpoints['completions']}/invocations"
    whole = client.ok("POST", path, {"prompt": ["Hello", "World"], "max_tokens": 100})
    assert whole["object"] == "text_completion"
    assert [choice["text"] for choice in whole["choices"]] == [
        f"Simulated answer of mpt to: {w}" for w in ("Hello", "World")
    ]
    assert whole["usage"]["prompt_tokens"] == 4  # Hell|o and Worl|d
    texts: dict[int, str] = {0: "", 1: ""}
    chunks = events(client, path, {"prompt": ["Hello", "World"]})
    for chunk in chunks:
        texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
    assert texts == {0: whole["choices"][0]["text"], 1: whole["choices"][1]["text"]}
    assert chunks[-1]["usage"] == whole["usage"]


@pytest.mark.parametrize(("endpoint", "is_normalised"), [("gte", False), ("bge", True)])
def test_s32_gte_vectors_are_not_of_unit_length_and_bge_vectors_are(
    client: StubClient, endpoints: dict[str, str], endpoint: str, is_normalised: bool
) -> None:
    body = invoke(client, endpoints[endpoint], {"input": ["one two", "one two", "three"]})
    vectors = [row["embedding"] for row in body["data"]]
    assert [len(vector) for vector in vectors] == [1024] * 3
    assert vectors[0] == vectors[1] != vectors[2]
    for vector in vectors:
        assert math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-6) is is_normalised
    assert body["usage"] == {"prompt_tokens": 6, "total_tokens": 6}  # one| two twice, thre|e


def test_vectors_come_in_base64_when_asked(client: StubClient, endpoints: dict[str, str]) -> None:
    rows = [
        invoke(client, endpoints["bge"], {"input": "one two", "encoding_format": encoding})["data"][0]["embedding"]
        for encoding in ("float", "base64")
    ]
    assert struct.unpack("<1024f", base64.b64decode(rows[1])) == pytest.approx(rows[0], abs=1e-6)


def test_texts_that_share_words_are_closer(client: StubClient, endpoints: dict[str, str]) -> None:
    data = invoke(client, endpoints["bge"], {"input": ["red apple pie", "red apple cake", "quarterly tax form"]})[
        "data"
    ]
    a, b, c = (row["embedding"] for row in data)
    near, far = (sum(x * y for x, y in zip(a, other, strict=True)) for other in (b, c))
    assert near > 0.5 > far


@pytest.mark.parametrize("prefix", ["/serving-endpoints", "/serving-endpoints/v1"])
def test_openai_paths_take_the_endpoint_as_model(client: StubClient, endpoints: dict[str, str], prefix: str) -> None:
    assert client.ok("POST", f"{prefix}/chat/completions", user(model=endpoints["chat"]))["choices"]
    assert client.ok("POST", f"{prefix}/completions", {"model": endpoints["completions"], "prompt": "x"})["choices"]
    assert client.ok("POST", f"{prefix}/embeddings", {"model": endpoints["gte"], "input": "x"})["data"]
    assert events(client, f"{prefix}/chat/completions", user(model=endpoints["chat"]))
    assert client.send("POST", f"{prefix}/chat/completions", user(model="no-such")).status == 404


PROMPT_FORMATS = {
    "dataframe_split": {"columns": ["id", "prompt"], "index": [0], "data": [[7, "Hello"]]},
    "dataframe_records": [{"prompt": "Hello"}],
    "instances": [{"prompt": "Hello"}],
    "inputs": {"prompt": "Hello"},
}


@pytest.mark.parametrize("key", PROMPT_FORMATS)
@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_s29_query_format_with_params(client: StubClient, endpoints: dict[str, str], key: str, endpoint: str) -> None:
    params = {"temperature": 0.5, "max_tokens": 2, "stop": ["word1", "word2"], "candidate_count": 2}
    body = invoke(client, endpoints[endpoint], {key: PROMPT_FORMATS[key], "params": params})
    (prediction,) = body["predictions"]
    assert [c["text"] for c in prediction["candidates"]] == ["Simulate", "Simulate"]
    assert prediction["metadata"] == {"input_tokens": 2, "output_tokens": 4, "total_tokens": 6}


def test_s29_inputs_take_a_list_of_prompts_too(client: StubClient, endpoints: dict[str, str]) -> None:
    body = invoke(client, endpoints["completions"], {"inputs": {"prompt": ["a", "b"]}, "params": {"max_tokens": 100}})
    texts = [prediction["candidates"][0]["text"] for prediction in body["predictions"]]
    assert texts == ["Simulated answer of mpt to: a", "Simulated answer of mpt to: b"]


def test_query_formats_on_an_embeddings_endpoint_give_vectors(client: StubClient, endpoints: dict[str, str]) -> None:
    body = invoke(client, endpoints["gte"], {"dataframe_records": [{"input": "a"}, {"input": "b"}]})
    assert [len(vector) for vector in body["predictions"]] == [1024, 1024]


BAD = {
    "chat_without_messages": ("chat", {"prompt": "x"}, "messages: is required"),
    "no_messages": ("chat", {"messages": []}, "at least one message"),
    "message_without_role": ("chat", {"messages": [{"content": "x"}]}, "role: is required"),
    "content_that_is_a_number": ("chat", user(5), "content: must be a string"),
    "content_with_an_image": ("chat", user([{"type": "image_url", "image_url": {}}]), "content: must be a string"),
    "no_tokens": ("chat", user(max_tokens=0), "max_tokens: must be at least 1"),
    "tokens_that_are_text": ("chat", user(max_tokens="x"), "must be an integer"),
    "temperature_out_of_range": ("chat", user(temperature=3), "temperature: must be from 0 to 2"),
    "top_p_out_of_range": ("chat", user(top_p=1.1), "top_p: must be from 0 to 1"),
    "too_many_choices": ("chat", user(n=6), "n: must be from 1 to 5"),
    "stop_that_is_a_number": ("chat", user(stop=[1]), "stop: must be a list of strings"),
    "top_logprobs_without_logprobs": ("chat", user(top_logprobs=1), "requires logprobs: true"),
    "top_logprobs_out_of_range": ("chat", user(logprobs=True, top_logprobs=21), "from 0 to 20"),
    "stream_that_is_text": ("chat", user(stream="yes"), "stream: must be true or false"),
    "completions_without_prompt": ("completions", user(), "prompt: is required"),
    "prompt_that_is_a_number": ("completions", {"prompt": 1}, "prompt: must be"),
    "embeddings_without_input": ("gte", {"prompt": "x"}, "input: is required"),
    "encoding_that_is_not_known": ("gte", {"input": "x", "encoding_format": "hex"}, "must be float or base64"),
    "no_inputs": ("gte", {"input": []}, "input: must be"),
    "inputs_of_151_texts": ("gte", {"input": ["x"] * 151}, "at most 150"),
    "completions_of_151_prompts": (
        "completions",
        {"prompt": ["x"] * 151},
        "prompt: 151 texts; one request takes at most 150",
    ),
    "no_prompts": ("completions", {"prompt": []}, "prompt: must be a string or a list of strings"),
    "two_formats": ("chat", {"instances": [], "inputs": {}}, "exactly one of"),
    "split_without_the_column": ("chat", {"dataframe_split": {"columns": ["x"], "data": [["y"]]}}, "'prompt'"),
    "split_with_a_short_row": (
        "chat",
        {"dataframe_split": {"columns": ["prompt"], "data": [[]]}},
        "one value per column",
    ),
    "split_that_is_a_list": ("chat", {"dataframe_split": []}, "must have data, and columns"),
    "record_with_a_parameter": (
        "chat",
        {"dataframe_records": [{"prompt": "x"}, {"prompt": "y", "max_tokens": 5}]},
        "dataframe_records/max_tokens: not supported as a column of legacy requests; write it in params",
    ),
    "inputs_with_a_parameter": ("chat", {"inputs": {"prompt": "x", "stop": ["a"]}}, "inputs/stop"),
    "split_with_a_parameter": (
        "chat",
        {"dataframe_split": {"columns": ["prompt", "seed"], "data": [["x", 1]]}},
        "dataframe_split/columns/seed",
    ),
    "records_without_the_column": ("chat", {"dataframe_records": [{"x": 1}]}, "dataframe_records/prompt"),
}


@pytest.mark.parametrize(("endpoint", "body", "finding"), BAD.values(), ids=BAD.keys())
def test_query_is_refused(
    client: StubClient, endpoints: dict[str, str], endpoint: str, body: dict[str, Any], finding: str
) -> None:
    reply = client.send("POST", f"/serving-endpoints/{endpoints[endpoint]}/invocations", body)
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert finding in reply.message


def test_openai_path_of_another_task_is_refused(client: StubClient, endpoints: dict[str, str]) -> None:
    reply = client.send("POST", "/serving-endpoints/embeddings", {"model": endpoints["chat"], "input": "x"})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "has task llm/v1/chat" in reply.message


def test_query_of_a_missing_endpoint_does_not_exist(client: StubClient, name: str) -> None:
    reply = client.send("POST", f"/serving-endpoints/{name}/invocations", user())
    assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_query_before_the_endpoint_is_ready_asks_to_come_again(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})
    reply = client.send("POST", f"/serving-endpoints/{name}/invocations", user())
    assert (reply.status, reply.error_code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert int(reply.headers["retry-after"]) >= 1


def test_traffic_is_split_by_the_routes(client: StubClient, name: str) -> None:
    routes = [
        {"served_entity_name": "a", "traffic_percentage": 70},
        {"served_entity_name": "b", "traffic_percentage": 30},
        {"served_entity_name": "c", "traffic_percentage": 0},
    ]
    config = {"served_entities": [bands(name=entity) for entity in "abc"], "traffic_config": {"routes": routes}}
    client.ok("POST", ENDPOINTS, {"name": name, "config": config})
    client.settle(name)
    asked = Counter(invoke(client, name, user(max_tokens=1))["model"] for _ in range(100))
    assert asked == {"a": 70, "b": 30}


def test_content_in_parts_and_empty_content_are_read(client: StubClient, endpoints: dict[str, str]) -> None:
    parts = user([{"type": "text", "text": "Say "}, {"type": "text", "text": "hello"}])
    assert invoke(client, endpoints["chat"], parts)["usage"]["prompt_tokens"] == 7
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": None, "tool_calls": []}]
    assert invoke(client, endpoints["chat"], {"messages": messages})["usage"]["prompt_tokens"] == 9


def test_lone_surrogate_in_a_prompt_does_not_break_the_answer(client: StubClient, endpoints: dict[str, str]) -> None:
    body = b'{"messages": [{"role": "user", "content": "a\\ud800b"}]}'
    for stream in (b"}", b', "stream": true}'):
        response = client.raw("POST", f"/serving-endpoints/{endpoints['chat']}/invocations", body[:-1] + stream)
        assert response.status == 200
        assert b"Simu" in response.data


def test_one_served_model_is_queried_whatever_its_share_of_the_traffic(client: StubClient, name: str) -> None:
    entities = [bands(name="live"), bands(name="shadow")]
    routes = [{"served_entity_name": n, "traffic_percentage": p} for n, p in (("live", 100), ("shadow", 0))]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    client.ok("POST", ENDPOINTS, {"name": name, "config": config})
    path = f"/serving-endpoints/{name}/served-models"
    assert client.send("POST", f"{path}/shadow/invocations", user()).status == 503
    client.settle(name)
    for served in ("live", "shadow"):
        reply = client.send("POST", f"{path}/{served}/invocations", user())
        assert reply.headers["served-model-name"] == served
        assert reply.body["choices"][0]["message"]["content"].startswith(f"Simulated answer of {served} to:")
    reply = client.send("POST", f"{path}/gone/invocations", user())
    assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("metadata", "config", "dimension"),
    [
        ({"model_type": "gte-base"}, None, 768),
        ({"model_type": "gte-large"}, None, 1024),
        ({"model_type": "bge_small"}, None, 384),
        ({"model_type": "bge-large"}, {"model_type": "bert", "hidden_size": 512}, 512),
        ({}, {"model_type": "new", "hidden_size": 768}, 768),
        ({"model_type": "gte"}, {"model_type": "new", "hidden_size": 10**12}, 1024),
        ({"model_type": "gte"}, {"model_type": "new", "hidden_size": "768"}, 1024),
    ],
)
def test_vectors_have_the_dimension_of_the_registered_model(
    client: StubClient, name: str, metadata: dict[str, str], config: Any, dimension: int
) -> None:
    files = {"MLmodel": mlmodel(metadata={"task": "llm/v1/embeddings", **metadata})}
    if config is not None:
        files["model/config.json"] = json.dumps(config).encode()
    version = registered(client, f"ml.own.{name}", files)
    entity = {"entity_name": f"ml.own.{name}", "entity_version": str(version), "workload_size": "Small"}
    client.create(name, entity)
    vectors = [row["embedding"] for row in invoke(client, name, {"input": ["one two", "three"]})["data"]]
    assert [len(vector) for vector in vectors] == [dimension] * 2
    assert [len(row) for row in invoke(client, name, {"inputs": ["one"]})["predictions"]] == [dimension]
