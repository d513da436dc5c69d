"""The OpenAI client with base URL `{host}/serving-endpoints`; `model` is the name of an endpoint."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.target import ENDPOINTS, Target

if TYPE_CHECKING:
    from openai import OpenAI

EndpointOf = Callable[[str], str]

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city"],
        },
    },
}

ANSWER_SCHEMA = {
    "name": "verdict",
    "schema": {
        "type": "object",
        "properties": {"verdict": {"enum": ["yes", "no"]}, "score": {"type": "integer", "minimum": 3}},
        "required": ["verdict", "score"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture(scope="session")
def client(target: Target) -> "OpenAI":
    from openai import OpenAI

    return OpenAI(api_key=target.token, base_url=f"{target.host}/serving-endpoints", max_retries=0)


def test_chat(client: "OpenAI", target: Target, endpoint_of: EndpointOf) -> None:
    answer = client.chat.completions.create(model=endpoint_of("chat"), messages=HELLO, max_tokens=4, temperature=0)
    assert (answer.object, answer.choices[0].finish_reason) == ("chat.completion", "length")
    assert answer.model == target.model("chat").served_name
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens == 4
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 4


def test_s31_chat_gives_log_probabilities(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    answer = client.chat.completions.create(
        model=endpoint_of("chat"), messages=HELLO, max_tokens=2, logprobs=True, top_logprobs=2
    )
    tokens = answer.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == answer.choices[0].message.content
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)


def test_chat_is_streamed_with_usage_on_every_chunk(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    stream = client.chat.completions.create(model=endpoint_of("chat"), messages=HELLO, max_tokens=4, stream=True)
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "length"
    assert all(chunk.usage for chunk in chunks)


def test_stream_ends_in_a_chunk_of_usage_alone_when_that_is_asked_for(
    client: "OpenAI", endpoint_of: EndpointOf
) -> None:
    stream = client.chat.completions.create(
        model=endpoint_of("chat"), messages=HELLO, max_tokens=4, stream=True, stream_options={"include_usage": True}
    )
    last = list(stream)[-1]
    assert (last.choices, last.usage.completion_tokens) == ([], 4)


def test_completions_whole_and_streamed(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    whole = client.completions.create(model=endpoint_of("completions"), prompt="Hello", max_tokens=4)
    assert (whole.object, whole.usage.completion_tokens) == ("text_completion", 4)
    stream = client.completions.create(model=endpoint_of("completions"), prompt="Hello", max_tokens=4, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream)


def test_embeddings_are_the_same_in_both_encodings(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    # Without an encoding the client asks for base64 by itself.
    vectors = [
        [row.embedding for row in client.embeddings.create(model=endpoint_of("embeddings"), **encoding).data]
        for encoding in (
            {"input": ["one", "two"]},
            {"input": ["one", "two"], "encoding_format": "float"},
        )
    ]
    assert [len(vector) for vector in vectors[0]] == [1024, 1024]
    for by_default, as_floats in zip(*vectors, strict=True):
        assert by_default == pytest.approx(as_floats, abs=1e-3)


def test_required_function_is_called_with_arguments_that_fit(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    answer = client.chat.completions.create(
        model=endpoint_of("chat"), messages=HELLO, tools=[WEATHER], tool_choice="required"
    )
    choice = answer.choices[0]
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, call.function.name) == ("tool_calls", "get_weather")
    arguments = json.loads(call.function.arguments)
    assert isinstance(arguments["city"], str)
    assert arguments.get("unit", "celsius") in ("celsius", "fahrenheit")
    conversation = [
        *HELLO,
        choice.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 21}'},
    ]
    last = client.chat.completions.create(model=endpoint_of("chat"), messages=conversation, tools=[WEATHER])
    assert last.choices[0].message.content
    assert last.choices[0].message.tool_calls is None


def test_function_call_is_streamed_in_pieces(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    stream = client.chat.completions.create(
        model=endpoint_of("chat"), messages=HELLO, tools=[WEATHER], tool_choice="required", stream=True
    )
    name, arguments, reason = "", "", None
    for chunk in stream:
        for call in chunk.choices[0].delta.tool_calls or []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
        reason = chunk.choices[0].finish_reason
    assert (name, reason) == ("get_weather", "tool_calls")
    assert "city" in json.loads(arguments)


def test_answer_fits_the_schema_that_is_asked_for(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    for form in ({"type": "json_schema", "json_schema": ANSWER_SCHEMA}, {"type": "json_object"}):
        answer = client.chat.completions.create(model=endpoint_of("chat"), messages=HELLO, response_format=form)
        value = json.loads(answer.choices[0].message.content)
        assert isinstance(value, dict)
        if form["type"] == "json_schema":
            assert value["verdict"] in ("yes", "no")
            assert value["score"] >= 3


@pytest.mark.stub_only  # which real endpoints answer the Responses API depends on the model
def test_responses_whole_and_streamed(client: "OpenAI", endpoint_of: EndpointOf) -> None:
    whole = client.responses.create(model=endpoint_of("chat"), input="Say hello.", instructions="Be brief.")
    assert (whole.status, whole.output_text) == ("completed", whole.output[0].content[0].text)
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
    events = list(client.responses.create(model=endpoint_of("chat"), input="Say hello.", stream=True))
    assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    cut = client.responses.create(model=endpoint_of("chat"), input="Say hello.", max_output_tokens=2)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_unknown_model_and_the_list_of_models_are_not_found(client: "OpenAI") -> None:
    from openai import NotFoundError

    with pytest.raises(NotFoundError) as unknown:
        client.chat.completions.create(model="bandplan-no-such", messages=HELLO)
    assert unknown.value.body["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(NotFoundError):
        client.models.list()


def test_used_up_rate_limit_is_a_429_that_says_when_to_come_again(client: "OpenAI", target: Target, name: str) -> None:
    from openai import RateLimitError

    target.create(name, ai_gateway={"rate_limits": [{"calls": 1, "renewal_period": "minute"}]})
    client.chat.completions.create(model=name, messages=HELLO)
    with pytest.raises(RateLimitError) as limited:
        client.chat.completions.create(model=name, messages=HELLO)
    assert limited.value.body["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert limited.value.body["message"].startswith("REQUEST_LIMIT_EXCEEDED: ")
    assert 1 <= int(limited.value.response.headers["retry-after"]) <= 60


def test_rate_limit_of_0_forbids(client: "OpenAI", target: Target, name: str) -> None:
    from openai import PermissionDeniedError

    target.create(name)
    target.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", {"rate_limits": [{"calls": 0, "renewal_period": "minute"}]})
    with pytest.raises(PermissionDeniedError) as forbidden:
        client.chat.completions.create(model=name, messages=HELLO)
    assert forbidden.value.body["error_code"] == "PERMISSION_DENIED"


@pytest.mark.stub_only
def test_client_tries_again_when_it_is_told_to(target: Target, name: str) -> None:
    from openai import OpenAI

    target.create(name)
    fault = {"action": "error", "status": 429, "error_code": "REQUEST_LIMIT_EXCEEDED", "retry_after_seconds": 1}
    route = "/serving-endpoints/chat/completions"
    target.ok("POST", "/stub/faults", {"route": route, "method": "POST", "times": 1, **fault})
    client = OpenAI(api_key=target.token, base_url=f"{target.host}/serving-endpoints")
    assert client.chat.completions.create(model=name, messages=HELLO).choices


def test_base_url_may_end_in_v1(target: Target, endpoint_of: EndpointOf) -> None:
    from openai import OpenAI

    client = OpenAI(api_key=target.token, base_url=f"{target.host}/serving-endpoints/v1", max_retries=0)
    assert client.chat.completions.create(model=endpoint_of("chat"), messages=HELLO).choices
