"""`bandplan query`: send a text to an endpoint, and print the answer as it arrives."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.json_output import print_document
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_argument import add_stack_argument

if TYPE_CHECKING:
    from bandplan.serving.workspace.client import WorkspaceClient

TASK_NAMES = ("chat", "completions", "embeddings")


def configure(parser: argparse.ArgumentParser) -> None:
    from bandplan.cli.stack_engine import positive

    parser.add_argument("endpoint", metavar="NAME", help="endpoint to ask")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what to send (default, or `-`: standard input)")
    add_stack_argument(parser, f"stack whose workspace has the endpoint (default: {LOCAL})")
    parser.add_argument("--system", metavar="TEXT", help="system message of a chat")
    parser.add_argument("--task", choices=TASK_NAMES, help="task of the endpoint (default: the one it states)")
    parser.add_argument(
        "--max-tokens", type=positive, metavar="N", help="most tokens of the answer (default: the endpoint's own limit)"
    )
    parser.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    parser.add_argument("--json", action="store_true", help="print the answer as the endpoint gives it")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.live_endpoint import live_endpoint, task_of
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.workspace.errors import WorkspaceError

    text = text_of(arguments.text)
    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    client, live = live_endpoint(choice, arguments.endpoint)
    task = arguments.task or task_of(arguments.endpoint, live)
    if arguments.system is not None and task != "chat":
        raise UsageProblem(f"--system: {arguments.endpoint} has the task {task}; only a chat has a system message")
    body = body_of(task, text, arguments.max_tokens, arguments.system)
    path = f"/serving-endpoints/{quote(arguments.endpoint, safe='')}/invocations"
    try:
        if arguments.json or arguments.no_stream or task == "embeddings":
            return show_whole(client, path, body, task, is_json=arguments.json)
        return show_stream(client, path, body)
    except WorkspaceError as error:
        raise CommandError(f"{arguments.endpoint}: {error}") from error


def text_of(given: str | None) -> str:
    """Return the text to send. Errors: UsageProblem if there is none."""
    if given in (None, "-"):
        if given is None and sys.stdin.isatty():
            raise UsageProblem('TEXT: not given; write it after the name, as in bandplan query NAME "What is a band?"')
        given = sys.stdin.read()
    if given is None or not given.strip():
        raise UsageProblem("TEXT: is empty; write what to send")
    return given


def body_of(task: str, text: str, max_tokens: int | None, system: str | None) -> dict[str, Any]:
    """Return the body of the query, without streaming."""
    from bandplan.serving.spec.tasks import TASKS

    facts = next(facts for name, facts in TASKS.items() if name == f"llm/v1/{task}")
    body = dict(facts.query(text)) if max_tokens is None else facts.body(text, max_tokens)
    if system is not None:
        body["messages"] = [{"role": "system", "content": system}, *body["messages"]]
    return body


def show_whole(client: "WorkspaceClient", path: str, body: Mapping[str, Any], task: str, *, is_json: bool) -> int:
    """Print the answer once it is complete. Errors: CommandError if it has another shape."""
    from bandplan.cli.query import whole_answer

    started = time.perf_counter()
    response = client.post(path, body)
    seconds = time.perf_counter() - started
    if is_json:
        print_document(response)
        return 0
    try:
        print(whole_answer(f"llm/v1/{task}", response))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        raise CommandError(f"the answer does not have the shape of {task}; see it with --json") from None
    tell_usage(response.get("usage"), None, seconds)
    return 0


def show_stream(client: "WorkspaceClient", path: str, body: Mapping[str, Any]) -> int:
    """Print the answer as it arrives: at once on a terminal, else by line, so that no log command is put together."""
    from bandplan.cli.answer_stream import BrokenStream, pieces
    from bandplan.serving.workspace.errors import LostAnswer

    started = time.perf_counter()
    first: float | None = None
    usage: Mapping[str, Any] | None = None
    held, is_terminal = "", sys.stdout.isatty()
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    try:
        for piece in pieces(client.stream(path, streamed)):
            usage = piece.usage or usage
            if not piece.text:
                continue
            first = first or time.perf_counter() - started
            held += piece.text
            end = len(held) if is_terminal else held.rfind("\n") + 1
            if end:
                print(held[:end], end="", flush=True)
                held = held[end:]
    except BrokenStream as error:
        print(held, flush=True)
        raise CommandError(str(error)) from error
    except LostAnswer:
        print(held, flush=True)
        raise
    print(held, flush=True)
    if first is None:
        print("the answer has no text; see it with --json", file=sys.stderr)
    tell_usage(usage, first, time.perf_counter() - started)
    return 0


def tell_usage(usage: Any, first_seconds: float | None, seconds: float) -> None:
    """Print tokens and times to stderr, so that stdout is the answer alone."""
    from bandplan.cli.query import token_counts

    parts = token_counts(usage)
    if first_seconds is not None:
        parts.append(f"first text after {first_seconds * 1000:.0f} ms")
    print(f"[{', '.join([*parts, f'{seconds * 1000:.0f} ms'])}]", file=sys.stderr)
