"""What a model holds: context length and length of answers, from the catalogue and from registered files."""

import json
from typing import Any

import pytest

from bandplan.stub.api.queries.target import Target
from bandplan.stub.inference.simulated import SimulatedEngine
from bandplan.stub.state.refusals import BadRequest
from bandplan.stub.state.registry import catalogue
from tests.stub.registering import mlmodel, registered
from tests.stub.stub_client import BGE, LLAMA, Reply, StubClient, bands

MPT = "system.ai.mpt_7b_instruct"


def target(context: int | None, output: int = 8192) -> Target:
    return Target("llm", SimulatedEngine(), {}, context_tokens=context, most_output_tokens=output)


@pytest.mark.parametrize(
    ("context", "prompt", "wanted", "limit"),
    [
        (128_000, 10, None, 8192),
        (128_000, 10, 8192, 8192),
        (128_000, 10, 100, 100),
        (128_000, 127_000, None, 1000),
        (128_000, 127_000, 1000, 1000),
        (None, 10**9, None, 8192),
        (None, 10**9, 100, 100),
    ],
)
def test_an_answer_may_have_what_the_prompt_leaves(
    context: int | None, prompt: int, wanted: int | None, limit: int
) -> None:
    assert target(context).output_limit(prompt, wanted) == limit


@pytest.mark.parametrize(
    ("context", "prompt", "wanted", "finding"),
    [
        (128_000, 300_000, None, "prompt token count (300000) cannot exceed 128000."),
        (128_000, 300_000, 5, "prompt token count (300000) cannot exceed 128000."),
        (128_000, 128_000, None, "prompt token count (128000) plus max_tokens (1) cannot exceed 128000."),
        (128_000, 127_000, 1001, "prompt token count (127000) plus max_tokens (1001) cannot exceed 128000."),
        (128_000, 10, 10_000, "max_tokens (10000) cannot exceed 8192."),
        (None, 10, 8193, "max_tokens (8193) cannot exceed 8192."),
    ],
)
def test_what_a_model_cannot_hold_is_refused(
    context: int | None, prompt: int, wanted: int | None, finding: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        target(context).output_limit(prompt, wanted)
    assert refused.value.message.startswith(f"Bad request: rpc error: code = InvalidArgument desc = {finding} Please")


def test_every_servable_model_of_the_catalogue_has_a_context_length_with_its_source() -> None:
    for name, versions in catalogue.load().models.items():
        for facts in versions.values():
            if facts.is_optimizable:
                assert facts.context_tokens and facts.context_tokens >= 512, name
                assert facts.context_source in ("docs", "mlflow", "config"), name
            assert 0 < facts.most_output_tokens <= 25_000


def chat(client: StubClient, endpoint: str, words: int, **fields: Any) -> Reply:
    body = {"messages": [{"role": "user", "content": "word " * words}], **fields}
    return client.send("POST", f"/serving-endpoints/{endpoint}/invocations", body)


def test_prompt_and_answer_beyond_the_model_are_refused_in_the_platforms_shape(client: StubClient, name: str) -> None:
    client.create(name, bands(entity_name=LLAMA))
    for stream in (False, True):
        reply = chat(client, name, 300_000, stream=stream)
        assert (reply.status, reply.error_code) == (400, "BAD_REQUEST")
        # The role's 4 tokens, 300,000 words and the space at their end.
        assert "prompt token count (300005) cannot exceed 128000" in reply.message
        reply = chat(client, name, 1, max_tokens=10_000, stream=stream)
        assert (reply.status, reply.error_code) == (400, "BAD_REQUEST")
        assert "max_tokens (10000) cannot exceed 8192" in reply.message
    assert chat(client, name, 100_000, max_tokens=5).status == 200


def test_answer_without_a_limit_ends_at_the_models_own(client: StubClient, name: str) -> None:
    client.create(name, bands(entity_name=LLAMA))
    body = chat(client, name, 1, ignore_eos=True).body
    assert body["usage"]["completion_tokens"] == 8192
    assert body["choices"][0]["finish_reason"] == "length"


def test_every_form_of_query_has_the_limits(client: StubClient, name: str) -> None:
    small = bands(entity_name=MPT, min_provisioned_throughput=0, max_provisioned_throughput=880)
    client.create(name, small)
    path, long = f"/serving-endpoints/{name}/invocations", "word " * 9000
    bge = f"{name}-bge"
    client.create(bge, bands(entity_name=BGE, min_provisioned_throughput=0, max_provisioned_throughput=1360))
    llm = f"{name}-llm"
    client.create(llm, bands())
    for where, body in [
        (path, {"prompt": long}),
        (path, {"prompt": ["short", long]}),
        (path, {"prompt": "x", "max_tokens": 8193}),
        (path, {"inputs": [long]}),
        (path, {"inputs": ["x"], "params": {"max_tokens": 9000}}),
        (f"/serving-endpoints/{bge}/invocations", {"input": ["short", "word " * 600]}),
        (f"/serving-endpoints/{bge}/invocations", {"inputs": ["word " * 600]}),
        ("/serving-endpoints/responses", {"model": llm, "input": "word " * 130_000}),
        ("/serving-endpoints/responses", {"model": llm, "input": "x", "max_output_tokens": 8193}),
    ]:
        reply = client.send("POST", where, body)
        assert (reply.status, reply.error_code) == (400, "BAD_REQUEST"), (where, str(body)[:60])
        assert "cannot exceed" in reply.message


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama", "max_position_embeddings": 64},
        {"model_type": "mpt", "max_seq_len": 64},
        {"model_type": "llama", "text_config": {"max_position_embeddings": 64}},
    ],
)
def test_registered_model_holds_what_its_configuration_says(
    client: StubClient, name: str, config: dict[str, Any]
) -> None:
    files = {"MLmodel": mlmodel(), "model/config.json": json.dumps(config).encode()}
    version = registered(client, f"ml.own.{name}", files)
    chunk = 880 if config["model_type"] == "mpt" else 980
    client.create(
        name,
        bands(
            entity_name=f"ml.own.{name}",
            entity_version=str(version),
            min_provisioned_throughput=0,
            max_provisioned_throughput=chunk,
        ),
    )
    assert chat(client, name, 10, max_tokens=10).status == 200
    assert "cannot exceed 64" in chat(client, name, 100).message


def test_endpoint_sets_the_length_of_answers_for_clients_that_cannot_ask(client: StubClient, name: str) -> None:
    client.create(name)

    def lengths() -> list[int]:
        return [
            chat(client, name, 1, max_tokens=200, seed=seed).body["usage"]["completion_tokens"] for seed in range(20)
        ]

    own = lengths()
    assert max(own) < 30
    for rule in ("fixed", "sampled"):
        client.ok("PUT", f"/stub/endpoints/{name}/engine", {"output_tokens": rule})
        assert client.ok("GET", "/stub/status")["output_tokens"][name] == rule
        found = lengths()
        assert lengths() == found
        if rule == "fixed":
            assert found == [200] * 20
        else:
            assert len(set(found)) > 10
            assert 1 <= min(found) < 60 < 140 < max(found) <= 200
    # Without a limit there is nothing to reach.
    assert chat(client, name, 1).body["usage"]["completion_tokens"] < 30
    reply = client.send("PUT", f"/stub/endpoints/{name}/engine", {"output_tokens": "long"})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    client.ok("PUT", f"/stub/endpoints/{name}/engine", {"output_tokens": None})
    assert lengths() == own


def test_tokens_of_a_text_are_counted_as_the_engine_counts_them(client: StubClient, name: str) -> None:
    client.create(name)
    assert client.ok("POST", "/stub/tokenize", {"model": name, "text": "Hello, world"}) == {
        "model": name,
        "engine": "simulated",
        "tokens": 5,  # Hell|o|,| worl|d
        "is_exact": True,
        "counted_by": "the simulated rule",
    }
    assert client.ok("POST", "/stub/tokenize", {"model": name, "text": ""})["tokens"] == 0
    assert client.send("POST", "/stub/tokenize", {"model": name}).status == 400
    assert client.send("POST", "/stub/tokenize", {"model": "no-such", "text": "x"}).status == 404
