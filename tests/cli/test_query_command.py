import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from tests.answering import JsonHandler, answering
from tests.cli.team_project import write_team_project

ASKED: list[dict[str, Any]] = []


class Workspace(JsonHandler):
    """Three endpoints: a chat that streams, one whose stream breaks off, and embeddings."""

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        if name == "locked":
            self.reply(403, {"error_code": "PERMISSION_DENIED", "message": "no CAN_QUERY"})
            return
        tasks = {"chat": "llm/v1/chat", "broken": "llm/v1/chat", "vectors": "llm/v1/embeddings"}
        if self.path.split("?")[0] == "/api/2.0/serving-endpoints":
            self.reply(200, {"endpoints": [{"name": one, "id": one} for one in tasks]})
        elif name in tasks:
            self.reply(200, {"name": name, "task": tasks[name]})
        else:
            self.reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"})

    def do_POST(self) -> None:
        request = json.loads(self.received())
        ASKED.append(request)
        if "busy" in json.dumps(request):
            self.reply(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"})
        elif "cut" in json.dumps(request):
            event = json.dumps({"choices": [{"delta": {"content": "one\ntwo"}}]})
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(f"data: {event}\n\n".encode())
        elif request.get("stream"):
            events = [{"choices": [{"delta": {"content": text}}]} for text in ("one\n", "two \x1b[2J")]
            body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
            usage = 'data: {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}\n\ndata: [DONE]\n\n'
            self.reply_bytes(200, (body + ("" if "broken" in self.path else usage)).encode())
        elif "input" in request:
            self.reply(200, {"data": [{"embedding": [0.6, 0.8]}], "usage": {"prompt_tokens": 9}})
        else:
            self.reply(200, {"choices": [{"message": {"content": "whole"}}]})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    write_team_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret-token")
    ASKED.clear()
    with answering(Workspace) as url:
        monkeypatch.setenv("DATABRICKS_HOST", url)
        yield tmp_path


def test_answer_streams_to_stdout_and_its_cost_to_stderr(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["query", "chat", "What is a band?", "--stack", "prod", "--system", "Be brief", "--max-tokens", "9"]) == 0
    )
    shown = capsys.readouterr()
    assert shown.out == "one\ntwo \\u001b[2J\n"
    assert shown.err.startswith("[4 prompt tokens, 2 completion tokens, first text after ")
    assert ASKED == [
        {
            "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "What is a band?"}],
            "max_tokens": 9,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


def test_endpoint_that_the_workspace_refuses_to_show_is_no_wrong_argument(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "locked", "x", "--stack", "prod"]) == 1
    assert "no CAN_QUERY" in capsys.readouterr().err
    assert main(["query", "chta", "x", "--stack", "prod"]) == 2


def test_stream_that_breaks_off_shows_what_came_and_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "broken", "x", "--stack", "prod"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "one\ntwo \\u001b[2J\n"
    assert shown.err == "error: the answer ended early, without [DONE]\n"


def test_connection_that_breaks_off_shows_what_came_and_fails(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "chat", "cut", "--stack", "prod"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "one\ntwo\n"
    assert shown.err.endswith(" accepted the request and sent an incomplete answer (tried once)\n")


def test_embedding_is_not_streamed_and_json_is_the_answer_as_given(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "vectors", "red shoes", "--stack", "prod"]) == 0
    assert capsys.readouterr().out == "2 dimensions [0.6000, 0.8000, ...]\n"
    assert main(["query", "vectors", "red shoes", "--stack", "prod", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == [{"embedding": [0.6, 0.8]}]
    assert ASKED == [{"input": ["red shoes"]}] * 2


def test_text_comes_from_standard_input(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("from a file\n"))
    assert main(["query", "chat", "--stack", "prod", "--no-stream"]) == 0
    assert capsys.readouterr().out == "whole\n"
    assert ASKED == [{"messages": [{"role": "user", "content": "from a file\n"}]}]


REFUSED = {
    "a mistyped name": (["caht", "x"], 2, "caht: no such endpoint", "did you mean chat?"),
    "an empty text": (["chat", " "], 2, "TEXT: is empty", "write what to send"),
    "a system message of an embedding": (["vectors", "x", "--system", "y"], 2, "--system", "only a chat"),
    "a busy workspace": (["chat", "busy"], 1, "is busy (HTTP 429): slow down; ", "tried once"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_one_line_with_the_next_step(name: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, status, finding, step = REFUSED[name]
    assert main(["query", *words, "--stack", "prod"]) == status
    said = capsys.readouterr().err
    assert finding in said and step in said and said.count("\n") == 1
    assert "secret-token" not in said
