"""The engine behind another server, by itself: what it finds out, sends, reads and makes of failures."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import pytest

from bandplan.stub.api.queries.logprobs import of_completions
from bandplan.stub.inference.engine import Embedding, Generation, Message, Usage
from bandplan.stub.inference.errors import (
    EngineBusy,
    EngineError,
    EngineFailed,
    EngineRefused,
    EngineUnavailable,
)
from bandplan.stub.inference.openai import probe
from bandplan.stub.inference.openai.answers import failure_of, read_chunk, read_embeddings
from bandplan.stub.inference.openai.engine import OpenAIEngine
from tests.stub.engines.fake_server import ANSWER, LOGPROB, Behaviour, serving

HELLO = (Message("user", "Hello"),)
TEXT = "".join(ANSWER)
T = TypeVar("T")


def started(behaviour: Behaviour, body: Callable[[OpenAIEngine], Awaitable[T]], **options: Any) -> T:
    """Run `body` with an engine that was started in front of a server of this behaviour."""

    async def whole(url: str) -> T:
        engine = OpenAIEngine(url, **options)
        await engine.start(lambda progress: None)
        behaviour.asked.clear()
        return await body(engine)

    with serving(behaviour) as url:
        return asyncio.run(whole(url))


def generated(behaviour: Behaviour, **changes: Any) -> tuple[str, str | None, Usage | None]:
    async def body(engine: OpenAIEngine) -> tuple[str, str | None, Usage | None]:
        text, reason, usage = "", None, None
        async for batch in engine.generate(Generation("m", HELLO, **changes)):
            text += "".join(token.text for token in batch.tokens)
            reason, usage = batch.finish_reason or reason, batch.usage or usage
        return text, reason, usage

    return started(behaviour, body)


def failure(behaviour: Behaviour, *, after_start: dict[str, Any] | None = None) -> EngineError:
    """The error of a query; the behaviour changes once the engine has started."""

    async def body(engine: OpenAIEngine) -> EngineError:
        for name, value in (after_start or {}).items():
            setattr(behaviour, name, value)
        with pytest.raises(EngineError) as raised:
            async for _ in engine.generate(Generation("m", HELLO)):
                pass
        return raised.value

    return started(behaviour, body)


# What is found out at the start.


def missing(behaviour: Behaviour) -> frozenset[str]:
    async def body(engine: OpenAIEngine) -> frozenset[str]:
        return engine.missing

    return started(behaviour, body)


def test_server_that_knows_everything_lacks_nothing() -> None:
    assert missing(Behaviour()) == frozenset()


@pytest.mark.parametrize(
    ("knows", "lacks"),
    [
        ({"min_tokens", "logprobs", "stream_options"}, {"ignore_eos"}),
        ({"ignore_eos", "logprobs", "stream_options"}, {"min_tokens"}),
        ({"ignore_eos", "min_tokens", "stream_options"}, {"logprobs", "top_logprobs"}),
        ({"ignore_eos", "min_tokens", "logprobs"}, {"usage"}),
        (set(), {"ignore_eos", "min_tokens", "logprobs", "top_logprobs", "usage"}),
    ],
)
def test_field_that_a_server_ignores_without_a_word_is_found_out(knows: set[str], lacks: set[str]) -> None:
    assert missing(Behaviour(knows=frozenset(knows))) == lacks


@pytest.mark.parametrize(
    ("refused", "lacks"),
    [
        ("ignore_eos", {"ignore_eos"}),
        ("logprobs", {"logprobs", "top_logprobs"}),
        ("stream_options", {"stream_options", "usage"}),
        ("max_tokens", set()),
    ],
)
def test_field_that_a_server_refuses_is_found_out(refused: str, lacks: set[str]) -> None:
    assert missing(Behaviour(refuses=frozenset({refused}))) == lacks


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("times", [1, 1000])
def test_server_that_is_busy_while_it_is_asked_for_a_feature_does_not_lack_it(
    status: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "PAUSES_SECONDS", (0.0, 0.0))
    behaviour, left = Behaviour(owner="vllm"), {"logprobs": times, "ignore_eos": times}

    def before_answer(path: str, body: dict[str, Any]) -> int | None:
        name = next((name for name in left if name in body), None)
        if name is None or not left[name]:
            return None
        left[name] -= 1
        return status

    behaviour.status_of = before_answer
    assert missing(behaviour) == frozenset()
    assert times > 1 or left == {"logprobs": 0, "ignore_eos": 0}


def test_server_that_is_busy_while_it_is_asked_to_count_counts_exactly_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PAUSES_SECONDS", (0.0, 0.0))
    first = iter([429])
    behaviour = Behaviour(owner="vllm", status_of=lambda path, body: next(first, None) if path == "/tokenize" else None)

    async def body(engine: OpenAIEngine) -> bool:
        return engine.is_count_exact

    assert started(behaviour, body)


def test_engine_refuses_what_the_server_lacks_but_not_streams() -> None:
    async def body(engine: OpenAIEngine) -> tuple[frozenset[str], bool]:
        return engine.lacks, engine.is_count_exact

    lacks, is_exact = started(Behaviour(knows=frozenset(), refuses=frozenset({"stream_options"})), body)
    assert {"ignore_eos", "logprobs", "functions", "repetition_penalty"} <= lacks
    assert not lacks & {"stream_options", "usage", "top_k", "seed", "tools"}
    assert not is_exact


def test_only_model_of_a_server_need_not_be_named_but_one_of_several_must() -> None:
    with pytest.raises(EngineUnavailable, match=r"serves 2 models \(a, b\); name one as `model`"):
        started(Behaviour(models=("a", "b")), lambda engine: engine.count(HELLO))
    with pytest.raises(EngineUnavailable, match="does not list its models; name one as `model`"):
        started(Behaviour(models=None), lambda engine: engine.count(HELLO))
    behaviour = Behaviour(models=("a", "b"))
    started(behaviour, lambda engine: engine.count(HELLO), model="b")


def test_server_that_lists_its_model_and_cannot_answer_is_not_ready() -> None:
    with pytest.raises(EngineFailed, match="answered 500: CUDA error"):
        started(Behaviour(status=500, error="CUDA error"), lambda engine: engine.count(HELLO))


def test_server_that_nobody_started_is_named_with_the_next_step() -> None:
    engine = OpenAIEngine("http://127.0.0.1:9/v1")
    with pytest.raises(EngineUnavailable, match=r"^http://127.0.0.1:9/v1 cannot be reached .*; start the server, or"):
        asyncio.run(engine.start(lambda progress: None))


def test_key_goes_with_every_request_and_into_no_message() -> None:
    behaviour = Behaviour(key="sk-right")
    assert started(behaviour, lambda engine: engine.count(HELLO), key="sk-right") > 0
    with pytest.raises(EngineUnavailable) as refused:
        started(behaviour, lambda engine: engine.count(HELLO), key="sk-wrong")
    assert "refuses the key (401); check key_env" in str(refused.value)
    assert "sk-" not in str(refused.value)
    assert "sk-right" not in repr(OpenAIEngine("http://127.0.0.1:9/v1", key="sk-right").client.server)


def test_key_that_a_server_repeats_is_masked() -> None:
    behaviour = Behaviour(key="sk-right")

    async def body(engine: OpenAIEngine) -> None:
        behaviour.status, behaviour.error = 400, "bad request of sk-right"
        async for _ in engine.generate(Generation("m", HELLO)):
            pass

    with pytest.raises(EngineRefused, match=r"answered 400: bad request of \*\*\*$"):
        started(behaviour, body, key="sk-right")


# What is sent.


def sent(**changes: Any) -> tuple[str, dict[str, Any]]:
    behaviour = Behaviour()
    generated(behaviour, **changes)
    (request,) = behaviour.asked
    return request


def test_chat_is_sent_as_messages_with_the_sampling_that_was_asked_for() -> None:
    path, body = sent(
        max_tokens=9, temperature=0.5, top_p=0.9, stop=("x",), seed=3, choice=2, extra={"top_k": 5}, top_logprobs=2
    )
    assert path == "/v1/chat/completions"
    assert body == {
        "model": "tiny",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 5,  # each choice its own: 3 + 2
        "stop": ["x"],
        "top_k": 5,
        "messages": [{"role": "user", "content": "Hello"}],
        "logprobs": True,
        "top_logprobs": 2,
    }


def test_more_stop_words_than_the_protocol_allows_are_sent_only_if_the_server_alone_can_apply_them() -> None:
    many = tuple("abcde")
    assert "stop" not in sent(stop=many)[1]
    assert sent(stop=many, min_tokens=2)[1]["stop"] == list(many)
    assert sent(stop=many, extra={"include_stop_str_in_output": True})[1]["stop"] == list(many)


def test_bare_prompt_is_sent_without_messages() -> None:
    path, body = sent(is_prompt=True, top_logprobs=3, max_tokens=4)
    assert (path, body["prompt"], body["logprobs"]) == ("/v1/completions", "Hello", 3)
    assert "messages" not in body


@pytest.mark.parametrize(
    ("schema", "form"),
    [
        ({}, {"type": "json_object"}),
        (
            {"type": "object"},
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
        ),
    ],
)
def test_schema_of_an_answer_is_passed_on(schema: dict[str, Any], form: dict[str, Any]) -> None:
    assert sent(json_schema=schema)[1]["response_format"] == form


def test_length_without_a_limit_of_the_request_is_left_to_a_server_whose_context_is_unknown() -> None:
    assert "max_tokens" not in sent(max_tokens=8192, has_default_limit=True)[1]
    behaviour = Behaviour(context=100, owner="vllm")
    generated(behaviour, max_tokens=90, has_default_limit=True)
    assert behaviour.asked[-1][1]["max_tokens"] == 90


@pytest.mark.parametrize(
    ("context", "extra", "is_sent"),
    [
        (
            4096,
            {},
            True,
        ),  # 512 + 16 tokens of a template at most, 9 bytes of the message, 2 of {}, 3,557 to come: 4,096
        (4095, {}, False),
        (4096, {"tools": []}, False),  # 12 bytes more
    ],
)
def test_limit_that_follows_from_an_estimate_is_sent_only_where_it_fits_in_any_case(
    context: int, extra: dict[str, Any], is_sent: bool
) -> None:
    behaviour = Behaviour(context=context)
    generated(behaviour, max_tokens=3557, has_default_limit=True, extra=extra)
    assert ("max_tokens" in behaviour.asked[0][1]) == is_sent


def test_limit_that_the_server_counted_is_not_sent_with_functions_that_it_did_not_count() -> None:
    behaviour = Behaviour(context=100, owner="vllm")
    generated(behaviour, max_tokens=90, has_default_limit=True, extra={"top_k": 5})
    assert "max_tokens" not in behaviour.asked[-1][1]


def test_length_of_an_answer_that_nobody_limits_is_the_workspaces() -> None:
    text, reason, _ = generated(Behaviour(), max_tokens=2, has_default_limit=True)
    assert (text, reason) == ("Yes,", "length")


# What is read.


def test_answer_comes_with_reason_and_the_servers_own_usage() -> None:
    assert generated(Behaviour()) == (TEXT, "stop", Usage(11, 5))
    assert generated(Behaviour(), max_tokens=2) == ("Yes,", "length", Usage(11, 3))


@pytest.mark.parametrize("is_prompt", [False, True])
def test_answer_of_a_server_that_ignores_the_limit_is_cut_off_there(is_prompt: bool) -> None:
    behaviour = Behaviour(ignores_limit=True)
    made = generated(behaviour, max_tokens=6, is_prompt=is_prompt)
    # Its own usage would be that of the whole answer: what was delivered is counted instead.
    assert made == ("Yes, indeed.Yes,", "length", None)
    assert behaviour.left.wait(60)


def test_server_that_begins_to_ignore_the_limit_is_cut_off_at_the_first_token_too_many() -> None:
    behaviour = Behaviour()

    async def body(engine: OpenAIEngine) -> tuple[str, str | None]:
        behaviour.ignores_limit = True
        batches = [batch async for batch in engine.generate(Generation("m", HELLO, max_tokens=3))]
        return "".join(token.text for batch in batches for token in batch.tokens), batches[-1].finish_reason

    assert started(behaviour, body) == ("Yes, indeed", "length")
    assert behaviour.left.wait(60)


def test_server_that_ignores_limits_is_found_out_and_no_limit_is_refused() -> None:
    async def body(engine: OpenAIEngine) -> tuple[frozenset[str], bool]:
        return engine.missing, "max_tokens" in engine.lacks

    assert started(Behaviour(ignores_limit=True), body) == (
        {"max_tokens", "ignore_eos", "min_tokens"},
        False,
    )


@pytest.mark.parametrize(("parts", "is_cut"), [(33, False), (400, True)])
def test_function_call_may_have_some_parts_more_than_tokens(parts: int, is_cut: bool) -> None:
    behaviour = Behaviour(call_parts=parts)
    tools = {"tools": [{"type": "function", "function": {"name": "weather"}}]}

    async def body(engine: OpenAIEngine) -> tuple[int, str | None]:
        batches = [batch async for batch in engine.generate(Generation("m", HELLO, max_tokens=2, extra=tools))]
        return sum(len(batch.tokens) for batch in batches), batches[-1].finish_reason

    assert started(behaviour, body) == ((34, "length") if is_cut else (34, "tool_calls"))


def test_server_without_usage_reports_none() -> None:
    assert generated(Behaviour(has_usage=False)) == (TEXT, "stop", None)


def test_body_without_a_length_ends_with_the_connection() -> None:
    assert generated(Behaviour(is_plain_http_1_0=True))[0] == TEXT


@pytest.mark.parametrize("is_prompt", [False, True])
def test_log_probabilities_and_alternatives_are_the_servers(is_prompt: bool) -> None:
    async def body(engine: OpenAIEngine) -> list[tuple[str, float, int]]:
        asked = Generation("m", HELLO, top_logprobs=2, is_prompt=is_prompt)
        return [
            (token.text, token.logprob, len(token.alternatives))
            async for batch in engine.generate(asked)
            for token in batch.tokens
        ]

    assert started(Behaviour(), body) == [(word, LOGPROB, 2) for word in ANSWER]


def test_token_of_half_a_character_keeps_its_name_and_the_text_stays_as_it_was_sent() -> None:
    logprobs = {"content": [{"token": "\ufffd", "logprob": -1.0}, {"token": "x", "logprob": -2.0}]}
    chunk = {"choices": [{"delta": {"content": "\u00e4x"}, "logprobs": logprobs}]}
    tokens = read_chunk(json.dumps(chunk), "here").tokens
    assert [(token.text, token.shown, token.logprob) for token in tokens] == [
        ("\u00e4x", "\ufffd", -1.0),
        ("", "x", -2.0),
    ]


@pytest.mark.parametrize(("offsets", "shown"), [([5, 9], [5, 9]), ([-1, -1], [0, 1]), ([], [0, 1]), (None, [0, 1])])
def test_offsets_of_completions_are_the_servers_or_follow_from_the_texts(offsets: Any, shown: list[int]) -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [-1.0, -2.0], "text_offset": offsets}
    tokens = read_chunk(json.dumps({"choices": [{"text": "ab", "logprobs": logprobs}]}), "here").tokens
    assert of_completions(tokens)["text_offset"] == shown


@pytest.mark.parametrize(
    ("chunk", "texts"),
    [
        ({"choices": [{"delta": {"role": "assistant", "content": None}}]}, []),
        ({"choices": [{"delta": {"role": "assistant", "content": ""}}]}, []),
        ({"choices": [{"delta": {"reasoning_content": "hm"}}]}, [""]),
        ({"choices": [{"text": ""}]}, []),
        ({"choices": [{"text": "a"}]}, ["a"]),
        ({"choices": []}, []),
    ],
)
def test_chunk_has_a_token_if_it_has_text_or_thought(chunk: dict[str, Any], texts: list[str]) -> None:
    assert [token.text for token in read_chunk(json.dumps(chunk), "here").tokens] == texts


@pytest.mark.parametrize("data", ["{", "5", '{"choices": 5}', '{"choices": [{"delta": 1}]}', '{"error": "no"}'])
def test_chunk_of_another_form_is_a_failure(data: str) -> None:
    with pytest.raises(EngineFailed, match=r"^here "):
        read_chunk(data, "here")


def test_vectors_are_put_in_the_order_of_their_texts_with_the_servers_count() -> None:
    async def body(engine: OpenAIEngine) -> Any:
        return await engine.embed(Embedding("m", 2, True), ["a", "b"])

    made = started(Behaviour(), body, is_embedding=True)
    assert made == ([[1.0, 0.0], [1.0, 1.0]], 42)


def test_tokens_are_counted_by_a_server_that_can_else_by_the_workspaces_rule() -> None:
    exact = started(Behaviour(owner="vllm"), lambda engine: engine.count_text("Hello, world"))
    assert exact == 12  # the fake counts characters
    assert started(Behaviour(), lambda engine: engine.count_text("Hello, world")) == 5  # Hell|o|,| worl|d
    assert started(Behaviour(), lambda engine: engine.count(HELLO)) == 4 + 2  # four for the message; Hell|o


# Failures.


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, EngineRefused),
        (404, EngineRefused),
        (403, EngineUnavailable),
        (429, EngineBusy),
        (503, EngineUnavailable),
        (500, EngineFailed),
        (502, EngineFailed),
        (307, EngineFailed),
    ],
)
def test_status_of_the_server_is_the_kind_of_the_error(status: int, kind: type[EngineError]) -> None:
    behaviour = Behaviour()
    error = failure(behaviour, after_start={"status": status, "error": "because"})
    assert type(error) is kind
    assert len(behaviour.asked) == 1, "a request is never sent again"


def test_wait_that_a_busy_server_asks_for_is_passed_on() -> None:
    error = failure(Behaviour(), after_start={"status": 429, "headers": {"Retry-After": "7"}})
    assert isinstance(error, EngineBusy)
    assert error.retry_after_seconds == 7


def test_message_of_the_server_is_one_printable_line_of_bounded_length() -> None:
    error = failure(Behaviour(), after_start={"status": 400, "error": "\x1b[31m a\n b " + "x" * 999})
    said = str(error).partition("answered 400: ")[2]
    assert said.startswith("?[31m a b xxx") and said.endswith("...") and len(said) == 300


def test_connection_that_breaks_in_the_middle_is_a_failure() -> None:
    error = failure(Behaviour(), after_start={"cut_after": 2})
    assert isinstance(error, EngineFailed) and "ended its answer early" in str(error)


def test_stream_that_ends_without_a_reason_is_a_failure() -> None:
    error = failure(Behaviour(is_plain_http_1_0=True), after_start={"cut_after": 2})
    assert isinstance(error, EngineFailed) and "ended its answer early" in str(error)


def test_error_in_the_middle_of_a_stream_is_a_failure_with_its_message() -> None:
    error = failure(Behaviour(), after_start={"fail_after": 1})
    assert isinstance(error, EngineFailed) and "failed during its answer: CUDA out of memory" in str(error)


def test_model_without_a_chat_template_answers_completions_and_refuses_chat() -> None:
    behaviour = Behaviour(has_chat=False)
    assert generated(behaviour, is_prompt=True)[0] == TEXT
    assert "has no chat template" in str(failure(behaviour))


def test_abandoned_generation_ends_the_connection_to_the_server() -> None:
    behaviour = Behaviour()

    async def body(engine: OpenAIEngine) -> None:
        behaviour.stays_after = 1
        async with aclosing(engine.generate(Generation("m", HELLO, ignore_eos=True, max_tokens=1000))) as batches:
            await anext(batches)
            assert not behaviour.left.is_set()
        assert engine.stats().running == 0
        assert await asyncio.to_thread(behaviour.left.wait, 60), "the server sees that nobody reads any more"

    started(behaviour, body)


def test_key_is_repeated_neither_in_an_error_within_a_stream_nor_where_a_message_is_cut() -> None:
    with pytest.raises(EngineFailed) as raised:
        read_chunk(json.dumps({"error": {"message": "no quota for sk-right"}}), "here", "sk-right")
    assert str(raised.value).endswith("no quota for ***")
    body = json.dumps({"error": {"message": "x" * 293 + "sk-right and more"}}).encode()
    assert "sk-" not in str(failure_of(400, {}, body, "here", "sk-right"))


def test_wait_of_thousands_of_digits_is_cut() -> None:
    busy = failure_of(429, {"retry-after": "9" * 5000}, b"", "here")
    assert isinstance(busy, EngineBusy)
    assert busy.retry_after_seconds == 3600


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1" + "0" * 400])
def test_number_that_an_answer_cannot_have_is_a_failure_of_the_server(value: str) -> None:
    rows = json.loads(f'{{"data": [{{"index": 0, "embedding": [{value}]}}]}}')
    with pytest.raises(EngineFailed, match="sent vectors in another form"):
        read_embeddings(rows, 1, "here")
    shown = f'{{"content": [{{"token": "a", "logprob": {value}}}]}}'
    with pytest.raises(EngineFailed, match="not of the OpenAI protocol"):
        read_chunk(f'{{"choices": [{{"delta": {{"content": "a"}}, "logprobs": {shown}}}]}}', "here")


def test_probability_of_nothing_is_that_of_vllm() -> None:
    shown = '{"content": [{"token": "a", "logprob": -Infinity}]}'
    piece = read_chunk(f'{{"choices": [{{"delta": {{"content": "a"}}, "logprobs": {shown}}}]}}', "here")
    assert piece.tokens[0].logprob == -9999.0


def test_arguments_that_a_server_sends_as_an_object_are_json() -> None:
    call = {"index": 0, "id": "1", "function": {"name": "f", "arguments": {"city": "Bonn"}}}
    (token,) = read_chunk(json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}), "here").tokens
    assert token.call is not None
    assert json.loads(token.call.arguments) == {"city": "Bonn"}


def test_head_that_does_not_end_is_given_up() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"x-more: and more\r\n" * 40_000)
        await reader.read()
        writer.close()

    async def whole() -> None:
        async with await asyncio.start_server(endless, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(EngineFailed, match="sent a head of more than 262,144 bytes"):
                await OpenAIEngine(f"http://127.0.0.1:{port}/v1").start(lambda progress: None)

    asyncio.run(asyncio.wait_for(whole(), 60))
