import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bandplan.cli.query import Query, QueryResult, answer_text, ask_all, render, shortened
from bandplan.serving.workspace.client import WorkspaceClient
from tests.answering import JsonHandler, answering

CHAT = {"choices": [{"message": {"role": "assistant", "content": "A sure floor."}}]}
COMPLETION = {"choices": [{"text": "a sure floor"}]}
USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}


@contextmanager
def workspace(answers: dict[str, Any]) -> Iterator[WorkspaceClient]:
    """A workspace whose endpoints answer what `answers` says by name; others are 404. An answer gets its request back."""

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            request = json.loads(self.received())
            name = self.path.split("/")[2]
            found = self.path == f"/serving-endpoints/{name}/invocations" and name in answers
            body = (
                {**answers[name], "request": request}
                if found
                else {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}
            )
            self.reply(200 if found else 404, body)

    with answering(Handler) as url:
        yield WorkspaceClient(url, "token")


def test_every_endpoint_is_asked_in_the_words_of_its_task_and_answers_keep_the_order() -> None:
    embedding = {"data": [{"embedding": [0.6, 0.8]}], "usage": {"prompt_tokens": 9, "total_tokens": 9}}
    answers = {"chat": {**CHAT, "usage": USAGE}, "text": {**COMPLETION, "usage": USAGE}, "vectors": embedding}
    tasks = {"vectors": "llm/v1/embeddings", "chat": "llm/v1/chat", "text": "llm/v1/completions"}
    with workspace(answers) as client:
        got = list(ask_all(client, [Query(name, task) for name, task in tasks.items()]))
    assert [(answer.endpoint, answer.ok, answer.text) for answer in got] == [
        ("vectors", True, "2 dimensions [0.6000, 0.8000, ...]"),
        ("chat", True, "A sure floor."),
        ("text", True, "a sure floor"),
    ]
    assert (got[1].prompt_tokens, got[1].completion_tokens) == (12, 5)
    assert (got[0].prompt_tokens, got[0].completion_tokens) == (9, None)


def test_one_endpoint_that_is_missing_does_not_hide_the_others() -> None:
    with workspace({"there": CHAT}) as client:
        gone, there = ask_all(client, [Query("gone", "llm/v1/chat"), Query("there", "llm/v1/chat")])
    assert not gone.ok
    assert there.ok
    assert render(gone).startswith("  gone: FAILED: ")


def test_answer_of_another_shape_is_a_failure() -> None:
    with workspace({"odd": {"predictions": [1]}}) as client:
        (odd,) = ask_all(client, [Query("odd", "llm/v1/chat")])
    assert (odd.ok, odd.text) == (False, "the answer does not have the shape of llm/v1/chat")


def test_s32_vector_that_is_not_of_unit_length_is_noted() -> None:
    # 3-4-5 triangle: length 5
    text = answer_text("llm/v1/embeddings", {"data": [{"embedding": [3.0, 4.0]}]})
    assert text == "2 dimensions [3.0000, 4.0000, ...]; not unit length (5): normalise before use"


def test_no_endpoints_are_no_queries() -> None:
    assert list(ask_all(WorkspaceClient("http://127.0.0.1:9", "token"), [])) == []


@pytest.mark.parametrize(("text", "length"), [("a b", 3), ("x" * 100, 100), ("x" * 101, 100)])
def test_answer_is_shown_on_one_line_of_at_most_100_characters(text: str, length: int) -> None:
    assert len(shortened(text)) == length
    assert shortened("two\nlines") == "two lines"


def test_usage_and_time_follow_the_answer() -> None:
    answer = QueryResult("chat", True, "Yes.", seconds=0.25, prompt_tokens=12, completion_tokens=5)
    assert render(answer) == "  chat: Yes.  [12 prompt + 5 completion tokens, 250 ms]"
