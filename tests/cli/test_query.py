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


SHAPELESS: dict[str, tuple[str, Any]] = {
    "no content": ("chat", {"choices": [{"message": {"content": None}}]}),
    "content of numbers": ("chat", {"choices": [{"message": {"content": [1, 2]}}]}),
    "a message that is a text": ("chat", {"choices": [{"message": "x"}]}),
    "no choices": ("chat", {"choices": []}),
    "choices by name": ("chat", {"choices": {"0": 1}}),
    "a number as text": ("completions", {"choices": [{"text": 3}]}),
    "a huge number": ("embeddings", {"data": [{"embedding": [10**400]}]}),
    "not a number": ("embeddings", {"data": [{"embedding": ["nan", 1.0]}]}),
    "a text as vector": ("embeddings", {"data": [{"embedding": "12x"}]}),
    "no vector": ("embeddings", {"data": [{"embedding": []}]}),
    "a number": ("chat", 3),
    "a list": ("chat", [1]),
}


@pytest.mark.parametrize("case", SHAPELESS)
def test_answer_of_wrong_types_is_a_failure(case: str) -> None:
    task, body = SHAPELESS[case]
    asked = replying(json.dumps(body).encode(), f"llm/v1/{task}")
    assert not asked.ok and render(asked).isprintable() and len(asked.text) < 300


def replying(body: bytes, task: str, status: int = 200) -> QueryResult:
    """What a query finds where `body` is the answer."""

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            self.received()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with answering(Handler) as url:
        (found,) = ask_all(WorkspaceClient(url, "token"), [Query("x", task)])
    return found


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>\x1b[2J",
        b"null",
        b'"\xff"',
        b"[" * 100_000,
        b'{"message": "\\u001b[2J\\u202e' + b"x" * 50_000 + b'"}',
    ],
)
def test_answer_that_is_no_answer_is_a_failure_in_one_short_line(body: bytes, status: int) -> None:
    asked = replying(body, "llm/v1/chat", status)
    assert not asked.ok and len(asked.text) < 1_500 and "\n" not in asked.text
    assert "\x1b" not in asked.text


def test_huge_answer_is_shown_shortened_and_odd_usage_is_left_out() -> None:
    usage = {"prompt_tokens": "\x1b[2J", "completion_tokens": 10**30}
    body = {"choices": [{"message": {"content": "a " * 1_000_000}}], "usage": usage}
    asked = replying(json.dumps(body).encode(), "llm/v1/chat")
    assert (asked.ok, len(asked.text), asked.prompt_tokens, asked.completion_tokens) == (True, 100, None, None)
    assert replying(json.dumps({**CHAT, "usage": "many"}).encode(), "llm/v1/chat").ok


def test_answer_in_parts_is_its_texts() -> None:
    parts = [{"type": "reasoning", "summary": []}, {"type": "text", "text": "Four"}, {"type": "text", "text": "two."}]
    assert answer_text("llm/v1/chat", {"choices": [{"message": {"content": parts}}]}) == "Four two."


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
