"""What of a stream is content, and what ends it."""

import json
from random import Random
from typing import Any

import pytest

from bandplan.bench.answer import StreamedAnswer, WholeAnswer, message_of
from bandplan.bench.prompts import prompt
from bandplan.bench.sample import Sample


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def delta(**fields: Any) -> bytes:
    return event(choices=[{"delta": fields}])


DONE = b"data: [DONE]\n\n"


def streamed(*parts: tuple[int, bytes]) -> Sample:
    sample = Sample(1, 0)
    answer = StreamedAnswer(sample)
    for now, data in parts:
        answer.feed(data, now)
    answer.end(parts[-1][0])
    sample.ended = parts[-1][0]
    sample.status = 200
    return sample


def test_a_message_repeats_neither_token_nor_prompt() -> None:
    text = prompt(30, Random(4))
    body = json.dumps(
        {"error": {"message": f"cannot answer '{text}' with key sesame:\n it is too long for this model"}}
    )
    assert message_of(body.encode(), "sesame") == "cannot answer ... key ...: it is too long for this model"
    assert message_of(b"<html>", "sesame") == message_of(b'{"message": 5}', "") == ""


def test_the_first_content_is_the_first_text() -> None:
    sample = streamed(
        (10, delta(role="assistant")),
        (20, delta(role="assistant", content="")),
        (30, delta(content="Hi")),
        (40, delta(content="")),  # half a character: a token without text
        (50, delta(content=" you")),
        (60, event(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 3})),
        (70, DONE),
    )
    assert list(sample.content) == [30, 50]
    assert (sample.input_tokens, sample.output_tokens) == (7, 3)
    assert sample.outcome == "completed"


@pytest.mark.parametrize(
    "chunk",
    [
        delta(reasoning_content="thinking"),
        delta(reasoning="thinking"),
        delta(tool_calls=[{"function": {"arguments": "{"}}]),
        event(choices=[{"text": "completions"}]),
        event(choices=[{"text": ""}, {"text": "second choice"}]),
    ],
)
def test_reasoning_tools_and_completions_are_content(chunk: bytes) -> None:
    assert list(streamed((5, chunk), (6, DONE)).content) == [5]


def test_events_that_arrive_in_pieces_have_the_time_of_their_end() -> None:
    whole = delta(content="Hi").replace(b"\n", b"\r\n")
    for cut in range(1, len(whole) - 2):
        assert list(streamed((10, whole[:cut]), (20, whole[cut:]), (30, DONE)).content) in ([20], [10])


def test_several_events_in_one_read_share_its_time() -> None:
    assert list(streamed((10, delta(content="a") + delta(content="b")), (11, DONE)).content) == [10, 10]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (delta(content="a"), "ended early"),
        (b"data: {nonsense\n\n" + DONE, "not JSON"),
        (delta(content="a") + event(error={"message": "x"}) + DONE, "ended the stream with an error"),
    ],
)
def test_a_stream_that_breaks_off_failed(data: bytes, fault: str) -> None:
    sample = streamed((1, data))
    assert fault in sample.fault
    assert sample.outcome == "failed"


@pytest.mark.parametrize(
    "usage", [None, [], {"completion_tokens": True}, {"completion_tokens": -1}, {"completion_tokens": "3"}]
)
def test_usage_of_another_shape_counts_nothing(usage: Any) -> None:
    assert streamed((1, event(choices=[], usage=usage)), (2, DONE)).output_tokens is None


def test_a_whole_answer_gives_its_usage() -> None:
    sample = Sample(1, 0)
    answer = WholeAnswer(sample)
    answer.feed(b'{"usage": {"prompt_tokens": 4,', 1)
    answer.feed(b' "completion_tokens": 2}}', 2)
    answer.end(2)
    assert (sample.input_tokens, sample.output_tokens, sample.fault) == (4, 2, "")


def test_a_whole_answer_that_is_no_json_failed() -> None:
    sample = Sample(1, 0)
    answer = WholeAnswer(sample)
    answer.feed(b"<html>", 1)
    answer.end(1)
    assert sample.fault == "the answer is not JSON"
